//! The server's own signing keys: made at the first start, kept encrypted in the database, shared by
//! all replicas (contract, `oauth.md` 1.4).
//!
//! There is always one key that signs, and one that is published in advance unless somebody has activated or deleted it,
//! so that clients which keep the key set for a while know a key before it signs anything. Keys that signed once stay in
//! the set until a rotation finds that nothing they signed can be valid any more, or somebody deletes them
//! (`service::web_keys`).

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::names::can_name;
use super::ring::Ring;
use crate::clock::Micros;
use crate::crypto::keypool::KeyPool;
use crate::crypto::rsa::KeyPair;
use crate::crypto::vault::Vault;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::store::{
    Actor, AggregateKind, Alone, Answer, Cache, Found, Held, SigningKeyAdded, SigningKeyRemoved, SigningKeyRow,
    SigningKeySwitched, SigningState, Store, Verdict, Work,
};

/// Bytes of memory for the keys: there is one answer, of a few keys.
const REMEMBERED: u64 = 1 << 20;
/// Editor of the events.
const SYSTEM: &str = "SYSTEM";

/// What the signing keys need.
pub struct Parts {
    /// Where they are kept.
    pub store: Store,
    /// Names them and dates their events.
    pub env: Env,
    /// Makes them.
    pub pool: KeyPool,
    /// Encrypts them.
    pub vault: Vault,
}

/// The signing keys of the server. Cheap to clone.
#[derive(Clone)]
pub struct SigningKeys(Arc<Inner>);

