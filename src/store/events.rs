//! The audit trail: events with gapless sequences per aggregate.

use serde::Serialize;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::SqliteRow;
use sqlx::{Database, Encode, FromRow, Postgres, QueryBuilder, Sqlite, SqliteConnection, Type};

use super::pools::Lease;
use super::{ChangeRow, Engine, EventKind, Recorded, Result, Seen, Sql, Statement, Store, Work, on};
use crate::clock::Micros;

/// What owns a sequence (contract 1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregateKind {
    /// The whole server.
    Instance,
    /// An organization with its domains and members.
    Org,
    /// A project with its applications, keys, roles and members.
    Project,
    /// A user with its keys and tokens.
    User,
    /// A user grant.
    UserGrant,
}

impl AggregateKind {
    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Org => "org",
            Self::Project => "project",
            Self::User => "user",
            Self::UserGrant => "user_grant",
        }
    }
}

/// An aggregate locked by the unit of work at hand: no other writer can take its next sequence.
#[derive(Debug)]
pub struct Aggregate {
    pub(super) kind: AggregateKind,
    pub(super) org_id: String,
    pub(super) id: String,
    sequence: i64,
    changed_at: Micros,
}

impl Aggregate {
    /// An aggregate that does not exist yet; its first event gets sequence 1.
    pub fn new(kind: AggregateKind, org_id: &str, id: &str) -> Self {
        Self { kind, org_id: org_id.to_owned(), id: id.to_owned(), sequence: 0, changed_at: Micros::MIN }
    }

    /// Its newest event, for calls that change nothing.
    pub fn newest(&self) -> Seen {
        Seen { sequence: self.sequence, changed_at: self.changed_at }
    }

    /// What these events will have been. Their time is `now`, but never before that of the last event.
    pub(super) fn next(&self, events: &[Event], now: Micros) -> Recorded {
        let sequence = self.sequence + i64::try_from(events.len()).unwrap_or(i64::MAX);
        Recorded { sequence, at: now.max(self.changed_at), _appended: std::marker::PhantomData }
    }

    pub(super) fn advance(&mut self, recorded: &Recorded) {
        self.sequence = recorded.sequence;
        self.changed_at = recorded.at;
    }
}

/// An event to append.
#[derive(Debug)]
pub struct Event {
    kind: EventKind,
    app_id: Option<String>,
    payload: String,
}

impl Event {
    /// An event of the aggregate itself. The payload says what changed, and never a secret or key.
    pub fn new(kind: EventKind, payload: &impl Serialize) -> Self {
        Self { kind, app_id: None, payload: serde_json::to_string(payload).unwrap_or_default() }
    }

    /// An event of an application of the project.
    pub fn of_app(kind: EventKind, app_id: &str, payload: &impl Serialize) -> Self {
        Self { app_id: Some(app_id.to_owned()), ..Self::new(kind, payload) }
    }
}

/// A change of an aggregate.
pub trait Change {
    /// The events that tell of it, at least one, in order.
    fn events(&self) -> Vec<Event>;

    /// What it does to the rows, given its last event.
    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>>;
}

/// An object that the unit of work has locked, with its aggregate.
pub struct Held<'w, R> {
    /// The unit of work, for what else it does.
    pub work: &'w mut Work,
    /// The object as it is before the change.
    pub row: R,
    pub(super) aggregate: Aggregate,
}

impl<R> Held<'_, R> {
    /// Records a change: its events, and the rows that follow from them.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when a unique value is taken; the store failed.
    pub async fn record(&mut self, change: &impl Change) -> Result<Recorded> {
        self.work.record(&mut self.aggregate, change).await
    }

    /// Newest event of the aggregate, for calls that change nothing.
    pub fn newest(&self) -> Seen {
        self.aggregate.newest()
    }
}

/// Which events of a change list to give.
#[derive(Debug, Clone, Copy)]
pub struct ChangePage {
    /// Only events with a greater sequence.
    pub after: i64,
    /// At most so many.
    pub limit: i64,
    /// Oldest first.
    pub ascending: bool,
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

macro_rules! save {
    () => {
        "INSERT INTO aggregates (org_id, kind, id, sequence, changed_at) "
    };
}
macro_rules! replace {
    () => {
        "ON CONFLICT (org_id, kind, id) DO UPDATE SET sequence = excluded.sequence, changed_at = excluded.changed_at"
    };
}
macro_rules! insert {
    () => {
        "INSERT INTO events (org_id, aggregate_kind, aggregate_id, sequence, kind, app_id, editor_id, created_at, payload) "
    };
}

macro_rules! changes {
    ($filter:literal, $order:literal) => {
        concat!(
            "SELECT e.sequence, e.kind, e.editor_id, e.created_at, u.name AS editor_name, ",
            "u.user_name AS editor_login_name FROM events e LEFT JOIN users u ON u.id = e.editor_id ",
            "WHERE e.org_id = $1 AND e.aggregate_kind = $2 AND e.aggregate_id = $3 AND e.sequence > $4 ",
            $filter,
            " ORDER BY e.sequence ",
            $order,
            " LIMIT $5"
        )
    };
}
pub(super) const CHANGES_ASC: &str = changes!("", "ASC");
pub(super) const CHANGES_DESC: &str = changes!("", "DESC");
pub(super) const APP_CHANGES_ASC: &str = changes!("AND e.app_id = $6", "ASC");
pub(super) const APP_CHANGES_DESC: &str = changes!("AND e.app_id = $6", "DESC");

/// Events on their way into the table, and the newest state of their aggregate.
pub(super) struct Appended<'a> {
    aggregate: &'a Aggregate,
    recorded: &'a Recorded,
    editor: &'a str,
    events: &'a [Event],
}

