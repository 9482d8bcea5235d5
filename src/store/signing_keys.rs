//! Keys with which the server signs tokens. Private halves are encrypted before they come here.

use serde::Serialize;
use sqlx::FromRow;

use super::sql::{query, statement};
use super::{Change, Event, EventKind, Recorded, Result, SigningState, Statement, Store, Work};
use crate::clock::Micros;

/// A signing key.
#[derive(Debug, Clone, FromRow)]
pub struct SigningKeyRow {
    /// Identifier, `kid` of what it signs.
    pub id: String,
    /// What it is used for.
    pub state: SigningState,
    /// SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// PKCS#1 DER, encrypted under the master key and the id.
    pub private_key: Vec<u8>,
    /// Time of its making.
    pub created_at: Micros,
    /// Time of the last change of state.
    pub changed_at: Micros,
}

pub(super) const SIGNING_KEYS: &str =
    "SELECT id, state, public_key, private_key, created_at, changed_at FROM signing_keys ORDER BY id";
pub(super) const SIGNING_KEY_INSERT: &str = "INSERT INTO signing_keys \
     (id, state, public_key, private_key, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $5)";
pub(super) const SIGNING_KEY_SET_STATE: &str = "UPDATE signing_keys SET state = $2, changed_at = $3 WHERE id = $1";
pub(super) const SIGNING_KEY_DELETE: &str = "DELETE FROM signing_keys WHERE id = $1";

impl Store {
    /// All signing keys, oldest first.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyRow>> {
        self.rows(&query!(SIGNING_KEYS)).await
    }
}

impl Work {
    /// All signing keys as the unit of work sees them.
    pub async fn signing_keys(&mut self) -> Result<Vec<SigningKeyRow>> {
        self.rows(&query!(SIGNING_KEYS)).await
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Says<'a> {
    key_id: &'a str,
}

/// A new signing key.
#[derive(Debug)]
pub struct SigningKeyAdded<'a>(pub &'a SigningKeyRow);

impl Change for SigningKeyAdded<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::SigningKeyAdded, &Says { key_id: &self.0.id })]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let key = self.0;
        let (public, private) = (key.public_key.as_slice(), key.private_key.as_slice());
        vec![statement!(SIGNING_KEY_INSERT; &key.id, key.state.number(), public, private, event.at)]
    }
}

/// A signing key signs from now on, or only verifies.
#[derive(Debug)]
pub struct SigningKeySwitched<'a> {
    /// Identifier.
    pub id: &'a str,
    /// Its state from now on.
    pub state: SigningState,
}

impl Change for SigningKeySwitched<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = match self.state {
            SigningState::Retired => EventKind::SigningKeyDeactivated,
            SigningState::Active | SigningState::Next => EventKind::SigningKeyActivated,
        };
        vec![Event::new(kind, &Says { key_id: self.id })]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(SIGNING_KEY_SET_STATE; self.id, self.state.number(), event.at)]
    }
}

/// A signing key goes: nothing it signed verifies any more.
#[derive(Debug)]
pub struct SigningKeyRemoved<'a> {
    /// Identifier.
    pub id: &'a str,
}

impl Change for SigningKeyRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::SigningKeyRemoved, &Says { key_id: self.id })]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(SIGNING_KEY_DELETE; self.id)]
    }
}
