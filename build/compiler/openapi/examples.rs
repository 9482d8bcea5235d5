//! Examples that follow from the names and types of fields.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::super::is_ours;

/// How deep examples go.
const DEEPEST: usize = 3;

/// A message with a value for each of its fields; of a oneof for the first.
pub fn message(
    message_: &MessageDescriptor,
    fields: &dyn Fn(&MessageDescriptor) -> Vec<FieldDescriptor>,
    sent: bool,
    depth: usize,
) -> Value {
    let mut out = Map::new();
    for field in fields(message_) {
        let first = field.containing_oneof().and_then(|oneof| oneof.fields().next());
        // The caller's own key is the exception; an example would have to be a real one.
        let own_key = sent && field.name() == "public_key";
        if own_key || first.is_some_and(|first| first != field) {
            continue;
        }
        let Some(value) = value(&field, fields, sent, depth) else { continue };
        let value = if field.is_list() { json!([value]) } else { value };
        out.insert(field.json_name().to_owned(), value);
    }
    Value::Object(out)
}

fn value(
    field: &FieldDescriptor,
    fields: &dyn Fn(&MessageDescriptor) -> Vec<FieldDescriptor>,
    sent: bool,
    depth: usize,
) -> Option<Value> {
    Some(match field.kind() {
        Kind::String => text(field).into(),
        Kind::Bytes => "ZXhhbXBsZQ==".into(),
        Kind::Bool => true.into(),
        Kind::Enum(kind) => kind
            .values()
            .find(|v| v.number() != 0)
            .map_or_else(|| kind.default_value().name().to_owned(), |v| v.name().to_owned())
            .into(),
        Kind::Message(inner) if is_ours(inner.full_name()) => {
            return (depth < DEEPEST).then(|| message(&inner, fields, sent, depth + 1));
        }
        Kind::Message(inner) => match inner.full_name() {
            "google.protobuf.Timestamp" => "2030-01-01T00:00:00Z".into(),
            "google.protobuf.Duration" => "1s".into(),
            _ => return None,
        },
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => "1".into(),
        _ => 1.into(),
    })
}

/// A text that fits the name of its field.
pub fn text(field: &FieldDescriptor) -> String {
    const TEXTS: [(&str, &str); 9] = [
        ("roles", "PROJECT_OWNER"),
        ("email", "ada@example.com"),
        ("domain", "example.com"),
        ("ur", "https://app.example.com/callback"),
        ("origin", "https://app.example.com"),
        ("language", "en"),
        ("key", "reader"),
        ("user_name", "machine"),
        ("name", "example"),
    ];
    let name = field.name();
    if name == "id" || name == "resource_owner" || name == "ids" || name.ends_with("_id") || name.ends_with("_ids") {
        return "400582911432068134".to_owned();
    }
    let known = TEXTS
        .iter()
        .find(|(part, _)| name.contains(part) && (*part != "ur" || name.contains("uri") || name.contains("url")));
    known.map_or_else(|| "text".to_owned(), |(_, text)| (*text).to_owned())
}
