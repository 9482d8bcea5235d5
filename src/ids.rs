//! Identifiers: decimal numbers of 18 digits (until 2038), growing with time, unique across replicas.
//!
//! The layout is the original's (contract 5.1): 39 bits of 10 ms units since 2019-04-29, 8 bits of
//! sequence, 16 bits of node. The node number is handed out by the store at each start, so two
//! processes that live at the same time never share one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::{Clock, Micros};

/// 2019-04-29T00:00:00Z in microseconds.
const EPOCH: Micros = 1_556_496_000_000_000;
/// Length of one time unit in microseconds.
const UNIT: Micros = 10_000;

/// Maker of identifiers. Cheap to call from any thread; never waits.
pub struct Ids {
    clock: Arc<dyn Clock>,
    node: u16,
    /// Time unit in the upper bits, sequence in the lower eight.
    last: AtomicU64,
}

impl Ids {
    /// A maker for `node`, which no other living process may use.
    pub fn new(clock: Arc<dyn Clock>, node: u16) -> Self {
        Self { clock, node, last: AtomicU64::new(0) }
    }

    /// The next identifier. When the 256 numbers of a time unit are used up it borrows from the next
    /// unit, so it stays unique and ordered even if the clock stands still or goes back.
    pub fn next(&self) -> String {
        let units = u64::try_from((self.clock.now() - EPOCH) / UNIT).unwrap_or(0);
        let floor = units << 8;
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let next = floor.max(last + 1);
            match self.last.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return ((next << 16) | u64::from(self.node)).to_string(),
                Err(seen) => last = seen,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FixedClock;

    #[test]
    fn ids_are_unique_and_ordered_while_the_clock_stands_still() {
        let clock = FixedClock::new(1_795_000_000_000_000);
        let ids = Ids::new(Arc::new(clock.clone()), 7);
        let mut all: Vec<String> = (0..1000).map(|_| ids.next()).collect();
        clock.advance(-1_000_000);
        all.push(ids.next());
        assert!(all.windows(2).all(|w| w[0] < w[1]), "ids must grow as text");
        assert!(all.iter().all(|id| id.len() == 18));
    }

    #[test]
    fn two_nodes_never_make_the_same_id() {
        let clock = FixedClock::new(1_795_000_000_000_000);
        let a = Ids::new(Arc::new(clock.clone()), 1);
        let b = Ids::new(Arc::new(clock), 2);
        let left: std::collections::HashSet<String> = (0..500).map(|_| a.next()).collect();
        assert!((0..500).all(|_| !left.contains(&b.next())));
    }
}