/// What appends events to an aggregate, in order and without gaps.
pub(super) fn append<'a>(
    aggregate: &'a Aggregate,
    recorded: &'a Recorded,
    editor: &'a str,
    events: &'a [Event],
) -> Appended<'a> {
    Appended { aggregate, recorded, editor, events }
}

impl Appended<'_> {
    /// One statement for all of it and for the first row that follows; gives the number of those rows.
    pub async fn on_pg(&self, connection: &mut Lease, row: Option<&Statement<'_>>) -> sqlx::Result<u64> {
        let arguments = row.map_or_else(|| Ok(PgArguments::default()), Statement::pg)?;
        let mut query = QueryBuilder::<Postgres>::with_arguments(concat!("WITH saved AS (", save!()), arguments);
        self.push_aggregate(&mut query);
        query.push(if row.is_some() { concat!("), added AS (", insert!()) } else { concat!(") ", insert!()) });
        self.push_events(&mut query);
        if let Some(row) = row {
            query.push(") ").push(row.sql.pg);
        }
        Ok(query.build().execute(connection).await?.rows_affected())
    }

    pub async fn on_lite(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let mut query = QueryBuilder::<Sqlite>::new(save!());
        self.push_aggregate(&mut query);
        query.build().execute(&mut *connection).await?;
        let mut query = QueryBuilder::<Sqlite>::new(insert!());
        self.push_events(&mut query);
        query.build().execute(connection).await?;
        Ok(())
    }

    fn push_aggregate<DB>(&self, query: &mut QueryBuilder<DB>)
    where
        DB: Database,
        String: for<'q> Encode<'q, DB> + Type<DB>,
        i64: for<'q> Encode<'q, DB> + Type<DB>,
    {
        query.push_values([self.aggregate], |mut row, aggregate| {
            row.push_bind(aggregate.org_id.clone())
                .push_bind(aggregate.kind.name().to_owned())
                .push_bind(aggregate.id.clone())
                .push_bind(self.recorded.sequence)
                .push_bind(self.recorded.at);
        });
        query.push(concat!(" ", replace!()));
    }

    fn push_events<DB>(&self, query: &mut QueryBuilder<DB>)
    where
        DB: Database,
        String: for<'q> Encode<'q, DB> + Type<DB>,
        Option<String>: for<'q> Encode<'q, DB> + Type<DB>,
        i64: for<'q> Encode<'q, DB> + Type<DB>,
    {
        query.push_values((self.aggregate.sequence + 1..).zip(self.events), |mut row, (sequence, event)| {
            row.push_bind(self.aggregate.org_id.clone())
                .push_bind(self.aggregate.kind.name().to_owned())
                .push_bind(self.aggregate.id.clone())
                .push_bind(sequence)
                .push_bind(event.kind.name().to_owned())
                .push_bind(event.app_id.clone())
                .push_bind(self.editor.to_owned())
                .push_bind(self.recorded.at)
                .push_bind(event.payload.clone());
        });
    }
}

impl Work {
    /// Locks an aggregate until the unit of work ends; none if it does not exist.
    ///
    /// # Errors
    /// The store failed.
    pub async fn aggregate_lock(
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
        R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let found: Option<LockedRow<R>> = match self.tx() {
            Engine::Pg(tx) => {
                let query = sqlx::query_as(sql.pg).bind(org_id).bind(kind.name()).bind(id);
                let query = if part.is_some() { query.bind(part) } else { query };
                query.fetch_optional(&mut **tx).await?
            }
            Engine::Lite(tx) => {
                let query = sqlx::query_as(sql.lite).bind(org_id).bind(kind.name()).bind(id);
                let query = if part.is_some() { query.bind(part) } else { query };
                query.fetch_optional(&mut **tx).await?
            }
        };
        Ok(found.map(|found| {
            let aggregate = Aggregate {
                sequence: found.aggregate_sequence,
                changed_at: found.aggregate_changed_at,
                ..Aggregate::new(kind, org_id, id)
            };
            Held { work: self, row: found.row, aggregate }
        }))
    }
}

impl Store {
    /// Events of an aggregate, or of one application in it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn changes(
        &self,
        kind: AggregateKind,
        org_id: &str,
        id: &str,
        app_id: Option<&str>,
        page: ChangePage,
    ) -> Result<Vec<ChangeRow>> {
        let sql = match (app_id.is_some(), page.ascending) {
            (false, true) => CHANGES_ASC,
            (false, false) => CHANGES_DESC,
            (true, true) => APP_CHANGES_ASC,
            (true, false) => APP_CHANGES_DESC,
        };
        Ok(on!(&self.read, c => {
            let mut query = sqlx::query_as::<_, ChangeRow>(sql)
                .bind(org_id).bind(kind.name()).bind(id).bind(page.after).bind(page.limit);
            if let Some(app_id) = app_id {
                query = query.bind(app_id);
            }
            query.fetch_all(c).await
        })?)
    }
}
