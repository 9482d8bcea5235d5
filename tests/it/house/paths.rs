//! Paths like `a::b::c` in a code: those of `use` lines, written out, and those that stand in the code itself.

use super::source::{Source, name, words};

/// One name that a `use` brings; the name is `*` for all names.
#[derive(Debug, PartialEq, Eq)]
pub struct Use {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub path: Vec<String>,
    /// The name is for others and the file itself says it nowhere, so nothing in it needs what is named.
    pub only_given: bool,
}

/// All paths of a source, without those of its tests.
pub fn all(source: &Source) -> Vec<Vec<String>> {
    let (uses, rest) = uses(&source.product);
    uses.into_iter().map(|u| u.path).chain(inline(&rest)).collect()
}

/// The `use` lines of a file, and its code without them.
pub fn uses(code: &str) -> (Vec<Use>, String) {
    let (mut found, mut rest) = (Vec::new(), code.to_owned());
    for at in words(code, "use") {
        let tree = code[at + 3..].split(';').next().unwrap_or_default();
        if tree.trim_start().starts_with(['<', '>', ')', ',']) {
            continue;
        }
        let from = found.len();
        expand(&[], tree, &mut found);
        let before = code[..at].trim_end();
        found[from..].iter_mut().for_each(|u| u.only_given = before.ends_with("pub") || before.ends_with(')'));
        let blanks: String = tree.chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        rest.replace_range(at..at + 3 + tree.len(), &format!("   {blanks}"));
    }
    for u in &mut found {
        u.only_given &= words(&rest, &u.name).next().is_none();
    }
    (found, rest)
}

/// Writes out a tree of names.
fn expand(prefix: &[String], tree: &str, found: &mut Vec<Use>) {
    let steps = |text: &str| text.split("::").map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect();
    if let Some((head, inner)) = tree.split_once('{') {
        let head: Vec<String> = steps(head);
        let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
        let prefix = [prefix, &head].concat();
        return branches(inner).into_iter().for_each(|branch| expand(&prefix, branch, found));
    }
    let (path, renamed) = tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name.trim())));
    let mut path = [prefix, &Vec::from_iter(steps(path))].concat();
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    let Some(last) = path.last().cloned() else { return };
    if last == "*" {
        path.pop();
    }
    found.push(Use { name: renamed.map_or(last, str::to_owned), path, only_given: false });
}

/// The parts of a list, which may hold lists themselves.
fn branches(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[from..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// Paths of at least two steps that stand in a code.
pub fn inline(code: &str) -> Vec<Vec<String>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < code.len() {
        let first = name(&code[at..]);
        if first.is_empty() || code.as_bytes()[at] == b' ' || code.as_bytes()[at] == b'\n' {
            at += 1;
            continue;
        }
        let mut path = vec![first.to_owned()];
        at += first.len();
        while let Some(rest) = code[at..].strip_prefix("::") {
            let next = name(rest);
            if next.is_empty() || !rest.starts_with(next) {
                break;
            }
            path.push(next.to_owned());
            at += 2 + next.len();
        }
        if path.len() > 1 {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_use_is_written_out() {
    let (uses, rest) = uses("use a::{self, b::{C, d as e}, *}; fn f() -> impl G + use<> { use super::h; }");
    let uses: Vec<String> = uses.into_iter().map(|u| format!("{}={}", u.name, u.path.join("::"))).collect();
    assert_eq!(uses, ["a=a", "C=a::b::C", "e=a::b::d", "*=a", "h=super::h"]);
    assert!(rest.contains("use<>") && !rest.contains("super"));
}

#[test]
fn paths_are_found_in_uses_and_in_code() {
    let source = Source::new("a.rs", "use sqlx; use crate::{b, proto::C};\nfn f() { x.y::<d::E>(); r#type::Q }");
    let paths: Vec<String> = all(&source).iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["sqlx", "crate::b", "crate::proto::C", "d::E", "type::Q"]);
}
