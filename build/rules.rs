//! Writes `rules.rs`: the field rules of contract 1.3 as one `Validate` implementation per message,
//! from the options `(zitadel.v1.rules)`, `(zitadel.v1.oneof_rules)` and `(zitadel.v1.message_rules)`.

use std::error::Error;
use std::fmt::Write as _;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor,
    OneofDescriptor, Value,
};

use crate::bounds;
use crate::rpc::rust_field;
use crate::{camel, messages, rust_path};

/// The whole of `rules.rs`.
pub fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let rules = pool.get_extension_by_name("zitadel.v1.rules").ok_or("no option zitadel.v1.rules")?;
    let oneofs = pool.get_extension_by_name("zitadel.v1.oneof_rules").ok_or("no option zitadel.v1.oneof_rules")?;
    let sums = pool.get_extension_by_name("zitadel.v1.message_rules").ok_or("no option zitadel.v1.message_rules")?;
    bounds::check(pool, &rules)?;
    let mut out = String::new();
    for message in messages(pool) {
        let mut body = String::new();
        for field in message.fields().filter(|f| real_oneof(f).is_none()) {
            field_rules(&mut body, &message, &field, &rules)?;
        }
        for oneof in message.oneofs().filter(|o| !synthetic(o)) {
            oneof_rules(&mut body, &message, &oneof, &rules, &oneofs)?;
        }
        sum_rule(&mut body, &message, &sums)?;
        writeln!(out, "impl Validate for {} {{", rust_path(&message))?;
        writeln!(out, "    fn validate(&self) -> Result<(), Violation> {{\n{body}        Ok(())\n    }}\n}}")?;
    }
    Ok(out)
}

fn field_rules(
    out: &mut String,
    message: &MessageDescriptor,
    field: &FieldDescriptor,
    rules: &ExtensionDescriptor,
) -> Result<(), Box<dyn Error>> {
    let at = format!("{:?}, &{:?}", message.name(), camel(field.name()));
    let value = format!("self.{}", rust_field(field.name()));
    if field.is_list() {
        let (min, max) = (number(field, rules, "min_items"), number(field, rules, "max_items"));
        if max != 0 {
            writeln!(out, "        rule::items({value}.len(), {min}, {max}, {at})?;")?;
        }
        if let Some(check) = element(
            field,
            rules,
            "item",
            &format!("{:?}, &format_args!(\"{}[{{i}}]\")", message.name(), camel(field.name())),
        )? {
            writeln!(out, "        for (i, item) in {value}.iter().enumerate() {{ {check} }}")?;
        }
        return Ok(());
    }
    if field.field_descriptor_proto().proto3_optional() {
        if let Some(check) = element(field, rules, "item", &at)? {
            writeln!(out, "        if let Some(item) = &{value} {{ {check} }}")?;
        }
        return Ok(());
    }
    if let Kind::Message(inner) = field.kind() {
        if required(field, rules) {
            writeln!(out, "        rule::required({value}.is_set(), {at})?;")?;
        }
        if inner.full_name().starts_with("zitadel.") {
            writeln!(out, "        if let Some(item) = {value}.as_option() {{ rule::nested(item, {at})?; }}")?;
        }
        return Ok(());
    }
    if let Some(check) = element(field, rules, &format!("&{value}"), &at)? {
        writeln!(out, "        {check}")?;
    }
    Ok(())
}

/// The check of one value that is not behind a message field of its own, or none if it has no rule.
fn element(
    field: &FieldDescriptor,
    rules: &ExtensionDescriptor,
    value: &str,
    at: &str,
) -> Result<Option<String>, Box<dyn Error>> {
    let mut out = String::new();
    match field.kind() {
        Kind::String => {
            let (min, max) = (number(field, rules, "min_len"), number(field, rules, "max_len"));
            write!(out, "rule::text({value}, {min}, {max}, {at})?;")?;
            length(&mut out, field, rules, value, at)?;
        }
        Kind::Bytes => length(&mut out, field, rules, value, at)?,
        Kind::Enum(kind) => {
            // Methods borrow by themselves.
            let plain = value.trim_start_matches('&');
            if flag(field, rules, "not_zero") {
                let zero = kind.get_value(0).ok_or("enum without a zero")?.name().to_owned();
                write!(out, "rule::not_zero({plain}.to_i32(), {zero:?}, {at})?; ")?;
            }
            if flag(field, rules, "defined_only") {
                write!(out, "rule::defined({plain}.is_known(), {at})?;")?;
            }
        }
        Kind::Message(inner) if inner.full_name().starts_with("zitadel.") => {
            write!(out, "rule::nested({value}, {at})?;")?;
        }
        _ => {}
    }
    Ok(Some(out).filter(|o| !o.is_empty()))
}

