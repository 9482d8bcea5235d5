//! The use of an idempotency key by one unit of work.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::changes::Guard;
use super::executor::{Executor, Want};
use super::sql::query;
use super::transaction::Begun;
use super::{Result, StoreError};
use crate::clock::Micros;

/// The use of an idempotency key for one change.
pub struct Claim {
    /// Who called, what, and under which key, as a hash.
    pub id: [u8; 32],
    /// Who calls.
    pub user_id: String,
    /// What is asked for, as a hash.
    pub fingerprint: [u8; 32],
    /// When the call came in.
    pub now: Micros,
    /// Uses up to this time are over.
    pub over: Micros,
    stage: Mutex<Stage>,
}

/// How far a claim has come.
enum Stage {
    /// Nothing has been changed.
    Fresh,
    /// The change is made, but not durable: its transaction waits for the answer.
    Made(Begun, Guard),
    /// Somebody else has used the key.
    Late,
    /// The transaction has gone on.
    Over,
}

/// One statement that waits for whoever uses the key at the same time, and then sees what became of it.
pub(super) const KEY_CLAIM: &str = "INSERT INTO idempotency_keys AS k \
     (id, user_id, fingerprint, answer, bytes, created_at) VALUES ($1, $2, $3, $4, 0, $5) \
     ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, answer = excluded.answer, bytes = 0, \
     created_at = excluded.created_at WHERE k.created_at <= $6";

impl Claim {
    /// A claim that nobody has acted on.
    pub fn new(id: [u8; 32], user_id: &str, fingerprint: [u8; 32], now: Micros, over: Micros) -> Self {
        Self { id, user_id: user_id.to_owned(), fingerprint, now, over, stage: Mutex::new(Stage::Fresh) }
    }

    /// Whether somebody else was first, so that nothing was changed.
    pub fn is_late(&self) -> bool {
        self.with(|stage| matches!(stage, Stage::Late))
    }

    /// Takes the key in a transaction, before anything else happens in it. Who uses the same key at the same time
    /// waits here.
    ///
    /// # Errors
    /// Somebody else has used it; a second unit of work under one claim; the store failed.
    pub(super) async fn enter(&self, executor: &Executor, begun: &mut Begun) -> Result<()> {
        if !self.with(|stage| matches!(stage, Stage::Fresh)) {
            return Err(StoreError::Inconsistent("a second unit of work under one idempotency key"));
        }
        let none: &[u8] = &[];
        let (id, fingerprint) = (self.id.as_slice(), self.fingerprint.as_slice());
        let claim = query!(KEY_CLAIM; id, &*self.user_id, fingerprint, none, self.now, self.over);
        if executor.ask(begun, &claim, Want::All).await?.changed() == 1 {
            return Ok(());
        }
        self.with(|stage| *stage = Stage::Late);
        Err(StoreError::Inconsistent("the idempotency key has been used"))
    }

    /// The change is made; its transaction waits for the answer.
    pub(super) fn made(&self, begun: Begun, changed: Guard) {
        self.with(|stage| *stage = Stage::Made(begun, changed));
    }

    /// The transaction of the change, if there is one.
    pub(super) fn take(&self) -> Option<(Begun, Guard)> {
        match self.with(|stage| std::mem::replace(stage, Stage::Over)) {
            Stage::Made(begun, changed) => Some((begun, changed)),
            _ => None,
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Stage) -> T) -> T {
        look(&mut self.stage.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}
