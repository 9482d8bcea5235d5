//! The options of the contract, and how to read them.

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, Value};

use super::error::Problem;
use super::source::Placed;

/// All options that this compiler understands.
pub struct Options {
    /// `google.api.http`: the REST route of an RPC.
    pub http: ExtensionDescriptor,
    /// The status of success of that route.
    pub http_success: ExtensionDescriptor,
    /// Who may call.
    pub auth: ExtensionDescriptor,
    /// Where a service is found.
    pub service: ExtensionDescriptor,
    /// Rules of a field.
    pub rules: ExtensionDescriptor,
    /// Rules of a oneof.
    pub oneof_rules: ExtensionDescriptor,
    /// Rules of a message.
    pub message_rules: ExtensionDescriptor,
}

impl Options {
    /// The options that the contract defines.
    ///
    /// # Errors
    /// One is not defined.
    pub fn of(pool: &DescriptorPool) -> Result<Self, Problem> {
        let find = |name: &str| {
            let missing = || Problem {
                file: "zitadel/options.proto".to_owned(),
                line: 0,
                what: format!("the option {name} is not defined"),
            };
            pool.get_extension_by_name(name).ok_or_else(missing)
        };
        Ok(Self {
            http: find("google.api.http")?,
            http_success: find("zitadel.v1.http_success")?,
            auth: find("zitadel.v1.auth_option")?,
            service: find("zitadel.v1.service")?,
            rules: find("zitadel.v1.rules")?,
            oneof_rules: find("zitadel.v1.oneof_rules")?,
            message_rules: find("zitadel.v1.message_rules")?,
        })
    }
}

/// Refuses options that the compiler would pass over.
///
/// # Errors
/// One is not among `known` and does not only mark something as deprecated.
pub fn only(at: &impl Placed, options: &DynamicMessage, known: &[&ExtensionDescriptor]) -> Result<(), Problem> {
    if let Some((option, _)) = options.extensions().find(|(option, _)| !known.contains(&option)) {
        let what = format!("the option ({}) is not understood here; leave it out", option.full_name());
        return Err(at.problem_in(&option, what));
    }
    match options.fields().find(|(field, _)| field.name() != "deprecated") {
        Some((field, _)) => Err(
            at.problem_at(field.number(), format!("the option {} is not understood here; leave it out", field.name()))
        ),
        None => Ok(()),
    }
}

/// The value of an option whose type is a message, if it is given.
///
/// # Errors
/// It holds a field that is not among `known`, or is given in pieces.
pub fn given(
    at: &impl Placed,
    options: &DynamicMessage,
    option: &ExtensionDescriptor,
    known: &[&str],
) -> Result<Option<DynamicMessage>, Problem> {
    let Some(message) = value(options, option) else { return Ok(None) };
    if at.statements(option) > 1 {
        return Err(at.problem_in(option, format!("({}) is given in pieces; write one {{...}}", option.full_name())));
    }
    if let Some((field, _)) = message.fields().find(|(field, _)| !known.contains(&field.name())) {
        let what = format!("({}).{} is not understood; leave it out", option.full_name(), field.name());
        return Err(at.problem_in(option, what));
    }
    Ok(Some(message))
}

/// The same for an option that was looked at before.
pub fn value(options: &DynamicMessage, option: &ExtensionDescriptor) -> Option<DynamicMessage> {
    if !options.has_extension(option) {
        return None;
    }
    match options.get_extension(option).as_ref() {
        Value::Message(message) => Some(message.clone()),
        _ => None,
    }
}

/// A text of an option; empty if it is not given.
pub fn text(message: &DynamicMessage, field: &str) -> String {
    message.get_field_by_name(field).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A number of an option; 0 if it is not given.
pub fn number(message: &DynamicMessage, field: &str) -> u32 {
    message.get_field_by_name(field).and_then(|v| v.as_u32()).unwrap_or(0)
}

/// A flag of an option; false if it is not given.
pub fn flag(message: &DynamicMessage, field: &str) -> bool {
    message.get_field_by_name(field).and_then(|v| v.as_bool()).unwrap_or(false)
}
