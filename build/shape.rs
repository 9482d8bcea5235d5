//! Writes `shapes.rs`: for each message the names and kinds of its fields, so that a JSON body can be
//! checked before it is decoded, with an error that names the field.

use std::error::Error;
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind};

use crate::messages;
use crate::rpc::screaming_type;

/// The whole of `shapes.rs`.
pub fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let mut out = String::new();
    for message in messages(pool) {
        writeln!(out, "/// Fields of `{}`.", message.full_name())?;
        writeln!(out, "pub static {}: Shape = Shape {{ fields: &[", screaming_type(&message))?;
        for field in message.fields() {
            writeln!(
                out,
                "    Field {{ name: {:?}, json_name: {:?}, repeated: {}, kind: {} }},",
                field.name(),
                field.json_name(),
                field.is_list(),
                kind(&field),
            )?;
        }
        writeln!(out, "] }};")?;
    }
    Ok(out)
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
        Kind::Message(inner) if inner.full_name().starts_with("zitadel.") => {
            format!("Kind::Message(&{})", screaming_type(&inner))
        }
        Kind::Message(inner) => format!("Kind::WellKnown({:?})", inner.name()),
        _ => "Kind::Number".to_owned(),
    }
}
