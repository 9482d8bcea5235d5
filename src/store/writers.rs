//! Who may write to PostgreSQL. Writers have connections of their own, so that readers are not kept waiting by
//! writers that wait for locks; and no organization has all of them.

use super::gate::Gate;
use super::lease::{Lease, PgTx};
use super::pools::Pool;

/// The pool of the writers, and the gate before it.
#[derive(Clone)]
pub(super) struct Writers {
    /// Connections for writers.
    pub pool: Pool,
    /// Lets in at most half of them for one organization.
    pub gate: Gate,
}

impl Writers {
    /// A transaction for an organization.
    ///
    /// # Errors
    /// As [`Pool::begin`]; or too many writers of the organization wait.
    pub async fn begin(&self, org_id: &str) -> sqlx::Result<PgTx> {
        let turn = self.gate.enter(org_id).await.ok_or(sqlx::Error::PoolTimedOut)?;
        self.pool.begin(turn).await
    }

    /// A connection for one statement that is a transaction of its own.
    ///
    /// # Errors
    /// As [`Writers::begin`].
    pub async fn lease(&self, org_id: &str) -> sqlx::Result<Lease> {
        let turn = self.gate.enter(org_id).await.ok_or(sqlx::Error::PoolTimedOut)?;
        self.pool.lease_for(turn).await
    }
}

impl std::fmt::Debug for Writers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.pool.fmt(f)
    }
}
