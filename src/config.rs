//! Configuration: `config.default.toml` < the file named by `CLAVIGER_CONFIG` < the environment.
//! A key that does not exist stops the start, so that a typo cannot go unnoticed.

mod load;
mod url;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use load::wanted_log_format;
use serde::Deserialize;

use crate::api::Bound;
use crate::clock::Micros;
use crate::crypto::keypool::Size;
use crate::crypto::vault::{NO_MASTER_KEY, Vault};
use crate::housekeeping::Intervals;
use crate::store::{Limits, Target, target_of};

/// Every setting with its default and its meaning.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Longest life of a token in seconds: a year.
const MAX_LIFETIME: u64 = 365 * 24 * 3600;

/// Longest time to remember an answer in milliseconds: what is revoked must be void everywhere within a
/// second.
const MAX_REMEMBER: i64 = 900;

/// A configuration that cannot be used; the text says which key and why, and holds no value that
/// may be secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ConfigError(String);

/// The whole configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Network.
    pub server: Server,
    /// Database and files.
    pub storage: Storage,
    /// Key generation.
    pub keys: Keys,
    /// Tokens for machines.
    pub tokens: Tokens,
    /// Logging.
    pub log: Log,
}

/// Section `server`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Where metrics and probes are told; see [`Config::admin_listen`].
    pub admin_listen: String,
    /// Own address as clients see it; empty for the default.
    pub issuer: String,
    /// Other addresses that assertions may name.
    pub issuer_aliases: Vec<String>,
    /// Seconds.
    pub request_timeout: u64,
    /// Requests in work at once.
    pub max_concurrent_requests: usize,
    /// Mebibytes that bodies of requests may take together.
    pub max_body_memory: usize,
    /// Seconds from the head of a request to the last byte of its body.
    pub body_timeout: u64,
    /// Seconds.
    pub shutdown_delay: u64,
    /// Seconds.
    pub shutdown_timeout: u64,
    /// Connections at once; 0 for as many as the descriptors of the process allow.
    pub max_connections: usize,
    /// Connections at once of one client address; 0 for half of all.
    pub max_connections_per_address: usize,
    /// Seconds for the head of a request.
    pub head_timeout: u64,
    /// Seconds for a client to take some more of an answer.
    pub write_timeout: u64,
    /// Seconds without any request.
    pub idle_timeout: u64,
    /// Seconds until a connection is asked to end.
    pub max_connection_age: u64,
    /// Whether gRPC reflection answers.
    pub reflection: bool,
    /// Milliseconds that answers of the database may be used again.
    pub remember: u64,
}

/// Section `storage`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Directory of the SQLite file and of the first token.
    pub data_dir: PathBuf,
    /// Database URL; may hold a password.
    pub url: String,
    /// Connections.
    pub connections: u32,
    /// Seconds that a writer waits for a lock.
    pub lock_timeout: u64,
    /// Seconds that the database may work at one statement.
    pub statement_timeout: u64,
    /// File for the first token; empty for the default.
    pub admin_pat_file: PathBuf,
    /// Key that encrypts the signing keys, 32 bytes in base64; empty for a file in the data directory.
    pub master_key: String,
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

/// Section `keys`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Pairs made in advance.
    pub pool: usize,
    /// Requests that may wait for one.
    pub max_waiting: usize,
    /// Threads that make them; 0 for one per core.
    pub threads: usize,
}

/// Section `tokens`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// Life time of access tokens in seconds.
    pub access_lifetime: u64,
    /// Life time of ID tokens in seconds.
    pub id_lifetime: u64,
    /// Seconds between two sweeps of expired tokens.
    pub sweep_interval: u64,
    /// Seconds between two writes of what was used when.
    pub usage_interval: u64,
}

