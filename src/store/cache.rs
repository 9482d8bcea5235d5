//! Answers of the store that are used again for a moment.
//!
//! An answer is good until this process writes anything to an organization it depends on, or for the time
//! that the configuration allows, whichever ends first. So what this process revokes is void at once, and
//! what another process on the same database revokes is void within less than a second.
//!
//! Three rules keep strangers out of it. An answer is kept only once whoever asked has proven itself by it,
//! so that noise leaves nothing behind. It may let somebody in, but never keeps somebody out: before a
//! refusal the store is asked, once. And it is weighed, within a budget for all caches together.

use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Weak};
use std::time::Duration;

use quick_cache::sync::DefaultLifecycle;
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::Store;
use super::changes::{Asked, Changes, Organizations};
use super::flight::{Flights, Turn};
use super::memory::{Heap, Holder};
use crate::error::Result;

/// Bytes of the greatest answer that is kept, with its key.
const LARGEST: usize = 32 << 10;
/// Bytes of an average answer: a guess, for the size of tables.
const AVERAGE: u64 = 512;
/// Parts of a cache that are locked one by one. Each can hold the greatest answer.
const SHARDS: usize = 16;
/// Bytes that the tables themselves take for an answer.
const TABLES: usize = 96;

/// A cache of answers of one kind, bounded in bytes.
pub struct Cache<K, V> {
    /// None where answers may not be used again.
    kept: Option<Arc<Kept<K, V>>>,
    /// None where nothing is gained by waiting for others.
    flights: Option<Flights<K, Answer<V>>>,
    changes: Changes,
}

/// What is kept.
struct Kept<K, V> {
    answers: quick_cache::sync::Cache<K, Arc<Answer<V>>, ByBytes>,
    changes: Changes,
    remember: Duration,
}

/// An answer: what was found, when it was asked for, what it depends on, and what it weighs.
pub struct Answer<V> {
    value: V,
    source: Option<Asked>,
    asked: Option<Asked>,
    of: Organizations,
    weight: usize,
}

impl<V> Answer<V> {
    /// An answer that follows from what the store says now.
    pub fn new(value: V) -> Self {
        Self { value, source: None, asked: None, of: Organizations::default(), weight: 0 }
    }

    /// It depends on this organization too.
    #[must_use]
    pub fn of(mut self, org_id: &str) -> Self {
        self.of.add(org_id);
        self
    }

    /// It follows from another answer too, and so is as old as that one.
    #[must_use]
    pub fn from(mut self, source: Option<Asked>) -> Self {
        self.source = match (self.source, source) {
            (Some(one), Some(other)) => Some(one.or_older(other)),
            (one, other) => one.or(other),
        };
        self
    }

    /// When the oldest of what it follows from was asked for.
    pub fn asked(&self) -> Option<Asked> {
        self.asked
    }
}

impl<V> Deref for Answer<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

/// What somebody who asks makes of an answer.
pub enum Verdict<R> {
    /// It opens.
    Good,
    /// It does not, and an answer that is newer would not either.
    No(R),
    /// It does not, but a newer one might.
    Doubt(R),
}

/// What came of a question.
pub enum Found<V, R> {
    /// An answer that opens.
    Good(Arc<Answer<V>>),
    /// One that does not, and why.
    No(R, Arc<Answer<V>>),
    /// There is nothing of the kind.
    Unknown,
}

#[derive(Clone)]
struct ByBytes;

impl<K, V> Weighter<K, Arc<Answer<V>>> for ByBytes {
    fn weight(&self, _key: &K, answer: &Arc<Answer<V>>) -> u64 {
        answer.weight as u64
    }
}

impl<K: Hash + Eq, V> Kept<K, V> {
    fn is_good(&self, answer: &Answer<V>) -> bool {
        answer.asked.is_some_and(|asked| self.changes.is_good(asked, &answer.of, self.remember))
    }
}

impl<K: Hash + Eq + Send + Sync + 'static, V: Send + Sync + 'static> Kept<K, V> {
    #[expect(clippy::expect_used, reason = "the options are whole")]
    fn of(store: &Store, bytes: u64) -> Arc<Self> {
        let memory = store.changes.memory();
        let bytes = memory.allot(bytes);
        let mut options = OptionsBuilder::new();
        options.shards(SHARDS).weight_capacity(bytes);
        options.estimated_items_capacity(usize::try_from(bytes / AVERAGE).unwrap_or(usize::MAX));
        let options = options.build().expect("capacities are given");
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        let answers = quick_cache::sync::Cache::with_options(options, ByBytes, hasher, lifecycle);
        let kept = Arc::new(Self { answers, changes: store.changes.clone(), remember: store.remember });
        let held: Weak<Self> = Arc::downgrade(&kept);
        memory.add(held);
        kept
    }
}

impl<K: Hash + Eq + Send + Sync, V: Send + Sync> Holder for Kept<K, V> {
    fn bytes(&self) -> u64 {
        self.answers.weight()
    }

    fn sweep(&self) {
        if !self.answers.is_empty() {
            self.answers.retain(|_, answer| self.is_good(answer));
        }
    }
}

