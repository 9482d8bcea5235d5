//! Names in the contract, as Rust and as ZITADEL write them.

use prost_reflect::{MessageDescriptor, OneofDescriptor};

/// Words that cannot be the name of a field; most can after `r#`.
const KEYWORDS: &str = "as break const continue crate else enum extern false fn for if impl in let loop match mod move \
     mut pub ref return self Self static struct super trait true type unsafe use where while async await dyn gen \
     abstract become box do final macro override priv try typeof unsized virtual yield";

/// `project_id` as ZITADEL names it in its field rules: `ProjectId`.
pub fn camel(field: &str) -> String {
    let upper = |part: &str| {
        let mut chars = part.chars();
        chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
    };
    field.split('_').map(upper).collect()
}

/// A message as ZITADEL names it in its field rules: `CreateUserRequest_Machine` for what is inside another one.
pub fn shown(message: &MessageDescriptor) -> String {
    match message.parent_message() {
        Some(parent) => format!("{}_{}", shown(&parent), message.name()),
        None => message.name().to_owned(),
    }
}

/// Name of a Rust constant: `AddAPIApp` becomes `ADD_API_APP`.
fn screaming(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in chars.iter().enumerate() {
        let after_lower = i > 0 && chars[i - 1].is_lowercase();
        let before_lower = i > 0 && chars.get(i + 1).is_some_and(|n| n.is_lowercase());
        if c.is_uppercase() && (after_lower || before_lower) {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

/// Name of the constant of something by its full name, as two packages may have the same name in them.
pub fn constant(full_name: &str) -> String {
    full_name.split('.').map(screaming).collect::<Vec<_>>().join("_")
}

/// Name of the module that buffa makes for what is inside a message.
fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in chars.iter().enumerate() {
        let before_lower = chars.get(i + 1).is_some_and(|n| n.is_lowercase());
        let after = i.checked_sub(1).map(|i| chars[i]);
        if c.is_uppercase() && after.is_some_and(|a| a.is_lowercase() || (a.is_uppercase() && before_lower)) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// Name of a field as Rust source, as buffa writes it.
pub fn rust_field(name: &str) -> String {
    match name {
        "self" | "Self" | "super" | "crate" => format!("{name}_"),
        _ if KEYWORDS.split_whitespace().any(|word| word == name) => format!("r#{name}"),
        _ => name.to_owned(),
    }
}

/// Path of a generated message as buffa lays it out: `crate::proto::zitadel::app::v1::App`. What is inside of a
/// message is in a module of its name.
pub fn rust_path(message: &MessageDescriptor) -> String {
    format!("crate::proto::{}::{}{}", package(message), outer(message), message.name())
}

/// Path of the enum that buffa makes for a oneof.
pub fn rust_oneof(oneof: &OneofDescriptor) -> String {
    let message = oneof.parent_message();
    let module = format!("{}{}", outer(message), snake(message.name()));
    format!("crate::proto::{}::__buffa::oneof::{module}::{}", package(message), camel(oneof.name()))
}

fn package(message: &MessageDescriptor) -> String {
    message.package_name().split('.').map(rust_field).collect::<Vec<_>>().join("::")
}

/// Modules of the messages around a message.
fn outer(message: &MessageDescriptor) -> String {
    match message.parent_message() {
        Some(parent) => format!("{}{}::", outer(&parent), snake(parent.name())),
        None => String::new(),
    }
}
