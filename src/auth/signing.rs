//! The server's own signing keys: made at the first start, kept encrypted in the database, shared by
//! all replicas (contract, `oauth.md` 1.4).
//!
//! There is always one key that signs and one that is published in advance, so that clients which keep
//! the key set for a while know a key before it signs anything. Keys that signed once stay in the set
//! until nothing they signed can be valid any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;

use super::ring::{ACTIVE, NEXT, RETIRED, Ring};
use crate::clock::{Clock, Micros};
use crate::crypto::keypool::KeyPool;
use crate::crypto::vault::Vault;
use crate::error::{Error, Result};
use crate::ids::Ids;
use crate::store::{Aggregate, AggregateKind, Event, Recorded, SigningKeyRow, Store, Tx};

/// How old the keys in memory may be: another process may have rotated them.
const FRESH: Duration = Duration::from_millis(500);
/// Editor of the events.
const SYSTEM: &str = "SYSTEM";

/// What the signing keys need.
pub struct Parts {
    /// Where they are kept.
    pub store: Store,
    /// Names them.
    pub ids: Arc<Ids>,
    /// Makes them.
    pub pool: KeyPool,
    /// Encrypts them.
    pub vault: Vault,
    /// Dates their events.
    pub clock: Arc<dyn Clock>,
}

/// The signing keys of the server. Cheap to clone.
#[derive(Clone)]
pub struct SigningKeys(Arc<Inner>);

struct Inner {
    parts: Parts,
    current: Mutex<Option<(Instant, Arc<Ring>)>>,
}

/// What to do with the key that has signed so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldKey {
    /// It goes on verifying what it signed.
    Keep {
        /// For how long a token may live, in microseconds.
        lifetime: Micros,
    },
    /// It is removed: everything it signed is void. For a key that has leaked.
    Revoke,
}

