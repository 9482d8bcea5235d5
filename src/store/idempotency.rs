//! Changes that are made once, however often they are asked for: the answer of a call is kept under its idempotency
//! key, in the transaction of the change.

use sqlx::FromRow;

use super::executor::Want;
use super::sql::{query, statement};
use super::transaction::end;
use super::{Claim, Result, Store, StoreError};
use crate::clock::Micros;

/// What an idempotency key has been used for, and what its caller has kept in all.
#[derive(Debug, FromRow)]
pub struct UsedKeyRow {
    /// What all answers that are kept for the caller count for, in bytes.
    pub weight: i64,
    /// What was asked for; none if the key has not been used.
    pub fingerprint: Option<Vec<u8>>,
    /// What was answered, encrypted.
    pub answer: Option<Vec<u8>>,
}

/// A row counts for what it holds beside its answer, too: its own columns and those in the indexes.
const ROW: i64 = 300;

pub(super) const KEY_USED: &str = "SELECT w.weight, k.fingerprint, k.answer FROM \
     (SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS weight FROM idempotency_keys WHERE user_id = $2) w \
     LEFT JOIN idempotency_keys k ON k.id = $1 AND k.created_at > $3";
pub(super) const KEY_ANSWER: &str = "UPDATE idempotency_keys SET answer = $2, bytes = $3 WHERE id = $1";
pub(super) const KEYS_SWEEP: &str = "DELETE FROM idempotency_keys WHERE id IN \
     (SELECT id FROM idempotency_keys WHERE created_at <= $1 ORDER BY created_at LIMIT $2)";

impl Store {
    /// What a key was used for after `over`, and what a user has kept.
    pub async fn key_used(&self, id: &[u8; 32], user_id: &str, over: Micros) -> Result<UsedKeyRow> {
        let row = self.row(&query!(KEY_USED; id.as_slice(), user_id, over)).await?;
        row.ok_or(StoreError::Inconsistent("a sum without a row"))
    }

    /// Ends the unit of work of a claim: keeps what it answers, and makes both durable. A claim under which nothing
    /// was changed keeps nothing.
    ///
    /// # Errors
    /// The store failed; then nothing has been changed.
    pub async fn keep_answer(&self, claim: &Claim, answer: &[u8]) -> Result<()> {
        let Some((mut begun, changed)) = claim.take() else { return Ok(()) };
        let bytes = ROW.saturating_add(i64::try_from(answer.len()).unwrap_or(i64::MAX));
        let keep = query!(KEY_ANSWER; claim.id.as_slice(), answer, bytes);
        if self.executor.ask(&mut begun, &keep, Want::All).await?.changed() != 1 {
            return Err(StoreError::Inconsistent("an idempotency key that was taken is not there"));
        }
        end(begun, changed, true).await
    }

    /// Forgets keys that were used up to a time, at most `limit`; gives how many.
    pub async fn used_keys_sweep(&self, over: Micros, limit: i64) -> Result<u64> {
        self.alone("", &statement!(KEYS_SWEEP; over, limit).any()).await
    }
}
