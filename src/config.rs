//! Configuration: `config.default.toml` < the file named by `CLAVIGER_CONFIG` < the environment.
//! A key that does not exist stops the start, so that a typo cannot go unnoticed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::{Table, Value};

use crate::api::Bound;
use crate::clock::Micros;
use crate::crypto::vault::Vault;
use crate::housekeeping::Intervals;
use crate::store::{Target, target_of};

/// Every setting with its default and its meaning.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Names of the environment that scripts may rely on (design, section 7) and the keys they stand for.
const SHORT: &[(&str, &str, &str)] = &[
    ("CLAVIGER_LISTEN", "server", "listen"),
    ("CLAVIGER_ISSUER", "server", "issuer"),
    ("CLAVIGER_DATA_DIR", "storage", "data_dir"),
    ("CLAVIGER_ADMIN_PAT_FILE", "storage", "admin_pat_file"),
    ("CLAVIGER_MASTER_KEY", "storage", "master_key"),
    ("DATABASE_URL", "storage", "url"),
];

/// Longest life of a token in seconds: a year.
const MAX_LIFETIME: u64 = 365 * 24 * 3600;

/// Mebibytes for bodies: the least lets the largest body of one caller in.
const BODY_MEMORY: std::ops::RangeInclusive<usize> = 16..=1 << 20;

