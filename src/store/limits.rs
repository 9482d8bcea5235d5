//! How much of a database a store may use.

use std::time::Duration;

/// How much of a database a store may use, and how long it waits for it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections, at least four. On PostgreSQL one half is for readers, the other for writers; on SQLite
    /// all of them read.
    pub connections: u32,
    /// How long a writer waits for a lock.
    pub lock: Duration,
    /// How long the database may work at one statement, apart from waiting for a lock.
    pub statement: Duration,
}

impl Limits {
    /// What the server itself may take for a statement of a writer, waiting for locks included.
    pub(super) fn statement_on_server(&self) -> Duration {
        self.statement + self.lock
    }

    /// Connections for readers and for writers.
    pub(super) fn split(&self) -> (usize, usize) {
        let writers = (self.connections / 2).max(2);
        let readers = self.connections.saturating_sub(writers).max(2);
        (readers as usize, writers as usize)
    }
}

impl From<u32> for Limits {
    fn from(connections: u32) -> Self {
        Self { connections, lock: Duration::from_secs(5), statement: Duration::from_secs(5) }
    }
}
