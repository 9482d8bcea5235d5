//! Files for keys and tokens that are made here: for their owner only, whole or not there, and never over another file.
//!
//! What is made is written under a name of its own first, then the database commits, then the file gets its name. A
//! crash before the commit leaves a file that opens nothing; one after it a file that the next time is found by what is
//! in it, and gets its name then.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::crypto::rsa::KeyPair;
use crate::crypto::secrets;
use crate::files::{self, FileError};

/// Name of these files in errors.
const WHAT: &str = "file of a new key or token";
/// Longest of these files, in bytes.
const LONGEST: u64 = 16_384;

/// Whether something new can be written there; if not, why.
pub fn free(path: &Path) -> Result<(), String> {
    if path.symlink_metadata().is_ok() {
        let text = "is there already, and nothing is written over; move it away, or choose another path";
        return Err(format!("{} {text}", path.display()));
    }
    match directory(path).metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(format!("{} is no directory", directory(path).display())),
        Err(error) => Err(format!("the directory {} cannot be used: {error}", directory(path).display())),
    }
}

fn directory(path: &Path) -> PathBuf {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new(".")).to_owned()
}

/// A file that was written and has not its name yet. It goes again unless it gets one.
pub struct Draft(PathBuf);

impl Draft {
    /// Writes what goes to `path`, and waits until the disk has it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(path: &Path, text: &[u8]) -> Result<Self, FileError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let draft = path.with_added_extension(format!("{}-{count}.new", std::process::id()));
        // Of a process of the same number that ended: who left it has no use for it.
        let _ = std::fs::remove_file(&draft);
        files::write_new(WHAT, &draft, text)?;
        Ok(Self(draft))
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// Something else has got that name meanwhile; then the file stays under its first one.
    pub fn publish(self, path: &Path) -> Result<(), FileError> {
        let named = name(&self.0, path);
        if named.is_err() {
            std::mem::forget(self);
        }
        named
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn name(draft: &Path, path: &Path) -> Result<(), FileError> {
    std::fs::hard_link(draft, path)
        .and_then(|()| std::fs::File::open(directory(path))?.sync_all())
        .map_err(|source| FileError::Io { what: WHAT, path: path.to_owned(), source })
}

/// Whether nothing is at `path`, and a crash has left the file of this key or token beside it.
pub fn left(path: &Path, material: &[u8]) -> bool {
    path.symlink_metadata().is_err() && drafts(path).iter().any(|draft| holds(draft, material))
}

/// Gives the file that a crash has left its name. Another process may be faster.
///
/// # Errors
/// It cannot be named.
pub fn mend(path: &Path, material: &[u8]) -> Result<(), FileError> {
    for draft in drafts(path).iter().filter(|draft| holds(draft, material)) {
        match name(draft, path) {
            Err(_) if holds(path, material) => {}
            outcome => outcome?,
        }
        let _ = std::fs::remove_file(draft);
    }
    Ok(())
}

/// Files that were written for `path` and have not got its name.
fn drafts(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory(path)) else { return Vec::new() };
    let begin = format!("{}.", path.file_name().unwrap_or_default().to_string_lossy());
    let named = |name: &str| {
        let number = name.strip_prefix(&begin).and_then(|rest| rest.strip_suffix(".new"));
        number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
    };
    entries.flatten().filter(|entry| named(&entry.file_name().to_string_lossy())).map(|entry| entry.path()).collect()
}

/// Whether a file holds the private half of a public key, or the token of a hash.
fn holds(path: &Path, material: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct KeyFile {
        key: String,
    }
    let small = path.symlink_metadata().is_ok_and(|found| found.is_file() && found.len() <= LONGEST);
    let Some(text) = small.then(|| std::fs::read_to_string(path).ok()).flatten().map(Zeroizing::new) else {
        return false;
    };
    if let Ok(file) = serde_json::from_str::<KeyFile>(&text) {
        return KeyPair::from_pem(&Zeroizing::new(file.key)).is_ok_and(|pair| pair.public_der == material);
    }
    secrets::matches(&secrets::hash(text.trim()), material)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gets_its_name_once_and_what_is_there_stays() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        let token = secrets::personal_access_token(&crate::env::Random::seeded(1));
        let hash = secrets::hash(&token);
        assert!(free(&path).is_ok() && !left(&path, &hash));
        drop(Draft::write(&path, b"x").expect("written"));
        assert!(drafts(&path).is_empty(), "gone again");
        std::mem::forget(Draft::write(&path, format!("{}\n", *token).as_bytes()).expect("written"));
        assert!(left(&path, &hash) && !left(&path, &secrets::hash("other")), "as a crash leaves it");
        mend(&path, &hash).expect("named");
        assert!(holds(&path, &hash) && drafts(&path).is_empty() && free(&path).is_err());
        assert!(Draft::write(&path, b"y").expect("written").publish(&path).is_err());
        assert!(holds(&path, &hash), "not replaced");
        let dangling = dir.path().join("link");
        std::os::unix::fs::symlink("nowhere", &dangling).expect("a link");
        assert!(free(&dangling).is_err() && free(&dir.path().join("no/x")).is_err());
    }
}
