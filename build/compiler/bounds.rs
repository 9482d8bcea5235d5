//! Refuses a request that can hold something without an upper bound: each text, byte string and list that a client
//! may send says in the contract how long it may be.

use std::collections::BTreeSet;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::error::Problem;
use super::fields::FieldRules;
use super::is_ours;
use super::options::Options;
use super::source::Placed as _;

/// Messages of protobuf itself that are one short text in JSON.
const SHORT: [&str; 2] = ["google.protobuf.Timestamp", "google.protobuf.Duration"];

/// Looks at every message that a request is or holds.
pub fn check(pool: &DescriptorPool, options: &Options) -> Vec<Problem> {
    let fields = requests(pool).into_iter().flat_map(|message| message.fields().collect::<Vec<_>>());
    fields.filter_map(|field| unbounded(&field, options)).collect()
}

fn requests(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    let mut open: Vec<_> = pool.services().flat_map(|s| s.methods().map(|m| m.input()).collect::<Vec<_>>()).collect();
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    while let Some(message) = open.pop() {
        if !is_ours(message.full_name()) || message.is_map_entry() || !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        open.extend(message.fields().filter_map(|field| field.kind().as_message().cloned()));
        found.push(message);
    }
    found
}

fn unbounded(field: &FieldDescriptor, options: &Options) -> Option<Problem> {
    let rules = FieldRules::of(field, options);
    let missing = match field.kind() {
        _ if field.is_list() && rules.max_items == 0 => "max_items",
        Kind::String if rules.max_len == 0 && rules.max_bytes == 0 => "max_len or max_bytes",
        Kind::Bytes if rules.max_bytes == 0 => "max_bytes",
        Kind::Message(inner) if !is_ours(inner.full_name()) && !SHORT.contains(&inner.full_name()) => {
            let what = format!("a request that holds {} is not understood: it has no bound", inner.full_name());
            return Some(field.problem(what));
        }
        _ => return None,
    };
    Some(field.problem(format!("{} can be sent without an upper bound: give it {missing}", field.full_name())))
}
