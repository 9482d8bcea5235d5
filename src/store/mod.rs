//! Storage. Everything that is SQL lives below this module; every statement is written once and
//! runs unchanged on SQLite and PostgreSQL.
//!
//! [`Store`] reads; [`Store::work`] is the one way to write. What a unit of work changes it records: events and
//! the rows that follow from them, so nobody can change a row without its audit trail.

mod access_tokens;
mod apps;
mod bootstrap;
mod cache;
mod changes;
mod connect;
mod credentials;
mod error;
mod events;
mod executor;
mod filter;
mod flight;
mod gate;
mod keys;
mod kinds;
mod link;
mod lists;
mod look;
mod members;
mod memory;
mod nodes;
mod oauth_clients;
mod orgs;
mod pools;
mod projects;
mod readiness;
mod roles;
mod rows;
mod signing_keys;
mod sql;
mod statements;
mod states;
mod usage;
mod user_grants;
mod user_search;
mod users;
mod work;
mod writer;
mod writers;

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sqlx::SqlitePool;

pub use access_tokens::{TokenInsert, TokenRow};
pub use apps::{
    AppAdded, AppAt, AppConfig, AppMethod, AppMethodChanged, AppRemoved, AppRenamed, AppSecretChanged, AppSwitched,
};
pub use bootstrap::InstanceRow;
pub use cache::{Answer, Cache, Found, Verdict};
pub use changes::Asked;
pub use connect::{Limits, Target, target_of};
pub use credentials::{Credential, CredentialAdded, CredentialRemoved};
pub use error::StoreError;
pub use events::{Aggregate, AggregateKind, Alone, Change, ChangePage, Event, Held};
pub use filter::{TextFilter, TextMatch, fold};
pub use keys::{AppKeyAdded, AppKeyRemoved};
pub use kinds::EventKind;
pub use lists::{Listed, Page};
pub use look::{Look, LookError, sqlite_files};
pub use members::{HeldRolesRow, MemberAdded, MemberChanged, MemberRemoved, Scope};
pub use memory::{BUDGET, Heap, Holder, Remembered};
pub use oauth_clients::{ClientRow, MachineRow, RolesRow};
pub use orgs::{OrgAdded, OrgTaken};
pub use projects::{ProjectAdded, ProjectChanged, ProjectRemoved, ProjectSwitched, ProjectValues};
pub use roles::{ProjectAt, RoleAdded, RoleChanged, RoleFilter, RoleRemoved, RoleValues};
pub use rows::*;
pub use signing_keys::{SigningKeyAdded, SigningKeyRemoved, SigningKeyRow, SigningKeySwitched};
pub use sql::{Rows, Sql, Statement};
pub use statements::ALL as STATEMENTS;
pub use states::{AppKind, SigningState, State, UserState};
pub use usage::Credentials;
pub use user_grants::{
    GrantAdded, GrantAt, GrantChanged, GrantFilter, GrantHeld, GrantRemoved, GrantSwitched, GrantsOf, names,
};
pub use user_search::{UserFilter, UserOrder};
pub use users::{
    HandleRow, MachineAdded, MachineChanged, MachineSecretSet, MachineValues, UserAt, UserRemoved, UserRenamed,
    UserSwitch, UserSwitched,
};
pub use work::{Actor, Work};

use crate::clock::Monotonic;

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

/// As [`on`], for a text that differs between the engines.
macro_rules! on_sql {
    ($engine:expr, $text:expr, ($sql:ident, $c:ident) => $body:expr) => {
        match $engine {
            $crate::store::Engine::Pg($c) => {
                let $sql = $text.pg;
                $body
            }
            $crate::store::Engine::Lite($c) => {
                let $sql = $text.lite;
                $body
            }
        }
    };
}
pub(crate) use on_sql;

/// The one text that a query of a unit of work finds, if any.
macro_rules! one_text {
    ($tx:expr, $text:expr, $($value:expr),+) => {
        $crate::store::on_sql!($tx, $text, (sql, c) => {
            sqlx::query_scalar::<_, String>(sql)$(.bind($value))+.fetch_optional(&mut **c).await
        })
    };
}
pub(crate) use one_text;

/// An event without anything to say.
#[derive(serde::Serialize)]
struct Nothing {}

/// A list as it is stored.
fn json<T: serde::Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).unwrap_or_default()
}

/// The store: pools of one engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    read: Engine<pools::Pool, SqlitePool>,
    write: Engine<writers::Writers, writer::Writer>,
    /// What the readiness probe looks at.
    state: Engine<Arc<link::Link>, Arc<Path>>,
    /// What tells caches that their answers may be old.
    changes: changes::Changes,
    /// How long caches may use an answer again.
    remember: Duration,
}

/// The last event of a change: what state rows take their sequence and change date from.
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
    /// The same store, whose answers caches may use again for so long, by this time; zero turns them off.
    #[must_use]
    pub fn remembered_for(self, remember: Duration, time: Arc<dyn Monotonic>) -> Self {
        Self { remember, changes: changes::Changes::new(time), ..self }
    }

    /// What caches of this store take.
    pub fn remembered(&self) -> Remembered {
        self.changes.memory().sum()
    }

    /// Lets caches give back what is too old to be of use.
    pub fn forget(&self) {
        self.changes.memory().sweep();
    }

    /// Counts somebody else's memory among that of the caches. Gives how many of the bytes asked for it may
    /// take.
    pub fn hold(&self, held: Weak<dyn Holder>, bytes: u64) -> u64 {
        self.changes.memory().add(held);
        self.changes.memory().allot(bytes)
    }

    /// Whether the data is in a file that only this process writes.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self.write, Engine::Lite(_))
    }
}
