//! Opening the store: pools, schema, node number.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::Executor as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::cache::Changes;
use super::writer::Writer;
use super::{Engine, Result, Store, StoreError, on};

static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");
static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a request waits for a connection before it is told to try again.
const ACQUIRE: Duration = Duration::from_secs(5);

/// Every statement finds its rows by an index, and its plan does not depend on its values. Left alone,
/// PostgreSQL plans while tables are small, scans them whole, and goes on doing so as they grow, until
/// they are analysed.
const PLANS: &str = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";

// Wraps at 16 bits, the width of the node in an identifier.
pub(super) const NODE_TAKE: &str = "UPDATE nodes SET last = (last + 1) % 65536 RETURNING last";

/// Where the data lives.
#[derive(Clone)]
pub enum Target {
    /// A PostgreSQL server.
    Postgres(Box<PgConnectOptions>),
    /// A SQLite file.
    Sqlite(PathBuf),
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
    pub async fn connect(target: &Target, connections: u32) -> Result<Self> {
        match target {
            Target::Postgres(options) => {
                let pool = PgPoolOptions::new()
                    .max_connections(connections)
                    .acquire_timeout(ACQUIRE)
                    .test_before_acquire(false)
                    .after_connect(|connection, _| Box::pin(async move { connection.execute(PLANS).await.map(drop) }))
                    .connect_with(options.as_ref().clone())
                    .await?;
                Ok(Self {
                    read: Engine::Pg(pool.clone()),
                    write: Engine::Pg(pool),
                    changes: Changes::default(),
                    remember: Duration::ZERO,
                })
            }
            Target::Sqlite(path) => Self::open_file(path, connections).await,
        }
    }

    async fn open_file(path: &Path, connections: u32) -> Result<Self> {
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
            .busy_timeout(ACQUIRE);
        let write = Writer::open(&options).await?;
        let pool = SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE);
        let read = pool.connect_with(options.read_only(true).create_if_missing(false)).await?;
        Ok(Self {
            read: Engine::Lite(read),
            write: Engine::Lite(write),
            changes: Changes::default(),
            remember: Duration::ZERO,
        })
    }

    /// Brings the schema up to date. Safe to run from several processes at once.
    ///
    /// # Errors
    /// [`StoreError::Migrate`] when the schema is newer than this program, or was changed by hand.
    pub async fn migrate(&self) -> Result<()> {
        let writer = match &self.write {
            Engine::Pg(pool) => return Ok(POSTGRES.run(pool).await?),
            Engine::Lite(writer) => writer,
        };
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

    /// Takes a node number that no other running process has.
    ///
    /// # Errors
    /// The store failed.
    pub async fn node_take(&self) -> Result<u16> {
        let mut tx = self.begin().await?;
        let node = on!(&mut tx, c => sqlx::query_scalar::<_, i64>(NODE_TAKE).fetch_one(&mut **c).await)?;
        tx.commit(()).await?;
        u16::try_from(node).map_err(|_| StoreError::Inconsistent("node number out of range"))
    }
}
