//! Rules of the house that no compiler holds: they are read in the text of the sources.

use std::collections::BTreeSet;
use std::path::PathBuf;

use claviger::store::STATEMENTS;

/// Asks for nothing, and is sent by the readiness probe that each test begins with.
const UNLISTED: &[&str] = &["readiness::PING"];

/// Name and text of each file of the store.
fn store() -> Vec<(String, String)> {
    let (mut files, mut open) = (Vec::new(), vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/store"))]);
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).expect("the folder of the store") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
                files.push((name, std::fs::read_to_string(&path).expect("a source")));
            }
        }
    }
    files
}

/// Names of the constants in a source that hold a statement, as their type says.
fn statements(source: &str) -> impl Iterator<Item = &str> {
    let constant = |line: &'_ str| line.trim_start().starts_with("pub(super) const ");
    source.lines().filter(move |line| constant(line)).filter_map(|line| {
        let (name, kind) = line.trim_start().strip_prefix("pub(super) const ")?.split_once(':')?;
        let kind = kind.split('=').next()?.trim();
        ["&str", "&'static str", "Sql"].contains(&kind).then_some(name)
    })
}

#[test]
fn every_statement_of_the_store_is_in_the_list_that_is_prepared() {
    let listed: BTreeSet<&str> = STATEMENTS.iter().map(|(name, _)| *name).chain(UNLISTED.iter().copied()).collect();
    let files = store();
    let found: BTreeSet<String> =
        files.iter().flat_map(|(file, source)| statements(source).map(move |name| format!("{file}::{name}"))).collect();
    assert!(found.len() > 40, "the constants are found: {found:?}");
    let missing: Vec<_> = found.iter().filter(|name| !listed.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "add to src/store/statements.rs: {missing:?}");
}

/// What is private to a file is listed nowhere, so it must not be SQL.
#[test]
fn no_statement_of_the_store_is_private_to_its_file() {
    let verbs = ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE ", "\"WITH "];
    for (file, source) in store() {
        for (at, line) in source.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("const ")) {
            let text = source.lines().skip(at).take(2).collect::<Vec<_>>().join(" ");
            let sql = line.contains(": &str") && verbs.iter().any(|verb| text.contains(verb));
            assert!(!sql, "{file}.rs:{}: make it pub(super) and list it: {line}", at + 1);
        }
    }
}

/// The macro of the kinds wants a text; this wants one that says something.
#[test]
fn every_kind_of_event_has_a_text() {
    let (_, source) = store().into_iter().find(|(file, _)| file == "kinds").expect("the kinds of events");
    let (_, list) = source.split_once("kinds! {").expect("the list");
    let lines: Vec<&str> = list.lines().map(str::trim).filter(|line| line.ends_with(';')).collect();
    assert!(lines.len() > 40, "the kinds are found");
    for line in lines {
        let parts: Vec<&str> = line.split('"').collect();
        let [_, name, _, text, _] = parts[..] else { panic!("a kind has a name and a text: {line}") };
        assert!(name.contains('.') && text.len() > 5, "{line}");
    }
}
