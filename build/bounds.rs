//! Fails the build when a request can hold something without an upper bound: each text, byte string and
//! list that a client may send says in the contract how long it may be.

use std::collections::BTreeSet;
use std::error::Error;

use prost_reflect::{DescriptorPool, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::SERVICES;
use crate::rules::number;

/// Looks at every message that a request is or holds.
///
/// # Errors
/// Names each field without a bound, with its file.
pub fn check(pool: &DescriptorPool, rules: &ExtensionDescriptor) -> Result<(), Box<dyn Error>> {
    let missing: Vec<String> = requests(pool)?
        .iter()
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter_map(|f| unbounded(&f, rules))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("fields of requests without an upper bound:\n{}", missing.join("\n")).into())
}

fn requests(pool: &DescriptorPool) -> Result<Vec<MessageDescriptor>, Box<dyn Error>> {
    let mut open = Vec::new();
    for (service, _) in SERVICES {
        let service = pool.get_service_by_name(service).ok_or_else(|| format!("no service {service}"))?;
        open.extend(service.methods().map(|method| method.input()));
    }
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    while let Some(message) = open.pop() {
        if !message.full_name().starts_with("zitadel.") || !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        open.extend(message.fields().filter_map(|field| field.kind().as_message().cloned()));
        found.push(message);
    }
    Ok(found)
}

fn unbounded(field: &FieldDescriptor, rules: &ExtensionDescriptor) -> Option<String> {
    let has = |name: &str| number(field, rules, name) != 0;
    let missing = match field.kind() {
        _ if field.is_list() && !has("max_items") => "max_items",
        Kind::String if !has("max_len") && !has("max_bytes") => "max_len or max_bytes",
        Kind::Bytes if !has("max_bytes") => "max_bytes",
        _ => return None,
    };
    let file = field.parent_message().parent_file();
    Some(format!("proto/{}: {}: give it {missing}", file.name(), field.full_name()))
}
