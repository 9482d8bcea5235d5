//! The audit trail: events with gapless sequences per aggregate.

use sqlx::{Database, Encode, FromRow, QueryBuilder, Type};

use super::{ChangeRow, Recorded, Result, Seen, Store, Tx, on};
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

/// An aggregate locked by the transaction at hand: no other writer can take its next sequence.
#[derive(Debug)]
pub struct Aggregate {
    kind: AggregateKind,
    org_id: String,
    id: String,
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
}

/// An event to append.
#[derive(Debug)]
pub struct Event<'a> {
    /// Type, such as `project.application.added` (contract, messages: change).
    pub kind: &'static str,
    /// The application it belongs to, if any.
    pub app_id: Option<&'a str>,
    /// What changed; never a secret or key.
    pub payload: serde_json::Value,
}

impl<'a> Event<'a> {
    /// An event of the aggregate itself.
    pub fn new(kind: &'static str, payload: serde_json::Value) -> Self {
        Self { kind, app_id: None, payload }
    }

    /// An event of an application of the project.
    pub fn of_app(kind: &'static str, app_id: &'a str, payload: serde_json::Value) -> Self {
        Self { kind, app_id: Some(app_id), payload }
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

#[derive(FromRow)]
struct Locked {
    sequence: i64,
    changed_at: Micros,
}

impl Locked {
    fn into_aggregate(self, kind: AggregateKind, org_id: &str, id: &str) -> Aggregate {
        Aggregate { sequence: self.sequence, changed_at: self.changed_at, ..Aggregate::new(kind, org_id, id) }
    }
}

// An update that changes nothing is the one way to lock a row that both engines know.
pub(super) const AGGREGATE_LOCK: &str = "UPDATE aggregates SET sequence = sequence \
     WHERE org_id = $1 AND kind = $2 AND id = $3 RETURNING sequence, changed_at";

pub(super) const AGGREGATE_SAVE: &str = "INSERT INTO aggregates (org_id, kind, id, sequence, changed_at) \
     VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (org_id, kind, id) DO UPDATE SET sequence = excluded.sequence, changed_at = excluded.changed_at";

// The lock on a project that is there; its aggregate outlives it.
pub(super) const PROJECT_LOCK: &str = "UPDATE aggregates SET sequence = sequence \
     WHERE org_id = $1 AND kind = 'project' AND id = $2 \
     AND EXISTS (SELECT 1 FROM projects WHERE org_id = $1 AND id = $2) RETURNING sequence, changed_at";

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

/// All events of a change in one round trip.
fn insert<DB>(aggregate: &Aggregate, editor_id: &str, at: Micros, events: &[Event<'_>]) -> QueryBuilder<DB>
where
    DB: Database,
    DB::Arguments: Default,
    String: for<'q> Encode<'q, DB> + Type<DB>,
    Option<String>: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new(
        "INSERT INTO events \
         (org_id, aggregate_kind, aggregate_id, sequence, kind, app_id, editor_id, created_at, payload) ",
    );
    query.push_values((aggregate.sequence + 1..).zip(events), |mut row, (sequence, event)| {
        row.push_bind(aggregate.org_id.clone())
            .push_bind(aggregate.kind.name().to_owned())
            .push_bind(aggregate.id.clone())
            .push_bind(sequence)
            .push_bind(event.kind.to_owned())
            .push_bind(event.app_id.map(str::to_owned))
            .push_bind(editor_id.to_owned())
            .push_bind(at)
            .push_bind(event.payload.to_string());
    });
    query
}

impl Tx {
    /// Locks an aggregate until the transaction ends; none if it does not exist.
    ///
    /// # Errors
    /// The store failed.
    pub async fn aggregate_lock(&mut self, kind: AggregateKind, org_id: &str, id: &str) -> Result<Option<Aggregate>> {
        let found = on!(&mut self.0, c => sqlx::query_as::<_, Locked>(AGGREGATE_LOCK)
            .bind(org_id).bind(kind.name()).bind(id).fetch_optional(&mut **c).await)?;
        Ok(found.map(|locked| locked.into_aggregate(kind, org_id, id)))
    }

    /// Locks a project until the transaction ends; none if it does not exist or was removed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn project_lock(&mut self, org_id: &str, id: &str) -> Result<Option<Aggregate>> {
        let found = on!(&mut self.0, c => sqlx::query_as::<_, Locked>(PROJECT_LOCK)
            .bind(org_id).bind(id).fetch_optional(&mut **c).await)?;
        Ok(found.map(|locked| locked.into_aggregate(AggregateKind::Project, org_id, id)))
    }

    /// Appends events, at least one, to an aggregate, in order and without gaps. Their time is `now`, but never
    /// before that of the last event. Gives the last one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn events_append(
        &mut self,
        aggregate: &mut Aggregate,
        editor_id: &str,
        now: Micros,
        events: &[Event<'_>],
    ) -> Result<Recorded> {
        let at = now.max(aggregate.changed_at);
        self.1.also(&aggregate.org_id);
        on!(&mut self.0, c => insert(aggregate, editor_id, at, events).build().execute(&mut **c).await.map(drop))?;
        aggregate.sequence += i64::try_from(events.len()).unwrap_or(i64::MAX);
        aggregate.changed_at = at;
        on!(&mut self.0, c => sqlx::query(AGGREGATE_SAVE)
            .bind(&aggregate.org_id).bind(aggregate.kind.name()).bind(&aggregate.id)
            .bind(aggregate.sequence).bind(at).execute(&mut **c).await.map(drop))?;
        Ok(Recorded { sequence: aggregate.sequence, at, _appended: std::marker::PhantomData })
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