impl<K, V> Cache<K, V>
where
    K: Heap + Hash + Eq + Clone + Send + Sync + 'static,
    V: Heap + Send + Sync + 'static,
{
    /// A cache of answers of a store that takes at most so many bytes, of the budget of all caches.
    pub fn new(store: &Store, bytes: u64) -> Self {
        let kept = (!store.remember.is_zero()).then(|| Kept::of(store, bytes));
        Self { kept, flights: Some(Flights::new()), changes: store.changes.clone() }
    }

    /// A cache for answers that must never be old, however little: it works where this process is the
    /// only writer (SQLite), and passes everything on to the store where others may write too.
    pub fn exact(store: &Store, bytes: u64) -> Self {
        if store.is_embedded() {
            return Self::new(store, bytes);
        }
        Self { kept: None, flights: None, changes: store.changes.clone() }
    }

    /// The answer for a key, from the store if there is none that is still good. What does not exist
    /// is asked for each time.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn get<F>(&self, key: K, read: impl FnOnce() -> F) -> Result<Option<Arc<Answer<V>>>>
    where
        F: Future<Output = Result<Option<Answer<V>>>>,
    {
        Ok(match self.judged(key, |_| Verdict::Good::<()>, read).await? {
            Found::Good(answer) | Found::No((), answer) => Some(answer),
            Found::Unknown => None,
        })
    }

    /// As [`Cache::get`] for somebody who has something to prove: `judge` says what it makes of an answer.
    /// The store is asked at most once, and always before a refusal that a newer answer might turn. Only
    /// what is found good is kept.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn judged<R, F>(
        &self,
        key: K,
        mut judge: impl FnMut(&V) -> Verdict<R>,
        read: impl FnOnce() -> F,
    ) -> Result<Found<V, R>>
    where
        F: Future<Output = Result<Option<Answer<V>>>>,
    {
        if let Some(answer) = self.kept(&key) {
            match judge(&answer) {
                Verdict::Good => return Ok(Found::Good(answer)),
                Verdict::No(reason) => return Ok(Found::No(reason, answer)),
                Verdict::Doubt(_) => {}
            }
        }
        let Some(flights) = &self.flights else {
            let answer = self.ask(&key, read).await?.map(Arc::new);
            return Ok(self.settle(key, answer, judge));
        };
        let seat = flights.board(&key);
        let mut before = true;
        loop {
            let outcome = match seat.turn(before).await {
                Turn::Answer(outcome) => outcome,
                Turn::Ask(asking) => {
                    // Those who asked may have found it between the look at the cache and this turn.
                    if let Some(answer) = self.kept(&key).filter(|answer| matches!(judge(answer), Verdict::Good)) {
                        return Ok(Found::Good(answer));
                    }
                    let outcome = self.ask(&key, read).await;
                    asking.tell(outcome.map(|answer| answer.map(Arc::new)))
                }
                Turn::Before(answer) => {
                    before = false;
                    if self.is_good(&answer) {
                        match judge(&answer) {
                            Verdict::Good => return Ok(self.settle(key, Some(answer), |_| Verdict::Good)),
                            Verdict::No(reason) => return Ok(Found::No(reason, answer)),
                            Verdict::Doubt(_) => {}
                        }
                    }
                    continue;
                }
            };
            return Ok(self.settle(key, outcome?, judge));
        }
    }

    /// What is kept for a key, if it is still good.
    fn kept(&self, key: &K) -> Option<Arc<Answer<V>>> {
        let kept = self.kept.as_ref()?;
        kept.answers.get(key).filter(|answer| kept.is_good(answer))
    }

    fn is_good(&self, answer: &Answer<V>) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.is_good(answer))
    }

    /// Asks the store.
    async fn ask<F>(&self, key: &K, read: impl FnOnce() -> F) -> Result<Option<Answer<V>>>
    where
        F: Future<Output = Result<Option<Answer<V>>>>,
    {
        // Before the store is asked, so that a write in between makes the answer void.
        let asked = self.changes.asked();
        self.changes.memory().ask();
        // Apart, so that who finds an answer in memory does not carry the room for all of this around.
        let Some(mut answer) = Box::pin(read()).await? else { return Ok(None) };
        answer.asked = Some(answer.source.map_or(asked, |source| asked.or_older(source)));
        let own = size_of::<Answer<V>>() + size_of::<K>() + TABLES;
        answer.weight = own + key.heap() + answer.value.heap();
        Ok(Some(answer))
    }

    /// What somebody makes of the newest answer, which is kept if it proves something.
    fn settle<R>(&self, key: K, answer: Option<Arc<Answer<V>>>, judge: impl FnOnce(&V) -> Verdict<R>) -> Found<V, R> {
        let Some(answer) = answer else {
            if let Some(kept) = &self.kept {
                kept.answers.remove(&key);
            }
            return Found::Unknown;
        };
        match judge(&answer) {
            Verdict::No(reason) | Verdict::Doubt(reason) => Found::No(reason, answer),
            Verdict::Good => {
                if let Some(kept) = self.kept.as_ref().filter(|_| answer.weight <= LARGEST) {
                    kept.answers.insert(key, Arc::clone(&answer));
                }
                Found::Good(answer)
            }
        }
    }
}

#[cfg(test)]
mod tests;
