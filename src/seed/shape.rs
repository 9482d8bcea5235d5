//! The forms that parts of a file have: how each is read, described to editors, and written.

use serde_json::{Map, Value, json};

use super::problem::{Problems, shown};
use super::yaml::{Kind, Node};

/// Something that a file can hold.
pub trait Shape: Sized {
    /// Reads it; none if it is wrong, which the problems say.
    fn read(node: &Node, problems: &mut Problems) -> Option<Self>;
    /// Its JSON schema.
    fn schema() -> Value;
    /// As it is written.
    fn write(&self) -> Out;
}

/// Something to be written.
#[derive(Debug)]
pub enum Out {
    /// Nothing at all.
    Nothing,
    /// A text, in quotes.
    Text(String),
    /// A text of several lines.
    Lines(String),
    /// A word without quotes.
    Word(&'static str),
    /// A list.
    List(Vec<Out>),
    /// Names and what belongs to them.
    Map(Vec<(String, Out)>),
}

/// The fields of a map that is being read.
pub struct Fields<'n> {
    node: &'n Node,
    left: Vec<(&'n super::yaml::Name, &'n Node)>,
}

impl<'n> Fields<'n> {
    /// Those of a map; none if it is no map.
    pub fn of(node: &'n Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(map) = &node.kind else {
            problems.add(node.at, "fields belong here, such as name: value");
            return None;
        };
        Some(Self { node, left: map.iter().map(|(name, node)| (name, node)).collect() })
    }

    /// Takes a field out of them; `null` is as if it was not there.
    fn take(&mut self, name: &str) -> Option<&'n Node> {
        let at = self.left.iter().position(|(found, _)| found.text == name)?;
        let (_, node) = self.left.swap_remove(at);
        (!matches!(node.kind, Kind::Nothing)).then_some(node)
    }

    /// A field that must be there.
    pub fn must<T: Shape>(&mut self, name: &str, problems: &mut Problems) -> Option<T> {
        let Some(node) = self.take(name) else {
            problems.add(self.node.at, format!("{name} is missing"));
            return None;
        };
        T::read(node, problems)
    }

    /// A field that may be there; none if it is wrong.
    #[expect(clippy::option_option, reason = "the outer one says whether it could be read")]
    pub fn may<T: Shape>(&mut self, name: &str, problems: &mut Problems) -> Option<Option<T>> {
        match self.take(name) {
            Some(node) => T::read(node, problems).map(Some),
            None => Some(None),
        }
    }

    /// A list, which may be missing.
    pub fn many<T: Shape>(&mut self, name: &str, problems: &mut Problems) -> Option<Vec<T>> {
        self.take(name).map_or(Some(Vec::new()), |node| Vec::read(node, problems))
    }

    /// No other fields than these may be there.
    pub fn end(self, known: &[&str], problems: &mut Problems) {
        for (name, _) in self.left.iter().filter(|(name, _)| !known.contains(&name.text.as_str())) {
            let near = known.iter().max_by(|a, b| {
                let like = |known: &str| strsim::jaro_winkler(known, &name.text);
                like(a).total_cmp(&like(b))
            });
            let near = near.filter(|near| strsim::jaro_winkler(near, &name.text) > 0.7);
            let hint = near.map_or_else(|| format!("known are {}", known.join(", ")), |near| format!("is it {near}?"));
            problems.add(name.at, format!("{} is no field here; {hint}", shown(&name.text)));
        }
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            problems.add(node.at, "a list belongs here");
            return None;
        };
        // All are read, so that all that is wrong is told.
        let read: Vec<Option<T>> = items.iter().map(|item| T::read(item, problems)).collect();
        read.into_iter().collect()
    }

    fn schema() -> Value {
        json!({"type": "array", "items": T::schema()})
    }

    fn write(&self) -> Out {
        if self.is_empty() { Out::Nothing } else { Out::List(self.iter().map(Shape::write).collect()) }
    }
}

impl Shape for bool {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Text { text, plain: true } if **text == "true" => Some(true),
            Kind::Text { text, plain: true } if **text == "false" => Some(false),
            _ => {
                problems.add(node.at, "true or false belongs here");
                None
            }
        }
    }

    fn schema() -> Value {
        json!({"type": "boolean"})
    }

    fn write(&self) -> Out {
        Out::Word(if *self { "true" } else { "false" })
    }
}

