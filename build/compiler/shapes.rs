//! Writes `shapes.rs`: for each message the names and kinds of its fields, so that a JSON body can be
//! checked before it is decoded, with an error that names the field.

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::names::constant;
use super::{is_ours, messages};

/// The whole of `shapes.rs`.
pub fn write(pool: &DescriptorPool) -> String {
    messages(pool).iter().map(one).collect()
}

fn one(message: &MessageDescriptor) -> String {
    let fields: String = message.fields().map(|f| field(&f)).collect();
    let (full, name) = (message.full_name(), constant(message.full_name()));
    format!("/// Fields of `{full}`.\npub static {name}: Shape = Shape {{ fields: &[\n{fields}] }};\n")
}

fn field(field: &FieldDescriptor) -> String {
    let (name, json, list) = (field.name(), field.json_name(), field.is_list());
    format!("    Field {{ name: {name:?}, json_name: {json:?}, repeated: {list}, kind: {} }},\n", kind(field))
}

fn kind(field: &FieldDescriptor) -> String {
    match field.kind() {
        Kind::String => "Kind::Text".to_owned(),
        Kind::Bool => "Kind::Bool".to_owned(),
        Kind::Bytes => "Kind::Bytes".to_owned(),
        Kind::Enum(kind) => {
            let names: Vec<String> = kind.values().map(|v| format!("{:?}", v.name())).collect();
            format!("Kind::Enum(&[{}])", names.join(", "))
        }
        Kind::Message(inner) if is_ours(inner.full_name()) => {
            format!("Kind::Message(&{})", constant(inner.full_name()))
        }
        Kind::Message(inner) => format!("Kind::WellKnown({:?})", inner.name()),
        _ => "Kind::Number".to_owned(),
    }
}
