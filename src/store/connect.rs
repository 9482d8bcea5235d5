//! Opening the store: pools, schema.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::changes::Changes;
use super::gate::Gate;
use super::link::Link;
use super::pools::{Pool, Shape};
use super::writer::Writer;
use super::writers::Writers;
use super::{Engine, Result, Store, StoreError};

static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");
static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a start waits for a server that does not listen yet, and a reader of a SQLite file for its turn.
const ACQUIRE: Duration = Duration::from_secs(5);

/// How much longer than a statement a read waits for a connection before its caller is told to try again.
const WAIT: Duration = Duration::from_secs(2);

/// How long a start waits between two attempts.
const AGAIN: Duration = Duration::from_millis(100);

pub(super) const ORPHANS_REMOVED: &str = "DELETE FROM removed_orphans RETURNING what, row_count";

/// Where the data lives.
#[derive(Clone)]
pub enum Target {
    /// A PostgreSQL server.
    Postgres(Box<PgConnectOptions>),
    /// A SQLite file.
    Sqlite(PathBuf),
}

/// How much of a database a store may use, and how long it waits for it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections, at least four. On PostgreSQL one half is for readers, the other for writers; on SQLite
    /// all of them read.
    pub connections: u32,
    /// How long a writer waits for a lock.
    pub lock: Duration,
    /// How long the database may work at one statement, apart from waiting for a lock.
    pub statement: Duration,
}

impl Limits {
    /// What the server itself may take for a statement of a writer, waiting for locks included.
    pub(super) fn statement_on_server(&self) -> Duration {
        self.statement + self.lock
    }

    /// Connections for readers and for writers.
    fn split(&self) -> (usize, usize) {
        let writers = (self.connections / 2).max(2);
        let readers = self.connections.saturating_sub(writers).max(2);
        (readers as usize, writers as usize)
    }
}

impl From<u32> for Limits {
    fn from(connections: u32) -> Self {
        Self { connections, lock: Duration::from_secs(5), statement: Duration::from_secs(5) }
    }
}

impl std::fmt::Debug for Target {
    /// Without what may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({})", self.place())
    }
}

/// The newest schema that this program knows.
pub(super) fn newest_version(target: &Target) -> i64 {
    let migrations = match target {
        Target::Postgres(_) => &POSTGRES,
        Target::Sqlite(_) => &SQLITE,
    };
    migrations.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Reads `DATABASE_URL`; none or an empty one means SQLite in the data directory.
///
/// # Errors
/// The URL is neither `postgres://…` nor `sqlite:…`, or malformed. The text never repeats the URL,
/// which may hold a password.
pub fn target_of(url: Option<&str>, data_dir: &Path) -> std::result::Result<Target, String> {
    match url.filter(|u| !u.is_empty()) {
        None => Ok(Target::Sqlite(data_dir.join("claviger.db"))),
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            PgConnectOptions::from_str(url)
                .map(|o| Target::Postgres(Box::new(o.application_name("claviger"))))
                .map_err(|_| "DATABASE_URL is not a valid postgres:// URL".to_owned())
        }
        Some(url) => url
            .strip_prefix("sqlite://")
            .or_else(|| url.strip_prefix("sqlite:"))
            .filter(|path| !path.is_empty())
            .map(|path| Target::Sqlite(PathBuf::from(path)))
            .ok_or_else(|| "DATABASE_URL must begin with postgres:// or sqlite:".to_owned()),
    }
}

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
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(limits.lock);
        let write = Writer::open(&options, limits.lock).await?;
        let pool = SqlitePoolOptions::new().max_connections(limits.connections).acquire_timeout(ACQUIRE);
        let read = pool.connect_with(options.read_only(true).create_if_missing(false)).await?;
        Ok(Self {
            read: Engine::Lite(read),
            write: Engine::Lite(write),
            state: Engine::Lite(path.into()),
            changes: Changes::default(),
            remember: Duration::ZERO,
        })
    }

    /// Brings the schema up to date. Safe to run from several processes at once.
    ///
    /// # Errors
    /// [`StoreError::Migrate`] when the schema is newer than this program, or was changed by hand.
    pub async fn migrate(&self) -> Result<()> {
        match &self.write {
            Engine::Pg(_) => self.migrate_server().await?,
            Engine::Lite(writer) => migrate_file(writer).await?,
        }
        self.tell_orphans().await
    }

    /// Tells once what the last migration removed because it pointed nowhere.
    async fn tell_orphans(&self) -> Result<()> {
        let removed: Vec<(String, i64)> = self.alone_rows(ORPHANS_REMOVED).await?;
        let removed: Vec<String> =
            removed.into_iter().filter(|(_, rows)| *rows > 0).map(|(what, rows)| format!("{rows} {what}")).collect();
        if !removed.is_empty() {
            tracing::warn!(removed = removed.join(", "), "removed rows that belonged to something that is gone");
        }
        Ok(())
    }

    /// Migrations may take long, and wait for those of another process: on a connection without deadlines.
    async fn migrate_server(&self) -> Result<()> {
        let Engine::Pg(link) = &self.state else { return Ok(()) };
        let mut connection = link.patient(ACQUIRE).await?;
        POSTGRES.run(&mut connection).await?;
        let _ = connection.close().await;
        Ok(())
    }
}

async fn migrate_file(writer: &Writer) -> Result<()> {
    let mut alone = writer.alone().await?;
    // PostgreSQL lets one process migrate at a time. On SQLite another one may overtake this one
    // between two looks; then its work is found done at the next.
    for _ in SQLITE.iter() {
        match SQLITE.run(alone.connection()?).await {
            Err(MigrateError::ExecuteMigration(..)) => {}
            outcome => return Ok(outcome?),
        }
    }
    Ok(SQLITE.run(alone.connection()?).await?)
}
