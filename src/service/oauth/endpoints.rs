//! What the functions of all endpoints work with.

use super::active::Active;
use super::client::Client;
use super::{Discovery, Issuer, OAuthResult};
use crate::auth::{SigningKeys, Usage};
use crate::clock::Micros;
use crate::service::Deps;
use crate::store::Cache;

/// Bytes of memory for clients: some five thousand.
const CLIENTS: u64 = 6 << 20;
/// Bytes of memory for answers of introspection: some eight thousand.
const ANSWERS: u64 = 8 << 20;

/// What the OAuth endpoints need beside the store.
pub struct Parts {
    /// Store, time, randomness, identifiers.
    pub deps: Deps,
    /// Signs and verifies.
    pub signing: SigningKeys,
    /// Notes which credentials are used.
    pub usage: Usage,
    /// Who we are.
    pub issuer: Issuer,
    /// The project of the management API itself, `zitadel` in scopes.
    pub project_id: String,
    /// Life time of access tokens in microseconds.
    pub access_lifetime: Micros,
    /// Life time of ID tokens in microseconds.
    pub id_lifetime: Micros,
}

pub struct OAuth {
    pub(super) parts: Parts,
    pub(super) clients: Cache<(String, String), Client>,
    pub(super) answers: Cache<([u8; 32], String), Active>,
}

impl OAuth {
    pub fn new(parts: Parts) -> Self {
        let store = &parts.deps.store;
        Self { clients: Cache::new(store, CLIENTS), answers: Cache::new(store, ANSWERS), parts }
    }

    /// The key set (RFC 7517, section 5) as JSON.
    pub async fn key_set(&self) -> OAuthResult<bytes::Bytes> {
        Ok(self.parts.signing.key_set().await?)
    }

    pub fn discovery(&self) -> &Discovery {
        self.parts.issuer.discovery()
    }

    pub(super) fn now(&self) -> Micros {
        self.parts.deps.env.clock.now()
    }
}
