//! Identifiers that callers choose.

use super::Deps;
use crate::error::{Code, Error, Result};

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
    check_signs(id, field)?;
    if is_given(deps, id).await? {
        return Err(refused(
            "numbers like this are ids that the server gives; leave it out, or choose one with a letter",
        ));
    }
    Ok(())
}

fn check_signs(id: &str, field: &str) -> Result<()> {
    let safe = |c: char| c.is_ascii_alphanumeric() || "._@:+=~-".contains(c);
    if !id.chars().all(safe) {
        let text = format!("invalid {field}: use letters, digits and . _ @ : + = ~ - only");
        return Err(Error::native(Code::InvalidArgument, text));
    }
    // What paths and lists of fixed routes mean otherwise, and the name under which the server acts.
    if id.starts_with(['.', '_']) || id.eq_ignore_ascii_case("system") {
        let text = format!("invalid {field}: begin with neither . nor _, and choose another one than system");
        return Err(Error::native(Code::InvalidArgument, text));
    }
    Ok(())
}

/// Whether one of these is a number that the server gives, or may give some day: what a caller chooses must not look
/// like it. Ids stand in tokens, and one that is given twice opens the door for somebody else (RFC 9700, section 4.15).
pub(super) async fn is_given(deps: &Deps, text: &str) -> Result<bool> {
    if !number(text) {
        return Ok(false);
    }
    let first = deps.store.instance().await?.map(|i| i.instance_id).unwrap_or_default();
    Ok((text.len(), text) >= (first.len(), first.as_str()))
}

/// A number without a leading zero, as ids are.
fn number(text: &str) -> bool {
    !text.starts_with('0') && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
