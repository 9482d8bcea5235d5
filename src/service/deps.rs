//! What service functions work with.

use std::sync::Arc;

use crate::crypto::keypool::KeyPool;
use crate::env::Env;
use crate::store::Store;

/// What service functions work with.
#[derive(Clone)]
pub struct Deps {
    pub store: Store,
    /// Time, randomness, identifiers.
    pub env: Env,
    pub keys: KeyPool,
    /// Domain under which organizations get theirs: the host of the issuer.
    pub domain: Arc<str>,
}
