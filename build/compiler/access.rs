//! Who may call an RPC: `(zitadel.v1.auth_option)`.

use std::collections::BTreeSet;

use prost_reflect::{FieldDescriptor, MethodDescriptor};

use super::error::Problem;
use super::names::camel;
use super::options::{Options, flag, given, text};
use super::rest::is_plain_text;
use super::source::Placed as _;

/// What a caller must hold.
pub enum Permission {
    /// No token.
    Public,
    /// Any valid token.
    Authenticated,
    /// A role that gives this permission.
    Named(String),
    /// The same where the addressed object belongs.
    OfOwner(String),
}

/// Who may call an RPC.
pub struct Access {
    /// What the caller must hold.
    pub permission: Permission,
    /// The field that roles limited to one project are compared with.
    pub context: Option<FieldDescriptor>,
}

/// Whether an RPC makes something new each time it is called, as its name says: an object, a key, a secret.
pub fn creates(name: &str) -> bool {
    const WORDS: [&str; 5] = ["Add", "BulkAdd", "Create", "Generate", "Regenerate"];
    WORDS.iter().any(|word| name.strip_prefix(word).is_some_and(|rest| rest.starts_with(char::is_uppercase)))
}

/// The permissions that a list of roles gives; a line is a role, a colon and its permissions.
pub fn permissions(roles: &str) -> BTreeSet<&str> {
    let lines = roles.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(':')).flat_map(|(_, all)| all.split_whitespace()).collect()
}

/// Reads who may call.
///
/// # Errors
/// It is not said, no role gives the permission, or there is no such field.
pub fn read(method: &MethodDescriptor, options: &Options, roles: &BTreeSet<&str>) -> Result<Access, Problem> {
    let known = ["permission", "check_field_name", "of_owner"];
    let Some(option) = given(method, &method.options(), &options.auth, &known)? else {
        return Err(method.problem(format!(
            "say who may call {}: option (zitadel.v1.auth_option) = {{permission: \"...\"}} with the name of a \
             permission, \"authenticated\" or \"public\"",
            method.name()
        )));
    };
    let wrong = |what: String| method.problem_in(&options.auth, what);
    let permission = match text(&option, "permission").as_str() {
        "public" => Permission::Public,
        "authenticated" => Permission::Authenticated,
        name if roles.contains(name) && flag(&option, "of_owner") => Permission::OfOwner(name.to_owned()),
        name if roles.contains(name) => Permission::Named(name.to_owned()),
        name => return Err(wrong(format!("no role of roles.txt gives the permission {name:?}"))),
    };
    if flag(&option, "of_owner") && !matches!(permission, Permission::OfOwner(_)) {
        return Err(wrong("of_owner says nothing without a permission; leave it out".to_owned()));
    }
    let name = text(&option, "check_field_name");
    if name.is_empty() {
        return Ok(Access { permission, context: None });
    }
    if !matches!(permission, Permission::Named(_)) {
        return Err(wrong("check_field_name says nothing without a permission; leave it out".to_owned()));
    }
    let context = method.input().fields().find(|field| camel(field.name()) == name && is_plain_text(field));
    match context {
        Some(field) => Ok(Access { permission, context: Some(field) }),
        None => Err(wrong(format!("check_field_name: {} has no text field {name}", method.input().name()))),
    }
}
