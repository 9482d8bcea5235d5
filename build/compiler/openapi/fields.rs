//! Values of fields as schemas.

use std::collections::BTreeSet;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind};
use serde_json::{Value, json};

use super::super::fields::FieldRules;

const TIMESTAMP: &str = "google.protobuf.Timestamp";
const DURATION: &str = "google.protobuf.Duration";
const SECONDS: &str = "^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$";
/// One alphabet or the other, padded or not.
const BASE64: &str = "^(([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}(==)?|[A-Za-z0-9+/]{3}=?)?|([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}(==)?|[A-Za-z0-9_-]{3}=?)?)$";

/// A text with its bounds.
pub fn text(rules: &FieldRules) -> Value {
    let mut schema = json!({"type": "string"});
    if rules.min_len > 0 {
        schema["minLength"] = rules.min_len.into();
    }
    // What is bounded in bytes has at most as many characters.
    let longest = [rules.max_len, rules.max_bytes].into_iter().filter(|max| *max > 0).min();
    if let Some(longest) = longest {
        schema["maxLength"] = longest.into();
    }
    schema
}

/// One value as it may be sent.
pub fn sent(field: &FieldDescriptor, rules: &FieldRules) -> Value {
    match field.kind() {
        Kind::String => text(rules),
        Kind::Bytes => {
            let mut schema = json!({"type": "string", "contentEncoding": "base64", "pattern": BASE64});
            // Without padding.
            if rules.min_bytes > 0 {
                schema["minLength"] = (u64::from(rules.min_bytes) * 4).div_ceil(3).into();
            }
            if rules.max_bytes > 0 {
                schema["maxLength"] = (u64::from(rules.max_bytes).div_ceil(3) * 4).into();
            }
            schema
        }
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Enum(kind) => json!({"anyOf": [{"enum": names(&kind, rules)}, numbers(&kind, rules)]}),
        Kind::Message(inner) => well_known(inner.full_name()),
        kind => number(&kind, &json!(["integer", "string"])),
    }
}

/// One value of a query string.
pub fn of_query(field: &FieldDescriptor, rules: &FieldRules) -> Value {
    match field.kind() {
        Kind::Enum(kind) => json!({"type": "string", "enum": names(&kind, rules)}),
        Kind::String | Kind::Bytes | Kind::Bool | Kind::Message(_) => sent(field, rules),
        kind => number(&kind, &json!("integer")),
    }
}

/// The schema of a list of such values, if the field is one.
pub fn list(field: &FieldDescriptor, rules: &FieldRules, value: Value) -> Value {
    if !field.is_list() {
        return value;
    }
    let mut schema = json!({"type": "array", "items": value});
    if rules.min_items > 0 {
        schema["minItems"] = rules.min_items.into();
    }
    if rules.max_items > 0 {
        schema["maxItems"] = rules.max_items.into();
    }
    schema
}

/// One value as it is answered. Enums in `open` may have numbers that nobody has named yet.
pub fn answered(kind: &Kind, open: &BTreeSet<String>) -> Value {
    match kind {
        Kind::String => json!({"type": "string"}),
        Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Enum(kind) => {
            let names = names(kind, &FieldRules::default());
            if open.contains(kind.full_name()) {
                return json!({"anyOf": [{"enum": names}, {"type": "integer", "format": "int32"}]});
            }
            json!({"type": "string", "enum": names})
        }
        Kind::Message(inner) => well_known(inner.full_name()),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({"type": "string", "format": "int64"}),
        Kind::Uint64 | Kind::Fixed64 => json!({"type": "string", "format": "uint64", "pattern": "^[0-9]+$"}),
        kind => number(kind, &json!("integer")),
    }
}

/// The same, or nothing.
pub fn or_null(mut value: Value) -> Value {
    match value.get("type") {
        Some(Value::String(kind)) => value["type"] = json!([kind, "null"]),
        Some(Value::Array(kinds)) => value["type"] = kinds.iter().cloned().chain([json!("null")]).collect(),
        _ => value = json!({"anyOf": [value, {"type": "null"}]}),
    }
    value
}

fn well_known(name: &str) -> Value {
    match name {
        TIMESTAMP => json!({"type": "string", "format": "date-time"}),
        DURATION => json!({"type": "string", "pattern": SECONDS}),
        _ => json!({}),
    }
}

/// A number of one of the types, with the bounds of its kind.
fn number(kind: &Kind, types: &Value) -> Value {
    let (format, least, most) = match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => ("int32", json!(i32::MIN), json!(i32::MAX)),
        Kind::Uint32 | Kind::Fixed32 => ("uint32", json!(0), json!(u32::MAX)),
        Kind::Uint64 | Kind::Fixed64 => ("uint64", json!(0), json!(u64::MAX)),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => ("int64", json!(i64::MIN), json!(i64::MAX)),
        _ => return json!({"type": "number"}),
    };
    let mut schema = json!({"type": types, "format": format, "minimum": least, "maximum": most});
    if types.is_array() {
        let (below, above) = (up_to(least.to_string().trim_start_matches('-')), up_to(&most.to_string()));
        schema["pattern"] =
            if least == json!(0) { format!("^{above}$") } else { format!("^(-{below}|{above})$") }.into();
    }
    schema
}

/// A pattern of the whole numbers up to one.
fn up_to(most: &str) -> String {
    let mut ways = vec![format!("[0-9]{{1,{}}}", (most.len() - 1).max(1))];
    for (at, digit) in most.char_indices().filter(|(_, digit)| *digit != '0') {
        let (less, left) = (u32::from(digit) - u32::from('0') - 1, most.len() - at - 1);
        ways.push(format!("{}[0-{less}][0-9]{{{left}}}", &most[..at]));
    }
    ways.push(most.to_owned());
    format!("({})", ways.join("|"))
}

fn names(kind: &EnumDescriptor, rules: &FieldRules) -> Vec<String> {
    kind.values().filter(|v| !rules.not_zero || v.number() != 0).map(|v| v.name().to_owned()).collect()
}

/// Numbers in the place of names.
fn numbers(kind: &EnumDescriptor, rules: &FieldRules) -> Value {
    if rules.defined_only {
        let known = kind.values().map(|v| v.number()).filter(|number| !rules.not_zero || *number != 0);
        return json!({"enum": known.collect::<Vec<_>>()});
    }
    let mut schema = json!({"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX});
    if rules.not_zero {
        schema["not"] = json!({"const": 0});
    }
    schema
}
