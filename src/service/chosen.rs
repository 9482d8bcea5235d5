//! Identifiers and names that callers choose.

use super::Deps;
use crate::error::{Code, Error, Result};

/// Letters, digits and a few signs, and nothing that paths and the server itself use.
///
/// # Errors
/// Code 3 for anything else.
pub(super) fn check_id(id: &str) -> Result<()> {
    let safe = |c: char| c.is_ascii_alphanumeric() || "._@:+=~-".contains(c);
    if !id.chars().all(safe) {
        let text = "invalid id: use letters, digits and . _ @ : + = ~ - only";
        return Err(Error::native(Code::InvalidArgument, text));
    }
    // What paths and lists of fixed routes mean otherwise, and the name under which the server acts.
    if id.starts_with(['.', '_']) || id.eq_ignore_ascii_case("system") {
        let text = "invalid id: begin with neither . nor _, and choose another one than system";
        return Err(Error::native(Code::InvalidArgument, text));
    }
    Ok(())
}

/// Whether a text looks like what the server gives out: ids stand in tokens, and one that is given twice opens the door
/// for somebody else (RFC 9700, section 4.15).
///
/// # Errors
/// The store failed.
pub(super) async fn looks_given(deps: &Deps, text: Option<&str>) -> Result<bool> {
    let Some(text) = text.filter(|text| number(text)) else { return Ok(false) };
    let first = deps.store.instance().await?.map(|i| i.instance_id).unwrap_or_default();
    Ok((text.len(), text) >= (first.len(), first.as_str()))
}

/// A number without a leading zero, as ids are.
fn number(text: &str) -> bool {
    !text.starts_with('0') && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
