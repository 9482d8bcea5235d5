//! The audit trail: events with gapless sequences per aggregate.

use serde::Serialize;

use super::builder::QueryBuilder;
use super::engine::Dialect;
use super::sql::Query;
use super::{EventKind, Seen, Statement};
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

    /// One that exists, with its newest event.
    pub(super) fn found(kind: AggregateKind, [org_id, id]: [&str; 2], newest: &Seen) -> Self {
        Self { sequence: newest.sequence, changed_at: newest.changed_at, ..Self::new(kind, org_id, id) }
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
        Self::of_part(kind, app_id, payload)
    }

    /// An event of a part of the project that has an id and a change list of its own.
    pub fn of_part(kind: EventKind, id: &str, payload: &impl Serialize) -> Self {
        Self { app_id: Some(id.to_owned()), ..Self::new(kind, payload) }
    }
}

/// An event without anything to say.
#[derive(Serialize)]
pub(super) struct Nothing {}

/// The last event of a change: what state rows take their sequence and change date from.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Sequence of the last event of the change.
    pub sequence: i64,
    /// Its time.
    pub at: Micros,
    /// Private, so that nothing outside the store can make one.
    _appended: std::marker::PhantomData<()>,
}

/// A change of an aggregate.
pub trait Change {
    /// The events that tell of it, at least one, in order.
    fn events(&self) -> Vec<Event>;

    /// What it does to the rows, given its last event.
    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>>;
}

/// Saves how far an aggregate has come.
const SAVE: &str = "INSERT INTO aggregates (org_id, kind, id, sequence, changed_at) VALUES ";
const REPLACE: &str =
    " ON CONFLICT (org_id, kind, id) DO UPDATE SET sequence = excluded.sequence, changed_at = excluded.changed_at";
const INSERT: &str = "INSERT INTO events \
     (org_id, aggregate_kind, aggregate_id, sequence, kind, app_id, editor_id, created_at, payload) VALUES ";

/// Events on their way into the table, and the newest state of their aggregate: they are appended in order and
/// without gaps.
pub(super) struct Appended<'a> {
    pub aggregate: &'a Aggregate,
    pub recorded: &'a Recorded,
    pub editor: &'a str,
    pub events: &'a [Event],
}

impl<'a> Appended<'a> {
    /// For PostgreSQL, one statement for all of it and for the first row that follows; it counts those rows.
    pub fn with(&self, row: Option<&Query<'a>>) -> Query<'a> {
        let values = row.map(|row| row.values.clone()).unwrap_or_default();
        let mut query = QueryBuilder::after(Dialect::Pg, values, "WITH saved AS (");
        self.save(&mut query);
        query.push(if row.is_some() { "), added AS (" } else { ") " });
        self.insert(&mut query);
        if let Some(row) = row {
            query.push(") ").push_text(row);
        }
        query.build(true)
    }

    /// For SQLite, which takes one statement for the aggregate and one for the events.
    pub fn apart(&self) -> [Query<'a>; 2] {
        let mut saved = QueryBuilder::new(Dialect::Lite, "");
        self.save(&mut saved);
        let mut added = QueryBuilder::new(Dialect::Lite, "");
        self.insert(&mut added);
        [saved.build(true), added.build(true)]
    }

    fn save(&self, query: &mut QueryBuilder<'a>) {
        let Self { aggregate, recorded, .. } = *self;
        let (org_id, id) = (aggregate.org_id.as_str(), aggregate.id.as_str());
        query.push(SAVE).bind_all([
            org_id.into(),
            aggregate.kind.name().into(),
            id.into(),
            recorded.sequence.into(),
            recorded.at.into(),
        ]);
        query.push(REPLACE);
    }

    fn insert(&self, query: &mut QueryBuilder<'a>) {
        let Self { aggregate, recorded, editor, events } = *self;
        query.push(INSERT);
        for (at, (sequence, event)) in (aggregate.sequence + 1..).zip(events).enumerate() {
            query.push(if at == 0 { "" } else { ", " }).bind_all([
                aggregate.org_id.as_str().into(),
                aggregate.kind.name().into(),
                aggregate.id.as_str().into(),
                sequence.into(),
                event.kind.name().into(),
                event.app_id.as_deref().into(),
                editor.into(),
                recorded.at.into(),
                event.payload.as_str().into(),
            ]);
        }
    }
}
