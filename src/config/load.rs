//! Reads the configuration from its sources and remembers where each value came from, so that a mistake
//! is named with its place. No value is ever repeated: it may be a secret in the wrong place.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::Deserialize as _;
use toml::de::DeTable;
use toml::{Table, Value};

use super::{Config, ConfigError, DEFAULTS, LogFormat, MAX_LIFETIME, MAX_REMEMBER};

/// Names of the environment that scripts may rely on (design, section 7) and the keys they stand for.
const SHORT: &[(&str, &str, &str)] = &[
    ("CLAVIGER_LISTEN", "server", "listen"),
    ("CLAVIGER_ISSUER", "server", "issuer"),
    ("CLAVIGER_DATA_DIR", "storage", "data_dir"),
    ("CLAVIGER_ADMIN_PAT_FILE", "storage", "admin_pat_file"),
    ("CLAVIGER_MASTER_KEY", "storage", "master_key"),
    ("DATABASE_URL", "storage", "url"),
];

/// Ranges of whole numbers, with their units.
pub(super) const RANGES: &[(&str, RangeInclusive<i64>, &str)] = &[
    ("server.request_timeout", 1..=86_400, " seconds"),
    ("server.max_concurrent_requests", 1..=1_000_000, ""),
    // The least lets the largest body of one caller in.
    ("server.max_connections", 0..=1_000_000, ""),
    ("server.max_connections_per_address", 0..=1_000_000, ""),
    ("server.max_body_memory", 16..=1 << 20, " mebibytes"),
    ("server.body_timeout", 1..=86_400, " seconds"),
    ("server.shutdown_delay", 0..=86_400, " seconds"),
    ("server.shutdown_timeout", 0..=86_400, " seconds"),
    ("server.head_timeout", 1..=2_592_000, " seconds"),
    ("server.write_timeout", 1..=2_592_000, " seconds"),
    ("server.idle_timeout", 1..=2_592_000, " seconds"),
    ("server.max_connection_age", 1..=2_592_000, " seconds"),
    ("server.remember", 0..=MAX_REMEMBER, " milliseconds"),
    ("storage.connections", 1..=10_000, ""),
    ("storage.lock_timeout", 1..=3600, " seconds"),
    ("storage.statement_timeout", 1..=3600, " seconds"),
    ("keys.pool", 0..=100_000, ""),
    ("keys.threads", 0..=1024, ""),
    ("keys.max_waiting", 1..=100_000, ""),
    ("tokens.access_lifetime", 1..=MAX_LIFETIME.cast_signed(), " seconds"),
    ("tokens.id_lifetime", 1..=MAX_LIFETIME.cast_signed(), " seconds"),
    ("tokens.sweep_interval", 1..=31_536_000, " seconds"),
    ("tokens.usage_interval", 1..=31_536_000, " seconds"),
];

impl Config {
    /// Reads defaults, file and environment of this process.
    ///
    /// # Errors
    /// A file cannot be read, a key is unknown, or a value does not fit.
    pub fn load() -> Result<Self, ConfigError> {
        let (file, environment) = (file()?, environment()?);
        let file = file.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
        load(&Sources { file, environment: &environment })
    }

    /// The configuration of a file and an environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_parts(file: Option<&str>, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        load(&Sources { file: file.map(|text| ("CLAVIGER_CONFIG", text)), environment })
    }
}

/// The form in which to complain about a configuration that cannot be used: the one it asks for, as far as
/// that can be told.
pub fn wanted_log_format() -> LogFormat {
    let (file, environment) = (file().ok().flatten(), environment().unwrap_or_default());
    let file = file.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    format(&Sources { file, environment: &environment })
}

/// Name and text of the file, if one is named.
fn file() -> Result<Option<(String, String)>, ConfigError> {
    let Some(path) = std::env::var_os("CLAVIGER_CONFIG").filter(|p| !p.is_empty()) else { return Ok(None) };
    let name = PathBuf::from(&path).display().to_string();
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((name, text))),
        Err(e) => Err(ConfigError(format!("the file {name}, which CLAVIGER_CONFIG names, cannot be read: {e}"))),
    }
}

/// The variables of this program.
fn environment() -> Result<BTreeMap<String, String>, ConfigError> {
    let mut environment = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        if name.starts_with("CLAVIGER_") || name == "DATABASE_URL" {
            let value = value.into_string().map_err(|_| ConfigError(format!("{name} is not valid UTF-8")))?;
            environment.insert(name, value);
        }
    }
    Ok(environment)
}

