//! The way to a PostgreSQL server: who connects, with which deadlines, and whether the server is known
//! to be away. While it is, nobody waits for it; one task tries on for all.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::limits::Limits;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(2);

/// How long an answer to nothing at all may take.
pub(super) const PROOF: Duration = Duration::from_millis(500);

/// How long the one who tries on waits between two attempts.
const PROBE: Duration = Duration::from_millis(250);

/// So long an absence may be a restart, which reads wait for.
const RESTART: Duration = Duration::from_secs(3);

/// Every statement finds its rows by an index, and its plan does not depend on its values. Left alone,
/// PostgreSQL plans while tables are small, scans them whole, and goes on doing so as they grow, until
/// they are analysed. A client that is gone without a word must not keep its locks for ever.
pub(super) const SESSION: &str = "SELECT set_config('enable_seqscan', 'off', false), \
     set_config('plan_cache_mode', 'force_generic_plan', false), \
     set_config('lock_timeout', $1, false), set_config('statement_timeout', $2, false), \
     set_config('idle_in_transaction_session_timeout', $3, false), \
     set_config('tcp_keepalives_idle', '15', false), set_config('tcp_keepalives_interval', '5', false), \
     set_config('tcp_keepalives_count', '3', false)";

/// What changes if the server has become the follower of another one.
const READ_ONLY: &str = "SELECT current_setting('transaction_read_only') = 'on'";

/// The way to a server.
pub(super) struct Link {
    options: PgConnectOptions,
    limits: Limits,
    /// Since when the server is known to be away.
    down: watch::Sender<Option<Instant>>,
    /// When a connection answered last, in microseconds since `born`: a server that answers somebody is not
    /// away, however slow it or this machine is.
    heard: AtomicU64,
    born: Instant,
    /// The one who tries on is at it.
    probing: AtomicBool,
    closed: AtomicBool,
    /// Connections that have not answered since must prove themselves before they are used again.
    doubted: Mutex<Instant>,
    /// The connection of the readiness probe, while nobody uses it.
    probe: Mutex<Option<PgConnection>>,
    /// One readiness probe at a time.
    turn: tokio::sync::Semaphore,
    /// When the last one began, and whether the server could be written to, if it answered.
    probed: Mutex<Option<(Instant, Option<bool>)>>,
}

/// Statements that a connection keeps prepared: more than there are texts in the store. What callers put together
/// themselves, such as filters of a list, is not kept.
const STATEMENTS: usize = 256;

impl Link {
    /// A way to a server, not gone yet.
    pub fn new(options: PgConnectOptions, limits: Limits) -> Self {
        Self {
            options: options.statement_cache_capacity(STATEMENTS),
            limits,
            down: watch::Sender::new(None),
            heard: AtomicU64::new(0),
            born: Instant::now(),
            probing: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            doubted: Mutex::new(Instant::now()),
            probe: Mutex::new(None),
            turn: tokio::sync::Semaphore::new(1),
            probed: Mutex::default(),
        }
    }

