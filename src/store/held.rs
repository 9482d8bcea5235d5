//! Objects that a unit of work has locked with their aggregates.

use sqlx::FromRow;

use super::executor::Row;
use super::sql::{Value, query};
use super::{Aggregate, AggregateKind, Change, Recorded, Result, Seen, Sql, Stamp, Work};
use crate::clock::Micros;

/// An object that the unit of work has locked, with its aggregate.
pub struct Held<'w, R> {
    /// The unit of work, for what else it does.
    pub work: &'w mut Work,
    /// The object as it is before the change.
    pub row: R,
    pub(super) aggregate: Aggregate,
}

impl<'w, R> Held<'w, R> {
    /// Records a change: its events, and the rows that follow from them.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when a unique value is taken; the store failed.
    pub async fn record(&mut self, change: &impl Change) -> Result<Recorded> {
        self.work.record(&mut self.aggregate, change).await
    }

    /// The same, with nothing of the object but when it was made and its newest event.
    pub(super) fn stamped(self, created_at: Micros) -> Held<'w, Stamp> {
        let Seen { sequence, changed_at } = self.newest();
        Held { row: Stamp { sequence, created_at, changed_at }, work: self.work, aggregate: self.aggregate }
    }

    /// Newest event of the aggregate, for calls that change nothing.
    pub fn newest(&self) -> Seen {
        self.aggregate.newest()
    }
}

/// A locked aggregate, and the row that was locked with it.
#[derive(FromRow)]
pub(super) struct LockedRow<T> {
    aggregate_sequence: i64,
    aggregate_changed_at: Micros,
    #[sqlx(flatten)]
    row: T,
}

/// Nothing beside the aggregate.
#[derive(FromRow)]
pub struct Alone {}

/// The beginning of a query that locks an aggregate `g` and what is joined with it. What is locked beside it must
/// be there: only so does PostgreSQL look again after it has waited.
macro_rules! lock {
    ($columns:expr, $rest:literal) => {
        lock!(locking, $columns, $rest)
    };
    ($how:ident, $columns:expr, $rest:literal) => {
        $crate::store::sql::$how!(
            "SELECT g.sequence AS aggregate_sequence, g.changed_at AS aggregate_changed_at",
            $columns,
            " FROM aggregates g ",
            $rest,
            " AND g.org_id = $1 AND g.kind = $2 AND g.id = $3"
        )
    };
}
pub(super) use lock;

pub(super) const AGGREGATE_LOCK: Sql = lock!("", "WHERE 1 = 1");

impl Work {
    /// Locks an aggregate until the unit of work ends; none if it does not exist.
    pub async fn aggregate_held(
        &mut self,
        kind: AggregateKind,
        org_id: &str,
        id: &str,
    ) -> Result<Option<Held<'_, Alone>>> {
        self.hold(AGGREGATE_LOCK, kind, [org_id, id], None).await
    }

    /// A new aggregate, which nobody else can know yet.
    pub fn begin(&mut self, kind: AggregateKind, org_id: &str, id: &str) -> Held<'_, Alone> {
        Held { aggregate: Aggregate::new(kind, org_id, id), work: self, row: Alone {} }
    }

    /// Locks an aggregate and the row that `sql` joins with it, by organization, aggregate and, if there is one,
    /// a further id.
    pub(super) async fn hold<R>(
        &mut self,
        sql: Sql,
        kind: AggregateKind,
        [org_id, id]: [&str; 2],
        part: Option<&str>,
    ) -> Result<Option<Held<'_, R>>>
    where
        LockedRow<R>: Row,
    {
        let mut query = query!(sql; org_id, kind.name(), id);
        query.values.extend(part.map(Value::from));
        let found: Option<LockedRow<R>> = self.row(&query).await?;
        Ok(found.map(|found| {
            let newest = Seen { sequence: found.aggregate_sequence, changed_at: found.aggregate_changed_at };
            Held { work: self, row: found.row, aggregate: Aggregate::found(kind, [org_id, id], &newest) }
        }))
    }
}
