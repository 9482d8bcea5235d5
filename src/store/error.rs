//! What can go wrong in the store, and what of it the caller may see.

use std::sync::Arc;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;

use crate::error::Error;

/// Result of the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Failure of a store call.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is taken. Which one follows from the operation: SQLite does not name it.
    #[error("a unique value is taken")]
    Taken,
    /// Another writer came in between: what was begun must be done again from the start.
    #[error("overtaken by another writer: {0}")]
    Overtaken(#[source] sqlx::Error),
    /// The database cannot be reached or is too busy.
    #[error("the database is not reachable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The database refused a statement or holds something unexpected.
    #[error("the database refused: {0}")]
    Database(#[source] sqlx::Error),
    /// The schema could not be brought up to date, or is newer than this program.
    #[error("the schema does not fit: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The commit that several writers shared failed, with this cause.
    #[error("the transaction of the group failed: {0}")]
    Shared(Arc<StoreError>),
    /// A stored value cannot be understood.
    #[error("stored data is inconsistent: {0}")]
    Inconsistent(&'static str),
    /// A file beside the database could not be made.
    #[error("file: {0}")]
    Io(#[from] std::io::Error),
}

/// Seconds after which a caller is told to try again: a database that is back is noticed within one.
const AGAIN: u32 = 1;

impl StoreError {
    /// Whether trying again may help.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Shared(cause) => cause.is_unavailable(),
            _ => false,
        }
    }

    /// `message` with code 6 if a unique value was taken; else the general answer.
    pub fn taken(self, message: &'static str) -> Error {
        match self {
            Self::Taken => Error::already_exists(message),
            other => other.into(),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(db) if db.is_unique_violation() => Self::Taken,
            // What a statement refers to has just gone, or what it removes has just been referred to.
            sqlx::Error::Database(db) if db.is_foreign_key_violation() => Self::Overtaken(error),
            // PostgreSQL: serialization failure, deadlock.
            sqlx::Error::Database(db) if matches!(db.code().as_deref(), Some("40001" | "40P01")) => {
                Self::Overtaken(error)
            }
            sqlx::Error::Database(db) if is_passing(&**db) => Self::Unavailable(error),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            _ => Self::Database(error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() { Self::unavailable(error).retry_after(AGAIN) } else { Self::internal(error) }
    }
}

/// Whether the cause is one that may be gone when the caller tries again.
fn is_passing(error: &dyn DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<PgDatabaseError>().is_some() {
        is_passing_state(&code)
    } else {
        code.parse().is_ok_and(is_passing_result)
    }
}

/// SQLSTATE (PostgreSQL, appendix A): no connection, no resources, cancelled or shutting down, trouble of
/// the system, locked, read-only, in conflict with another transaction, idle for too long in one.
fn is_passing_state(state: &str) -> bool {
    ["08", "53", "57P", "58"].iter().any(|class| state.starts_with(class))
        || matches!(state, "57014" | "25006" | "25P03" | "25P04" | "55P03" | "40001" | "40P01")
}

/// Result codes of SQLite, extended ones included. A damaged file is none of them, also where it shows as
/// trouble of the disk.
fn is_passing_result(code: i32) -> bool {
    const IOERR_DATA: i32 = 0x200a;
    const IOERR_CORRUPTFS: i32 = 0x210a;
    match code & 0xff {
        // ABORT, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, FULL, CANTOPEN, PROTOCOL
        4..=9 | 13..=15 => true,
        // IOERR
        10 => !matches!(code, IOERR_DATA | IOERR_CORRUPTFS),
        _ => false,
    }
}

/// Whether the connection is of no use any more; a read is then tried on another one.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        // 25006: the server has become the follower of another one. The others end the session.
        sqlx::Error::Database(db) => db.code().is_some_and(|state| {
            state.starts_with("57P") || state.starts_with("08") || matches!(&*state, "25006" | "25P03" | "25P04")
        }),
        sqlx::Error::Encode(_) | sqlx::Error::RowNotFound | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
            false
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;

    #[test]
    fn what_passes_is_told_from_what_is_broken() {
        for state in
            ["53100", "53200", "53300", "57014", "57P01", "57P03", "25006", "55P03", "58030", "08006", "40001", "40P01"]
        {
            assert!(is_passing_state(state), "{state}");
        }
        for state in ["23503", "25P02", "42P01", "42601", "XX000", "XX001", "22P02", ""] {
            assert!(!is_passing_state(state), "{state}");
        }
        let (full, write, protocol, cantopen) = (13, 0x30a, 15, 14);
        let (busy, snapshot, nomem, read_only, moved, interrupt) = (5, 0x205, 7, 8, 0x408, 9);
        for code in [full, write, protocol, cantopen, busy, snapshot, nomem, read_only, moved, interrupt] {
            assert!(is_passing_result(code), "{code}");
        }
        let (error, corrupt, notadb, checksum, damaged, constraint) = (1, 11, 26, 0x200a, 0x210a, 787);
        for code in [error, corrupt, notadb, checksum, damaged, constraint, 0] {
            assert!(!is_passing_result(code), "{code}");
        }
    }

    #[tokio::test]
    async fn a_read_only_file_is_worth_trying_again() {
        let mut file = sqlx::SqliteConnection::connect("sqlite::memory:").await.expect("a database");
        sqlx::query("CREATE TABLE t (id BIGINT); PRAGMA query_only = 1").execute(&mut file).await.expect("a table");
        let refused = sqlx::query("INSERT INTO t VALUES (1)").execute(&mut file).await.expect_err("nothing is written");
        let error = Error::from(StoreError::Shared(Arc::new(refused.into())));
        assert_eq!((error.code as i32, error.retry_after), (14, Some(1)));
        let damaged = sqlx::query("SELECT * FROM nowhere").execute(&mut file).await.expect_err("no such table");
        let error = Error::from(StoreError::Shared(Arc::new(damaged.into())));
        assert_eq!((error.code as i32, error.retry_after), (13, None));
    }
}
