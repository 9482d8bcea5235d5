//! Answers of introspection that are kept for a moment.

use bytes::Bytes;

use crate::clock::Micros;
use crate::store::Heap;

/// An answer that stays the same until the token ends.
pub(super) struct Active {
    pub body: Bytes,
    pub expires_at: Micros,
    pub is_pat: bool,
}

impl Heap for Active {
    fn heap(&self) -> usize {
        self.body.len()
    }
}
