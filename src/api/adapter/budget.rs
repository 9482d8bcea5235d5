//! Memory for bodies of requests, shared by all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use crate::error::{Code, Error, Result};
use crate::peer::Peer;

/// How long a body waits for others to make room.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bodies that may wait at once. Who waits takes memory too: that of its request and its connection.
const WAITING: usize = 256;

/// A number of bytes that bodies may take together. Cheap to clone.
#[derive(Clone)]
pub struct Budget(Arc<Inner>);

struct Inner {
    held: Mutex<Held>,
    size: usize,
    freed: Notify,
    /// Turns to wait.
    turns: Semaphore,
}

#[derive(Default)]
struct Held {
    bytes: usize,
    networks: HashMap<u128, usize>,
    connections: HashMap<u64, usize>,
}

/// The bytes of one body; given back when dropped.
pub struct Reservation {
    budget: Budget,
    peer: Peer,
    bytes: usize,
}

impl Budget {
    /// A budget of `size` bytes.
    pub fn new(size: usize) -> Self {
        let (freed, turns) = (Notify::new(), Semaphore::new(WAITING));
        Self(Arc::new(Inner { held: Mutex::default(), size, freed, turns }))
    }

    /// A reservation of nothing yet.
    pub fn open(&self, peer: Peer) -> Reservation {
        Reservation { budget: self.clone(), peer, bytes: 0 }
    }

    /// Bytes that are taken.
    pub fn taken(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// Reserves `more` bytes, or waits a moment for them.
    ///
    /// # Errors
    /// Code 14 when others did not make room in time, or too many wait already.
    pub async fn grow(&mut self, more: usize) -> Result<()> {
        if self.try_grow(more) {
            return Ok(());
        }
        let budget = self.budget.clone();
        let crowded = || Error::native(Code::Unavailable, "too many request bodies are on their way; try again");
        let _turn = budget.0.turns.try_acquire().map_err(|_| crowded())?;
        let granted = async {
            loop {
                let freed = budget.0.freed.notified();
                if self.try_grow(more) {
                    return;
                }
                freed.await;
            }
        };
        tokio::time::timeout(PATIENCE, granted).await.map_err(|_| crowded())
    }

    /// A network may hold as much as is left free by all, a connection half as much: whoever holds most
    /// is stopped first, and there is always room for a newcomer.
    fn try_grow(&mut self, more: usize) -> bool {
        let mut guard = self.budget.lock();
        let held = &mut *guard;
        let left = self.budget.0.size - held.bytes;
        let of_network = held.networks.get(&self.peer.network).copied().unwrap_or(0);
        let of_connection = held.connections.get(&self.peer.connection).copied().unwrap_or(0);
        if of_network + more > left || of_connection + more > left / 2 {
            return false;
        }
        held.bytes += more;
        held.networks.insert(self.peer.network, of_network + more);
        held.connections.insert(self.peer.connection, of_connection + more);
        drop(guard);
        self.bytes += more;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.budget.lock();
        held.bytes -= self.bytes;
        lower(&mut held.networks, self.peer.network, self.bytes);
        lower(&mut held.connections, self.peer.connection, self.bytes);
        drop(held);
        self.budget.0.freed.notify_waiters();
    }
}

fn lower<K: Copy + Eq + Hash>(held: &mut HashMap<K, usize>, key: K, bytes: usize) {
    if let Some(all) = held.get_mut(&key) {
        *all -= bytes;
        if *all == 0 {
            held.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(budget: &Budget, network: u128, connection: u64) -> Vec<Reservation> {
        let mut all = Vec::new();
        loop {
            let mut one = budget.open(Peer { network, connection });
            if !one.try_grow(10) {
                return all;
            }
            all.push(one);
        }
    }

    #[test]
    fn whoever_holds_most_is_stopped_first() {
        let budget = Budget::new(24_000);
        let connection = fill(&budget, 1, 1);
        assert_eq!(connection.len(), 800, "a third for one connection");
        let network: Vec<_> = (2..50).map(|c| fill(&budget, 1, c)).collect();
        assert!(budget.taken() <= 12_000, "half for one network");
        let others: Vec<_> = (2..10).map(|n| fill(&budget, n, u64::try_from(n).expect("small") * 100)).collect();
        assert!(others.iter().all(|held| !held.is_empty()), "there is room for each other network");
        assert!(budget.taken() < 24_000);
        drop((connection, network, others));
        assert_eq!(budget.taken(), 0);
        let held = budget.lock();
        assert!(held.networks.is_empty() && held.connections.is_empty(), "nothing is kept of who has gone");
    }

    #[tokio::test(start_paused = true)]
    async fn of_those_who_wait_some_hundred_are_kept() {
        let budget = Budget::new(100);
        let open = || budget.open(Peer { network: 1, connection: 1 });
        let mut first = open();
        first.grow(30).await.expect("there is room");
        let wait = |mut one: Reservation| tokio::spawn(async move { one.grow(30).await });
        let waiting: Vec<_> = (0..WAITING).map(|_| wait(open())).collect();
        while budget.0.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(open().grow(30).await.is_err(), "one more is sent away");
        assert_eq!(budget.0.turns.available_permits(), 0, "at once: the others still wait");
        for one in waiting {
            assert!(one.await.expect("it ends").is_err(), "nobody made room");
        }
        assert_eq!(budget.0.turns.available_permits(), WAITING);
    }

    #[tokio::test]
    async fn who_waits_gets_what_is_freed() {
        let budget = Budget::new(100);
        let mut first = budget.open(Peer { network: 1, connection: 1 });
        first.grow(30).await.expect("there is room");
        let mut second = budget.open(Peer { network: 1, connection: 1 });
        assert!(!second.try_grow(30), "its share is used up");
        let waiting = tokio::spawn(async move {
            second.grow(30).await.expect("room is made");
            second.bytes
        });
        tokio::task::yield_now().await;
        drop(first);
        assert_eq!(waiting.await.expect("it ends"), 30);
        assert_eq!(budget.taken(), 0);
    }
}