/// The schema of an object with these fields: name, what it is, its schema, and whether it must be there.
pub fn object(about: &[&str], fields: Vec<(&str, &[&str], Value, bool)>) -> Value {
    let said = |lines: &[&str]| lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    let required: Vec<&str> = fields.iter().filter(|field| field.3).map(|field| field.0).collect();
    let mut properties = Map::new();
    for (name, about, mut schema, _) in fields {
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), Value::String(said(about)));
        }
        properties.insert(name.to_owned(), schema);
    }
    let mut schema = json!({
        "type": "object", "description": said(about), "additionalProperties": false, "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// A map of the file: what each field says, whether it must be there (`must`), may be there (`may`) or is a list that
/// may be there (`many`).
macro_rules! record {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $of:literal])+ $kind:ident $field:ident: $type:ty,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Default)]
        pub struct $name {
            /// Where it begins.
            pub at: $crate::seed::problem::Mark,
            $($(#[doc = $of])+ pub $field: record!(@type $kind $type),)+
        }

        impl $crate::seed::shape::Shape for $name {
            fn read(
                node: &$crate::seed::yaml::Node,
                problems: &mut $crate::seed::problem::Problems,
            ) -> Option<Self> {
                let mut fields = $crate::seed::shape::Fields::of(node, problems)?;
                $(let $field = fields.$kind::<$type>(stringify!($field), problems);)+
                fields.end(&[$(stringify!($field)),+], problems);
                Some(Self { at: node.at, $($field: $field?,)+ })
            }

            fn schema() -> serde_json::Value {
                $crate::seed::shape::object(&[$($doc),+], vec![$((
                    stringify!($field), &[$($of),+][..], record!(@schema $kind $type), record!(@required $kind),
                ),)+])
            }

            fn write(&self) -> $crate::seed::shape::Out {
                let mut fields = vec![$((stringify!($field).to_owned(), record!(@write $kind self.$field)),)+];
                fields.retain(|(_, out)| !matches!(out, $crate::seed::shape::Out::Nothing));
                $crate::seed::shape::Out::Map(fields)
            }
        }
    };
    (@type must $type:ty) => { $type };
    (@type may $type:ty) => { Option<$type> };
    (@type many $type:ty) => { Vec<$type> };
    (@schema many $type:ty) => { <Vec<$type> as $crate::seed::shape::Shape>::schema() };
    (@schema $kind:ident $type:ty) => { <$type as $crate::seed::shape::Shape>::schema() };
    (@required must) => { true };
    (@required $kind:ident) => { false };
    (@write may $self:ident.$field:ident) => {
        $self.$field.as_ref().map_or($crate::seed::shape::Out::Nothing, $crate::seed::shape::Shape::write)
    };
    (@write $kind:ident $self:ident.$field:ident) => { $crate::seed::shape::Shape::write(&$self.$field) };
}
pub(super) use record;

/// One of a few words, each of which stands for a number of the contract.
macro_rules! choice {
    ($(#[doc = $doc:literal])+ $name:ident { $($word:literal = $number:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name(pub i32);

        impl $name {
            const WORDS: &'static [(&'static str, i32)] = &[$(($word, $number)),+];

            /// Its word.
            pub fn word(self) -> &'static str {
                Self::WORDS.iter().find(|(_, number)| *number == self.0).map_or("", |(word, _)| word)
            }
        }

        impl $crate::seed::shape::Shape for $name {
            fn read(
                node: &$crate::seed::yaml::Node,
                problems: &mut $crate::seed::problem::Problems,
            ) -> Option<Self> {
                $crate::seed::shape::word(node, Self::WORDS, problems).map(Self)
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({"enum": [$($word),+]})
            }

            fn write(&self) -> $crate::seed::shape::Out {
                $crate::seed::shape::Out::Word(self.word())
            }
        }
    };
}
pub(super) use choice;

/// The number of one of these words.
pub fn word(node: &Node, words: &[(&'static str, i32)], problems: &mut Problems) -> Option<i32> {
    let found = match &node.kind {
        Kind::Text { text, .. } => words.iter().find(|(word, _)| *word == text.as_str()),
        _ => None,
    };
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        problems.add(node.at, format!("one of these belongs here: {}", known.join(", ")));
    }
    found.map(|(_, number)| *number)
}
