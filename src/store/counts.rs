//! How many statements there were, for those who run the server.

use std::sync::atomic::{AtomicU64, Ordering};

/// Statements that the store has sent to the database since it was opened.
///
/// What opens and ends connections and transactions is not among them, nor are migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statements {
    /// All, each counted once however often it was tried.
    pub run: u64,
    /// Further attempts at reads whose connection broke.
    pub retried: u64,
    /// Those that ended with an error.
    pub failed: u64,
}

/// The counters behind [`Statements`].
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub run: Counter,
    pub retried: Counter,
    pub failed: Counter,
}

impl Counts {
    /// Their present state.
    pub fn read(&self) -> Statements {
        Statements { run: self.run.get(), retried: self.retried.get(), failed: self.failed.get() }
    }
}

/// Connections of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// What they are for: `read` or `write`.
    pub kind: &'static str,
    /// As many as there may be.
    pub size: usize,
    /// In use.
    pub used: usize,
    /// Callers that wait for one; 0 where the driver does not tell.
    pub waiting: usize,
}

/// Commits that units of work share.
#[derive(Debug, Default)]
pub struct Groups {
    /// Commits.
    pub(super) commits: Counter,
    /// Units of work in them.
    pub(super) members: Counter,
}

impl Groups {
    /// Commits, and the units of work in them.
    pub fn read(&self) -> (u64, u64) {
        (self.commits.get(), self.members.get())
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
