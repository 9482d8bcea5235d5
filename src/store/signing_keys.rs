//! Keys with which the server signs tokens. Private halves are encrypted before they come here.

use sqlx::FromRow;

use super::{Recorded, Result, Store, Tx, on};
use crate::clock::Micros;

/// A signing key.
#[derive(Debug, Clone, FromRow)]
pub struct SigningKeyRow {
    /// Identifier, `kid` of what it signs.
    pub id: String,
    /// 1 published in advance, 2 signs, 3 only verifies.
    pub state: i64,
    /// SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// PKCS#1 DER, encrypted under the master key and the id.
    pub private_key: Vec<u8>,
    /// Time of the last change of state.
    pub changed_at: Micros,
}

pub(super) const SIGNING_KEYS: &str =
    "SELECT id, state, public_key, private_key, changed_at FROM signing_keys ORDER BY id";
pub(super) const SIGNING_KEY_INSERT: &str = "INSERT INTO signing_keys \
     (id, state, public_key, private_key, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $5)";
pub(super) const SIGNING_KEY_SET_STATE: &str = "UPDATE signing_keys SET state = $2, changed_at = $3 WHERE id = $1";
pub(super) const SIGNING_KEY_DELETE: &str = "DELETE FROM signing_keys WHERE id = $1";

impl Store {
    /// All signing keys, oldest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyRow>> {
        Ok(on!(&self.read, c => sqlx::query_as(SIGNING_KEYS).fetch_all(c).await)?)
    }
}

impl Tx {
    /// All signing keys as the transaction sees them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn signing_keys(&mut self) -> Result<Vec<SigningKeyRow>> {
        Ok(on!(&mut self.0, c => sqlx::query_as(SIGNING_KEYS).fetch_all(&mut **c).await)?)
    }

    /// A new signing key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn signing_key_insert(&mut self, key: &SigningKeyRow, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(SIGNING_KEY_INSERT)
            .bind(&key.id).bind(key.state).bind(&key.public_key).bind(&key.private_key).bind(event.at)
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Sets the state of a signing key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn signing_key_set_state(&mut self, id: &str, state: i64, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(SIGNING_KEY_SET_STATE)
            .bind(id).bind(state).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Removes a signing key: nothing it signed verifies any more.
    ///
    /// # Errors
    /// The store failed.
    pub async fn signing_key_delete(&mut self, id: &str, _event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(SIGNING_KEY_DELETE).bind(id).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}
