//! One look-up for many who ask the same at the same time.
//!
//! Who comes first asks the store, the others wait for what it finds. What was asked of the store after
//! somebody came is its answer, whatever it says. What was asked before it came may let it in, if it is
//! still good, but never keeps it out: then the first of those who wait asks again, for all of them. So
//! nobody waits for more than two look-ups.
//!
//! Who goes away while it asks leaves its turn to the next one.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;

/// Maps of flights; more than one, so that few wait for each other's lock.
const SHARDS: usize = 16;

/// Look-ups under way, by what is looked up. There are never more than there are callers.
pub(super) struct Flights<K, V> {
    shards: [Mutex<Shard<K, V>>; SHARDS],
    hasher: RandomState,
    /// Numbers callers and look-ups in the order in which they began.
    turns: AtomicU64,
}

/// Flights, and how many sit in each.
type Shard<K, V> = HashMap<K, (Arc<Flight<V>>, usize)>;

/// A look-up that somebody waits for.
struct Flight<V> {
    /// Held by who asks the store: that others wait for it is what it is for.
    landed: tokio::sync::Mutex<Option<Landed<V>>>,
}

/// How a look-up ended, and when it did.
struct Landed<V> {
    began: u64,
    ended: u64,
    outcome: Result<Option<Arc<V>>>,
}

/// What there is for somebody who asks.
pub(super) enum Turn<'a, V> {
    /// An answer to just this question.
    Answer(Result<Option<Arc<V>>>),
    /// Something that was there before.
    Before(Arc<V>),
    /// Nothing: it must ask the store itself.
    Ask(Asking<'a, V>),
}

impl<K: Hash + Eq + Clone, V> Flights<K, V> {
    pub fn new() -> Self {
        Self { shards: Default::default(), hasher: RandomState::new(), turns: AtomicU64::new(0) }
    }

    /// Joins those who look for the same.
    pub fn board(&self, key: &K) -> Seat<'_, K, V> {
        let came = self.turn();
        let mut shard = self.shard(key);
        let empty = || (Arc::new(Flight { landed: tokio::sync::Mutex::new(None) }), 0);
        let (flight, seats) = shard.entry(key.clone()).or_insert_with(empty);
        *seats += 1;
        let flight = Arc::clone(flight);
        drop(shard);
        Seat { flights: self, key: key.clone(), flight, came }
    }

    /// How many sit in any.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        let seats =
            |shard: &Mutex<Shard<K, V>>| shard.lock().expect("no panic").values().map(|(_, n)| n).sum::<usize>();
        self.shards.iter().map(seats).sum()
    }

    fn turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::AcqRel)
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K, V>> {
        let hash = self.hasher.hash_one(key) % SHARDS as u64;
        let shard = &self.shards[usize::try_from(hash).unwrap_or_default()];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits. The last one to leave takes the flight away.
pub(super) struct Seat<'a, K: Hash + Eq + Clone, V> {
    flights: &'a Flights<K, V>,
    key: K,
    flight: Arc<Flight<V>>,
    came: u64,
}

impl<K: Hash + Eq + Clone, V> Seat<'_, K, V> {
    /// Waits for who asks at present. `before` says whether an answer to an earlier question is welcome.
    pub async fn turn(&self, before: bool) -> Turn<'_, V> {
        let landed = self.flight.landed.lock().await;
        match &*landed {
            Some(Landed { began, outcome, .. }) if *began > self.came => Turn::Answer(share(outcome)),
            // One that waited for a store that fails must not wait for it once more.
            Some(Landed { ended, outcome: Err(error), .. }) if *ended > self.came => {
                Turn::Answer(Err(error.without_source()))
            }
            Some(Landed { outcome: Ok(Some(value)), .. }) if before => Turn::Before(Arc::clone(value)),
            _ => Turn::Ask(Asking { turns: &self.flights.turns, began: self.flights.turn(), landed }),
        }
    }
}

impl<K: Hash + Eq + Clone, V> Drop for Seat<'_, K, V> {
    fn drop(&mut self) {
        let mut shard = self.flights.shard(&self.key);
        if let Some((_, seats)) = shard.get_mut(&self.key) {
            *seats -= 1;
            if *seats == 0 {
                shard.remove(&self.key);
            }
        }
    }
}

/// The right to ask the store.
pub(super) struct Asking<'a, V> {
    turns: &'a AtomicU64,
    began: u64,
    landed: tokio::sync::MutexGuard<'a, Option<Landed<V>>>,
}

impl<V> Asking<'_, V> {
    /// Tells the others what was found.
    pub fn tell(mut self, outcome: Result<Option<Arc<V>>>) -> Result<Option<Arc<V>>> {
        let ended = self.turns.fetch_add(1, Ordering::AcqRel);
        *self.landed = Some(Landed { began: self.began, ended, outcome: share(&outcome) });
        outcome
    }
}

/// The cause of an error goes to the log once, with who asked.
fn share<V>(outcome: &Result<Option<Arc<V>>>) -> Result<Option<Arc<V>>> {
    match outcome {
        Ok(value) => Ok(value.clone()),
        Err(error) => Err(error.without_source()),
    }
}
