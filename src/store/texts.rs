//! Texts as they are stored: names in lower case, and lists.

use super::{Result, StoreError};

/// Lower case as names are compared (contract 1.11); made in Rust so that both engines agree.
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// A list as it is stored.
pub(super) fn json<T: serde::Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).unwrap_or_default()
}

/// Names as stored: role keys of a grant, roles of a membership.
///
/// # Errors
/// The stored text is no list.
pub fn names(stored: &str) -> Result<Vec<String>> {
    serde_json::from_str(stored).map_err(|_| StoreError::Inconsistent("a list of names"))
}
