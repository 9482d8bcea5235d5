//! Storage. Everything that is SQL lives below this module; every statement is written once and
//! runs unchanged on SQLite and PostgreSQL.
//!
//! [`Store`] reads, [`Tx`] writes. A function that changes state asks for a [`Recorded`], which only
//! an appended event yields: nobody can change a row without its audit trail.

mod access_tokens;
mod apps;
mod bootstrap;
mod cache;
mod connect;
mod credentials;
mod error;
mod events;
mod filter;
mod keys;
mod lists;
mod look;
mod members;
mod oauth_clients;
mod orgs;
mod projects;
mod roles;
mod rows;
mod signing_keys;
mod statements;
mod usage;
mod user_grants;
mod user_search;
mod users;
mod writer;

use std::time::Duration;

use sqlx::{PgPool, Postgres, SqlitePool, Transaction};

pub use access_tokens::{TokenInsert, TokenRow};
pub use apps::{AppAt, AppInsert, AppMethod};
pub use bootstrap::InstanceRow;
pub use cache::Cache;
pub use connect::{Target, target_of};
pub use credentials::{Credential, CredentialInsert};
pub use error::StoreError;
pub use events::{Aggregate, AggregateKind, ChangePage, Event};
pub use filter::{TextFilter, TextMatch};
pub use keys::KeyInsert;
pub use lists::{Listed, Page};
pub use look::{Look, LookError, sqlite_files};
pub use members::Scope;
pub use oauth_clients::{ClientRow, MachineRow, RolesRow};
pub use projects::ProjectValues;
pub use roles::{ProjectAt, RoleFilter, RoleValues};
pub use rows::*;
pub use signing_keys::SigningKeyRow;
pub use statements::ALL as STATEMENTS;
pub use usage::Credentials;
pub use user_grants::{GrantFilter, GrantInsert, GrantsOf, role_keys};
pub use user_search::{UserFilter, UserOrder};
pub use users::{MachineValues, USER_ACTIVE, UserAt, UserInsert};

/// Result of the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// One of two engines: `P` for PostgreSQL, `L` for SQLite.
#[derive(Debug, Clone)]
pub enum Engine<P, L> {
    /// PostgreSQL.
    Pg(P),
    /// SQLite.
    Lite(L),
}

/// Evaluates the same expression for the engine at hand, with `$c` bound to its pool or connection.
macro_rules! on {
    ($engine:expr, $c:ident => $body:expr) => {
        match $engine {
            $crate::store::Engine::Pg($c) => $body,
            $crate::store::Engine::Lite($c) => $body,
        }
    };
}
pub(crate) use on;

/// The store: pools of one engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    read: Engine<PgPool, SqlitePool>,
    write: Engine<PgPool, writer::Writer>,
    /// What tells caches that their answers may be old.
    changes: cache::Changes,
    /// How long caches may use an answer again.
    remember: Duration,
}

/// A write transaction. Dropped without [`Tx::commit`], it leaves nothing behind.
pub struct Tx(Begun, cache::Guard);

/// An open transaction of either engine.
type Begun = Engine<Transaction<'static, Postgres>, writer::GroupTx>;

/// Proof that an event was appended: what state rows take their sequence and change date from.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Sequence of the last event of the change.
    pub sequence: i64,
    /// Its time.
    pub at: crate::clock::Micros,
    /// Private, so that nothing outside the store can make one.
    _appended: std::marker::PhantomData<()>,
}

impl Store {
    /// The same store, whose answers caches may use again for so long; zero turns them off.
    #[must_use]
    pub fn remembered_for(self, remember: Duration) -> Self {
        Self { remember, ..self }
    }

    /// Opens a write transaction.
    ///
    /// # Errors
    /// The store cannot be reached.
    pub async fn write(&self) -> Result<Tx> {
        Ok(Tx(self.begin().await?, self.changes.guard()))
    }

    /// Whether the data is in a file that only this process writes.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self.write, Engine::Lite(_))
    }

    /// A transaction that changes nothing a cache may hold.
    async fn begin(&self) -> Result<Begun> {
        Ok(match &self.write {
            Engine::Pg(pool) => Engine::Pg(pool.begin().await?),
            Engine::Lite(writer) => Engine::Lite(writer.begin().await?),
        })
    }

    /// Whether the store answers, for the readiness probe.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        on!(&self.read, c => sqlx::query_scalar::<_, i64>(PING).fetch_one(c).await.map(drop))?;
        Ok(())
    }

    /// Closes all connections; open transactions finish first. The writer of a SQLite file goes last: a
    /// reader could not bring everything into the file.
    pub async fn close(&self) {
        on!(&self.read, c => c.close().await);
        match &self.write {
            Engine::Pg(pool) => pool.close().await,
            Engine::Lite(writer) => writer.close().await,
        }
    }
}

impl Tx {
    /// Makes the change durable and visible.
    ///
    /// # Errors
    /// The store failed; then nothing of it is visible.
    pub async fn commit(self) -> Result<()> {
        let Self(begun, changed) = self;
        begun.commit(changed).await
    }
}

impl Begun {
    /// Commits, and then drops what was to be kept until then, even if nobody waits any more.
    async fn commit<T: Send + 'static>(self, until_then: T) -> Result<()> {
        match self {
            Self::Pg(tx) => {
                let _until_then = until_then;
                Ok(tx.commit().await?)
            }
            Self::Lite(tx) => tx.commit(until_then).await,
        }
    }
}

/// Executes one statement that is a transaction of its own; gives the number of rows.
macro_rules! execute {
    ($store:expr, $query:expr) => {
        match &$store.write {
            $crate::store::Engine::Pg(pool) => $query.execute(pool).await?.rows_affected(),
            $crate::store::Engine::Lite(writer) => {
                let mut tx = writer.begin().await?;
                let rows = $query.execute(&mut *tx).await?.rows_affected();
                tx.commit(()).await?;
                rows
            }
        }
    };
}
pub(crate) use execute;

/// Asks for nothing but an answer.
pub(crate) const PING: &str = "SELECT CAST(1 AS BIGINT)";
