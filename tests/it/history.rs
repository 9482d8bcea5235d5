//! A history: callers do whatever can be done, to the same few things, and write down each call and its
//! answer. Afterwards history and database must tell the same.
//!
//! `CLAVIGER_HISTORY_SECONDS` makes it last that long; without it the number of calls is bounded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::support::rows::Snapshot;
use crate::support::server::Database;
use crate::support::sound::faults;
use crate::support::workload::{Caller, Step, World};
use crate::support::{TestServer, number, text};

const CALLERS: u64 = 16;
/// Calls of each caller, if no time is given.
const CALLS: usize = 250;

/// An acknowledged write.
struct Acknowledged {
    place: Place,
    event: &'static str,
    value: String,
    quiet: bool,
}

/// What was called and answered.
#[derive(Default)]
struct History {
    acknowledged: Vec<Acknowledged>,
    /// Answers that nobody may get here, with their calls.
    wrong: Vec<String>,
    counts: BTreeMap<(u16, &'static str), usize>,
}

/// An event's place: kind, organization and id of its aggregate, and its sequence.
type Place = (String, String, String, u64);

type Events = BTreeMap<Place, (String, String)>;

async fn events(database: &Database) -> Events {
    let sql =
        "SELECT aggregate_kind, org_id, aggregate_id, CAST(sequence AS TEXT), kind, CAST(payload AS TEXT) FROM events";
    let rows = Snapshot::open(database).await.rows(sql).await;
    let place = |row: &[String]| (row[0].clone(), row[1].clone(), row[2].clone(), row[3].parse().expect("a sequence"));
    rows.iter().map(|row| (place(row), (row[4].clone(), row[5].clone()))).collect()
}

/// How long a history lasts.
#[derive(Clone, Copy)]
enum Length {
    Calls(usize),
    Until(Instant),
}

impl Length {
    fn read() -> Self {
        let seconds = std::env::var("CLAVIGER_HISTORY_SECONDS").ok().and_then(|s| s.parse().ok());
        seconds.map_or(Self::Calls(CALLS), |s| Self::Until(Instant::now() + Duration::from_secs(s)))
    }

    fn over(self, calls: usize) -> bool {
        match self {
            Self::Calls(most) => calls >= most,
            Self::Until(end) => Instant::now() >= end,
        }
    }
}

async fn send(server: &TestServer, step: &Step) -> (u16, Value) {
    if let Some((id, secret)) = &step.basic {
        let form: Vec<(&str, &str)> =
            step.body.as_object().into_iter().flatten().filter_map(|(k, v)| Some((k.as_str(), v.as_str()?))).collect();
        return server.form(&step.path, Some((id, secret)), &form).await;
    }
    let body = (!step.body.is_null()).then(|| step.body.clone());
    server.call_as(&server.token, Some(&step.org), step.method.clone(), &step.path, body).await
}

impl History {
    fn note(&mut self, step: &Step, status: u16, answer: &Value) {
        *self.counts.entry((status, step.event)).or_default() += 1;
        if status == 200 && !step.event.is_empty() {
            let (kind, known) = &step.aggregate;
            let ids = ["/id", "/userId", "/userGrantId"].map(|p| text(answer, p));
            let id = if known.is_empty() { ids.concat() } else { known.clone() };
            let org = if *kind == "org" { id.clone() } else { step.org.clone() };
            self.acknowledged.push(Acknowledged {
                place: ((*kind).to_owned(), org, id, number(answer, "/details/sequence")),
                event: step.event,
                value: step.value.clone(),
                quiet: step.quiet,
            });
        }
        // Whose call it is, is never in doubt; a client that lost its secret meanwhile may be told 401.
        let refused = status < 500 && (step.basic.is_some() || ![401, 403].contains(&status));
        if status != 200 && !refused {
            self.wrong.push(format!("{} {} {}: {status} {answer}", step.method, step.path, step.body));
        }
    }

