//! The unit of work: the one way to write.
//!
//! [`Store::work`] opens a transaction, hands it to a function that looks, decides and records, and ends it.
//! What the function answers, refusals included, is given to the caller only when all that it has seen is
//! durable. What other writers undid is done again from the start.
//!
//! # Order of locks
//!
//! Whoever locks several rows does so in this order, so that nobody waits in a circle: idempotency key, instance,
//! organization,
//! user, project, application or project grant, user grant, each kind by organization and id, and parents before what
//! belongs to them. Domains, metadata and memberships are under the lock of their organization or user. An organization
//! that a project is granted to is kept, before the project. Locking an object locks its aggregate first and its row with
//! it. What only has to stay is kept, not
//! locked ([`Work::user_kept`]), and kept last: any number of writers can keep the same row. Foreign keys hold what was
//! forgotten. Should a circle arise all the same, PostgreSQL ends one of the transactions, and it is done again.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use super::changes::Guard;
use super::events::Appended;
use super::executor::{Answer, Executor, Place, Row, Want};
use super::sql::Query;
use super::transaction::{Begun, end};
use super::{Aggregate, Change, Claim, Engine, Recorded, Result, Rows, Statement, Store, StoreError};
use crate::clock::Micros;
use crate::error;

/// How often a unit of work is done before its caller is told to try again. Each time somebody else got on.
const TRIES: u32 = 10;

/// Who changes something, and when.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    /// The user, or the name of a part of the server.
    pub id: &'a str,
    /// The organization whose share of writers this takes; empty for the server.
    pub org_id: &'a str,
    /// Present time.
    pub now: Micros,
    /// Under which the change is made once. What it answers is durable only when [`Store::keep_answer`] has ended the
    /// unit of work, of which there is one.
    pub claim: Option<&'a Claim>,
}

impl<'a> Actor<'a> {
    /// Somebody who makes the change whenever it is asked for.
    pub fn new(id: &'a str, org_id: &'a str, now: Micros) -> Self {
        Self { id, org_id, now, claim: None }
    }
}

/// A unit of work: a transaction, and what has been recorded in it.
pub struct Work {
    /// None only while it is being dropped.
    begun: Option<Begun>,
    /// Tells caches, once this has ended, which organizations were written to.
    changed: Option<Guard>,
    /// Where both go when the function is done with them.
    home: Home,
    executor: Executor,
    editor: Arc<str>,
    now: Micros,
}

/// Takes back the transaction from the function that worked with it.
type Home = Arc<Mutex<Option<(Begun, Guard)>>>;

impl Drop for Work {
    fn drop(&mut self) {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = self.begun.take().zip(self.changed.take());
    }
}

impl Store {
    /// Does a unit of work. `act` may run several times, so it makes nothing that must be made once: keys and
    /// secrets are made before.
    ///
    /// # Errors
    /// Those of `act`, after which nothing is written; or the store failed.
    pub async fn work<T, F>(&self, actor: Actor<'_>, act: impl Fn(Work) -> F) -> error::Result<T>
    where
        F: Future<Output = error::Result<T>>,
    {
        let editor: Arc<str> = actor.id.into();
        let mut tries = 1;
        loop {
            let home = Home::default();
            let work = Work {
                begun: Some(self.begin_for(actor).await?),
                changed: Some(self.changes.touch_none()),
                home: Arc::clone(&home),
                executor: self.executor.clone(),
                editor: Arc::clone(&editor),
                now: actor.now,
            };
            let outcome = act(work).await;
            let begun = home.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some((begun, changed)) = begun else {
                return Err(StoreError::Inconsistent("a unit of work was kept").into());
            };
            let ended = match actor.claim {
                Some(claim) if outcome.is_ok() => {
                    claim.made(begun, changed);
                    Ok(())
                }
                _ => end(begun, changed, outcome.is_ok()).await,
            };
            match (outcome, ended) {
                (Ok(answer), Ok(())) => return Ok(answer),
                (Err(error), _) if tries < TRIES && overtaken(&error) => {}
                (Err(error), _) if overtaken(&error) => return Err(error::Error::unavailable(error)),
                (Err(refusal), Ok(())) => return Err(refusal),
                (_, Err(StoreError::Overtaken(_))) if tries < TRIES => {}
                (_, Err(error @ StoreError::Overtaken(_))) => return Err(error::Error::unavailable(error)),
                (_, Err(error)) => return Err(error.into()),
            }
            tries += 1;
        }
    }

    /// Executes one statement of an organization ("" for the server) that is a unit of work of its own and changes
    /// nothing that a cache may hold; gives the number of rows.
    pub(super) async fn alone(&self, org_id: &str, statement: &Statement<'_>) -> Result<u64> {
        Ok(self.answer_alone(org_id, &statement.query).await?.changed())
    }

    /// As [`Store::alone`], for a statement of the server that gives rows.
    pub(super) async fn alone_rows<T: Row>(&self, query: &Query<'_>) -> Result<Vec<T>> {
        Ok(self.answer_alone("", query).await?.rows()?)
    }

    async fn answer_alone(&self, org_id: &str, query: &Query<'_>) -> Result<Answer> {
        match &self.write {
            Engine::Pg(writers) => {
                let mut lease = writers.lease(org_id).await?;
                Ok(self.executor.ask(Place::Lease(&mut lease), query, Want::All).await?)
            }
            Engine::Lite(writer) => {
                let mut tx = writer.begin().await?;
                let answer = self.executor.ask(Place::Lite(&mut tx), query, Want::All).await?;
                tx.end(true, ()).await?;
                Ok(answer)
            }
        }
    }

    async fn begin_for(&self, actor: Actor<'_>) -> Result<Begun> {
        let mut begun = self.begin(actor.org_id).await?;
        if let Some(claim) = actor.claim {
            claim.enter(&self.executor, &mut begun).await?;
        }
        Ok(begun)
    }

    async fn begin(&self, org_id: &str) -> Result<Begun> {
        Ok(match &self.write {
            Engine::Pg(writers) => Engine::Pg(writers.begin(org_id).await?),
            Engine::Lite(writer) => Engine::Lite(writer.begin().await?),
        })
    }
}

/// Whether another writer got in between, so that the work must be done again.
fn overtaken(error: &error::Error) -> bool {
    let source = error.source.as_ref().and_then(|source| source.downcast_ref::<StoreError>());
    matches!(source, Some(StoreError::Overtaken(_) | StoreError::Taken))
}

impl Work {
    /// Present time of the actor.
    pub fn now(&self) -> Micros {
        self.now
    }

