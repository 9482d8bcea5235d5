//! A look at a database before a server works on it: is it there, is its schema one of ours, has it been
//! set up, which signing keys does it hold? Nothing is written, and what cannot be read is said in words
//! that help whoever starts the server.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::bootstrap::INSTANCE_MADE;
use super::executor::{Executor, Want};
use super::migrations::newest_version;
use super::signing_keys::SIGNING_KEYS;
use super::sql::query;
use super::{Engine, SigningKeyRow, Sql, Target};
use crate::files::FileError;

/// How long a database that is just starting may take to let somebody in.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait before it is asked again.
const PAUSE: Duration = Duration::from_millis(100);
/// Oldest PostgreSQL whose planner can be told what this program relies on, as `server_version_num`.
const OLDEST_POSTGRES: u32 = 120_000;

pub(super) const TABLE: Sql = Sql {
    pg: "SELECT count(*) FROM pg_class WHERE oid = to_regclass($1)",
    lite: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1",
};
pub(super) const VERSION: &str = "SELECT max(version) FROM _sqlx_migrations";

/// What there is.
#[derive(Debug, Default)]
pub struct Look {
    /// Newest migration, if the schema has been made.
    pub version: Option<i64>,
    /// The first organization and its token have been made.
    pub set_up: bool,
    /// The signing keys, private halves encrypted.
    pub signing_keys: Vec<SigningKeyRow>,
}

/// A database that cannot be used: which, why, and what to do. No part of a password is in it.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The file cannot be opened.
    #[error(transparent)]
    File(#[from] FileError),
    /// A SQLite file that is none.
    #[error(
        "{} is not a SQLite database; move it away, or name another file with storage.url (DATABASE_URL=sqlite:<path>)",
        .0.display()
    )]
    NotSqlite(PathBuf),
    /// A SQLite file with a defect.
    #[error("the SQLite database {} is damaged ({reason}); replace it by a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// PostgreSQL does not answer.
    #[error("{place}, named by storage.url (DATABASE_URL), {what}")]
    Unreachable {
        /// Host and port, or socket.
        place: String,
        /// What happened and what to do.
        what: String,
    },
    /// PostgreSQL does not let us in.
    #[error("{place}, named by storage.url (DATABASE_URL), {what}")]
    Refused {
        /// Host and port, or socket.
        place: String,
        /// What happened and what to do.
        what: String,
    },
    /// A schema of a later program.
    #[error(
        "the schema of {place} has version {found}, but claviger {} knows versions up to {known} only: upgrade this \
         program, or use a database of its own",
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The database.
        place: String,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// A statement failed.
    #[error("{place} cannot be read: {source}")]
    Unreadable {
        /// The database.
        place: String,
        /// What it said.
        source: sqlx::Error,
    },
}

impl Target {
    /// Looks at the database. A SQLite file that is missing or empty is one without a schema.
    ///
    /// # Errors
    /// It cannot be read, or its schema is newer than this program.
    pub async fn look(&self) -> Result<Look, LookError> {
        let mut connection = match self {
            Self::Postgres(options) => Engine::Pg(reach(self, options).await?),
            Self::Sqlite(path) => match open(path).await? {
                Some(connection) => Engine::Lite(connection),
                None => return Ok(Look::default()),
            },
            // Nobody but this process has it, and this process has none yet.
            Self::Memory => return Ok(Look::default()),
        };
        let look = read(&mut connection).await;
        let _ = match connection {
            Engine::Pg(connection) => connection.close().await,
            Engine::Lite(connection) => connection.close().await,
        };
        let look = look.map_err(|error| self.unreadable(error))?;
        match (look.version, newest_version(self)) {
            (Some(found), known) if found > known => Err(LookError::Newer { place: self.place(), found, known }),
            _ => Ok(look),
        }
    }

    fn unreadable(&self, error: sqlx::Error) -> LookError {
        match self {
            Self::Sqlite(path) => of_file(path, error),
            Self::Postgres(_) | Self::Memory => LookError::Unreadable { place: self.place(), source: error },
        }
    }
}

async fn read(connection: &mut Engine<PgConnection, SqliteConnection>) -> Result<Look, sqlx::Error> {
    let executor = Executor::default();
    let mut look = Look::default();
    if has(&executor, connection, "_sqlx_migrations").await? {
        let found = executor.ask(&mut *connection, &query!(VERSION), Want::First).await?;
        look.version = found.row::<(Option<i64>,)>()?.and_then(|(version,)| version);
    }
    if has(&executor, connection, "instance").await? {
        let found = executor.ask(&mut *connection, &query!(INSTANCE_MADE), Want::First).await?;
        look.set_up = found.row::<(i64,)>()?.is_some();
    }
    if has(&executor, connection, "signing_keys").await? {
        look.signing_keys = executor.ask(connection, &query!(SIGNING_KEYS), Want::All).await?.rows()?;
    }
    Ok(look)
}

async fn has(
    executor: &Executor,
    connection: &mut Engine<PgConnection, SqliteConnection>,
    table: &str,
) -> Result<bool, sqlx::Error> {
    let found = executor.ask(connection, &query!(TABLE; table), Want::First).await?;
    Ok(found.row::<(i64,)>()?.is_some_and(|(count,)| count > 0))
}

