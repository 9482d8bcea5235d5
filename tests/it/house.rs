//! Rules of the house that no compiler holds: they are read in the text of the sources.

mod circles;
mod documents;
mod errors;
mod layers;
mod paths;
mod sizes;
mod source;

use std::collections::BTreeSet;

use claviger::store::STATEMENTS;

use source::sources;

/// Statements that are not for both engines or ask for nothing, which each start of a server on their engine sends; and
/// parts of statements that are put together.
const UNLISTED: &[&str] =
    &["events::INSERT", "events::SAVE", "filter::EACH", "link::READ_ONLY", "link::SESSION", "readiness::PING"];

/// What statements begin with.
const VERBS: [&str; 5] = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];

/// Name and text of each file of the store.
fn store() -> impl Iterator<Item = (String, String)> {
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
    sources("src/store").into_iter().map(move |source| (name(&source.path), source.text))
}

/// Names of the constants in a source that hold a statement: texts that others of the store may use, and those whose
/// text says so.
fn statements(source: &str) -> Vec<&str> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((before, constant)) = line.trim_start().split_once("const ") else { continue };
        let Some((name, value)) = constant.split_once(": ") else { continue };
        let kind = value.split(" =").next().unwrap_or_default();
        let text = lines[at..].iter().take(2).find_map(|line| line.split_once('"'));
        let sql = text.is_some_and(|(_, text)| VERBS.iter().any(|verb| text.starts_with(verb)));
        let shared = ["pub(super) ", "pub(crate) ", "pub "].contains(&before);
        if ["&str", "&'static str", "Sql"].contains(&kind) && (shared || (before.is_empty() && sql)) {
            found.push(name);
        }
    }
    found
}

#[test]
fn every_statement_of_the_store_is_in_the_list_that_is_prepared() {
    let listed: BTreeSet<&str> = STATEMENTS.iter().map(|(name, _)| *name).collect();
    let (mut missing, mut unlisted) = (Vec::new(), Vec::new());
    for (file, source) in store() {
        for name in statements(&source).into_iter().map(|name| format!("{file}::{name}")) {
            if UNLISTED.contains(&name.as_str()) {
                unlisted.push(name);
            } else if !listed.contains(name.as_str()) {
                missing.push(name);
            }
        }
    }
    unlisted.sort();
    assert_eq!(unlisted, UNLISTED, "these are the ones that may be missing, and they are found");
    assert_eq!(missing, Vec::<String>::new(), "add them to src/store/statements.rs");
}

#[test]
fn statements_are_found_by_their_constants() {
    let source = "pub(super) const A: &str =\n    concat!(x!(), \"\");\n  const B: &str = \"SELECT 1\";\n\
                  const C: &str =\n \"DELETE FROM c\";\npub(super) const D: Sql = x!();\n\
                  const E: &str = \"text\";\npub(super) const F: Duration = X;\nconst G: Duration = X;\n";
    assert_eq!(statements(source), ["A", "B", "C", "D"]);
}

/// The macro of the kinds wants a text; this wants one that says something.
#[test]
fn every_kind_of_event_has_a_text() {
    let (_, source) = store().find(|(file, _)| file == "kinds").expect("the kinds of events");
    let (_, list) = source.split_once("kinds! {").expect("the list");
    let lines: Vec<&str> = list.lines().map(str::trim).filter(|line| line.ends_with(';')).collect();
    assert!(lines.len() > 40, "the kinds are found");
    for line in lines {
        let parts: Vec<&str> = line.split('"').collect();
        let [_, name, _, text, _] = parts[..] else { panic!("a kind has a name and a text: {line}") };
        assert!(name.contains('.') && text.len() > 5, "{line}");
    }
}