    /// A connection whose statements have no deadline, for what may take long and happens at the start.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn patient(&self, limit: Duration) -> sqlx::Result<PgConnection> {
        timeout(limit, self.options.connect()).await.unwrap_or_else(|_| Err(silent(limit)))
    }

    /// A new connection, on which the server works so long at one statement. If there is none, the server counts as
    /// away until somebody reaches it.
    ///
    /// # Errors
    /// The server cannot be reached, or takes no more connections.
    pub async fn connect(self: &Arc<Self>, statement: Duration) -> sqlx::Result<PgConnection> {
        let asked = Instant::now();
        match timeout(CONNECT, self.establish(statement)).await.unwrap_or_else(|_| Err(silent(CONNECT))) {
            Ok(connection) => {
                self.now_up();
                Ok(connection)
            }
            Err(error) => Err(self.lost(asked, error)),
        }
    }

    async fn establish(&self, statement: Duration) -> sqlx::Result<PgConnection> {
        let mut connection = self.options.connect().await?;
        let session = sqlx::query(SESSION).persistent(false);
        let session = session.bind(milliseconds(self.limits.lock)).bind(milliseconds(statement));
        session.bind(milliseconds(self.limits.statement + self.limits.lock)).execute(&mut connection).await?;
        Ok(connection)
    }

    /// Whether the server is known to be away.
    pub fn is_down(&self) -> bool {
        self.down.borrow().is_some()
    }

    /// Waits until the server is known to be away.
    pub async fn gone(&self) {
        let mut down = self.down.subscribe();
        if down.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for a server that has been away for a moment only. True if it is not away any more.
    pub async fn back(&self) -> bool {
        let mut down = self.down.subscribe();
        let Some(since) = *down.borrow_and_update() else { return true };
        let back = down.wait_for(Option::is_none);
        timeout(RESTART.saturating_sub(since.elapsed()), back).await.is_ok_and(|back| back.is_ok())
    }

    /// Whether a connection that answered then may be used without a test.
    pub fn trusts(&self, answered: Instant) -> bool {
        answered >= *self.doubted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, connections that have not answered since `then` must prove themselves.
    pub fn doubt(&self, then: Instant) {
        let mut doubted = self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
        *doubted = then.max(*doubted);
    }

    /// A connection has just answered.
    pub fn hear(&self, now: Instant) {
        self.heard.store(self.since_birth(now), Ordering::Relaxed);
    }

    fn since_birth(&self, then: Instant) -> u64 {
        u64::try_from(then.saturating_duration_since(self.born).as_micros()).unwrap_or(u64::MAX)
    }

    fn lost(self: &Arc<Self>, asked: Instant, error: sqlx::Error) -> sqlx::Error {
        self.now_down(asked, &error);
        self.try_on();
        // Whatever the reason, to a caller the server is away: a password that is wrong now may be right
        // in a moment.
        sqlx::Error::Io(std::io::Error::other(error))
    }

    /// Nobody was let in since `asked`: if nobody was answered either, the server is away.
    fn now_down(&self, asked: Instant, error: &sqlx::Error) {
        if self.heard.load(Ordering::Relaxed) > self.since_birth(asked) {
            return;
        }
        self.doubt(Instant::now());
        let turned = self.down.send_if_modified(|since| {
            let turned = since.is_none();
            since.get_or_insert_with(Instant::now);
            turned
        });
        if turned {
            tracing::warn!(%error, "the database is away; callers are told so at once until it is back");
        }
    }

    /// Somebody was let in.
    fn now_up(&self) {
        if self.down.send_if_modified(|since| since.take().is_some()) {
            tracing::info!("the database is back");
        }
    }

    /// Lets one task find out whether the server can be reached, until it can.
    pub fn try_on(self: &Arc<Self>) {
        if self.closed.load(Ordering::Acquire) || self.probing.swap(true, Ordering::AcqRel) {
            return;
        }
        let link = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(link) = link.upgrade().filter(|link| !link.closed.load(Ordering::Acquire)) {
                if link.attempt().await {
                    break;
                }
                drop(link);
                sleep(PROBE).await;
            }
        });
    }

    /// One attempt; true if it succeeded.
    async fn attempt(&self) -> bool {
        let asked = Instant::now();
        let attempt = timeout(CONNECT, self.establish(self.limits.statement)).await;
        match attempt.unwrap_or_else(|_| Err(silent(CONNECT))) {
            Ok(connection) => {
                self.probing.store(false, Ordering::Release);
                self.now_up();
                let _ = timeout(PROOF, connection.close()).await;
                true
            }
            Err(error) => {
                self.now_down(asked, &error);
                false
            }
        }
    }

    /// Whether the server answers and may be written to. Its connection is one more than those of the
    /// pools, so that the probe waits for no caller. All who wait for their turn share one answer.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn writable(&self) -> sqlx::Result<bool> {
        let asked = Instant::now();
        let _turn = self.turn.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let last = *self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, writable)) = last.filter(|(begun, _)| *begun > asked) {
            return writable.ok_or_else(|| silent(PROOF));
        }
        let begun = Instant::now();
        let writable = self.probe().await;
        *self.probed.lock().unwrap_or_else(PoisonError::into_inner) = Some((begun, writable.as_ref().ok().copied()));
        writable
    }

    /// Takes as long as two proofs at most.
    async fn probe(&self) -> sqlx::Result<bool> {
        let kept = self.probe.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(kept) = kept
            && let Ok(Ok(writable)) = timeout(PROOF, self.ask_writable(kept)).await
        {
            return Ok(writable);
        }
        let fresh = async { self.ask_writable(self.options.connect().await?).await };
        timeout(PROOF, fresh).await.unwrap_or_else(|_| Err(silent(PROOF)))
    }

    async fn ask_writable(&self, mut connection: PgConnection) -> sqlx::Result<bool> {
        let read_only: bool = sqlx::query_scalar(READ_ONLY).fetch_one(&mut connection).await?;
        if !self.closed.load(Ordering::Acquire) {
            *self.probe.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        }
        Ok(!read_only)
    }

    /// Nobody tries on from now on.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.turn.close();
        self.probe.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The options hold a password.
        f.debug_struct("Link").field("down", &self.is_down()).finish_non_exhaustive()
    }
}

/// The error of a server that says nothing.
pub(super) fn silent(limit: Duration) -> sqlx::Error {
    let text = format!("no answer within {} ms", limit.as_millis());
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

fn milliseconds(duration: Duration) -> String {
    duration.as_millis().max(1).to_string()
}
