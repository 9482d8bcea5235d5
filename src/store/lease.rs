//! A connection to PostgreSQL in use: every wait for an answer has a deadline, and a connection that did not answer is
//! closed, never used again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::error::is_broken;
use super::gate::Turn;
use super::link::silent;
use super::shelf::{Idle, Shelf, away};

/// How much later than the server the client gives up, so that the server can say why.
const GRACE: Duration = Duration::from_secs(1);

/// A connection in use. Dropped, it goes back once it is tidy, or is closed.
pub(super) struct Lease {
    /// None once it is broken.
    idle: Option<Idle>,
    pool: Arc<Shelf>,
    place: Option<OwnedSemaphorePermit>,
    /// The turn of an organization, to be given back with it.
    pub turn: Option<Turn>,
    /// A statement has begun that has not ended.
    busy: bool,
    /// A transaction is open.
    pub open: bool,
    /// A statement failed since it was opened: the server undoes it whatever is said at its end.
    failed: bool,
}

impl Lease {
    /// A connection that has a place.
    pub fn new(pool: &Arc<Shelf>, idle: Idle, place: OwnedSemaphorePermit) -> Self {
        Self {
            idle: Some(idle),
            pool: Arc::clone(pool),
            place: Some(place),
            turn: None,
            busy: false,
            open: false,
            failed: false,
        }
    }

    /// Asks one thing, to its end, within the deadline.
    ///
    /// # Errors
    /// The server refuses or does not answer; then the connection is given up.
    pub async fn ask<T, F>(&mut self, ask: F) -> sqlx::Result<T>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>>,
    {
        let limit = self.pool.shape.statement + GRACE;
        let Some(idle) = &mut self.idle else { return Err(away()) };
        let asked = Instant::now();
        self.busy = true;
        let answer = timeout(limit, ask(&mut idle.connection)).await.unwrap_or_else(|_| Err(silent(limit)));
        match &answer {
            Err(error) if is_broken(error) => {
                self.idle = None;
                self.pool.link.doubt(asked);
            }
            _ => {
                self.busy = false;
                idle.answered = Instant::now();
                self.pool.link.hear(idle.answered);
            }
        }
        self.failed |= matches!(answer, Err(sqlx::Error::Database(_)));
        answer
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("open", &self.open).finish_non_exhaustive()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(mut idle), place, turn) = (self.idle.take(), self.place.take(), self.turn.take()) else { return };
        if !self.busy && !self.open {
            self.pool.keep(idle);
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (pool, open) = (Arc::clone(&self.pool), self.open);
        // The place stays taken until the server is done with what was asked, or the connection is closed:
        // callers that go away cannot make the server have more connections than it was to have.
        runtime.spawn(async move {
            let tidy = async {
                if open { idle.connection.execute("ROLLBACK").await.map(drop) } else { idle.connection.ping().await }
            };
            if let Ok(Ok(())) = timeout(pool.shape.statement + GRACE, tidy).await {
                idle.answered = Instant::now();
                pool.keep(idle);
            }
            drop((place, turn));
        });
    }
}

/// An open transaction. Dropped without [`PgTx::commit`], it leaves nothing behind.
pub(super) struct PgTx(pub Lease);

impl PgTx {
    /// Makes its changes durable and visible.
    ///
    /// # Errors
    /// The server failed, or did not answer: then they may or may not be. A statement failed before.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        // The server answers such a commit as if all were well, and has undone everything.
        if self.0.failed {
            return Err(sqlx::Error::Protocol("a transaction with a statement that failed was to be committed".into()));
        }
        self.0.ask(|c| c.execute("COMMIT")).await?;
        self.0.open = false;
        Ok(())
    }
}

impl std::ops::Deref for PgTx {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        &self.0
    }
}

impl std::ops::DerefMut for PgTx {
    fn deref_mut(&mut self) -> &mut Lease {
        &mut self.0
    }
}
