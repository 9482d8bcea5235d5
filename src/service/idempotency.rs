//! Calls that change something once, however often they are made: under an idempotency key the first answer is kept
//! for a day, encrypted so that only who made the call can open it, and given again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::Deps;
use crate::auth::IdempotencyKey;
use crate::clock::Micros;
use crate::crypto::secrets;
use crate::error::{Code, Error, Result};
use crate::store::{Claim, UsedKeyRow};

/// How long an answer is kept, in microseconds: a day.
pub const KEPT: Micros = 24 * 60 * 60 * 1_000_000;
/// What the answers of one user may count for, in bytes: some 3,000 key files.
const WEIGHT: i64 = 8 << 20;
/// Under this name answers are sealed.
const ANSWER: &str = "answer";

/// Keeps answers and gives them again.
pub struct Idempotency {
    deps: Deps,
    turns: Turns,
}

/// Who calls, and what for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// User id of the caller.
    pub user_id: &'a str,
    /// The organization the call is about.
    pub org_id: &'a str,
    /// When the call came in.
    pub now: Micros,
    /// The request.
    pub request: &'a [u8],
}

/// What becomes of a call.
pub enum Outcome {
    /// It was made before: its answer.
    Answered(Vec<u8>),
    /// It is to be made.
    Begun(Once),
}

/// A call that is made for the first time. As long as it lives, nobody else in this process makes the same one.
pub struct Once {
    /// What units of work put into their transaction.
    pub claim: Arc<Claim>,
    _turn: Turn,
}

impl Idempotency {
    pub(super) fn new(deps: Deps) -> Self {
        Self { deps, turns: Turns::default() }
    }

    /// The answer of the call if it was made before; else the right to make it. Who makes the same call at the same
    /// time waits for its end.
    ///
    /// # Errors
    /// `IDEMPOTENCY-Rq3st` the key was used for another request, `IDEMPOTENCY-T0ken` with another token; code 8 when
    /// too much is kept for the user.
    pub async fn begin(&self, key: &IdempotencyKey, asked: Asked<'_>) -> Result<Outcome> {
        let turn = self.turns.wait(key.id).await;
        let fingerprint = fingerprint(asked);
        let over = asked.now.saturating_sub(KEPT);
        let used = self.deps.store.key_used(&key.id, asked.user_id, over).await?;
        if used.fingerprint.is_some() {
            return Ok(Outcome::Answered(open(key, used, fingerprint)?));
        }
        if used.weight >= WEIGHT {
            let full = "too many answers are kept for your idempotency keys; call without one, or with one tomorrow";
            return Err(Error::native(Code::ResourceExhausted, full));
        }
        let claim = Claim::new(key.id, asked.user_id, fingerprint, asked.now, over);
        Ok(Outcome::Begun(Once { claim: Arc::new(claim), _turn: turn }))
    }

    /// Keeps the answer of a call, and makes it durable with what it changed.
    ///
    /// # Errors
    /// The store failed; then nothing was changed, or the same call tells what was.
    pub async fn keep(&self, key: &IdempotencyKey, once: &Once, answer: &[u8]) -> Result<()> {
        let sealed = key.vault.seal(&self.deps.env.random, ANSWER, answer)?;
        Ok(self.deps.store.keep_answer(&once.claim, &sealed).await?)
    }

    /// The answer of the one who used the key at the same time in another process, if that is why a call failed.
    ///
    /// # Errors
    /// As [`Idempotency::begin`]; code 14 when its answer has gone already.
    pub async fn late(&self, key: &IdempotencyKey, once: &Once) -> Option<Result<Vec<u8>>> {
        if !once.claim.is_late() {
            return None;
        }
        let claim = &once.claim;
        let used = self.deps.store.key_used(&key.id, &claim.user_id, claim.over).await;
        Some(used.map_err(Error::from).and_then(|used| open(key, used, claim.fingerprint)))
    }
}

/// What was asked for, and where. The organization cannot hold a blank.
fn fingerprint(asked: Asked<'_>) -> [u8; 32] {
    secrets::digest(&[asked.org_id.as_bytes(), asked.request].join(&b' '))
}

fn open(key: &IdempotencyKey, used: UsedKeyRow, fingerprint: [u8; 32]) -> Result<Vec<u8>> {
    let (Some(for_what), Some(answer)) = (used.fingerprint, used.answer) else {
        return Err(Error::unavailable("the answer under an idempotency key has gone"));
    };
    if for_what != fingerprint {
        let other = "This idempotency key was used for another request; use a new one";
        return Err(Error::invalid("IDEMPOTENCY-Rq3st", other));
    }
    let opened = key.vault.open(ANSWER, &answer);
    let other = "This call was made with another token, and only that one opens its answer; look what is there";
    let opened = opened.ok_or_else(|| Error::new(Code::AlreadyExists, "IDEMPOTENCY-T0ken", other))?;
    Ok(opened.to_vec())
}

/// One at a time for each key.
#[derive(Clone, Default)]
struct Turns(Arc<Mutex<Queues>>);

/// Who makes the call of a key, and who waits to.
type Queues = HashMap<[u8; 32], Arc<tokio::sync::Mutex<()>>>;

/// A turn; the next one has it when it is dropped.
struct Turn {
    turns: Turns,
    id: [u8; 32],
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    async fn wait(&self, id: [u8; 32]) -> Turn {
        // Made first, so that who goes away while it waits is tidied up after, too.
        let mut turn = Turn { turns: self.clone(), id, held: None };
        let lock = Arc::clone(self.lock().entry(id).or_default());
        turn.held = Some(lock.lock_owned().await);
        turn
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut all = self.turns.lock();
        self.held = None;
        // Nobody else waits for it: whoever does holds it, too.
        if all.get(&self.id).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            all.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_are_one_at_a_time_and_leave_nothing() {
        let turns = Turns::default();
        let first = turns.wait([1; 32]).await;
        let mut second = Box::pin(turns.wait([1; 32]));
        assert!(futures::poll!(&mut second).is_pending(), "it is another's turn");
        let mut gone = Box::pin(turns.wait([1; 32]));
        assert!(futures::poll!(&mut gone).is_pending());
        drop(turns.wait([2; 32]).await);
        assert_eq!(turns.lock().len(), 1, "of those who have had theirs nothing is kept");
        drop(gone);
        drop(first);
        let second = second.await;
        assert_eq!(turns.lock().len(), 1);
        drop(second);
        assert!(turns.lock().is_empty());
    }
}
