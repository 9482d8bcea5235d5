//! Opening the data of a server: everything is looked at before anything is written, one server at a
//! time has a SQLite file, and what a start has made goes again if it fails.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::crypto::secrets;
use crate::crypto::vault::Vault;
use crate::env::{Env, Sources};
use crate::files::{self, Made};
use crate::lock::ServerLock;
use crate::start::StartError;
use crate::store::{Look, LookError, SigningKeyRow, Store, Target, sqlite_files};

const DATA: &str = "data directory";
const MASTER_KEY: &str = "master key file";
/// Name of the token file in errors.
pub const TOKEN: &str = "token file";

/// What the data is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve: alone on a SQLite file, set up if it is empty.
    Serve,
    /// To bring the schema up to date; beside a running server, if need be.
    Migrate,
    /// To work with the signing keys of a server that was set up, or to look at what it has; beside it, if it runs.
    Beside,
    /// To change what a server has that was set up: alone on a SQLite file.
    Change,
}

/// An open store, and what this start has made for it.
pub struct Opened {
    /// The store, its schema up to date.
    pub store: Store,
    /// The environment, with a maker of identifiers that no other process has.
    pub env: Env,
    /// What opens the signing keys; none if there is no master key yet.
    pub vault: Option<Vault>,
    /// What there was before.
    before: Look,
    place: String,
    /// On SQLite, what keeps other servers away.
    pub lock: Option<ServerLock>,
    made: Made,
}

/// Looks at everything a server needs, and writes nothing.
///
/// # Errors
/// A server could not start on it.
pub async fn examine(config: &Config, purpose: Purpose) -> Result<(Look, Option<Vault>), StartError> {
    let target = config.target()?;
    for directory in directories(config, &target) {
        files::check_directory(DATA, &directory)?;
    }
    let vault = master_key(config)?;
    // Before the database: another server writes its token only when its set-up is committed.
    let token = left_token(config, &target)?;
    let look = target.look().await?;
    let place = target.place();
    match (purpose, token) {
        (Purpose::Serve, Some(token)) if !look.set_up => return Err(StartError::TokenBesideEmpty { place, token }),
        (Purpose::Beside | Purpose::Change, _) if !look.set_up => return Err(StartError::NotSetUp(place)),
        _ => {}
    }
    check_keys(config, &place, vault.as_ref(), &look.signing_keys)?;
    Ok((look, vault))
}