/// What a file and an environment say.
pub(super) struct Sources<'a> {
    /// Name and text of the file.
    pub file: Option<(&'a str, &'a str)>,
    /// Variables of this program.
    pub environment: &'a BTreeMap<String, String>,
}

/// Reads and checks the configuration.
fn load(sources: &Sources<'_>) -> Result<Config, ConfigError> {
    let mut settings = Settings::defaults()?;
    if let Some((name, text)) = sources.file {
        settings.file(name, text)?;
    }
    for (name, value) in sources.environment {
        if name != "CLAVIGER_CONFIG" && !of_an_orchestrator(name) {
            settings.variable(name, value)?;
        }
    }
    settings.ranges()?;
    let config = settings.config()?;
    config.validate().map_err(|error| settings.with_places(error))?;
    Ok(config)
}

/// The form in which to complain about a configuration that cannot be read as a whole.
pub(super) fn format(sources: &Sources<'_>) -> LogFormat {
    let of_file = || {
        let table = sources.file?.1.parse::<Table>().ok()?;
        Some(table.get("log")?.get("format")?.as_str()?.to_owned())
    };
    match sources.environment.get("CLAVIGER_LOG_FORMAT").cloned().or_else(of_file).as_deref() {
        Some("json") => LogFormat::Json,
        _ => LogFormat::Text,
    }
}

/// Values, and where those come from that are not the default, by `section.key`.
struct Settings {
    table: Table,
    places: BTreeMap<String, String>,
}

impl Settings {
    fn defaults() -> Result<Self, ConfigError> {
        let table = DEFAULTS.parse::<Table>();
        let table = table.map_err(|e| ConfigError(format!("config.default.toml: {}", e.message())))?;
        Ok(Self { table, places: BTreeMap::new() })
    }

    /// Lays a file over what there is; what there is not is a mistake.
    fn file(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        // The line itself is not told: it may hold a password.
        let parsed = text.parse::<Table>().and_then(|table| Ok((table, DeTable::parse(text)?)));
        let (table, spans) = parsed.map_err(|e| {
            let line = e.span().map_or(1, |span| line_of(text, span.start));
            ConfigError(format!("{name}, line {line}: this is not TOML: {}", e.message()))
        })?;
        let lines = lines(text, spans.get_ref());
        let place = |key: &str| format!("{name}, line {}", lines.get(key).copied().unwrap_or(1));
        for (section, values) in table {
            let at = place(&section);
            let shown = shown(&section);
            let Value::Table(values) = values else {
                return Err(ConfigError(format!(
                    "{at}: {shown} is not a section; settings live in sections such as [server]"
                )));
            };
            if !self.table.contains_key(&section) {
                let hint = nearest(&section, self.table.keys().map(String::as_str));
                return Err(ConfigError(format!("{at}: unknown section [{shown}]{hint}")));
            }
            for (key, value) in values {
                let at = place(&format!("{section}.{key}"));
                self.set(&section, &key, value, &at)?;
            }
        }
        Ok(())
    }

    fn set(&mut self, section: &str, key: &str, value: Value, at: &str) -> Result<(), ConfigError> {
        let slot = self.table.get_mut(section).and_then(Value::as_table_mut).and_then(|t| t.get_mut(key));
        let Some(slot) = slot else {
            let known = self.keys();
            let hint = nearest(&format!("{section}.{key}"), known.iter().map(String::as_str));
            return Err(ConfigError(format!("{at}: unknown key {}.{}{hint}", shown(section), shown(key))));
        };
        let texts = |v: &Value| v.as_array().is_none_or(|items| items.iter().all(Value::is_str));
        if !slot.same_type(&value) || !texts(&value) {
            let wanted = kind(slot);
            return Err(ConfigError(format!("{at}: {section}.{key} must be {wanted}")));
        }
        *slot = value;
        self.places.insert(format!("{section}.{key}"), at.to_owned());
        Ok(())
    }

    fn variable(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let short = SHORT.iter().find(|(short, _, _)| *short == name);
        let (section, key) = match short {
            Some((_, section, key)) => ((*section).to_owned(), (*key).to_owned()),
            None => name
                .strip_prefix("CLAVIGER_")
                .and_then(|rest| rest.split_once('_'))
                .map(|(section, key)| (section.to_lowercase(), key.to_lowercase()))
                .unwrap_or_default(),
        };
        let slot = self.table.get(&section).and_then(Value::as_table).and_then(|t| t.get(&key));
        let slot = slot.ok_or_else(|| {
            let known = self.variables();
            let hint = nearest(name, known.iter().map(String::as_str));
            ConfigError(format!("unknown environment variable {}{hint}", shown(name)))
        })?;
        let value = match slot {
            Value::Integer(_) => value.trim().parse().ok().map(Value::Integer),
            Value::Boolean(_) => value.trim().parse().ok().map(Value::Boolean),
            Value::Array(_) => {
                let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
            }
            _ => Some(Value::String(value.to_owned())),
        };
        let value = value.ok_or_else(|| ConfigError(format!("{name}: {section}.{key} must be {}", kind(slot))))?;
        self.set(&section, &key, value, &format!("the environment variable {name}"))
    }

