//! Metadata in a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::problem::Problems;
use super::shape::{Fields, Out, Shape};
use super::value::{Hidden, scalar};
use super::yaml::{Kind, Node};

/// Most bytes of a value.
const MAX_VALUE: usize = 500_000;

/// Keys and values that are kept with an organization or a user.
#[derive(Debug, Clone, Default)]
pub struct Metadata(pub Vec<(String, Vec<u8>)>);

impl Metadata {
    /// As the services want them.
    pub fn pairs(&self) -> Vec<(&str, &[u8])> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_slice())).collect()
    }
}

impl Shape for Metadata {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(map) = &node.kind else {
            problems.add(node.at, "keys and values belong here: key: value");
            return None;
        };
        let mut all = Some(Vec::with_capacity(map.len()));
        for (name, node) in map {
            let fits = (1..=200).contains(&name.text.chars().count());
            if !fits {
                problems.add(name.at, "a key has 1 to 200 characters");
            }
            match value(node, problems).filter(|_| fits) {
                Some(value) => drop(all.as_mut().map(|all| all.push((name.text.clone(), value)))),
                None => all = None,
            }
        }
        all.map(Self)
    }

    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": {"oneOf": [
            {"type": ["string", "integer"], "minLength": 1},
            {"type": "object", "additionalProperties": false, "required": ["base64"],
                "properties": {"base64": {"type": "string", "description": "Bytes in base64."}}},
        ]}})
    }

    fn write(&self) -> Out {
        let value = |value: &Vec<u8>| match std::str::from_utf8(value) {
            Ok(text) => Out::Text(text.to_owned()),
            Err(_) => Out::Map(vec![("base64".to_owned(), Out::Text(STANDARD.encode(value)))]),
        };
        Out::Map(self.0.iter().map(|(key, bytes)| (key.clone(), value(bytes))).collect())
    }
}

/// A value of metadata: a text, or bytes in base64.
fn value(node: &Node, problems: &mut Problems) -> Option<Vec<u8>> {
    let value = match &node.kind {
        Kind::Map(_) => {
            let mut fields = Fields::of(node, problems)?;
            let text = fields.must::<Hidden>("base64", problems);
            fields.end(&["base64"], problems);
            STANDARD.decode(text?.0.as_bytes()).unwrap_or_default()
        }
        _ => scalar(node, problems)?.as_bytes().to_vec(),
    };
    if (1..=MAX_VALUE).contains(&value.len()) {
        return Some(value);
    }
    problems.add(node.at, format!("a text, or bytes in base64, of 1 to {MAX_VALUE} bytes belongs here"));
    None
}
