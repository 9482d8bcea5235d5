//! Writes a tree as YAML: texts in quotes as JSON has them, so that nothing in them can mean anything else.

use std::fmt::Write as _;

use super::shape::Out;

/// A tree as a text.
pub fn text_of(out: &Out) -> String {
    let mut text = String::new();
    match out {
        Out::Map(fields) if fields.is_empty() => text.push_str("{}\n"),
        out => block(out, 0, &mut text),
    }
    text
}

/// A part on lines of its own, so far to the right.
fn block(out: &Out, depth: usize, text: &mut String) {
    match out {
        Out::Map(fields) => {
            for (n, (name, value)) in fields.iter().enumerate() {
                // The first field of an item stands behind its dash.
                if n > 0 || text.ends_with('\n') || text.is_empty() {
                    indent(depth, text);
                }
                text.push_str(&key(name));
                text.push(':');
                after(value, depth, text);
            }
        }
        Out::List(items) => {
            for item in items {
                indent(depth, text);
                text.push_str("- ");
                match item {
                    Out::Map(fields) if !fields.is_empty() => block(item, depth + 1, text),
                    other => {
                        text.pop();
                        after(other, depth, text);
                    }
                }
            }
        }
        other => after(other, depth, text),
    }
}

/// A part behind its name or dash.
fn after(out: &Out, depth: usize, text: &mut String) {
    match out {
        Out::Nothing => text.push('\n'),
        Out::Word(word) => drop(writeln!(text, " {word}")),
        Out::Text(said) => drop(writeln!(text, " {}", quoted(said))),
        Out::Lines(said) => {
            text.push_str(" |\n");
            for line in said.lines() {
                indent(depth + 1, text);
                text.push_str(line);
                text.push('\n');
            }
        }
        Out::List(items) if items.is_empty() => text.push_str(" []\n"),
        Out::Map(fields) if fields.is_empty() => text.push_str(" {}\n"),
        Out::List(_) | Out::Map(_) => {
            text.push('\n');
            block(out, depth + 1, text);
        }
    }
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// A name of a field: as it is, if it can mean nothing else.
fn key(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&name);
    if plain { name.to_owned() } else { quoted(name) }
}

/// A text in quotes. What JSON leaves as it is, but YAML reads otherwise, is written by its number.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for c in serde_json::to_string(text).unwrap_or_default().chars() {
        match c {
            '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::problem::Problems;
    use crate::seed::yaml::{Kind, Node, parse};

    fn same(out: &Out, node: &Node) -> bool {
        match (out, &node.kind) {
            (Out::Text(a) | Out::Lines(a), Kind::Text { text, .. }) => *a == **text,
            (Out::List(a), Kind::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Out::Map(a), Kind::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((a, x), (b, y))| *a == b.text && same(x, y))
            }
            _ => false,
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = |text: &str| Out::Text(text.to_owned());
        let texts =
            ["", "a: b", "# x", "true", "\u{85}\u{2028}\u{feff}\u{0}\t\n\r", "é", "\"'\\", "- a", " x ", "\u{10ffff}"];
        let all = || Out::List(texts.iter().map(|t| text(t)).collect());
        let map = |inner| {
            Out::Map(
                texts.iter().skip(1).map(|t| ((*t).to_owned(), text(t))).chain([("n".to_owned(), inner)]).collect(),
            )
        };
        let out = Out::Map(vec![
            ("a".to_owned(), all()),
            ("b".to_owned(), map(Out::List(vec![map(all()), map(Out::Lines("-----\nx\n".to_owned()))]))),
            ("c".to_owned(), Out::List(Vec::new())),
        ]);
        let written = text_of(&out);
        let mut problems = Problems::default();
        let node = parse(&written, &mut problems);
        assert!(problems.is_empty(), "{problems}\n{written}");
        assert!(same(&out, &node.expect("read")), "{written}");
    }
}
