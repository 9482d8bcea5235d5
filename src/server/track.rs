//! What is known of one connection, noted by its parts and looked at by its guard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::limits::Limits;

/// Not told yet.
const UNKNOWN: u8 = 0;
const HTTP_1: u8 = 1;
const HTTP_2: u8 = 2;

/// The state of a connection. Moments are milliseconds since the connection was accepted, plus one, so
/// that zero can say "no".
#[derive(Debug)]
pub(super) struct Track {
    accepted: Instant,
    /// How long it may live: the limit of the configuration, spread a little.
    age: Duration,
    protocol: AtomicU8,
    /// A whole head came, or the preface of HTTP/2 with its settings.
    spoken: AtomicBool,
    /// Requests so far.
    requests: AtomicU64,
    /// Requests that are not answered yet.
    working: AtomicUsize,
    /// When the last request was answered.
    quiet_since: AtomicU64,
    /// When the head of a request began that is not whole yet; HTTP/1 only.
    head_since: AtomicU64,
    /// Since when the client takes nothing of what is written.
    blocked_since: AtomicU64,
    /// Pieces of answers not written yet, by the period in which they were made: even, odd.
    unsent: [AtomicUsize; 2],
    period: AtomicUsize,
    /// The next answer is the last one.
    last: AtomicBool,
    /// Its place was given to another.
    pub(super) evicted: AtomicBool,
    /// Wakes the guard.
    pub(super) wake: Notify,
    /// Where its seat is: among all, and among those of its address.
    pub(super) seat: [AtomicUsize; 2],
}

/// What is to be done with a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Fine,
    /// It is to end when its requests are answered.
    Retire,
    /// It is to end now; the reason is for the log.
    Close(&'static str),
}

impl Track {
    /// A connection accepted now, the `number`th of the server.
    pub(super) fn new(number: u64, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            accepted: Instant::now(),
            age: spread(limits.age, number),
            protocol: AtomicU8::new(UNKNOWN),
            spoken: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            working: AtomicUsize::new(0),
            quiet_since: AtomicU64::new(1),
            head_since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            unsent: [AtomicUsize::new(0), AtomicUsize::new(0)],
            period: AtomicUsize::new(0),
            last: AtomicBool::new(false),
            evicted: AtomicBool::new(false),
            wake: Notify::new(),
            seat: [AtomicUsize::new(usize::MAX), AtomicUsize::new(usize::MAX)],
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// How long ago a moment was.
    fn since(&self, moment: u64) -> Duration {
        Duration::from_millis(self.now().saturating_sub(moment))
    }

    /// The first bytes told the protocol.
    pub(super) fn is(&self, http2: bool) {
        self.protocol.store(if http2 { HTTP_2 } else { HTTP_1 }, Relaxed);
    }

    pub(super) fn is_http2(&self) -> bool {
        self.protocol.load(Relaxed) == HTTP_2
    }

    pub(super) fn is_http1(&self) -> bool {
        self.protocol.load(Relaxed) == HTTP_1
    }

    /// The client has said enough to be taken seriously.
    pub(super) fn speaks(&self) {
        self.spoken.store(true, Relaxed);
    }

    pub(super) fn has_spoken(&self) -> bool {
        self.spoken.load(Relaxed)
    }

    /// Whether any request came.
    pub(super) fn is_used(&self) -> bool {
        self.requests.load(Relaxed) > 0
    }

    /// Whether no request is in work; then, for how long.
    pub(super) fn quiet(&self) -> Option<Duration> {
        (self.working.load(Relaxed) == 0).then(|| self.since(self.quiet_since.load(Relaxed)))
    }

    /// Bytes came.
    pub(super) fn reads(&self) {
        if self.is_http1() && self.working.load(Relaxed) == 0 && self.head_since.load(Relaxed) == 0 {
            self.head_since.store(self.now(), Relaxed);
        }
    }

    /// The client takes nothing more, or takes again.
    pub(super) fn blocked(&self, blocked: bool) {
        self.blocked_since.store(if blocked { self.now() } else { 0 }, Relaxed);
    }

    /// A request began; it ends when what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Work {
        self.speaks();
        self.head_since.store(0, Relaxed);
        self.working.fetch_add(1, Relaxed);
        // The guard gives its notice with the first request of a connection that is to end.
        if self.requests.fetch_add(1, Relaxed) == 0 && self.ends() {
            self.wake.notify_one();
        }
        Work(Arc::clone(self))
    }

    /// A piece of an answer was made; it is written, or given up, when what is returned is dropped.
    pub(super) fn piece(self: &Arc<Self>) -> Unsent {
        let period = self.period.load(Relaxed) % 2;
        self.unsent[period].fetch_add(1, Relaxed);
        Unsent(Arc::clone(self), period)
    }

    /// Begins another period. False if a piece of the one before the last is still unsent.
    pub(super) fn next_period(&self) -> bool {
        let next = self.period.load(Relaxed).wrapping_add(1);
        if self.unsent[next % 2].load(Relaxed) > 0 {
            return false;
        }
        self.period.store(next, Relaxed);
        true
    }

    /// Lets the next answer be the last.
    pub(super) fn end_soon(&self) {
        self.last.store(true, Relaxed);
    }

    /// Whether the next answer is the last.
    pub(super) fn ends(&self) -> bool {
        self.last.load(Relaxed)
    }

    /// What is to be done.
    pub(super) fn verdict(&self, limits: &Limits) -> Verdict {
        let blocked = self.blocked_since.load(Relaxed);
        if blocked > 0 && self.since(blocked) >= limits.write {
            return Verdict::Close("the client does not read its answers");
        }
        if !self.has_spoken() && self.accepted.elapsed() >= limits.head {
            return Verdict::Close("no request came");
        }
        let head = self.head_since.load(Relaxed);
        if head > 0 && self.since(head) >= limits.head {
            return Verdict::Close("a request was not sent to the end of its head");
        }
        if self.accepted.elapsed() >= self.age || self.quiet().is_some_and(|quiet| quiet >= limits.idle) {
            return Verdict::Retire;
        }
        Verdict::Fine
    }
}

/// Connections that came together shall not end together: the `number`th ends up to a tenth earlier. The
/// golden ratio spreads any run of numbers evenly.
fn spread(age: Duration, number: u64) -> Duration {
    let part = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54;
    age.saturating_sub(age / 10 * u32::try_from(part).unwrap_or(0) / 1024)
}

/// A request in work.
#[derive(Debug)]
pub(super) struct Work(Arc<Track>);

impl Work {
    pub(super) fn track(&self) -> &Arc<Track> {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.quiet_since.store(self.0.now(), Relaxed);
        self.0.working.fetch_sub(1, Relaxed);
    }
}

/// A piece of an answer that is not written yet.
#[derive(Debug)]
pub(super) struct Unsent(Arc<Track>, usize);

impl Drop for Unsent {
    fn drop(&mut self) {
        self.0.unsent[self.1].fetch_sub(1, Relaxed);
    }
}