/// Opens a SQLite file for reading, and leaves nothing beside it.
async fn open(path: &Path) -> Result<Option<SqliteConnection>, LookError> {
    const WHAT: &str = "SQLite database";
    let named = |source| FileError::Io { what: WHAT, path: path.to_owned(), source };
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            return Err(FileError::Kind { what: WHAT, path: path.to_owned(), wanted: "file" }.into());
        }
        Ok(found) if found.len() == 0 => return Ok(None),
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(named(e).into()),
    }
    // SQLite only says that it could not; the system says why.
    std::fs::File::open(path).map_err(named)?;
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false).read_only(true);
    // Without a log of changes beside it nobody has the file open, and the file is all there is. Said so,
    // SQLite makes no files of its own, which a reader could not remove.
    let [_, beside @ ..] = sqlite_files(path);
    let quiet = !beside.iter().any(|file| file.exists());
    let options = options.immutable(quiet).busy_timeout(PATIENCE);
    options.connect().await.map(Some).map_err(|error| of_file(path, error))
}

/// The files of a SQLite database: its own and those that SQLite keeps beside it.
pub fn sqlite_files(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|tail| {
        let mut name = path.as_os_str().to_owned();
        name.push(tail);
        name.into()
    })
}

fn of_file(path: &Path, error: sqlx::Error) -> LookError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(std::borrow::Cow::into_owned);
    match code.as_deref() {
        Some("26") => LookError::NotSqlite(path.to_owned()),
        Some("11" | "267" | "523" | "779") => LookError::Damaged { path: path.to_owned(), reason: error.to_string() },
        _ => LookError::Unreadable { place: format!("the SQLite database {}", path.display()), source: error },
    }
}

/// Connects to PostgreSQL; one that is just starting is asked again for a while.
async fn reach(target: &Target, options: &PgConnectOptions) -> Result<PgConnection, LookError> {
    let place = target.place();
    let begun = Instant::now();
    loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        let error = match tokio::time::timeout(left, options.connect()).await {
            Ok(Ok(connection)) => return of_age(connection).await.map_err(|what| LookError::Refused { place, what }),
            Ok(Err(error)) => error,
            Err(_) => {
                let what = "does not answer; check host, port and firewall".to_owned();
                return Err(LookError::Unreachable { place, what });
            }
        };
        if !is_starting(&error) || begun.elapsed() + PAUSE >= PATIENCE {
            let what = reason(&error, options);
            return Err(match error {
                sqlx::Error::Io(_) => LookError::Unreachable { place, what },
                _ => LookError::Refused { place, what },
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn of_age(connection: PgConnection) -> Result<PgConnection, String> {
    match connection.server_version_num() {
        Some(version) if version < OLDEST_POSTGRES => {
            let _ = connection.close().await;
            let (is, least) = (version / 10_000, OLDEST_POSTGRES / 10_000);
            Err(format!("has version {is}, which is too old; claviger needs PostgreSQL {least} or newer"))
        }
        _ => Ok(connection),
    }
}

fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(e) => e.kind() == std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(db) => db.code().as_deref() == Some("57P03"),
        _ => false,
    }
}

/// Whether an error is one of files, which a network does not know.
fn is_file(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{IsADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), IsADirectory | NotFound | PermissionDenied)
}

/// Why PostgreSQL let nobody in, and what to do.
fn reason(error: &sqlx::Error, options: &PgConnectOptions) -> String {
    let (user, database) = (options.get_username(), options.get_database().unwrap_or(options.get_username()));
    match error {
        sqlx::Error::Io(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
            format!("refuses connections ({e}); is it running, and are host and port right?")
        }
        sqlx::Error::Io(e) if is_file(e) && options.get_socket().is_none() => format!(
            "cannot be reached, for a file of the URL cannot be read ({e}); sslrootcert, sslcert and sslkey name PEM files"
        ),
        sqlx::Error::Io(e) if e.kind() == std::io::ErrorKind::InvalidData => format!(
            "does not prove by its certificate that it is the right one ({e}); sslrootcert names the file of the \
             authority that signed it, and the host of the URL must be a name in it"
        ),
        sqlx::Error::Io(e) => format!("cannot be reached ({e}); are host and port right, and is it PostgreSQL?"),
        sqlx::Error::Tls(e) => format!(
            "cannot be spoken to with TLS ({e}); turn it on there (ssl = on), check sslrootcert, sslcert and sslkey, or \
             write sslmode=disable on a network you trust"
        ),
        sqlx::Error::Database(db) => match db.code().as_deref() {
            Some("28P01") => format!("refuses the password of user {user:?}"),
            Some("28000") => format!("does not let user {user:?} in ({}); check user and pg_hba.conf", db.message()),
            Some("3D000") => format!("has no database {database:?}; make it with: createdb -O {user:?} {database:?}"),
            Some("53300") => format!("has no connection left ({}); raise its max_connections", db.message()),
            Some("57P03") => format!("is not ready ({}); start again once it is", db.message()),
            _ => format!("refuses ({})", db.message()),
        },
        other => format!("gives answers that are not those of PostgreSQL ({other}); are host and port right?"),
    }
}
