//! Connections to PostgreSQL while nobody uses them, and the places for those who do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::link::{Link, PROOF};

/// Callers that may wait for a connection at once; who comes then is told to try again.
const WAITING: usize = 512;

/// Who has waited so long for a connection lets somebody find out whether the server is there.
const DOUBT: Duration = Duration::from_secs(1);

/// After so long without use, a connection is closed.
const IDLE: Duration = Duration::from_mins(10);

/// Oldest connection: what changed on the server or on the way to it reaches us then at the latest.
const AGE: Duration = Duration::from_mins(30);

/// How often idle connections are looked through.
const LOOK: Duration = Duration::from_secs(30);

/// How a pool is made.
pub(super) struct Shape {
    /// Connections.
    pub size: usize,
    /// How long a caller waits for one.
    pub wait: Duration,
    /// How long the server may work at a statement.
    pub statement: Duration,
}

/// What is shared by the users of a pool.
pub(super) struct Shelf {
    pub link: Arc<Link>,
    pub shape: Shape,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// The last one used is the next to be used.
    idle: Mutex<Vec<Idle>>,
}

/// A connection that nobody uses.
pub(super) struct Idle {
    pub connection: PgConnection,
    pub born: Instant,
    pub answered: Instant,
}

impl Shelf {
    /// An empty one, which is looked through now and then.
    pub fn new(link: Arc<Link>, shape: Shape) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(shape.size));
        let shelf = Arc::new(Self { link, shape, places, waiting: AtomicUsize::new(0), idle: Mutex::default() });
        tokio::spawn(look_through(Arc::downgrade(&shelf)));
        shelf
    }

    /// Closes the connections that are not used, and refuses new callers. Waits for the others until the
    /// deadline.
    pub async fn close(&self, deadline: Duration) {
        let all = u32::try_from(self.shape.size).unwrap_or(u32::MAX);
        let returned = timeout(deadline, self.places.acquire_many(all)).await;
        self.places.close();
        drop(returned);
        let idle = std::mem::take(&mut *self.idle());
        part(idle).await;
    }

    /// The connections themselves.
    pub fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places that are taken, and callers that wait for one.
    pub fn level(&self) -> (usize, usize) {
        let used = self.shape.size.saturating_sub(self.places.available_permits());
        (used, self.waiting.load(Ordering::Relaxed))
    }

    /// An idle connection that is not too old.
    pub fn take(&self) -> Option<Idle> {
        let mut idle = self.idle();
        loop {
            let last = idle.pop()?;
            if last.born.elapsed() < AGE {
                return Some(last);
            }
        }
    }

    /// Puts one back that is tidy.
    pub fn keep(&self, idle: Idle) {
        if idle.born.elapsed() < AGE && !self.places.is_closed() {
            self.idle().push(idle);
        }
    }

    /// Waits for a server that may be restarting, if not too many wait. True if it is there.
    pub async fn back(&self) -> bool {
        if !self.link.is_down() {
            return true;
        }
        match Waiting::new(self) {
            Some(_waiting) => self.link.back().await,
            None => false,
        }
    }

    /// A place, in order, if not too many wait.
    pub async fn place(self: &Arc<Self>) -> sqlx::Result<OwnedSemaphorePermit> {
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
    fn new(pool: &'a Shelf) -> Option<Self> {
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
async fn look_through(pool: Weak<Shelf>) {
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
        part(old).await;
    }
}

/// Says good-bye to a server that may be gone.
async fn part(idle: Vec<Idle>) {
    let farewell = idle.into_iter().map(|idle| idle.connection.close());
    let _ = timeout(PROOF, futures_util::future::join_all(farewell)).await;
}

/// The error of a server that nobody need ask.
pub(super) fn away() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, "the database is known to be away"))
}
