//! A text in YAML as a tree in which each part knows its line and column. JSON is YAML too.
//!
//! Less than all of YAML is taken: no anchors, no aliases, no tags, one document. So a small file never stands for a
//! large tree, and what a part is does not hang on the part's looks elsewhere.

use std::collections::HashSet;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, options};
use zeroize::Zeroizing;

use super::problem::{Mark, Problems};

/// How deep lists and maps may be in each other.
const DEPTH: usize = 32;

/// A part of a file.
pub struct Node {
    /// Where it begins.
    pub at: Mark,
    /// What it is.
    pub kind: Kind,
}

/// What a part of a file is.
pub enum Kind {
    /// Nothing, or `null`.
    Nothing,
    /// A text; `plain` without quotes around it. Wiped when dropped, as it may be a secret.
    Text {
        /// What it says.
        text: Zeroizing<String>,
        /// Without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// Names and what belongs to them, in the order of the file.
    Map(Vec<(Name, Node)>),
}

/// A name in a map.
pub struct Name {
    /// Where it begins.
    pub at: Mark,
    /// What it says.
    pub text: String,
}

struct Reader<'a, 'p> {
    events: Parser<'a, StrInput<'a>>,
    problems: &'p mut Problems,
}

/// Reads a text; none if it is no YAML, or more of YAML than is taken here: then the problems say so.
pub fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let limits = options! {
        emit_comments: false,
        disallow_directives: true,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let mut reader = Reader { events: Parser::new_from_str_with_options(text, limits), problems };
    loop {
        match reader.next()? {
            (Event::StreamStart, _) => {}
            (Event::DocumentStart(..), _) => break,
            (_, at) => return reader.refuse(at, "the file is empty"),
        }
    }
    let node = reader.node()?;
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Some(node),
            (Event::DocumentStart(..), at) => return reader.refuse(at, "a second document; put all into one"),
            _ => {}
        }
    }
}

impl<'a> Reader<'a, '_> {
    fn next(&mut self) -> Option<(Event<'a>, Mark)> {
        match self.events.next()? {
            Ok((event, span)) => Some((event, mark(&span))),
            Err(error) => {
                let (line, column) = (error.marker().line(), error.marker().col() + 1);
                self.problems.add(Mark { line, column }, format!("this is no YAML: {}", error.info()));
                None
            }
        }
    }

    fn refuse<T>(&mut self, at: Mark, text: &str) -> Option<T> {
        self.problems.add(at, text);
        None
    }

    /// The next part, with all that is in it.
    fn node(&mut self) -> Option<Node> {
        let (event, at) = self.next()?;
        self.part(event, at)
    }

    fn part(&mut self, event: Event<'a>, at: Mark) -> Option<Node> {
        if event.anchor_id().is_some() || event.is_alias() {
            return self.refuse(at, "anchors and aliases are not taken here; write it out");
        }
        if event.tag().is_some() {
            return self.refuse(at, "tags are not taken here; take it away");
        }
        let kind = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if matches!(&*text, "" | "~" | "null") => Kind::Nothing,
            Event::Scalar(text, style, ..) => {
                Kind::Text { text: Zeroizing::new(text.into_owned()), plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => Kind::List(self.list()?),
            Event::MappingStart(..) => Kind::Map(self.map()?),
            _ => return self.refuse(at, "something is missing here"),
        };
        Some(Node { at, kind })
    }

    fn list(&mut self) -> Option<Vec<Node>> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Some(items),
                (event, at) => items.push(self.part(event, at)?),
            }
        }
    }

    fn map(&mut self) -> Option<Vec<(Name, Node)>> {
        let (mut items, mut names) = (Vec::new(), HashSet::new());
        loop {
            let name = match self.next()? {
                (Event::MappingEnd, _) => return Some(items),
                (Event::Scalar(text, ..), at) => Name { at, text: text.into_owned() },
                (_, at) => return self.refuse(at, "the name of a field must be a text"),
            };
            if !names.insert(name.text.clone()) {
                self.problems.add(name.at, format!("{} is there twice", super::problem::shown(&name.text)));
            }
            items.push((name, self.node()?));
        }
    }
}

fn mark(span: &Span) -> Mark {
    Mark { line: span.start.line(), column: span.start.col() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let mut problems = Problems::default();
        let node = parse(text, &mut problems);
        assert!(node.is_none() || problems.is_empty() || text.contains("a: 2"), "{text}");
        problems.to_string()
    }

    #[test]
    fn what_is_not_taken_is_told_with_line_and_column() {
        for (text, part) in [
            ("a: [1", "1:"),
            ("", "the file is empty"),
            ("a: 1\na: 2", "2:1: a is there twice"),
            ("a: &x 1\nb: *x", "1:"),
            ("a: !!binary x", "1:"),
            ("a: 1\n---\nb: 2", "a second document"),
            ("? [a]\n: 1", "must be a text"),
            ("a:\n\t- b", "2:"),
            (&"[".repeat(1000), "1:"),
        ] {
            assert!(told(text).contains(part), "{text}: {}", told(text));
        }
        let bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]";
        assert!(told(bomb).contains("anchors and aliases"));
    }

    #[test]
    fn json_is_read_too() {
        let mut problems = Problems::default();
        let node = parse(r#"{"a": {"b": ["c", 1, null]}}"#, &mut problems).expect("JSON");
        let Kind::Map(map) = node.kind else { panic!("a map") };
        assert_eq!((map[0].0.text.as_str(), map[0].1.at.column), ("a", 7));
        assert!(problems.is_empty());
    }
}
