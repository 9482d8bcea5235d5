//! Identifiers that callers choose.

use super::Deps;
use crate::error::{Code, Error, Result};
use crate::store::StoreError;

/// Whether this can be an id that a caller chooses: letters, digits and a few signs, nothing that paths and the server
/// itself use, and no number that the server gives.
///
/// # Errors
/// Code 3, which names the field, for signs; `refused` with a text for numbers of the server.
pub(super) async fn check(
    deps: &Deps,
    id: &str,
    field: &'static str,
    refused: impl FnOnce(&'static str) -> Error,
) -> Result<()> {
    if let Some(why) = signs(id) {
        return Err(Error::native(Code::InvalidArgument, format!("invalid {field}: {why}")));
    }
    if is_given(deps, id).await? {
        return Err(refused(GIVEN));
    }
    Ok(())
}

/// Why an id cannot be a number that the server gives, or may give.
pub(super) const GIVEN: &str =
    "numbers like this are ids that the server gives; leave it out, or choose one with a letter";

/// The chosen id of a key or token is used, or cannot be used.
pub(super) fn used(why: &'static str) -> Error {
    Error::native(Code::AlreadyExists, why)
}

/// The same, where the store found it so.
pub(super) fn taken(error: StoreError) -> Error {
    match error {
        StoreError::Taken => used("There is a key or token with this id, or this token; choose another id"),
        other => other.into(),
    }
}

/// Why the signs of a text make no id, if so.
pub(super) fn signs(id: &str) -> Option<&'static str> {
    let safe = |c: char| c.is_ascii_alphanumeric() || "._@:+=~-".contains(c);
    if !id.chars().all(safe) {
        return Some("use letters, digits and . _ @ : + = ~ - only");
    }
    // What paths and lists of fixed routes mean otherwise, and the name under which the server acts.
    (id.starts_with(['.', '_']) || id.eq_ignore_ascii_case("system"))
        .then_some("begin with neither . nor _, and choose another one than system")
}

/// Whether one of these is a number that the server gives, or may give some day: what a caller chooses must not look
/// like it. Ids stand in tokens, and one that is given twice opens the door for somebody else (RFC 9700, section 4.15).
pub(super) async fn is_given(deps: &Deps, text: &str) -> Result<bool> {
    if !number(text) {
        return Ok(false);
    }
    let first = deps.store.instance().await?.map(|i| i.instance_id).unwrap_or_default();
    Ok(like_given(text, &first))
}

/// Whether a text looks like a number of a server whose first one is this.
pub(super) fn like_given(text: &str, first: &str) -> bool {
    number(text) && (text.len(), text) >= (first.len(), first)
}

/// A number without a leading zero, as ids are.
fn number(text: &str) -> bool {
    !text.starts_with('0') && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