/// The length in bytes, where that is bounded.
fn length(
    out: &mut String,
    field: &FieldDescriptor,
    rules: &ExtensionDescriptor,
    value: &str,
    at: &str,
) -> Result<(), Box<dyn Error>> {
    let max = number(field, rules, "max_bytes");
    if max != 0 {
        write!(out, "rule::bytes({}.len(), {max}, {at})?;", value.trim_start_matches('&'))?;
    }
    Ok(())
}

/// The bound on all texts of a message together, if it has one. Fields of a oneof do not count.
fn sum_rule(out: &mut String, message: &MessageDescriptor, sums: &ExtensionDescriptor) -> Result<(), Box<dyn Error>> {
    if !message.options().has_extension(sums) {
        return Ok(());
    }
    let Value::Message(rule) = message.options().get_extension(sums).into_owned() else { return Ok(()) };
    let max = rule.get_field_by_name("max_bytes").and_then(|v| v.as_u32()).unwrap_or(0);
    let texts =
        message.fields().filter(|f| f.containing_oneof().is_none() && matches!(f.kind(), Kind::String | Kind::Bytes));
    let lengths: Vec<String> = texts
        .map(|field| {
            let value = format!("self.{}", rust_field(field.name()));
            if field.is_list() {
                format!("{value}.iter().map(|t| t.len()).sum::<usize>()")
            } else {
                format!("{value}.len()")
            }
        })
        .collect();
    writeln!(out, "        rule::sum({}, {max}, {:?})?;", lengths.join(" + "), message.name())?;
    Ok(())
}

fn oneof_rules(
    out: &mut String,
    message: &MessageDescriptor,
    oneof: &OneofDescriptor,
    rules: &ExtensionDescriptor,
    oneofs: &ExtensionDescriptor,
) -> Result<(), Box<dyn Error>> {
    let value = format!("self.{}", rust_field(oneof.name()));
    let at = format!("{:?}, &{:?}", message.name(), camel(oneof.name()));
    if oneof.options().has_extension(oneofs)
        && let Value::Message(rule) = oneof.options().get_extension(oneofs).as_ref()
        && bool_of(rule, "required")
    {
        writeln!(out, "        rule::required({value}.is_some(), {at})?;")?;
    }
    let module = format!("crate::proto::{}", rust_oneof(message, oneof));
    for field in oneof.fields() {
        let at = format!("{:?}, &{:?}", message.name(), camel(field.name()));
        if let Some(check) = element(&field, rules, "item", &at)? {
            writeln!(out, "        if let Some({module}::{}(item)) = &{value} {{ {check} }}", camel(field.name()))?;
        }
    }
    Ok(())
}

/// Path of the enum that buffa makes for a oneof.
fn rust_oneof(message: &MessageDescriptor, oneof: &OneofDescriptor) -> String {
    let package = message.package_name().replace('.', "::");
    format!("{package}::__buffa::oneof::{}::{}", snake(message.name()), camel(oneof.name()))
}

/// Name of the module that buffa makes for what is inside a message.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (i, c) in chars.iter().enumerate() {
        let after_lower = i > 0 && (chars[i - 1].is_lowercase() || chars[i - 1].is_ascii_digit());
        let before_lower = i > 0 && chars.get(i + 1).is_some_and(|n| n.is_lowercase());
        if c.is_uppercase() && (after_lower || (before_lower && !out.ends_with('_'))) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

fn synthetic(oneof: &OneofDescriptor) -> bool {
    oneof.fields().all(|f| f.field_descriptor_proto().proto3_optional())
}

fn real_oneof(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field.containing_oneof().filter(|o| !synthetic(o))
}

fn rule_of(field: &FieldDescriptor, rules: &ExtensionDescriptor) -> Option<DynamicMessage> {
    let options = field.options();
    if !options.has_extension(rules) {
        return None;
    }
    match options.get_extension(rules).as_ref() {
        Value::Message(message) => Some(message.clone()),
        _ => None,
    }
}

/// A number of the rules of a field; 0 if it is not given.
pub fn number(field: &FieldDescriptor, rules: &ExtensionDescriptor, name: &str) -> u32 {
    rule_of(field, rules).and_then(|r| r.get_field_by_name(name).and_then(|v| v.as_u32())).unwrap_or(0)
}

fn flag(field: &FieldDescriptor, rules: &ExtensionDescriptor, name: &str) -> bool {
    rule_of(field, rules).is_some_and(|r| bool_of(&r, name))
}

fn required(field: &FieldDescriptor, rules: &ExtensionDescriptor) -> bool {
    field.cardinality() != Cardinality::Repeated && flag(field, rules, "required")
}

fn bool_of(message: &DynamicMessage, name: &str) -> bool {
    message.get_field_by_name(name).and_then(|v| v.as_bool()).unwrap_or(false)
}
