//! The store itself, and how it reads.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sqlx::SqlitePool;

use super::builder::QueryBuilder;
use super::changes::Changes;
use super::executor::{Executor, Row, Want};
use super::link::Link;
use super::pools::Pool;
use super::sql::Query;
use super::writer::Writer;
use super::writers::Writers;
use super::{Engine, Holder, Remembered, Result, Statements};
use crate::clock::Monotonic;

/// The store: pools of one engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) read: Engine<Pool, SqlitePool>,
    pub(super) write: Engine<Writers, Writer>,
    /// What the readiness probe looks at; no file where there is none.
    pub(super) state: Engine<Arc<Link>, Option<Arc<Path>>>,
    /// Every statement passes through it.
    pub(super) executor: Executor,
    /// What tells caches that their answers may be old.
    pub(super) changes: Changes,
    /// How long caches may use an answer again.
    pub(super) remember: Duration,
}

impl Store {
    /// The same store, whose answers caches may use again for so long, by this time; zero turns them off.
    #[must_use]
    pub fn remembered_for(self, remember: Duration, time: Arc<dyn Monotonic>) -> Self {
        Self { remember, changes: Changes::new(time), ..self }
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

    /// How many statements there were so far.
    pub fn statements(&self) -> Statements {
        self.executor.counts()
    }

    /// Whether the data is in a file that only this process writes.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self.write, Engine::Lite(_))
    }

    /// All rows that a query finds.
    pub(super) async fn rows<T: Row>(&self, query: &Query<'_>) -> Result<Vec<T>> {
        Ok(self.executor.ask(&self.read, query, Want::All).await?.rows()?)
    }

    /// The row that a query finds, if any.
    pub(super) async fn row<T: Row>(&self, query: &Query<'_>) -> Result<Option<T>> {
        Ok(self.executor.ask(&self.read, query, Want::First).await?.row()?)
    }

    /// The one column of the row that a query finds, if any.
    pub(super) async fn scalar<T>(&self, query: &Query<'_>) -> Result<Option<T>>
    where
        (T,): Row,
    {
        Ok(self.row::<(T,)>(query).await?.map(|(value,)| value))
    }

    /// A query that is put together for the engine at hand.
    pub(super) fn builder<'a>(&self, begin: &'static str) -> QueryBuilder<'a> {
        QueryBuilder::new(self.read.dialect(), begin)
    }
}