impl SigningKeys {
    /// Signing keys over a store.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, current: Mutex::new(None) }))
    }

    /// Reads the keys that exist. To be called at the start, so that a wrong master key is noticed
    /// before the first token.
    ///
    /// # Errors
    /// They cannot be read with this master key; or the store failed.
    pub async fn check(&self) -> Result<()> {
        let read_at = Instant::now();
        let rows = self.0.parts.store.signing_keys().await?;
        if !rows.is_empty() {
            self.keep(read_at, &rows)?;
        }
        Ok(())
    }

    /// The keys at present; makes them if there are none.
    ///
    /// # Errors
    /// The store failed, or keys cannot be made or read.
    pub async fn ring(&self) -> Result<Arc<Ring>> {
        if let Some((read_at, ring)) = self.current()
            && read_at.elapsed() < FRESH
        {
            return Ok(ring);
        }
        let read_at = Instant::now();
        let mut rows = self.0.parts.store.signing_keys().await?;
        if rows.is_empty() {
            self.make_first().await?;
            rows = self.0.parts.store.signing_keys().await?;
        }
        self.keep(read_at, &rows)
    }

    /// The key set as JSON.
    ///
    /// # Errors
    /// As [`SigningKeys::ring`].
    pub async fn key_set(&self) -> Result<Bytes> {
        Ok(self.ring().await?.key_set())
    }

    /// Opens keys that were just read, unless they are those at hand, and keeps them.
    fn keep(&self, read_at: Instant, rows: &[SigningKeyRow]) -> Result<Arc<Ring>> {
        let ring = match self.current() {
            Some((_, ring)) if ring.is_of(rows) => ring,
            _ => Arc::new(Ring::open(rows, &self.0.parts.vault)?),
        };
        *self.slot() = Some((read_at, Arc::clone(&ring)));
        Ok(ring)
    }

    fn current(&self) -> Option<(Instant, Arc<Ring>)> {
        self.slot().clone()
    }

    fn slot(&self) -> MutexGuard<'_, Option<(Instant, Arc<Ring>)>> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Two keys, unless another replica was faster.
    async fn make_first(&self) -> Result<()> {
        let (first, second) = (self.make(ACTIVE).await?, self.make(NEXT).await?);
        let mut change = self.begin().await?;
        if change.tx.signing_keys().await?.is_empty() {
            change.add(&first).await?;
            change.add(&second).await?;
        }
        // Also when another one was faster: what is read next must show its keys.
        Ok(change.tx.commit().await?)
    }

    /// Lets the key published in advance sign from now on, and publishes another one in advance. Who got
    /// hold of a key may have got hold of all of them, so [`OldKey::Revoke`] leaves none, the announced one
    /// neither: a fresh key signs. Gives the id of the key that signs now.
    ///
    /// # Errors
    /// The store failed, or no key can be made.
    pub async fn rotate(&self, old: OldKey) -> Result<String> {
        if old == OldKey::Revoke {
            return self.replace().await;
        }
        let made = self.make(NEXT).await?;
        self.ring().await?;
        let mut change = self.begin().await?;
        let rows = change.tx.signing_keys().await?;
        let next = rows.iter().find(|k| k.state == NEXT);
        let next = next.ok_or_else(|| Error::internal("no signing key was published in advance"))?.clone();
        for row in rows.iter().filter(|k| k.state != NEXT) {
            change.retire(row, old).await?;
        }
        change.set_state(&next, ACTIVE, "web_key.activated").await?;
        change.add(&made).await?;
        change.tx.commit().await?;
        *self.slot() = None;
        Ok(next.id)
    }

    /// Two fresh keys instead of all there are.
    async fn replace(&self) -> Result<String> {
        let (first, second) = (self.make(ACTIVE).await?, self.make(NEXT).await?);
        let mut change = self.begin().await?;
        for row in change.tx.signing_keys().await? {
            change.retire(&row, OldKey::Revoke).await?;
        }
        change.add(&first).await?;
        change.add(&second).await?;
        change.tx.commit().await?;
        *self.slot() = None;
        Ok(first.id)
    }

    async fn make(&self, state: i64) -> Result<SigningKeyRow> {
        let pair = self.0.parts.pool.take().await?;
        let id = self.0.parts.ids.next();
        let private_key = self.0.parts.vault.seal(&id, &pair.private_der()?)?;
        let changed_at = self.0.parts.clock.now();
        Ok(SigningKeyRow { id, state, public_key: pair.public_der, private_key, changed_at })
    }

    async fn begin(&self) -> Result<Change> {
        let mut tx = self.0.parts.store.write().await?;
        let instance = tx.aggregate_lock(AggregateKind::Instance, "", "").await?;
        let instance = instance.ok_or_else(|| Error::internal("the server has not been set up"))?;
        Ok(Change { tx, instance, now: self.0.parts.clock.now() })
    }
}

/// A change of the keys; the lock on the instance lets one process at a time do so.
struct Change {
    tx: Tx,
    instance: Aggregate,
    now: Micros,
}

impl Change {
    async fn append(&mut self, kind: &'static str, id: &str) -> Result<Recorded> {
        let event = Event::new(kind, json!({"keyId": id}));
        Ok(self.tx.events_append(&mut self.instance, SYSTEM, self.now, &[event]).await?)
    }

    async fn add(&mut self, key: &SigningKeyRow) -> Result<()> {
        let event = self.append("web_key.added", &key.id).await?;
        Ok(self.tx.signing_key_insert(key, &event).await?)
    }

    async fn set_state(&mut self, key: &SigningKeyRow, state: i64, kind: &'static str) -> Result<()> {
        let event = self.append(kind, &key.id).await?;
        Ok(self.tx.signing_key_set_state(&key.id, state, &event).await?)
    }

    /// The key that signed so far only verifies; what has done so long enough goes.
    async fn retire(&mut self, key: &SigningKeyRow, old: OldKey) -> Result<()> {
        let goes = match old {
            OldKey::Revoke => true,
            OldKey::Keep { lifetime } => key.state == RETIRED && key.changed_at + lifetime < self.now,
        };
        if goes {
            let event = self.append("web_key.removed", &key.id).await?;
            Ok(self.tx.signing_key_delete(&key.id, &event).await?)
        } else if key.state == ACTIVE {
            self.set_state(key, RETIRED, "web_key.deactivated").await
        } else {
            Ok(())
        }
    }
}