/// Longest time to remember an answer in milliseconds: what is revoked must be void everywhere within a
/// second.
const MAX_REMEMBER: u64 = 900;

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
    pub shutdown_timeout: u64,
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
    /// Reads defaults, file and environment of this process.
    ///
    /// # Errors
    /// A file cannot be read, a key is unknown, or a value does not fit.
    pub fn load() -> Result<Self, ConfigError> {
        let file = match std::env::var_os("CLAVIGER_CONFIG").filter(|p| !p.is_empty()) {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(&path);
                Some(text.map_err(|e| ConfigError(format!("CLAVIGER_CONFIG: {}: {e}", PathBuf::from(path).display())))?)
            }
        };
        let mut environment = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            if name.starts_with("CLAVIGER_") || name == "DATABASE_URL" {
                let value = value.into_string().map_err(|_| ConfigError(format!("{name} is not valid UTF-8")))?;
                environment.insert(name, value);
            }
        }
        Self::from_parts(file.as_deref(), &environment)
    }

    /// The configuration of a file and an environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_parts(file: Option<&str>, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let parse = |what: &str, text: &str| {
            // Only the place is told: the line itself may hold a password.
            text.parse::<Table>().map_err(|e| ConfigError(format!("{what}: {}", e.message())))
        };
        let mut table = parse("config.default.toml", DEFAULTS)?;
        if let Some(file) = file {
            merge(&mut table, parse("CLAVIGER_CONFIG", file)?)?;
        }
        for (name, value) in environment {
            if name != "CLAVIGER_CONFIG" && !of_an_orchestrator(name) {
                from_environment(&mut table, name, value)?;
            }
        }
        let config = Self::deserialize(table).map_err(|e| ConfigError(e.message().to_owned()))?;
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let fail = |text: &str| Err(ConfigError(text.to_owned()));
        let issuer = Some(&self.server.issuer).filter(|i| !i.is_empty());
        for name in issuer.into_iter().chain(&self.server.issuer_aliases) {
            if !(name.starts_with("http://") || name.starts_with("https://")) || name.ends_with('/') {
                return fail("server.issuer and its aliases must begin with http:// or https:// and not end with /");
            }
        }
        let tokens = &self.tokens;
        if ![tokens.access_lifetime, tokens.id_lifetime].iter().all(|t| (1..=MAX_LIFETIME).contains(t)) {
            return fail("tokens.access_lifetime and tokens.id_lifetime must be 1 to 31536000 seconds");
        }
        if tokens.sweep_interval == 0 || tokens.usage_interval == 0 {
            return fail("tokens.sweep_interval and tokens.usage_interval must be at least 1");
        }
        if self.server.request_timeout == 0 || self.server.max_concurrent_requests == 0 {
            return fail("server.request_timeout and server.max_concurrent_requests must be at least 1");
        }
        if !BODY_MEMORY.contains(&self.server.max_body_memory) {
            return fail("server.max_body_memory must be 16 to 1048576 mebibytes");
        }
        if self.server.body_timeout == 0 {
            return fail("server.body_timeout must be at least 1 second");
        }
        if self.server.remember > MAX_REMEMBER {
            return fail("server.remember must be at most 900 milliseconds");
        }
        if self.storage.connections == 0 {
            return fail("storage.connections must be at least 1");
        }
        if self.keys.pool > 100_000 || self.keys.threads > 1024 {
            return fail("keys.pool must be at most 100000 and keys.threads at most 1024");
        }
        if self.log.level.parse::<tracing_subscriber::EnvFilter>().is_err() {
            return fail("log.level must be a level or a filter such as \"claviger=debug\"");
        }
        self.target().map(drop)
    }

    /// Where the data lives.
    ///
    /// # Errors
    /// The database URL is malformed.
    pub fn target(&self) -> Result<Target, ConfigError> {
        target_of(Some(&self.storage.url), &self.storage.data_dir).map_err(ConfigError)
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

    /// What encrypts the signing keys: the master key of the configuration, or a file beside the
    /// database that is made at the first start.
    ///
    /// # Errors
    /// It is no key, or the file cannot be read or written.
    pub fn vault(&self) -> crate::error::Result<Vault> {
        if self.storage.master_key.is_empty() {
            Vault::from_file(&self.storage.data_dir.join("master.key"))
        } else {
            Vault::from_text(&self.storage.master_key)
        }
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

/// Lays `over` over `base`; what `base` does not have is a mistake.
fn merge(base: &mut Table, over: Table) -> Result<(), ConfigError> {
    for (section, values) in over {
        let Value::Table(values) = values else {
            return Err(ConfigError(format!("{section} is not a section; settings live in sections such as [server]")));
        };
        let known = base.get_mut(&section).and_then(Value::as_table_mut);
        let known = known.ok_or_else(|| ConfigError(format!("unknown section [{section}]")))?;
        for (key, value) in values {
            if !known.contains_key(&key) {
                return Err(ConfigError(format!("unknown key {section}.{key}")));
            }
            known.insert(key, value);
        }
    }
    Ok(())
}

/// Kubernetes tells each container the address of a service named `claviger` in such variables.
fn of_an_orchestrator(name: &str) -> bool {
    name.starts_with("CLAVIGER_SERVICE_") || name == "CLAVIGER_PORT" || name.starts_with("CLAVIGER_PORT_")
}

fn from_environment(table: &mut Table, name: &str, value: &str) -> Result<(), ConfigError> {
    let short = SHORT.iter().find(|(short, _, _)| *short == name);
    let (section, key) = match short {
        Some((_, section, key)) => ((*section).to_owned(), (*key).to_owned()),
        None => name
            .strip_prefix("CLAVIGER_")
            .and_then(|rest| rest.split_once('_'))
            .map(|(section, key)| (section.to_lowercase(), key.to_lowercase()))
            .ok_or_else(|| ConfigError(format!("unknown environment variable {name}")))?,
    };
    let slot = table.get_mut(&section).and_then(Value::as_table_mut).and_then(|t| t.get_mut(&key));
    let slot = slot.ok_or_else(|| ConfigError(format!("unknown environment variable {name}")))?;
    *slot = match slot {
        Value::Integer(_) => {
            Value::Integer(value.parse().map_err(|_| ConfigError(format!("{name} must be a whole number")))?)
        }
        Value::Array(_) => {
            let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        _ => Value::String(value.to_owned()),
    };
    Ok(())
}

#[cfg(test)]
mod tests;