/// Section `log`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Level or filter.
    pub level: String,
    /// Form of a line.
    pub format: LogFormat,
    /// Whether each answer is a line.
    pub access: bool,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Config {
    fn validate(&self) -> Result<(), ConfigError> {
        let fail = |text: &str| Err(ConfigError(text.to_owned()));
        let issuer = Some(&self.server.issuer).filter(|i| !i.is_empty());
        for name in issuer.into_iter().chain(&self.server.issuer_aliases) {
            if !(name.starts_with("http://") || name.starts_with("https://")) || name.ends_with('/') {
                return fail("server.issuer and its aliases must begin with http:// or https:// and not end with /");
            }
        }
        self.admin_listen()?;
        if self.log.level.parse::<tracing_subscriber::EnvFilter>().is_err() {
            return fail("log.level must be a level or a filter such as \"claviger=debug\"");
        }
        if !self.storage.master_key.is_empty() && Vault::from_text(&self.storage.master_key).is_none() {
            return fail(&format!("storage.master_key (CLAVIGER_MASTER_KEY) {NO_MASTER_KEY}"));
        }
        self.target().map(drop)
    }

    /// Where metrics and probes are told, for those who run the server; none where they are turned off. If it is not
    /// said: on the loopback address, at the port after that of the server, or at any free one if that has.
    ///
    /// # Errors
    /// It is no address.
    pub fn admin_listen(&self) -> Result<Option<SocketAddr>, ConfigError> {
        let wrong = || ConfigError("server.admin_listen must be an address with a port, \"off\", or empty".to_owned());
        match self.server.admin_listen.as_str() {
            "off" => Ok(None),
            "" => {
                let port = self.server.listen.port();
                let port = if port == 0 { 0 } else { port.checked_add(1).unwrap_or_default() };
                Ok(Some((Ipv4Addr::LOCALHOST, port).into()))
            }
            address => address.parse().map(Some).map_err(|_| wrong()),
        }
    }

    /// Where the data lives.
    ///
    /// # Errors
    /// The database URL is malformed.
    pub fn target(&self) -> Result<Target, ConfigError> {
        let named = |text: String| ConfigError(format!("storage.url (DATABASE_URL) {text}"));
        url::check(&self.storage.url).map_err(named)?;
        let target = target_of(Some(&self.storage.url), &self.storage.data_dir);
        target.map_err(|_| named("is not a valid URL; write special characters percent-encoded".to_owned()))
    }

    /// How much of the database this server may use, with so many connections.
    pub fn limits(&self, connections: u32) -> Limits {
        Limits {
            connections,
            lock: Duration::from_secs(self.storage.lock_timeout),
            statement: Duration::from_secs(self.storage.statement_timeout),
        }
    }

    /// The address clients know, for a server that listens on `bound`.
    pub fn issuer(&self, bound: SocketAddr) -> String {
        if self.server.issuer.is_empty() {
            format!("http://localhost:{}", bound.port())
        } else {
            self.server.issuer.clone()
        }
    }

    /// The host in the issuer, under which organizations get their domains.
    pub fn domain(&self) -> String {
        let issuer = if self.server.issuer.is_empty() { "http://localhost" } else { &self.server.issuer };
        let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        let host = rest.split('/').next().unwrap_or_default();
        match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name.to_owned(),
            _ => host.to_owned(),
        }
    }

    /// Where the first token is written.
    pub fn admin_pat_file(&self) -> PathBuf {
        if self.storage.admin_pat_file.as_os_str().is_empty() {
            self.storage.data_dir.join("admin.pat")
        } else {
            self.storage.admin_pat_file.clone()
        }
    }

    /// Life times of access and ID tokens in microseconds.
    pub fn lifetimes(&self) -> (Micros, Micros) {
        let micros = |seconds: u64| Micros::try_from(seconds.min(MAX_LIFETIME)).unwrap_or_default() * 1_000_000;
        (micros(self.tokens.access_lifetime), micros(self.tokens.id_lifetime))
    }

    /// How often what is done in the background is done.
    pub fn intervals(&self) -> Intervals {
        Intervals {
            usage: Duration::from_secs(self.tokens.usage_interval),
            sweep: Duration::from_secs(self.tokens.sweep_interval),
        }
    }

    /// Where the master key is if the configuration does not hold it.
    pub fn master_key_file(&self) -> PathBuf {
        self.storage.data_dir.join("master.key")
    }

    /// How many pairs are in stock, and how many requests may wait for one.
    pub fn key_pool(&self) -> Size {
        Size { stock: self.keys.pool, waiting: self.keys.max_waiting }
    }

    /// Threads that make keys.
    pub fn key_threads(&self) -> usize {
        match self.keys.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        }
    }

    /// What requests may take of the server.
    pub fn bound(&self) -> Bound {
        Bound {
            deadline: Duration::from_secs(self.server.request_timeout),
            concurrency: self.server.max_concurrent_requests,
            body_memory: self.server.max_body_memory << 20,
            body_deadline: Duration::from_secs(self.server.body_timeout),
        }
    }
}

#[cfg(test)]
mod tests;
