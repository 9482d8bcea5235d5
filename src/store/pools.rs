//! Connections to PostgreSQL that are used again. Every wait has a deadline and every queue a bound: for a
//! connection, for an answer, for the end. A connection that did not answer is closed, never used again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::error::is_broken;
use super::gate::Turn;
use super::link::{Link, PROOF, silent};

/// Callers that may wait for a connection at once; who comes then is told to try again.
const WAITING: usize = 512;

/// Who has waited so long for a connection lets somebody find out whether the server is there.
const DOUBT: Duration = Duration::from_secs(1);

/// After so long without use, a connection is tested before it is used, and closed.
const TEST_AFTER: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_mins(10);

/// Oldest connection: what changed on the server or on the way to it reaches us then at the latest.
const AGE: Duration = Duration::from_mins(30);

/// How often idle connections are looked through.
const LOOK: Duration = Duration::from_secs(30);

/// How much later than the server the client gives up, so that the server can say why.
const GRACE: Duration = Duration::from_secs(1);

/// Each statement sees what was committed before it, whatever the server takes for granted.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Connections of one kind. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

/// How a pool is made.
pub(super) struct Shape {
    /// Connections.
    pub size: usize,
    /// How long a caller waits for one.
    pub wait: Duration,
    /// How long the server may work at a statement.
    pub statement: Duration,
}

struct Inner {
    link: Arc<Link>,
    shape: Shape,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// The last one used is the next to be used.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: PgConnection,
    born: Instant,
    answered: Instant,
}

impl Pool {
    /// A pool without connections.
    pub fn new(link: Arc<Link>, shape: Shape) -> Self {
        let places = Arc::new(Semaphore::new(shape.size));
        let pool = Arc::new(Inner { link, shape, places, waiting: AtomicUsize::new(0), idle: Mutex::default() });
        tokio::spawn(look_through(Arc::downgrade(&pool)));
        Self(pool)
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
        lease.open = true;
        match lease.ask(|c| c.execute(BEGIN)).await {
            Err(error) if is_broken(&error) => {
                let turn = lease.turn.take();
                drop(lease);
                lease = self.lease().await?;
                lease.turn = turn;
                lease.open = true;
                lease.ask(|c| c.execute(BEGIN)).await?;
            }
            begun => {
                begun?;
            }
        }
        Ok(PgTx(lease))
    }

    /// Asks for something that changes nothing. If the connection breaks, it is asked again on another one,
    /// for which a server that restarts is waited for.
    ///
    /// # Errors
    /// As [`Pool::lease`]; or the server refuses.
    pub async fn read<T, F>(&self, ask: F) -> sqlx::Result<T>
    where
        F: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>> + Send + Sync,
        T: Send,
    {
        // The first connection breaks, the next one is refused, the server is back.
        for _ in 0..2 {
            match self.once(&ask).await {
                Err(error) if is_broken(&error) => {
                    if !self.0.back().await {
                        return Err(error);
                    }
                    tracing::debug!(%error, "a read is tried on another connection");
                }
                outcome => return outcome,
            }
        }
        self.once(&ask).await
    }

    async fn once<T, F>(&self, ask: F) -> sqlx::Result<T>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>>,
    {
        self.lease().await?.ask(ask).await
    }

    /// Closes the connections that are not used, and refuses new callers. Waits for the others until the
    /// deadline.
    pub async fn close(&self, deadline: Duration) {
        let pool = &self.0;
        let all = u32::try_from(pool.shape.size).unwrap_or(u32::MAX);
        let returned = timeout(deadline, pool.places.acquire_many(all)).await;
        pool.places.close();
        drop(returned);
        let idle = std::mem::take(&mut *pool.idle());
        let farewell = idle.into_iter().map(|idle| idle.connection.close());
        let _ = timeout(PROOF, futures_util::future::join_all(farewell)).await;
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("size", &self.0.shape.size).finish_non_exhaustive()
    }
}

impl Inner {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle connection that is not too old.
    fn take(&self) -> Option<Idle> {
        let mut idle = self.idle();
        loop {
            let last = idle.pop()?;
            if last.born.elapsed() < AGE {
                return Some(last);
            }
        }
    }

    fn keep(&self, idle: Idle) {
        if idle.born.elapsed() < AGE && !self.places.is_closed() {
            self.idle().push(idle);
        }
    }

    /// Waits for a server that may be restarting, if not too many wait. True if it is there.
    async fn back(&self) -> bool {
        if !self.link.is_down() {
            return true;
        }
        match Waiting::new(self) {
            Some(_waiting) => self.link.back().await,
            None => false,
        }
    }

    /// A place, in order, if not too many wait.
    async fn place(self: &Arc<Self>) -> sqlx::Result<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = Waiting::new(self).ok_or(sqlx::Error::PoolTimedOut)?;
        let mut place = std::pin::pin!(Arc::clone(&self.places).acquire_owned());
        if let Ok(place) = timeout(DOUBT, &mut place).await {
            return place.map_err(|_| sqlx::Error::PoolClosed);
        }
        // So long, while statements take milliseconds: the server may hang.
        self.link.try_on();
        tokio::select! {
            place = timeout(self.shape.wait.saturating_sub(DOUBT), place) => match place {
                Ok(place) => place.map_err(|_| sqlx::Error::PoolClosed),
                Err(_) => Err(sqlx::Error::PoolTimedOut),
            },
            () = self.link.gone() => Err(away()),
        }
    }
}

/// A caller that waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(pool: &'a Inner) -> Option<Self> {
        let waiting = Self(&pool.waiting);
        (waiting.0.fetch_add(1, Ordering::AcqRel) < WAITING).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Closes connections that nobody has used for long.
async fn look_through(pool: Weak<Inner>) {
    loop {
        sleep(LOOK).await;
        let Some(pool) = pool.upgrade() else { return };
        if pool.places.is_closed() {
            return;
        }
        let old = {
            let mut idle = pool.idle();
            let (old, kept): (Vec<_>, Vec<_>) =
                idle.drain(..).partition(|i| i.answered.elapsed() > IDLE || i.born.elapsed() > AGE);
            *idle = kept;
            old
        };
        let farewell = old.into_iter().map(|idle| idle.connection.close());
        let _ = timeout(PROOF, futures_util::future::join_all(farewell)).await;
    }
}

/// A connection in use. Dropped, it goes back once it is tidy, or is closed.
pub(super) struct Lease {
    /// None once it is broken.
    idle: Option<Idle>,
    pool: Arc<Inner>,
    place: Option<OwnedSemaphorePermit>,
    turn: Option<Turn>,
    /// A statement has begun that has not ended.
    busy: bool,
    /// A transaction is open.
    open: bool,
    /// A statement failed since it was opened: the server undoes it whatever is said at its end.
    failed: bool,
}

impl Lease {
    fn new(pool: &Arc<Inner>, idle: Idle, place: OwnedSemaphorePermit) -> Self {
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
pub(super) struct PgTx(Lease);

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

fn away() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, "the database is known to be away"))
}
