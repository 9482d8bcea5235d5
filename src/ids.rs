//! Identifiers: decimal numbers of 18 digits (until 2038), in order of creation, unique across replicas.
//!
//! The layout is the original's (contract 5.1): 39 bits of 10 ms units since 2019-04-29, 8 bits of
//! sequence, 16 bits of node. The node number is lent by the store at each start, so two processes that
//! live at the same time never share one. A maker starts above the mark that the store keeps: no
//! identifier was made for a later time, whatever the clock showed then (ADR 9).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{Clock, Micros, Monotonic};

/// 2019-04-29T00:00:00Z in microseconds.
const EPOCH: Micros = 1_556_496_000_000_000;
/// Length of one time unit in microseconds.
const UNIT: Micros = 10_000;
/// The same as a duration.
const UNIT_LENGTH: Duration = Duration::from_millis(10);
/// Numbers of one unit.
const NUMBERS: u64 = 256;
/// How far above the last identifier the mark is kept while that one is ahead of the clock, in
/// microseconds. Small, so that restarts one after the other do not drive it on.
const MARGIN: Micros = 1_000_000;

/// What the store gives a process at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lent {
    /// The number that no other living process has.
    pub node: u16,
    /// No identifier was made for a later time than this.
    pub mark: Micros,
}

/// Maker of identifiers. Cheap to call from any thread.
pub struct Ids {
    clock: Arc<dyn Clock>,
    time: Arc<dyn Monotonic>,
    node: u16,
    source: Mutex<Source>,
    /// Time unit in the upper bits, sequence in the lower eight, of the last token.
    last_token: AtomicU64,
    /// The mark that the store has.
    mark: AtomicI64,
    /// Tells that identifiers come close to the mark.
    close: Notify,
}

/// Numbers in order, paced: at most 256 in 10 ms, so that they never run ahead of time.
#[derive(Debug)]
struct Source {
    unit: u64,
    /// Numbers of the unit that are given away.
    used: u64,
    /// When the next unit may begin, by a clock that nobody sets.
    next: Duration,
}

impl Source {
    fn above(unit: u64) -> Self {
        Self { unit, used: NUMBERS, next: Duration::ZERO }
    }

    /// The next number, or how long to wait for one. `clock_unit` is the unit that the clock shows. Is it
    /// behind, because the clock was set back, the source goes on from where it is: through all numbers of
    /// a unit, and not to the next one before a unit's time has passed.
    fn take(&mut self, clock_unit: u64, now: Duration) -> Result<u64, Duration> {
        if clock_unit > self.unit {
            (self.unit, self.used, self.next) = (clock_unit, 0, now + UNIT_LENGTH);
        } else if self.used == NUMBERS {
            if now < self.next {
                return Err(self.next.saturating_sub(now));
            }
            (self.unit, self.used, self.next) = (self.unit + 1, 0, now + UNIT_LENGTH);
        }
        self.used += 1;
        Ok(self.unit << 8 | (self.used - 1))
    }
}

impl Ids {
    /// A maker for what the store has lent.
    pub fn new(clock: Arc<dyn Clock>, time: Arc<dyn Monotonic>, lent: Lent) -> Self {
        let unit = unit_of(lent.mark);
        Self {
            clock,
            time,
            node: lent.node,
            source: Mutex::new(Source::above(unit)),
            last_token: AtomicU64::new(unit << 8 | (NUMBERS - 1)),
            mark: AtomicI64::new(lent.mark),
            close: Notify::new(),
        }
    }

    /// The next identifier, later than all before in order. When the 256 numbers of a time unit are used
    /// up it waits for the next one, some 10 ms: for time and nobody else, so it may be called in a transaction.
    pub async fn next(&self) -> String {
        loop {
            let now = self.clock.now();
            let taken = self.source().take(unit_of(now), self.time.elapsed());
            match taken {
                Ok(number) => {
                    self.look_at_mark(number >> 8);
                    return ((number << 16) | u64::from(self.node)).to_string();
                }
                // The clock's next unit may begin before that.
                Err(wait) => {
                    let rest = UNIT - (now - EPOCH).rem_euclid(UNIT);
                    tokio::time::sleep(wait.min(Duration::from_micros(rest.unsigned_abs()))).await;
                }
            }
        }
    }

    /// The number of an access token. Never waits: tokens have no order that anybody is promised, so when
    /// more than 25,600 a second are made their numbers run ahead of time, on their own.
    pub fn token(&self) -> i64 {
        let floor = unit_of(self.clock.now()) << 8;
        let next = |last: u64| Some(floor.max(last + 1));
        let last = self.last_token.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_else(|last| last);
        let number = floor.max(last + 1) << 16 | u64::from(self.node);
        i64::try_from(number).unwrap_or(i64::MAX)
    }

    /// The number that was lent.
    pub fn node(&self) -> u16 {
        self.node
    }

    /// The mark to store now, `lead` microseconds ahead of the clock, so that identifiers stay below it
    /// until it is stored the next time.
    pub fn mark_ahead(&self, lead: Micros) -> Micros {
        let last = time_of(self.source().unit);
        mark_after(last, self.clock.now(), lead)
    }

    /// A mark has been stored.
    pub fn marked(&self, mark: Micros) {
        self.mark.store(mark, Ordering::Relaxed);
    }

    /// Waits until identifiers come close to the stored mark: the clock was set forward, or very many
    /// are made.
    pub async fn close_to_mark(&self) {
        self.close.notified().await;
    }

    fn look_at_mark(&self, unit: u64) {
        if time_of(unit) + MARGIN / 2 > self.mark.load(Ordering::Relaxed) {
            self.close.notify_one();
        }
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        // Each step leaves it whole.
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mark that `lead` ahead of the clock asks for, above a time that identifiers have reached.
pub fn mark_after(reached: Micros, now: Micros, lead: Micros) -> Micros {
    now.saturating_add(lead).max(reached.saturating_add(MARGIN.min(lead)))
}

fn unit_of(time: Micros) -> u64 {
    u64::try_from((time - EPOCH) / UNIT).unwrap_or(0)
}

fn time_of(unit: u64) -> Micros {
    EPOCH + i64::try_from(unit).unwrap_or_default() * UNIT
}

#[cfg(test)]
mod tests;
