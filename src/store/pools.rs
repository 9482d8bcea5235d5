//! Connections to PostgreSQL that are used again. Every wait has a deadline and every queue a bound: for a
//! connection, for an answer, for the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection as _, Executor as _};
use tokio::time::timeout;

use super::counts::Connections;
use super::error::is_broken;
use super::gate::Turn;
use super::lease::{Lease, PgTx};
use super::link::{Link, PROOF};
use super::shelf::{Idle, Shape, Shelf, away};

/// After so long without use, a connection is tested before it is used.
const TEST_AFTER: Duration = Duration::from_secs(5);

/// Each statement sees what was committed before it, whatever the server takes for granted.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Connections of one kind. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shelf>);

impl Pool {
    /// A pool without connections.
    pub fn new(link: Arc<Link>, shape: Shape) -> Self {
        Self(Shelf::new(link, shape))
    }

    /// A connection for one caller.
    ///
    /// # Errors
    /// The server is away, too many wait, or it took too long.
    pub async fn lease(&self) -> sqlx::Result<Lease> {
        let pool = &self.0;
        // Known to be away, and nothing there that might answer still.
        if pool.link.is_down() && pool.idle().is_empty() {
            return Err(away());
        }
        let place = pool.place().await?;
        while let Some(mut idle) = pool.take() {
            if pool.link.trusts(idle.answered) && idle.answered.elapsed() < TEST_AFTER {
                return Ok(Lease::new(pool, idle, place));
            }
            let asked = Instant::now();
            if matches!(timeout(PROOF, idle.connection.ping()).await, Ok(Ok(()))) {
                idle.answered = Instant::now();
                return Ok(Lease::new(pool, idle, place));
            }
            // One that hangs is rarely alone: the others are not asked one after the other.
            pool.idle().retain(|idle| idle.answered >= asked);
        }
        if pool.link.is_down() {
            return Err(away());
        }
        let connection = pool.link.connect(pool.shape.statement).await?;
        let now = Instant::now();
        Ok(Lease::new(pool, Idle { connection, born: now, answered: now }, place))
    }

    /// A connection for one caller, who has a turn to give back with it.
    ///
    /// # Errors
    /// As [`Pool::lease`].
    pub async fn lease_for(&self, turn: Turn) -> sqlx::Result<Lease> {
        let mut lease = self.lease().await?;
        lease.turn = Some(turn);
        Ok(lease)
    }

    /// A transaction. A connection that turns out to be broken by its first words is replaced once.
    ///
    /// # Errors
    /// As [`Pool::lease`]; or the server refuses.
    pub async fn begin(&self, turn: Turn) -> sqlx::Result<PgTx> {
        let mut lease = self.lease_for(turn).await?;
        if let Err(error) = open(&mut lease).await {
            if !is_broken(&error) {
                return Err(error);
            }
            let turn = lease.turn.take();
            drop(lease);
            lease = self.lease().await?;
            lease.turn = turn;
            open(&mut lease).await?;
        }
        Ok(PgTx(lease))
    }

    /// How many connections are in use, and who waits for one.
    pub fn level(&self, kind: &'static str) -> Connections {
        let (size, (used, waiting)) = (self.0.shape.size, self.0.level());
        Connections { kind, size, used, waiting }
    }

    /// Waits for a server that may be restarting, if not too many wait. True if it is there.
    pub async fn back(&self) -> bool {
        self.0.back().await
    }

    /// Closes the connections that are not used, and refuses new callers. Waits for the others until the
    /// deadline.
    pub async fn close(&self, deadline: Duration) {
        self.0.close(deadline).await;
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("size", &self.0.shape.size).finish_non_exhaustive()
    }
}

async fn open(lease: &mut Lease) -> sqlx::Result<()> {
    lease.open = true;
    lease.ask(|c| c.execute(BEGIN)).await.map(drop)
}
