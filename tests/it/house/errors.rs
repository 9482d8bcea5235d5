//! Each error that has an id of its own is asked for by a test, or came in a recorded answer.

use std::collections::BTreeSet;

use super::source::{files, root, sources};

/// Errors that no test names by their ids, and why.
const UNNAMED: &[(&str, &str)] = &[];

/// Whether a text is the id of an error, such as `COMMAND-5F3h1`.
fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(part, rest)| {
        let upper = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit();
        part.len() > 2 && part.bytes().all(upper) && (4..8).contains(&rest.len()) && rest.bytes().all(alphanumeric)
    })
}

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

#[test]
fn every_error_id_is_asked_for_by_a_test() {
    let ids: BTreeSet<String> = ["src/api", "src/auth", "src/service"]
        .into_iter()
        .flat_map(sources)
        .flat_map(|s| s.texts)
        .filter(|text| is_id(text))
        .collect();
    assert!(ids.len() > 60, "the ids are found: {}", ids.len());
    let tests = [files("tests/it", ".rs"), files("tests/golden", ".jsonl")].concat();
    let house = |path: &String| !path.starts_with("tests/it/house");
    let read = |path: String| std::fs::read_to_string(root().join(path)).expect("a test");
    let tests: Vec<String> = tests.into_iter().filter(house).map(read).collect();
    let unnamed: Vec<String> =
        ids.into_iter().filter(|id| !tests.iter().any(|test| test.contains(id.as_str()))).collect();
    assert_eq!(unnamed, UNNAMED.iter().map(|(id, _)| *id).collect::<Vec<_>>(), "add cases to tests/it/errors.rs");
}
