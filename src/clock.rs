//! Time as the server sees it: microseconds since 1970 in UTC, the precision of the databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Microseconds since 1970-01-01T00:00:00Z. May be negative.
pub type Micros = i64;

/// 9999-12-31T23:59:59Z: "never expires" on the wire (contract, AddAppKey).
pub const NEVER: Micros = 253_402_300_799_000_000;

/// Source of the present time, so that tests can hold and advance it.
pub trait Clock: Send + Sync + 'static {
    /// The present time.
    fn now(&self) -> Micros;
}

/// The clock of the operating system.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system for the time")]
    fn now(&self) -> Micros {
        chrono::Utc::now().timestamp_micros()
    }
}

/// A clock that stands still until told otherwise; for tests.
#[derive(Debug, Clone)]
pub struct FixedClock(Arc<AtomicI64>);

impl FixedClock {
    /// A clock that shows `start`.
    pub fn new(start: Micros) -> Self {
        Self(Arc::new(AtomicI64::new(start)))
    }

    /// Moves the clock by `micros`, which may be negative.
    pub fn advance(&self, micros: Micros) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Micros {
        self.0.load(Ordering::Relaxed)
    }
}

/// Time that only goes forward, for ages: only differences of it mean anything.
pub trait Monotonic: Send + Sync + 'static {
    /// How long it has been since some moment in the past, always the same one.
    fn elapsed(&self) -> Duration;
}

/// The monotonic time of the operating system, since the start. The runtime asks for it, so that it stands still where
/// a test pauses the timers.
#[derive(Debug)]
pub struct SystemMonotonic(Instant);

impl Default for SystemMonotonic {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Monotonic for SystemMonotonic {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Monotonic time that stands still until told otherwise; for tests.
#[derive(Debug, Clone, Default)]
pub struct FixedMonotonic(Arc<AtomicU64>);

impl FixedMonotonic {
    /// Lets so much time pass; whole microseconds count.
    pub fn advance(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Monotonic for FixedMonotonic {
    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}