    async fn ask(&mut self, query: &Query<'_>, want: Want) -> Result<Answer> {
        let Some(begun) = &mut self.begun else {
            return Err(StoreError::Inconsistent("a unit of work that has ended"));
        };
        Ok(self.executor.ask(begun, query, want).await?)
    }

    /// All rows that a query finds.
    pub(super) async fn rows<T: Row>(&mut self, query: &Query<'_>) -> Result<Vec<T>> {
        Ok(self.ask(query, Want::All).await?.rows()?)
    }

    /// The row that a query finds, if any.
    pub(super) async fn row<T: Row>(&mut self, query: &Query<'_>) -> Result<Option<T>> {
        Ok(self.ask(query, Want::First).await?.row()?)
    }

    /// The one column of the row that a query finds, if any.
    pub(super) async fn scalar<T>(&mut self, query: &Query<'_>) -> Result<Option<T>>
    where
        (T,): Row,
    {
        Ok(self.row::<(T,)>(query).await?.map(|(value,)| value))
    }

    /// Tells that what caches hold of this organization may be old, beside those whose aggregates are recorded.
    pub fn concerns(&mut self, org_id: &str) {
        self.touch(org_id);
    }

    /// Rows of an organization are written, beside those of the aggregates that are recorded; "" for all.
    pub(super) fn touch(&mut self, org_id: &str) {
        if let Some(changed) = &mut self.changed {
            changed.also(org_id);
        }
    }

    /// Records a change of an aggregate: its events, and the rows that follow from them.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when a unique value is taken; the store failed.
    pub async fn record(&mut self, aggregate: &mut Aggregate, change: &impl Change) -> Result<Recorded> {
        self.touch(&aggregate.org_id);
        let events = change.events();
        let recorded = aggregate.next(&events, self.now);
        let rows = change.rows(&recorded);
        let editor = Arc::clone(&self.editor);
        let appended = Appended { aggregate, recorded: &recorded, editor: &editor, events: &events };
        let rest = if matches!(self.begun, Some(Engine::Pg(_))) {
            // In one round trip: what is appended, and the first row.
            let first = rows.first();
            let done = self.ask(&appended.with(first.map(|first| &first.query)), Want::All).await?.changed();
            first.map_or(Ok(()), |first| check(first.rows, done))?;
            rows.get(1..).unwrap_or_default()
        } else {
            for query in appended.apart() {
                self.ask(&query, Want::All).await?;
            }
            rows.as_slice()
        };
        for statement in rest {
            self.execute(statement).await?;
        }
        aggregate.advance(&recorded);
        Ok(recorded)
    }

    /// Executes a statement that needs no event of its own.
    pub(super) async fn execute(&mut self, statement: &Statement<'_>) -> Result<u64> {
        let done = self.ask(&statement.query, Want::All).await?.changed();
        check(statement.rows, done)?;
        Ok(done)
    }
}

fn check(wanted: Rows, done: u64) -> Result<()> {
    if wanted == Rows::One && done != 1 {
        return Err(StoreError::Inconsistent("a statement did not change exactly one row"));
    }
    Ok(())
}
