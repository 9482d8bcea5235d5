//! Opening the store.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::changes::Changes;
use super::executor::Executor;
use super::gate::Gate;
use super::link::Link;
use super::pools::Pool;
use super::shelf::Shape;
use super::writer::Writer;
use super::writers::Writers;
use super::{Engine, Limits, Result, Store, StoreError, Target};

/// How long a start waits for a server that does not listen yet, and a reader of a SQLite file for its turn.
const ACQUIRE: Duration = Duration::from_secs(5);

/// How much longer than a statement a read waits for a connection before its caller is told to try again.
const WAIT: Duration = Duration::from_secs(2);

/// How long a start waits between two attempts.
const AGAIN: Duration = Duration::from_millis(100);

impl Store {
    /// Connects; the schema is not looked at.
    ///
    /// # Errors
    /// The database cannot be reached or opened.
    pub async fn connect(target: &Target, limits: impl Into<Limits>) -> Result<Self> {
        let limits = limits.into();
        match target {
            Target::Postgres(options) => Self::reach(options, limits).await,
            Target::Sqlite(path) => Self::open_file(path, limits).await,
            Target::Memory => Self::open_memory(limits).await,
        }
    }

    async fn reach(options: &PgConnectOptions, limits: Limits) -> Result<Self> {
        let link = Arc::new(Link::new(options.clone(), limits));
        let begun = Instant::now();
        while let Err(error) = link.patient(ACQUIRE).await {
            let error = StoreError::from(error);
            if !error.is_unavailable() || begun.elapsed() > ACQUIRE {
                return Err(error);
            }
            tokio::time::sleep(AGAIN).await;
        }
        let (readers, writers) = limits.split();
        let pool = |size, wait, statement| Pool::new(Arc::clone(&link), Shape { size, wait, statement });
        let gate = Gate::new(writers / 2, limits.lock);
        Ok(Self {
            // Longer than a connection that hangs is waited for: then it is replaced, and the queue goes on.
            read: Engine::Pg(pool(readers, limits.statement + WAIT, limits.statement)),
            write: Engine::Pg(Writers { pool: pool(writers, limits.lock, limits.statement_on_server()), gate }),
            state: Engine::Pg(link),
            executor: Executor::default(),
            changes: Changes::default(),
            remember: Duration::ZERO,
        })
    }

    async fn open_file(path: &Path, limits: Limits) -> Result<Self> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        // SQLite would make it with a mode that others may read; the files beside it take its mode.
        crate::files::open_or_create("SQLite database", path).map_err(std::io::Error::other)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged key must survive a power cut, not only a crash of the process.
            .synchronous(SqliteSynchronous::Full);
        Self::open(options, Some(path.into()), limits).await
    }

    /// A database in the memory of this process. It goes with its last connection, and the writer keeps one.
    async fn open_memory(limits: Limits) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // A name that begins like this is one database for all connections of the process.
        let name = format!("/memory-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let options = SqliteConnectOptions::new()
            .filename(name)
            .vfs("memdb")
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Memory)
            .synchronous(SqliteSynchronous::Off);
        Self::open(options, None, limits).await
    }

    async fn open(options: SqliteConnectOptions, file: Option<Arc<Path>>, limits: Limits) -> Result<Self> {
        let options = options.busy_timeout(limits.lock);
        let write = Writer::open(&options, limits.lock).await?;
        let pool = SqlitePoolOptions::new().max_connections(limits.connections).acquire_timeout(ACQUIRE);
        let read = pool.connect_with(options.read_only(true).create_if_missing(false)).await?;
        Ok(Self {
            read: Engine::Lite(read),
            write: Engine::Lite(write),
            state: Engine::Lite(file),
            executor: Executor::default(),
            changes: Changes::default(),
            remember: Duration::ZERO,
        })
    }
}