struct Inner {
    parts: Parts,
    rings: Cache<(), Arc<Ring>>,
    /// The keys opened last, however old: the same ones need not be opened again.
    opened: Mutex<Option<Arc<Ring>>>,
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
        let rings = Cache::new(&parts.store, REMEMBERED);
        Self(Arc::new(Inner { parts, rings, opened: Mutex::new(None) }))
    }

    /// Reads the keys that exist. To be called at the start, so that a wrong master key is noticed
    /// before the first token.
    ///
    /// # Errors
    /// They cannot be read with this master key; or the store failed.
    pub async fn check(&self) -> Result<()> {
        let rows = self.0.parts.store.signing_keys().await?;
        if !rows.is_empty() {
            self.open(&rows)?;
        }
        Ok(())
    }

    /// The keys at present; makes them if there are none.
    ///
    /// # Errors
    /// The store failed, or keys cannot be made or read.
    pub async fn ring(&self) -> Result<Arc<Ring>> {
        let ring = self.0.rings.get((), || self.read()).await?;
        let ring = ring.ok_or_else(|| Error::internal("there are always signing keys"))?;
        Ok(Arc::clone(&ring))
    }

    /// The keys at present, if one of them has this id: another process may have made it just now.
    ///
    /// # Errors
    /// As [`SigningKeys::ring`].
    pub(super) async fn ring_with(&self, kid: &str) -> Result<Option<Arc<Answer<Arc<Ring>>>>> {
        if !can_name(kid) {
            return Ok(None);
        }
        let judge = |ring: &Arc<Ring>| if ring.has(kid) { Verdict::Good } else { Verdict::Doubt(()) };
        match self.0.rings.judged((), judge, || self.read()).await? {
            Found::Good(ring) => Ok(Some(ring)),
            Found::No((), _) | Found::Unknown => Ok(None),
        }
    }

    /// The key set as JSON.
    ///
    /// # Errors
    /// As [`SigningKeys::ring`].
    pub async fn key_set(&self) -> Result<Bytes> {
        Ok(self.ring().await?.key_set())
    }

    async fn read(&self) -> Result<Option<Answer<Arc<Ring>>>> {
        let mut rows = self.0.parts.store.signing_keys().await?;
        if rows.is_empty() {
            self.make_first().await?;
            rows = self.0.parts.store.signing_keys().await?;
        }
        Ok(Some(Answer::new(self.open(&rows)?)))
    }

    /// Opens keys that were just read, unless they are those opened last.
    fn open(&self, rows: &[SigningKeyRow]) -> Result<Arc<Ring>> {
        let mut opened = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ring) = opened.as_ref().filter(|ring| ring.is_of(rows)) {
            return Ok(Arc::clone(ring));
        }
        let ring = Arc::new(Ring::open(rows, &self.0.parts.vault)?);
        *opened = Some(Arc::clone(&ring));
        Ok(ring)
    }

    /// Two keys, unless another replica was faster.
    async fn make_first(&self) -> Result<()> {
        let (first, second) = (self.make(SigningState::Active).await?, self.make(SigningState::Next).await?);
        let work = self.0.parts.store.work(self.actor(), async |mut work| {
            let mut instance = lock(&mut work).await?;
            if instance.work.signing_keys().await?.is_empty() {
                instance.record(&SigningKeyAdded(&first)).await?;
                instance.record(&SigningKeyAdded(&second)).await?;
            }
            Ok(())
        });
        work.await
    }

    /// Lets the key published in advance sign from now on, and publishes another one in advance. Who got
    /// hold of a key may have got hold of all of them, so [`OldKey::Revoke`] leaves none, the announced one
    /// neither: a fresh key signs. Gives the id of the key that signs now.
    ///
    /// # Errors
    /// The store failed, or no key can be made.
    pub async fn rotate(&self, old: OldKey) -> Result<String> {
        let OldKey::Keep { lifetime } = old else { return self.replace().await };
        let made = self.make(SigningState::Next).await?;
        self.ring().await?;
        // Somebody may have activated or deleted all that were published in advance: then a fresh one signs.
        let announced = self.0.parts.store.signing_keys().await?.iter().any(|key| key.state == SigningState::Next);
        let fresh = if announced { None } else { Some(self.make(SigningState::Active).await?) };
        let work = self.0.parts.store.work(self.actor(), async |mut work| {
            let mut instance = lock(&mut work).await?;
            let rows = instance.work.signing_keys().await?;
            for key in rows.iter().filter(|key| key.state != SigningState::Next) {
                retire(&mut instance, key, lifetime).await?;
            }
            let id = match (rows.iter().find(|key| key.state == SigningState::Next), &fresh) {
                (Some(next), _) => {
                    instance.record(&SigningKeySwitched { id: &next.id, state: SigningState::Active }).await?;
                    next.id.clone()
                }
                (None, Some(fresh)) => {
                    instance.record(&SigningKeyAdded(fresh)).await?;
                    fresh.id.clone()
                }
                (None, None) => return Err(Error::unavailable("the key published in advance has just gone")),
            };
            instance.record(&SigningKeyAdded(&made)).await?;
            Ok(id)
        });
        work.await
    }

    /// Two fresh keys instead of all there are.
    async fn replace(&self) -> Result<String> {
        let (first, second) = (self.make(SigningState::Active).await?, self.make(SigningState::Next).await?);
        let work = self.0.parts.store.work(self.actor(), async |mut work| {
            let mut instance = lock(&mut work).await?;
            for key in instance.work.signing_keys().await? {
                instance.record(&SigningKeyRemoved { id: &key.id }).await?;
            }
            instance.record(&SigningKeyAdded(&first)).await?;
            instance.record(&SigningKeyAdded(&second)).await?;
            Ok(first.id.clone())
        });
        work.await
    }

    async fn make(&self, state: SigningState) -> Result<SigningKeyRow> {
        // The place is kept: others wait for this with theirs, and one that was given back might not come again.
        let pair = self.0.parts.pool.take("").await?;
        self.sealed(pair, state).await
    }

    /// A pair as a signing key that is not stored yet.
    ///
    /// # Errors
    /// It cannot be encrypted.
    pub async fn sealed(&self, pair: KeyPair, state: SigningState) -> Result<SigningKeyRow> {
        let Parts { env, vault, .. } = &self.0.parts;
        let id = env.ids.next().await;
        let private_key = vault.seal(&env.random, &id, &pair.private_der()?)?;
        let now = env.clock.now();
        Ok(SigningKeyRow { id, state, public_key: pair.public_der, private_key, created_at: now, changed_at: now })
    }

    fn actor(&self) -> Actor<'_> {
        Actor::new(SYSTEM, "", self.0.parts.env.clock.now())
    }
}

/// The lock on the instance lets one process at a time change the keys.
async fn lock(work: &mut Work) -> Result<Held<'_, Alone>> {
    let instance = work.aggregate_held(AggregateKind::Instance, "", "").await?;
    instance.ok_or_else(|| Error::internal("the server has not been set up"))
}

/// The key that signed so far only verifies; what has done so for longer than a token may live goes.
async fn retire(instance: &mut Held<'_, Alone>, key: &SigningKeyRow, lifetime: Micros) -> Result<()> {
    if key.state == SigningState::Retired && key.changed_at + lifetime < instance.work.now() {
        instance.record(&SigningKeyRemoved { id: &key.id }).await?;
    } else if key.state == SigningState::Active {
        instance.record(&SigningKeySwitched { id: &key.id, state: SigningState::Retired }).await?;
    }
    Ok(())
}
