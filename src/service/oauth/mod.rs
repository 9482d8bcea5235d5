//! What the keys are for: introspection, machine tokens, discovery (contract, `oauth.md`).

mod assertion;
mod claims;
mod client;
mod discovery;
mod error;
mod grants;
mod introspection;
mod machine;
mod revocation;
mod userinfo;

pub use discovery::{Discovery, Issuer};
pub use error::{OAuthError, Outcome};
pub use grants::{TokenAnswer, TokenRequest};
pub use introspection::Introspection;

use super::Deps;
use crate::auth::{SigningKeys, Usage};
use crate::clock::Micros;
use crate::store::Cache;
use client::Client;
use introspection::Active;

/// Bytes of memory for clients: some five thousand.
const CLIENTS: u64 = 6 << 20;
/// Bytes of memory for answers of introspection: some eight thousand.
const ANSWERS: u64 = 8 << 20;

/// What the OAuth endpoints need beside the store.
pub struct Parts {
    /// Store, time, randomness, ids.
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

/// The OAuth endpoints.
pub struct OAuth {
    parts: Parts,
    clients: Cache<(String, String), Client>,
    answers: Cache<([u8; 32], String), Active>,
}

/// How a client authenticates, as it stands in the request; what is absent is empty.
#[derive(Default)]
pub struct Credentials {
    /// `client_id`, or the first half of Basic.
    pub client_id: String,
    /// `client_secret`, or the second half of Basic.
    pub client_secret: String,
    /// `client_assertion_type`.
    pub assertion_type: String,
    /// `client_assertion`.
    pub assertion: String,
    /// Name and secret came by Basic.
    pub basic: bool,
}

impl Credentials {
    /// The one answer to a client that does not prove itself at the token and revocation endpoints.
    fn refused(&self) -> OAuthError {
        let error =
            OAuthError::invalid_client("client authentication failed: unknown client, or wrong or missing secret");
        if self.basic { error.challenged() } else { error }
    }
}

impl OAuth {
    /// The endpoints.
    pub fn new(parts: Parts) -> Self {
        let store = &parts.deps.store;
        Self { clients: Cache::new(store, CLIENTS), answers: Cache::new(store, ANSWERS), parts }
    }

    /// The key set (RFC 7517, section 5) as JSON.
    ///
    /// # Errors
    /// The store failed.
    pub async fn key_set(&self) -> Outcome<bytes::Bytes> {
        Ok(self.parts.signing.key_set().await?)
    }

    /// The discovery document.
    pub fn discovery(&self) -> &Discovery {
        self.parts.issuer.discovery()
    }

    fn now(&self) -> Micros {
        self.parts.deps.env.clock.now()
    }
}
