//! Rules of fields, oneofs and messages as the contract states them, and whether they mean something where they stand.

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use super::error::Problem;
use super::messages;
use super::options::{self, Options, given};
use super::source::Placed as _;

/// Names of all rules of a field.
const RULES: [&str; 9] =
    ["min_len", "max_len", "defined_only", "not_zero", "required", "max_bytes", "min_items", "max_items", "min_bytes"];

/// `(zitadel.v1.rules)` of a field; a number that is 0 is no rule.
#[derive(Default)]
pub struct FieldRules {
    pub min_len: u32,
    pub max_len: u32,
    pub min_bytes: u32,
    pub max_bytes: u32,
    pub min_items: u32,
    pub max_items: u32,
    pub defined_only: bool,
    pub not_zero: bool,
    pub required: bool,
}

impl FieldRules {
    /// The rules of a field; none if it has no such option.
    pub fn of(field: &FieldDescriptor, options: &Options) -> Self {
        let rules = options::value(&field.options(), &options.rules);
        rules.map_or_else(Self::default, |rules| Self::from(&rules))
    }
}

impl From<&DynamicMessage> for FieldRules {
    fn from(rules: &DynamicMessage) -> Self {
        let (number, flag) = (|name| options::number(rules, name), |name| options::flag(rules, name));
        Self {
            min_len: number("min_len"),
            max_len: number("max_len"),
            min_bytes: number("min_bytes"),
            max_bytes: number("max_bytes"),
            min_items: number("min_items"),
            max_items: number("max_items"),
            defined_only: flag("defined_only"),
            not_zero: flag("not_zero"),
            required: flag("required"),
        }
    }
}

/// Most bytes of all texts of a message together, if it has that rule.
pub fn longest_sum(message: &MessageDescriptor, options: &Options) -> Option<u32> {
    options::value(&message.options(), &options.message_rules).map(|rules| options::number(&rules, "max_bytes"))
}

/// The fields that count for that rule: those of a oneof do not.
pub fn summed(message: &MessageDescriptor) -> impl Iterator<Item = FieldDescriptor> + '_ {
    message.fields().filter(|f| f.containing_oneof().is_none() && matches!(f.kind(), Kind::String | Kind::Bytes))
}

/// Whether one field of a oneof must be set.
pub fn is_required(oneof: &OneofDescriptor, options: &Options) -> bool {
    options::value(&oneof.options(), &options.oneof_rules).is_some_and(|rules| options::flag(&rules, "required"))
}

/// Looks at the rules of every message: one that nothing holds to would be believed in.
pub fn check(pool: &DescriptorPool, options: &Options) -> Vec<Problem> {
    let mut problems = Vec::new();
    for message in messages(pool) {
        problems.extend(message.fields().filter_map(|f| field(&f, options).err()));
        problems.extend(sum(&message, options).err());
        let known = |oneof: OneofDescriptor| given(&oneof, &oneof.options(), &options.oneof_rules, &["required"]).err();
        problems.extend(message.oneofs().filter_map(known));
    }
    problems
}

fn field(field: &FieldDescriptor, options: &Options) -> Result<(), Problem> {
    let Some(given) = given(field, &field.options(), &options.rules, &RULES)? else { return Ok(()) };
    let wrong = |what: String| Err(field.problem_in(&options.rules, format!("{}: {what}", field.name())));
    if let Some((rule, _)) = given.fields().find(|(rule, _)| !applies(rule.name(), field)) {
        return wrong(format!("the rule {} means nothing for such a field; leave it out", rule.name()));
    }
    let rules = FieldRules::from(&given);
    if rules.max_len != 0 && rules.min_len > rules.max_len {
        return wrong("min_len is more than max_len".to_owned());
    }
    if rules.min_bytes > rules.max_bytes {
        return wrong("min_bytes is more than max_bytes".to_owned());
    }
    if rules.min_items > rules.max_items {
        return wrong("min_items is more than max_items".to_owned());
    }
    Ok(())
}

/// Whether code is made for a rule of such a field. Of a list, the rules of its kind hold for its elements.
fn applies(rule: &str, field: &FieldDescriptor) -> bool {
    match field.kind() {
        _ if matches!(rule, "min_items" | "max_items") => field.is_list(),
        Kind::String => matches!(rule, "min_len" | "max_len" | "max_bytes"),
        Kind::Bytes => matches!(rule, "min_bytes" | "max_bytes"),
        Kind::Enum(_) => matches!(rule, "defined_only" | "not_zero"),
        Kind::Message(_) => rule == "required" && !field.is_list() && field.containing_oneof().is_none(),
        _ => false,
    }
}

fn sum(message: &MessageDescriptor, options: &Options) -> Result<(), Problem> {
    let Some(rules) = given(message, &message.options(), &options.message_rules, &["max_bytes"])? else {
        return Ok(());
    };
    if options::number(&rules, "max_bytes") == 0 || summed(message).next().is_none() {
        let what = format!("{}: max_bytes is a number above 0 for a message with texts of its own", message.name());
        return Err(message.problem_in(&options.message_rules, what));
    }
    Ok(())
}