/// As [`examine`], for the command that checks the configuration; gives a note if the database could not
/// be asked, which is no mistake of the configuration.
///
/// # Errors
/// As [`examine`].
pub async fn check(config: &Config) -> Result<Option<String>, StartError> {
    match examine(config, Purpose::Serve).await {
        Ok(_) => Ok(None),
        Err(StartError::Look(error @ LookError::Unreachable { .. })) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

/// The token file of a server that was set up here, if there is one. What was in memory is gone with its server, and the
/// next one replaces its token.
fn left_token(config: &Config, target: &Target) -> Result<Option<PathBuf>, StartError> {
    let Some(token) = config.admin_pat_file().filter(|_| !matches!(target, Target::Memory)) else { return Ok(None) };
    Ok(files::read_secret(TOKEN, &token)?.map(|_| token))
}

/// Directories whose files the server trusts.
fn directories(config: &Config, target: &Target) -> Vec<PathBuf> {
    if matches!(target, Target::Memory) {
        return Vec::new();
    }
    let mut all = vec![config.storage.data_dir.clone()];
    if let Target::Sqlite(path) = target {
        all.extend(path.parent().map(|dir| if dir.as_os_str().is_empty() { Path::new(".") } else { dir }.to_owned()));
        all.dedup();
    }
    all
}

/// The master key of the configuration, or of the file beside the database if there is one.
fn master_key(config: &Config) -> Result<Option<Vault>, StartError> {
    if !config.storage.master_key.is_empty() {
        // Whether it is a key was checked with the configuration.
        return Ok(Vault::from_text(&config.storage.master_key));
    }
    if config.storage.ephemeral {
        return Ok(None);
    }
    let path = config.master_key_file();
    let Some(text) = files::read_secret(MASTER_KEY, &path)? else { return Ok(None) };
    Vault::from_text(&text).map(Some).ok_or(StartError::MasterKey(path))
}

fn check_keys(config: &Config, place: &str, vault: Option<&Vault>, keys: &[SigningKeyRow]) -> Result<(), StartError> {
    let (place, file) = (place.to_owned(), config.master_key_file());
    match vault {
        _ if keys.is_empty() => Ok(()),
        None => Err(StartError::MasterKeyMissing { place, file }),
        Some(vault) if keys.iter().all(|key| vault.open(&key.id, &key.private_key).is_some()) => Ok(()),
        Some(_) => {
            let key = if config.storage.master_key.is_empty() {
                format!("the key in {}", file.display())
            } else {
                "storage.master_key (CLAVIGER_MASTER_KEY)".to_owned()
            };
            Err(StartError::MasterKeyWrong { key, place })
        }
    }
}

impl Opened {
    /// Looks, locks, connects and brings the schema up to date.
    ///
    /// # Errors
    /// A server could not start on this data; then nothing new is left of the attempt.
    pub async fn open(
        config: &Config,
        connections: u32,
        sources: Sources,
        purpose: Purpose,
    ) -> Result<Self, StartError> {
        let (before, vault) = examine(config, purpose).await?;
        let target = config.target()?;
        let mut made = Made::default();
        let lock = prepare(config, &target, purpose, &mut made)?;
        let place = target.place();
        let store = Store::connect(&target, config.limits(connections)).await;
        let store = store.map_err(|e| StartError::from(e).on(&place))?;
        let lent = match store.migrate().await {
            Ok(()) => store.node_take(sources.clock.now()).await,
            Err(error) => Err(error.into()),
        };
        match lent {
            Ok(lent) => {
                let env = sources.lent(lent);
                Ok(Self { store, env, vault, before, place, lock, made })
            }
            Err(error) => {
                store.close().await;
                undo(lock, made);
                Err(StartError::from(error).on(&place))
            }
        }
    }

    /// What encrypts the signing keys. If there is no master key and nothing that one would have to open,
    /// one is made and written beside the database; for a database in memory it is kept there too.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn vault(&mut self, config: &Config) -> Result<Vault, StartError> {
        if let Some(vault) = self.vault.take() {
            return Ok(vault);
        }
        let new = Vault::new_key(&self.env.random);
        let path = config.master_key_file();
        if config.storage.ephemeral {
            return Vault::from_text(&new).ok_or(StartError::MasterKey(path));
        }
        self.made.directory(DATA, &config.storage.data_dir)?;
        self.made.line(MASTER_KEY, &path, &new)?;
        // Of servers that start together, all take the key of the first.
        master_key(config)?.ok_or(StartError::MasterKey(path))
    }

    /// Makes the directory of the token, and finishes what a server left that ended between the commit of
    /// its set-up and the last step of writing the token.
    ///
    /// # Errors
    /// The file or the store failed.
    pub async fn token_file(&mut self, path: &Path) -> Result<(), StartError> {
        let draft = draft_of(path);
        if let Some(directory) = path.parent().filter(|p| !self.before.set_up && !p.as_os_str().is_empty()) {
            self.made.directory("directory of the token file", directory)?;
        }
        if !self.before.set_up || path.exists() {
            return Ok(());
        }
        let Some(token) = files::read_secret(TOKEN, &draft)? else { return Ok(()) };
        let known = self.store.caller_by_pat(&secrets::hash(&token), "").await;
        let known = !known.map_err(|e| StartError::from(e).on(&self.place))?.is_empty();
        let done = if known { std::fs::rename(&draft, path) } else { std::fs::remove_file(&draft) };
        // Another server that starts may have been faster.
        done.or_else(|source| if draft.exists() { Err(source) } else { Ok(()) })
            .map_err(|source| files::FileError::Io { what: TOKEN, path: draft, source }.into())
    }

    /// The start has succeeded: what was made stays.
    pub fn keep(&mut self) {
        self.made.keep();
    }

    /// Ends a start that failed: closes the store and removes what was made, unless the database relies on
    /// it by now, or cannot be asked.
    pub async fn abandon(mut self, error: StartError) -> StartError {
        let set_up = self.store.is_set_up().await;
        let keys = self.store.signing_keys().await.map(|rows| rows.len());
        let as_before = matches!((set_up, keys), (Ok(set_up), Ok(keys))
            if set_up == self.before.set_up && keys == self.before.signing_keys.len());
        if !as_before {
            self.made.keep();
        }
        let Self { store, place, lock, made, .. } = self;
        store.close().await;
        undo(lock, made);
        error.on(&place)
    }
}

/// Removes what a start has made, once the store is closed: files while the lock still keeps other servers away from
/// them, then the lock, then its directory.
fn undo(lock: Option<ServerLock>, mut made: Made) {
    made.undo_files();
    drop(lock);
    drop(made);
}

/// Where a token is written before the set-up is committed.
pub fn draft_of(token: &Path) -> PathBuf {
    token.with_added_extension("new")
}

/// Makes what must be there before the store opens, and takes away from others what they need not see.
fn prepare(
    config: &Config,
    target: &Target,
    purpose: Purpose,
    made: &mut Made,
) -> Result<Option<ServerLock>, StartError> {
    let data = &config.storage.data_dir;
    let path = match target {
        Target::Sqlite(path) => path,
        Target::Memory => return Ok(None),
        Target::Postgres(_) => {
            tighten(data, &[])?;
            return Ok(None);
        }
    };
    if let Some(directory) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        made.directory(DATA, directory)?;
    }
    let lock = match purpose {
        Purpose::Serve | Purpose::Change => Some(ServerLock::take(path)?),
        Purpose::Migrate | Purpose::Beside => None,
    };
    let database = sqlite_files(path);
    tighten(data, &database)?;
    for file in &database {
        files::tighten("SQLite database", file)?;
    }
    // Without the lock, another server may work in the file by the time this one gives up.
    if lock.is_some() && made.file("SQLite database", path)? {
        for file in database {
            made.also(file);
        }
    }
    Ok(lock)
}

/// Closes the data directory to others, if the server is all that lives there.
fn tighten(data: &Path, database: &[PathBuf]) -> Result<(), StartError> {
    if !data.is_dir() {
        return Ok(());
    }
    let ours = |name: &std::ffi::OsStr| {
        let text = name.to_string_lossy();
        let is = |file: &PathBuf| {
            let own = file.file_name().unwrap_or_default();
            own == name || text.strip_suffix(".lock").is_some_and(|text| own == text)
        };
        database.iter().any(is)
            || text == "lost+found"
            || ["claviger.db", "master.key", "admin.pat"].iter().any(|own| text.starts_with(own))
    };
    Ok(files::tighten_directory(DATA, data, ours)?)
}