    fn ranges(&self) -> Result<(), ConfigError> {
        for (name, range, unit) in RANGES {
            let value = name.split_once('.').and_then(|(section, key)| self.table.get(section)?.get(key)?.as_integer());
            if let Some(value) = value
                && !range.contains(&value)
            {
                let (least, most) = (range.start(), range.end());
                return Err(self.with_places(ConfigError(format!("{name} must be {least} to {most}{unit}"))));
            }
        }
        Ok(())
    }

    fn config(&self) -> Result<Config, ConfigError> {
        let error = match Config::deserialize(self.table.clone()) {
            Ok(config) => return Ok(config),
            Err(error) => error,
        };
        // The one that spoils the defaults is the culprit.
        let defaults = Self::defaults()?;
        for name in self.places.keys() {
            let mut tried = defaults.table.clone();
            let value = name.split_once('.').and_then(|(section, key)| self.table.get(section)?.get(key).cloned());
            if let (Some((section, key)), Some(value)) = (name.split_once('.'), value)
                && let Some(section) = tried.get_mut(section).and_then(Value::as_table_mut)
            {
                section.insert(key.to_owned(), value);
            }
            if let Err(error) = Config::deserialize(tried) {
                let text = format!("{name} {}", misfit(name, error.message()));
                return Err(self.with_places(ConfigError(text)));
            }
        }
        Err(ConfigError(misfit("", error.message())))
    }

    /// Adds where the keys come from that an error names.
    fn with_places(&self, error: ConfigError) -> ConfigError {
        let named = |key: &&String| {
            let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
            error.0.split(|c| !is_part(c)).any(|word| word == key.as_str())
        };
        let places: Vec<&str> =
            self.places.keys().filter(named).filter_map(|key| self.places.get(key)).map(String::as_str).collect();
        if places.is_empty() { error } else { ConfigError(format!("{}: {}", places.join(" and "), error.0)) }
    }

    /// All keys as `section.key`.
    fn keys(&self) -> Vec<String> {
        let sections = self.table.iter().filter_map(|(section, values)| Some((section, values.as_table()?)));
        sections.flat_map(|(section, values)| values.keys().map(move |key| format!("{section}.{key}"))).collect()
    }

    /// All names in the environment.
    fn variables(&self) -> Vec<String> {
        let long = self.keys().into_iter().map(|key| format!("CLAVIGER_{}", key.replace('.', "_").to_uppercase()));
        SHORT.iter().map(|(name, _, _)| (*name).to_owned()).chain(long).collect()
    }
}

/// Kubernetes tells each container the address of a service named `claviger` in such variables.
fn of_an_orchestrator(name: &str) -> bool {
    name.starts_with("CLAVIGER_SERVICE_") || name == "CLAVIGER_PORT" || name.starts_with("CLAVIGER_PORT_")
}

/// What a reader of values expected, without the value it found.
fn misfit(name: &str, message: &str) -> String {
    match message.rsplit_once(", expected ") {
        _ if name == "server.listen" => {
            "must be a socket address: an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned()
        }
        Some((_, expected)) => format!("must be {expected}"),
        None => "has a value that does not fit".to_owned(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "a whole number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list of texts",
        _ => "a text in quotes",
    }
}

/// A name as it may be shown: one line, not endless.
fn shown(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

/// ` (did you mean …?)` if something known is near enough.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    if name.len() > 64 {
        return String::new();
    }
    let near = known.map(|k| (strsim::osa_distance(name, k), k)).min().filter(|(far, k)| *far <= 3.min(k.len() / 2));
    near.map(|(_, k)| format!(" (did you mean {k}?)")).unwrap_or_default()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

/// The line of each section and of each `section.key`.
fn lines(text: &str, table: &DeTable<'_>) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for (section, values) in table {
        lines.insert(section.get_ref().to_string(), line_of(text, section.span().start));
        for (key, _) in values.get_ref().as_table().into_iter().flatten() {
            lines.insert(format!("{}.{}", section.get_ref(), key.get_ref()), line_of(text, key.span().start));
        }
    }
    lines
}
