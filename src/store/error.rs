//! What can go wrong in the store, and what of it the caller may see.

use crate::error::Error;

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
    /// A stored value cannot be understood.
    #[error("stored data is inconsistent: {0}")]
    Inconsistent(&'static str),
    /// A file beside the database could not be made.
    #[error("file: {0}")]
    Io(#[from] std::io::Error),
}

impl StoreError {
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
            // SQLITE_BUSY and its variants, and PostgreSQL's classes "too many connections" and
            // "shutting down".
            sqlx::Error::Database(db) => match db.code().as_deref() {
                Some("5" | "261" | "517" | "53300" | "57P01" | "57P02" | "57P03") => Self::Unavailable(error),
                _ => Self::Database(error),
            },
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Unavailable(error)
            }
            _ => Self::Database(error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(error),
            _ => Self::internal(error),
        }
    }
}
