//! Why the program cannot start. These errors are for whoever starts it: each says what is wrong, where
//! (file, key of the configuration, address), and what to do. No client ever sees one.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::crypto::vault::NO_MASTER_KEY;
use crate::error::Error;
use crate::files::{FileError, shell_word};
use crate::lock::LockError;
use crate::store::{LookError, StoreError};

/// A start that failed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file or directory cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another server works on the same SQLite file.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The database cannot be used.
    #[error(transparent)]
    Look(#[from] LookError),
    /// The address is not to be had.
    #[error("cannot listen on {address}: {source}; {}", listen_hint(source, setting))]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// Where it is configured.
        setting: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The file with the master key holds something else.
    #[error("the master key in {} {NO_MASTER_KEY}; put the right one back from a backup", .0.display())]
    MasterKey(PathBuf),
    /// There are signing keys, but nothing to open them with.
    #[error(
        "the master key is missing: {place} holds signing keys, but there is no file {}; put the file back from a \
         backup, or give the key with storage.master_key (CLAVIGER_MASTER_KEY). A new key is not made, for it could \
         not open them",
        file.display()
    )]
    MasterKeyMissing {
        /// The database.
        place: String,
        /// Where the key should be.
        file: PathBuf,
    },
    /// The master key does not open the signing keys.
    #[error(
        "{key} is not the master key of {place}: it does not open the signing keys there. Give every server of this \
         database the same storage.master_key (CLAVIGER_MASTER_KEY) or the same master.key file, or use the \
         database that belongs to the key"
    )]
    MasterKeyWrong {
        /// Where the key came from.
        key: String,
        /// The database.
        place: String,
    },
    /// A token of a server whose data is not there.
    #[error(
        "{place} is empty or missing, but {} holds the token of a server that was set up. If its data is lost, \
         restore it from a backup, or check storage.url (DATABASE_URL) and storage.data_dir (CLAVIGER_DATA_DIR); \
         for a new server move the token away: mv {word} {word}.old",
        token.display(),
        word = shell_word(token)
    )]
    TokenBesideEmpty {
        /// The database.
        place: String,
        /// The token file.
        token: PathBuf,
    },
    /// A command for a server that does not exist yet.
    #[error(
        "{0} has not been set up; start the server once, or check storage.url (DATABASE_URL) and storage.data_dir (CLAVIGER_DATA_DIR)"
    )]
    NotSetUp(String),
    /// Work on the database failed.
    #[error("{place}: {what}")]
    Store {
        /// The database.
        place: String,
        /// What happened and what to do.
        what: String,
    },
    /// The system gives no threads.
    #[error("the system gives no threads ({0}); check its limits, and keys.threads (CLAVIGER_KEYS_THREADS)")]
    Threads(io::Error),
    /// Anything else.
    #[error("{}", causes(.0))]
    Other(#[from] Error),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl StartError {
    /// The same error with the database it happened on, in words about that.
    #[must_use]
    pub fn on(self, place: &str) -> Self {
        match self {
            Self::Other(error) => Self::Store { place: place.to_owned(), what: in_words(&error) },
            other => other,
        }
    }
}

/// The causes of an error, without what a client would be told.
fn causes(error: &Error) -> String {
    error.source().map_or_else(|| error.message.to_string(), ToString::to_string)
}

/// What a failure of the database means for whoever starts a server.
fn in_words(error: &Error) -> String {
    let mut cause = error.source();
    let mut code = None;
    while let Some(this) = cause {
        if let Some(sqlx::Error::Database(db)) = this.downcast_ref::<sqlx::Error>() {
            code = db.code().map(std::borrow::Cow::into_owned);
        }
        cause = this.source();
    }
    let text = causes(error);
    match code.as_deref() {
        Some("13" | "53100") => format!("the disk is full; free some space and start again ({text})"),
        Some("8" | "264" | "520" | "776" | "1032" | "25006") => {
            format!("the database is read-only; let this process write to it ({text})")
        }
        Some("14") => format!("the file cannot be opened; check the permissions of its directory ({text})"),
        Some("42501") => format!("the user of storage.url (DATABASE_URL) may not do that; grant it the right ({text})"),
        _ => text,
    }
}

fn listen_hint(error: &io::Error, setting: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another program listens there: stop it, or choose another port with {setting}")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("{setting} must be an address of this machine, or 0.0.0.0 or [::] for all of them")
        }
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 are for root: choose another with {setting}")
        }
        _ => format!("check {setting}"),
    }
}
