//! The audit trail: events with gapless sequences per aggregate.

use sqlx::FromRow;

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

// An update that changes nothing is the one way to lock a row that both engines know.
pub(super) const AGGREGATE_LOCK: &str = "UPDATE aggregates SET sequence = sequence \
     WHERE org_id = $1 AND kind = $2 AND id = $3 RETURNING sequence, changed_at";

pub(super) const AGGREGATE_SAVE: &str = "INSERT INTO aggregates (org_id, kind, id, sequence, changed_at) \
     VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (org_id, kind, id) DO UPDATE SET sequence = excluded.sequence, changed_at = excluded.changed_at";

pub(super) const EVENT_INSERT: &str = "INSERT INTO events \
     (org_id, aggregate_kind, aggregate_id, sequence, kind, app_id, editor_id, created_at, payload) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

// Most changes of more than one event have two; together they are one round trip.
pub(super) const EVENT_INSERT_TWO: &str = "INSERT INTO events \
     (org_id, aggregate_kind, aggregate_id, sequence, kind, app_id, editor_id, created_at, payload) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9), ($1, $2, $3, $10, $11, $12, $7, $8, $13)";

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

impl Tx {
    /// Locks an aggregate until the transaction ends; none if it does not exist.
    ///
    /// # Errors
    /// The store failed.
    pub async fn aggregate_lock(&mut self, kind: AggregateKind, org_id: &str, id: &str) -> Result<Option<Aggregate>> {
        let found = on!(&mut self.0, c => sqlx::query_as::<_, Locked>(AGGREGATE_LOCK)
            .bind(org_id).bind(kind.name()).bind(id).fetch_optional(&mut **c).await)?;
        Ok(found.map(|l| Aggregate {
            sequence: l.sequence,
            changed_at: l.changed_at,
            ..Aggregate::new(kind, org_id, id)
        }))
    }

    /// Locks a project until the transaction ends; none if it does not exist or was removed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn project_lock(&mut self, org_id: &str, id: &str) -> Result<Option<Aggregate>> {
        let found = on!(&mut self.0, c => sqlx::query_as::<_, Locked>(PROJECT_LOCK)
            .bind(org_id).bind(id).fetch_optional(&mut **c).await)?;
        Ok(found.map(|l| Aggregate {
            sequence: l.sequence,
            changed_at: l.changed_at,
            ..Aggregate::new(AggregateKind::Project, org_id, id)
        }))
    }

    /// Appends events to an aggregate, in order and without gaps. Their time is `now`, but never
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
        let mut rest = events;
        while let [first, more @ ..] = rest {
            let (sql, second) = match more {
                [] => (EVENT_INSERT, None),
                [second, ..] => (EVENT_INSERT_TWO, Some(second)),
            };
            on!(&mut self.0, c => {
                let mut query = sqlx::query(sql)
                    .bind(&aggregate.org_id).bind(aggregate.kind.name()).bind(&aggregate.id)
                    .bind(aggregate.sequence + 1)
                    .bind(first.kind).bind(first.app_id).bind(editor_id).bind(at).bind(first.payload.to_string());
                if let Some(second) = second {
                    query = query.bind(aggregate.sequence + 2)
                        .bind(second.kind).bind(second.app_id).bind(second.payload.to_string());
                }
                query.execute(&mut **c).await.map(drop)
            })?;
            aggregate.sequence += if second.is_some() { 2 } else { 1 };
            rest = if second.is_some() { &more[1..] } else { more };
        }
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