    /// Acknowledged writes that left no event of their own, and events that nobody was told of.
    fn against(&self, before: &Events, after: &Events) -> Vec<String> {
        let mut found = Vec::new();
        let mut owners: BTreeMap<Place, usize> = BTreeMap::new();
        for write in &self.acknowledged {
            let place = &write.place;
            match after.get(place) {
                Some((kind, payload)) if kind == write.event && payload.contains(&write.value) => {
                    let owners = owners.entry(place.clone()).or_default();
                    *owners += 1;
                    if *owners > 1 && !write.quiet {
                        found.push(format!("{place:?}: {} is told to two callers", write.event));
                    }
                }
                // What changed nothing tells of an event of before, or of none.
                Some(_) if write.quiet => {}
                None if write.quiet && place.3 == 0 => {}
                other => found.push(format!(
                    "{place:?}: {} ({}) was acknowledged, but there is {other:?}",
                    write.event, write.value
                )),
            }
        }
        let told: Vec<&str> = self.acknowledged.iter().map(|write| write.event).collect();
        let new = after.iter().filter(|(place, _)| !before.contains_key(*place) && !owners.contains_key(*place));
        found.extend(given_again(after));
        found.extend(
            new.filter(|(_, (kind, _))| told.contains(&kind.as_str()))
                .map(|(place, event)| format!("{place:?}: nobody was told of {event:?}")),
        );
        found
    }

    fn print(&self) {
        let sum = |wanted: fn(u16) -> bool| {
            self.counts.iter().filter(|((s, _), _)| wanted(*s)).map(|(_, n)| n).sum::<usize>()
        };
        let all: usize = self.counts.values().sum();
        eprintln!(
            "{all} calls: {} done, {} refused, {} failed; {} acknowledged writes",
            sum(|s| s == 200),
            sum(|s| (400..500).contains(&s)),
            sum(|s| s >= 500),
            self.acknowledged.len()
        );
    }
}

/// Events that give an id.
const GIVING: [&str; 4] = ["org.added", "project.added", "user.machine.added", "user.grant.added"];

/// Ids that were given more than once.
fn given_again(events: &Events) -> Vec<String> {
    let mut given: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, _) in events.iter().filter(|(_, (kind, _))| GIVING.contains(&kind.as_str())) {
        *given.entry(&place.2).or_default() += 1;
    }
    given.iter().filter(|(_, n)| **n > 1).map(|(id, n)| format!("the id {id} was given {n} times")).collect()
}

async fn caller(
    server: Arc<TestServer>,
    world: Arc<Mutex<World>>,
    history: Arc<Mutex<History>>,
    seed: u64,
    length: Length,
) {
    let mut caller = Caller::new(seed);
    let mut calls = 0;
    while !length.over(calls) {
        let step = caller.next(&world.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(step) = step else { continue };
        calls += 1;
        let (status, answer) = send(&server, &step).await;
        history.lock().unwrap_or_else(PoisonError::into_inner).note(&step, status, &answer);
        // Some things are called on though they are gone.
        let keep = caller.below(8) == 0;
        if status == 200 {
            world.lock().unwrap_or_else(PoisonError::into_inner).learn(&step, &answer, keep);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_and_database_tell_the_same() {
    let server = Arc::new(TestServer::start().await);
    // The signing keys are made beside the first requests.
    assert_eq!(server.http.get(server.url("/oauth/v2/keys")).send().await.expect("an answer").status(), 200);
    let before = events(&server.database).await;
    let world = Arc::new(Mutex::new(World::of(&server.org().await)));
    let history = Arc::new(Mutex::new(History::default()));
    let length = Length::read();
    let start =
        |seed| tokio::spawn(caller(Arc::clone(&server), Arc::clone(&world), Arc::clone(&history), seed, length));
    for task in (0..CALLERS).map(start).collect::<Vec<_>>() {
        task.await.expect("the caller ends");
    }
    let database = server.database.clone();
    Arc::into_inner(server).expect("no caller is left").stop().await;
    let history = Arc::into_inner(history).expect("no caller is left");
    let history = history.into_inner().unwrap_or_else(PoisonError::into_inner);
    history.print();
    let mut found = history.wrong.clone();
    found.extend(history.against(&before, &events(&database).await));
    found.extend(faults(&database).await);
    let shown: Vec<&str> = found.iter().take(30).map(String::as_str).collect();
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), shown.join("\n"));
}
