//! The bounds of connections, from the configuration and the system.

use std::time::Duration;

use crate::config::Config;

/// Most connections unless the configuration says otherwise. Beyond it the memory of idle connections
/// would be felt, and who needs more says so.
const MOST: usize = 10_000;
/// Descriptors for everything but connections of clients and of the database: files, pipes, timers.
const RESERVE: usize = 64;
/// Descriptors of one connection to the database: SQLite opens the file, its log and its index.
const PER_DATABASE_CONNECTION: usize = 3;

/// What a connection may take, and how the server stops.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once of one client address; of one /64 for IPv6.
    pub per_address: usize,
    /// For the head of a request, and for the first one from the moment of connecting.
    pub head: Duration,
    /// For a client to take (some more of) an answer.
    pub write: Duration,
    /// Without any request.
    pub idle: Duration,
    /// Until a connection is asked to end.
    pub age: Duration,
    /// For requests in work when a connection is asked to end.
    pub linger: Duration,
    /// From the order to stop until the listener closes.
    pub delay: Duration,
    /// From then on, for requests in work and for closing the store.
    pub grace: Duration,
}

impl Limits {
    /// The bounds of a configuration.
    pub fn of(config: &Config) -> Self {
        let server = &config.server;
        let connections = match server.max_connections {
            0 => fitting(descriptors(), config.storage.connections),
            most => most,
        };
        let per_address = match server.max_connections_per_address {
            0 => connections.div_ceil(2),
            most => most,
        };
        let write = Duration::from_secs(server.write_timeout);
        Self {
            connections,
            per_address,
            head: Duration::from_secs(server.head_timeout),
            write,
            idle: Duration::from_secs(server.idle_timeout),
            age: Duration::from_secs(server.max_connection_age),
            linger: config.bound().deadline.saturating_add(write),
            delay: Duration::from_secs(server.shutdown_delay),
            grace: Duration::from_secs(server.shutdown_timeout),
        }
    }
}

/// Connections of those who run the server: some probes, and who reads the metrics.
const ADMIN: usize = 32;

impl Limits {
    /// The same for the listener of those who run the server.
    #[must_use]
    pub fn of_admin(self) -> Self {
        Self { connections: ADMIN, per_address: ADMIN, ..self }
    }
}

/// How many connections fit into so many descriptors (none: no limit), beside those of the database.
fn fitting(descriptors: Option<usize>, database: u32) -> usize {
    let Some(all) = descriptors else { return MOST };
    let database = usize::try_from(database).unwrap_or(usize::MAX);
    let others = database.saturating_mul(PER_DATABASE_CONNECTION).saturating_add(RESERVE);
    // Where little is left, half of it is better than a server that lets nobody in.
    all.saturating_sub(others).max(all / 2).clamp(1, MOST)
}

#[cfg(unix)]
fn descriptors() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current?;
    Some(usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn descriptors() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_database_and_files() {
        assert_eq!(fitting(Some(1024), 16), 1024 - 64 - 48);
        assert_eq!(fitting(Some(1 << 20), 16), MOST);
        assert_eq!(fitting(Some(128), 32), 64);
        assert_eq!(fitting(Some(0), 16), 1);
        assert_eq!(fitting(None, 16), MOST);
        assert_eq!(fitting(Some(1024), u32::MAX), 512);
    }
}
