//! Writes `rules.rs`: the field rules of contract 1.3 as one `Validate` implementation per message,
//! from the options `(zitadel.v1.rules)`, `(zitadel.v1.oneof_rules)` and `(zitadel.v1.message_rules)`.

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use super::fields::{FieldRules, is_required, longest_sum, summed};
use super::names::{camel, rust_field, rust_oneof, rust_path, shown};
use super::options::Options;
use super::{is_ours, messages};

/// The whole of `rules.rs`.
pub fn write(pool: &DescriptorPool, options: &Options) -> String {
    messages(pool).iter().map(|message| one(message, options)).collect()
}

fn one(message: &MessageDescriptor, options: &Options) -> String {
    let mut checks = Vec::new();
    for field in message.fields().filter(|f| f.containing_oneof().is_none_or(|o| o.is_synthetic())) {
        checks.extend(field_checks(&field, &FieldRules::of(&field, options)));
    }
    for oneof in message.oneofs().filter(|o| !o.is_synthetic()) {
        checks.extend(oneof_checks(&oneof, options));
    }
    checks.extend(longest_sum(message, options).map(|max| sum_check(message, max)));
    let checks = checks.iter().flat_map(|check| ["        ", check, "\n"]).collect::<String>();
    format!(
        "impl Validate for {} {{\n    \
             fn validate(&self) -> Result<(), Violation> {{\n{checks}        Ok(())\n    }}\n}}\n",
        rust_path(message)
    )
}

/// How an error text names a field or oneof: its message and itself.
fn named(message: &MessageDescriptor, name: &str) -> String {
    format!("{:?}, &{:?}", shown(message), camel(name))
}

fn field_checks(field: &FieldDescriptor, rules: &FieldRules) -> Vec<String> {
    let (message, at) = (field.parent_message(), named(field.parent_message(), field.name()));
    let value = format!("self.{}", rust_field(field.name()));
    let mut checks = Vec::new();
    if field.is_list() {
        if rules.max_items != 0 {
            checks.push(format!("rule::items({value}.len(), {}, {}, {at})?;", rules.min_items, rules.max_items));
        }
        let at = format!("{:?}, &format_args!(\"{}[{{i}}]\")", shown(message), camel(field.name()));
        let each = |check| format!("for (i, item) in {value}.iter().enumerate() {{ {check} }}");
        checks.extend(element(field, rules, "item", &at).map(each));
    } else if field.field_descriptor_proto().proto3_optional() {
        let given = |check| format!("if let Some(item) = &{value} {{ {check} }}");
        checks.extend(element(field, rules, "item", &at).map(given));
    } else if let Kind::Message(inner) = field.kind() {
        if rules.required {
            checks.push(format!("rule::required({value}.is_set(), {at})?;"));
        }
        if is_ours(inner.full_name()) {
            checks.push(format!("if let Some(item) = {value}.as_option() {{ rule::nested(item, {at})?; }}"));
        }
    } else {
        checks.extend(element(field, rules, &format!("&{value}"), &at));
    }
    checks
}

/// The check of one value that is not behind a message field of its own, or none if it has no rule.
fn element(field: &FieldDescriptor, rules: &FieldRules, value: &str, at: &str) -> Option<String> {
    // Methods borrow by themselves.
    let plain = value.trim_start_matches('&');
    let mut checks = Vec::new();
    match field.kind() {
        Kind::String => {
            checks.push(format!("rule::text({value}, {}, {}, {at})?;", rules.min_len, rules.max_len));
            checks.extend(length(rules, plain, at));
        }
        Kind::Bytes => checks.extend(length(rules, plain, at)),
        Kind::Enum(kind) => {
            if rules.not_zero {
                let zero = kind.default_value();
                checks.push(format!("rule::not_zero({plain}.to_i32(), {:?}, {at})?;", zero.name()));
            }
            if rules.defined_only {
                checks.push(format!("rule::defined({plain}.is_known(), {at})?;"));
            }
        }
        Kind::Message(inner) if is_ours(inner.full_name()) => checks.push(format!("rule::nested({value}, {at})?;")),
        _ => {}
    }
    Some(checks.join(" ")).filter(|checks| !checks.is_empty())
}

/// The length in bytes, where that is bounded.
fn length(rules: &FieldRules, value: &str, at: &str) -> Option<String> {
    let (min, max) = (rules.min_bytes, rules.max_bytes);
    (max != 0).then(|| format!("rule::bytes({value}.len(), {min}, {max}, {at})?;"))
}

fn oneof_checks(oneof: &OneofDescriptor, options: &Options) -> Vec<String> {
    let (message, path) = (oneof.parent_message(), rust_oneof(oneof));
    let value = format!("self.{}", rust_field(oneof.name()));
    let mut checks = Vec::new();
    if is_required(oneof, options) {
        checks.push(format!("rule::required({value}.is_some(), {})?;", named(message, oneof.name())));
    }
    for field in oneof.fields() {
        let variant = rust_field(&camel(field.name()));
        let given = |check| format!("if let Some({path}::{variant}(item)) = &{value} {{ {check} }}");
        let rules = FieldRules::of(&field, options);
        checks.extend(element(&field, &rules, "item", &named(message, field.name())).map(given));
    }
    checks
}

/// The bound on all texts of a message together.
fn sum_check(message: &MessageDescriptor, max: u32) -> String {
    let length = |field: FieldDescriptor| {
        let value = format!("self.{}", rust_field(field.name()));
        if field.is_list() {
            format!("{value}.iter().map(|t| t.len()).sum::<usize>()")
        } else {
            format!("{value}.len()")
        }
    };
    let lengths: Vec<String> = summed(message).map(length).collect();
    format!("rule::sum({}, {max}, {:?})?;", lengths.join(" + "), shown(message))
}
