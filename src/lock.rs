//! One server at a time on a SQLite file: a second one would keep answers that the first has made void.
//!
//! The lock belongs to the open file, so the kernel frees it however the process ends. Programs that only
//! look in for a moment (`rotate-signing-key`, `migrate`) take no lock: SQLite orders their writes itself,
//! and a server reads its signing keys anew twice a second.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::files::{self, FileError};

/// How often to begin again when other processes remove the file meanwhile.
const TRIES: u32 = 100;

const WHAT: &str = "lock file";

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another server has it.
    #[error(
        "another server ({holder}) works in {}: it holds the lock {}; stop it first, or give this one a data \
         directory of its own with storage.data_dir (CLAVIGER_DATA_DIR); several servers can share a PostgreSQL \
         database (storage.url, DATABASE_URL)",
        directory.display(),
        lock.display()
    )]
    Held {
        /// Directory of the database.
        directory: PathBuf,
        /// The lock.
        lock: PathBuf,
        /// `process 1234`, as far as known.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The lock on a SQLite file, held until it is released or dropped.
#[derive(Debug)]
pub struct ServerLock {
    file: File,
    path: PathBuf,
}

impl ServerLock {
    /// Takes the lock of a database.
    ///
    /// # Errors
    /// Another process has it, or the lock file cannot be made.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let path = path_of(database);
        for _ in 0..TRIES {
            let file = files::open_or_create(WHAT, &path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(held(&path, file)),
                Err(TryLockError::Error(source)) => {
                    return Err(FileError::Io { what: WHAT, path, source }.into());
                }
            }
            // Who stops removes the file; what was opened before that is nobody's lock.
            if is_at(&file, &path) {
                let mut lock = Self { file, path };
                lock.sign();
                return Ok(lock);
            }
        }
        let source = std::io::Error::from(std::io::ErrorKind::ResourceBusy);
        Err(FileError::Io { what: WHAT, path, source }.into())
    }

    /// Says who holds the lock; that is for people, so it may fail.
    fn sign(&mut self) {
        let _ = self.file.set_len(0);
        let _ = writeln!(self.file, "{}", std::process::id());
    }

    /// Lets the next server in, and removes the file.
    pub fn release(&self) {
        if is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}

impl Drop for ServerLock {
    fn drop(&mut self) {
        self.release();
    }
}

/// The lock of a database, whatever name the database is called by.
fn path_of(database: &Path) -> PathBuf {
    let name = database.file_name().unwrap_or_default();
    let real = database.canonicalize().or_else(|_| match database.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.canonicalize().map(|dir| dir.join(name)),
        _ => std::path::absolute(database),
    });
    real.unwrap_or_else(|_| database.to_owned()).with_added_extension("lock")
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: std::fs::Metadata, b: std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().is_ok_and(|opened| std::fs::metadata(path).is_ok_and(|there| same(opened, there)))
}

fn held(path: &Path, mut file: File) -> LockError {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(16).read_to_string(&mut text));
    let holder = match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(process)) => format!("process {process}"),
        _ => "an unknown process".to_owned(),
    };
    let directory = path.parent().unwrap_or(path).to_owned();
    LockError::Held { directory, lock: path.to_owned(), holder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_under_any_name_and_no_file_left() {
        let dir = tempfile::tempdir().expect("a directory");
        let database = dir.path().join("claviger.db");
        std::fs::write(&database, "").expect("a file");
        let other_name = dir.path().join("link.db");
        std::os::unix::fs::symlink(&database, &other_name).expect("a link");
        let lock = ServerLock::take(&database).expect("free");
        for name in [&database, &other_name] {
            let error = ServerLock::take(name).expect_err("held").to_string();
            assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
            assert!(error.contains("claviger.db.lock"), "{error}");
        }
        lock.release();
        assert!(!dir.path().join("claviger.db.lock").exists());
        drop(ServerLock::take(&other_name).expect("free again"));
        drop(lock);
        assert_eq!(std::fs::read_dir(dir.path()).expect("a list").count(), 2);
    }
}
