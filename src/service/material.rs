//! The material of new keys.

use crate::crypto::keypool::KeyPool;
use crate::crypto::public_key;
use crate::crypto::rsa::KeyPair;
use crate::error::Result;
use crate::place;

/// The pair of a new key: fresh, or the public half of one that only the caller has.
pub(super) enum Material {
    Made(KeyPair),
    Brought(Vec<u8>),
}

impl Material {
    /// The key that a request brings, or a fresh pair if it brings none. Who waits for one holds no place
    /// among the requests in work.
    ///
    /// # Errors
    /// `COMMAND-5F3h1` the key cannot be used, code 8 when too many wait for a pair.
    pub async fn of(brought: &[u8], pool: &KeyPool, org_id: &str) -> Result<Self> {
        if brought.is_empty() {
            return Ok(Self::Made(place::away(pool.take(org_id)).await?));
        }
        Ok(Self::Brought(public_key::read(brought)?))
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn public(&self) -> &[u8] {
        match self {
            Self::Made(pair) => &pair.public_der,
            Self::Brought(der) => der,
        }
    }

    /// The key file of a fresh pair; nothing for a key that the caller brought.
    pub fn file(&self, write: impl FnOnce(&KeyPair) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        match self {
            Self::Made(pair) => write(pair),
            Self::Brought(_) => Ok(Vec::new()),
        }
    }
}
