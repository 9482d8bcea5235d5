//! What the documents say of the files is so.

use std::collections::BTreeSet;

use super::source::{files, root};

/// Folders whose files the documents name by their paths.
const FOLDERS: [&str; 8] = ["benches/", "build/", "docs/", "migrations/", "proto/", "scripts/", "src/", "tests/"];

/// Words of a text that could be paths.
fn paths(text: &str) -> BTreeSet<&str> {
    let part = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let words = text.split(|c| !part(c)).map(|word| word.trim_end_matches(['.', '/', '-']));
    let below = |word: &str| FOLDERS.iter().any(|folder| word.starts_with(folder));
    words.filter(|word| below(word) || word.strip_suffix(".rs").is_some_and(|name| !name.is_empty())).collect()
}

#[test]
fn documents_name_only_files_that_are_there() {
    let sources: Vec<String> = ["src", "build", "tests", "benches"].into_iter().flat_map(|f| files(f, ".rs")).collect();
    let there = |path: &str| {
        let named = format!("/{}", path.trim_start_matches(['.', '/']));
        root().join(path).exists() || sources.iter().any(|source| format!("/{source}").ends_with(&named))
    };
    let mut gone = Vec::new();
    for document in files("docs", ".md").into_iter().chain(["README.md".to_owned()]) {
        let text = std::fs::read_to_string(root().join(&document)).expect("a document");
        gone.extend(paths(&text).into_iter().filter(|path| !there(path)).map(|path| format!("{document}: {path}")));
    }
    assert_eq!(gone, Vec::<String>::new(), "files move, documents follow");
}

#[test]
fn paths_are_found_in_sentences() {
    let text =
        "See `src/a/b.rs`, [that](docs/adr/0001-x.md) and `store/c.rs`; not https://e.example/tests or `Store::work`.";
    assert_eq!(paths(text).into_iter().collect::<Vec<_>>(), ["docs/adr/0001-x.md", "src/a/b.rs", "store/c.rs"]);
}
