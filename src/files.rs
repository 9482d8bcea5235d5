//! Files with secrets: readable by their owner only, whole or not there.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Writes one line into a file that did not exist. If another process was faster, its file stays.
///
/// # Errors
/// The directory or file cannot be written.
pub fn create_private(path: &Path, line: &str) -> std::io::Result<()> {
    let draft = draft(path, line)?;
    // A link fails where a rename would replace, so the first of several writers wins.
    let outcome = match std::fs::hard_link(&draft, path) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    };
    let _ = std::fs::remove_file(&draft);
    outcome
}

/// Writes one line into a file, replacing what was there.
///
/// # Errors
/// The directory or file cannot be written.
pub fn replace_private(path: &Path, line: &str) -> std::io::Result<()> {
    let draft = draft(path, line)?;
    std::fs::rename(&draft, path)
}

fn draft(path: &Path, line: &str) -> std::io::Result<PathBuf> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let draft = path.with_added_extension(format!("{}.new", std::process::id()));
    let _ = std::fs::remove_file(&draft);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    writeln!(file, "{line}")?;
    file.sync_all()?;
    Ok(draft)
}
