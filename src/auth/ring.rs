//! The signing keys as they are used: one that signs, all that verify, and the key set that clients
//! fetch (RFC 7517, section 5).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::crypto::jws::{Signer, Use, Verifier};
use crate::crypto::vault::Vault;
use crate::error::{Error, Result};
use crate::store::{Heap, SigningKeyRow, SigningState};

/// The signing keys of one moment.
pub struct Ring {
    signer: Option<Signer>,
    verifiers: Vec<(String, SigningState, Verifier)>,
    key_set: Bytes,
}

impl Ring {
    /// Decrypts and prepares keys.
    ///
    /// # Errors
    /// A key was encrypted under another master key, or is broken.
    pub(super) fn open(rows: &[SigningKeyRow], vault: &Vault) -> Result<Self> {
        let mut ring = Self { signer: None, verifiers: Vec::new(), key_set: Bytes::new() };
        let mut published = Vec::with_capacity(rows.len());
        for row in rows {
            let private = vault.open(&row.id, &row.private_key).ok_or_else(other_master_key)?;
            if row.state == SigningState::Active {
                ring.signer = Some(Signer::new(&row.id, &private)?);
            }
            let verifier = Verifier::new(&row.public_key);
            let verifier = verifier.ok_or_else(|| Error::internal("a signing key of the server is broken"))?;
            ring.verifiers.push((row.id.clone(), row.state, verifier));
            published.push(jwk(row)?);
        }
        ring.key_set = serde_json::to_vec(&json!({"keys": published})).map_err(Error::internal)?.into();
        Ok(ring)
    }

    /// Whether these rows are the keys of this ring.
    pub(super) fn is_of(&self, rows: &[SigningKeyRow]) -> bool {
        self.verifiers.iter().map(|(id, state, _)| (id, *state)).eq(rows.iter().map(|row| (&row.id, row.state)))
    }

    /// Signs with the active key.
    ///
    /// # Errors
    /// The key is broken.
    pub fn sign<T: Serialize>(&self, what: Use, claims: &T) -> Result<String> {
        self.signer.as_ref().ok_or_else(|| Error::internal("no signing key is active"))?.sign(what, claims)
    }

    /// Whether one of the keys has this id.
    pub(super) fn has(&self, kid: &str) -> bool {
        self.verifiers.iter().any(|(id, ..)| id == kid)
    }

    /// What a token claims that the key with this id signed.
    pub fn verify<T: DeserializeOwned>(&self, kid: &str, token: &str) -> Option<T> {
        let (_, _, verifier) = self.verifiers.iter().find(|(id, ..)| id == kid)?;
        verifier.verify(token)
    }

    /// The key set as JSON.
    pub fn key_set(&self) -> Bytes {
        self.key_set.clone()
    }
}

/// Keys of this size take about so much in all their forms.
const KEY: usize = 8 << 10;

impl Heap for Ring {
    fn heap(&self) -> usize {
        self.verifiers.len() * KEY + self.key_set.len()
    }
}

fn jwk(row: &SigningKeyRow) -> Result<Value> {
    let key = RsaPublicKey::from_public_key_der(&row.public_key).map_err(Error::internal)?;
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (n, e) = (text(&key.n_bytes()), text(&key.e_bytes()));
    Ok(json!({"use": "sig", "kty": "RSA", "kid": row.id, "alg": "RS256", "n": n, "e": e}))
}

fn other_master_key() -> Error {
    Error::internal(
        "the signing keys in the database are encrypted under another master key; give every replica the same \
         CLAVIGER_MASTER_KEY or the same master.key file",
    )
}
