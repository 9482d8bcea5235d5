//! Paths with what can be done there.

use serde_json::{Map, Value, json};

/// Adds an operation. Paths that differ in the names of their parameters only are one: the first one names them.
pub fn add(paths: &mut Map<String, Value>, path: &str, verb: &str, mut operation: Value) {
    let first = paths.keys().find(|known| alike(known, path)).cloned().unwrap_or_else(|| path.to_owned());
    for (old, new) in path.split('/').zip(first.split('/')).filter(|(old, new)| old != new) {
        rename(&mut operation, old, new);
    }
    if let Value::Object(at) = paths.entry(first).or_insert_with(|| json!({})) {
        at.insert(verb.to_owned(), operation);
    }
}

fn alike(one: &str, other: &str) -> bool {
    let same = |(a, b): (&str, &str)| a == b || (a.starts_with('{') && b.starts_with('{'));
    one.split('/').count() == other.split('/').count() && one.split('/').zip(other.split('/')).all(same)
}

/// Gives a parameter of the path another name.
fn rename(operation: &mut Value, old: &str, new: &str) {
    let name = |segment: &str| segment.trim_matches(['{', '}']).to_owned();
    let parameters = operation["parameters"].as_array_mut().into_iter().flatten();
    for parameter in parameters.filter(|parameter| parameter["in"] == "path" && parameter["name"] == name(old)) {
        parameter["name"] = name(new).into();
    }
}
