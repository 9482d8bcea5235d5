//! The files beside the server: who may touch them, how they are written, and how they go again when a
//! start fails. A secret is in a file that only its owner can read, whole or not there.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use zeroize::Zeroizing;

/// Mode of a file that only its owner may touch.
const PRIVATE: u32 = 0o600;
/// Mode of a directory that only its owner may enter.
const PRIVATE_DIR: u32 = 0o700;
/// Bits of a mode that let anybody but the owner in.
const OTHERS: u32 = 0o077;
/// Bit of a directory that everybody shares.
const STICKY: u32 = 0o1000;
/// Longest file with a secret in bytes; a key or token is one short line.
const MAX_SECRET: u64 = 4096;

/// A file or directory that cannot be used: which, why, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("the {what} {} cannot be used: {source}{}", path.display(), hint(source))]
    Io {
        /// What the file is for.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something of another kind is there.
    #[error("the {what} {} is not a {wanted}", path.display())]
    Kind {
        /// What it is for.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
    },
    /// Somebody else can read a secret.
    #[error(
        "others than its owner can use the {what} {} (mode {mode:03o}); make it private with: chmod 600 {}",
        path.display(),
        shell_word(path)
    )]
    Open {
        /// What it is for.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else owns it.
    #[error(
        "the {what} {} belongs to user {owner}, but this process runs as user {me}; run it as user {owner}, or \
         hand the file over with: chown {me} {}",
        path.display(),
        shell_word(path)
    )]
    Foreign {
        /// What it is for.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Number of the owner.
        owner: u32,
        /// Number of the user this process runs as.
        me: u32,
    },
    /// Somebody else could replace what is in a directory.
    #[error(
        "others can write to the {what} {} (user {owner}, mode {mode:03o}), and so replace keys, tokens and data; \
         choose a directory of its own with storage.data_dir (CLAVIGER_DATA_DIR){}",
        path.display(),
        way_in(path, *mode, *owner, *me)
    )]
    Writable {
        /// What it is for.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Number of the owner.
        owner: u32,
        /// Number of the user this process runs as.
        me: u32,
    },
}

/// How to make a directory private; one that is meant for everybody, such as /tmp, must stay as it is.
fn way_in(path: &Path, mode: u32, owner: u32, me: u32) -> String {
    let word = shell_word(path);
    if mode & STICKY != 0 {
        String::new()
    } else if owner == me {
        format!(", or, if this one is, make it private with: chmod 700 {word}")
    } else {
        format!(", or, if this one is, make it private with: chown {me} {word} && chmod 700 {word}")
    }
}

/// What to do about an error of the system.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free some space and start again",
        ErrorKind::PermissionDenied => {
            "; give it to the user of this process, or choose another place with storage.data_dir (CLAVIGER_DATA_DIR)"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "; mount it for writing, or choose another place with storage.data_dir (CLAVIGER_DATA_DIR)"
        }
        ErrorKind::NotADirectory | ErrorKind::NotFound | ErrorKind::AlreadyExists => {
            "; choose a directory with storage.data_dir (CLAVIGER_DATA_DIR)"
        }
        _ => "",
    }
}

/// Turns an error of the system into one that names the file.
fn named<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> FileError + 'a {
    move |source| FileError::Io { what, path: path.to_owned(), source }
}

/// What a start has made so far. All of it goes again when this is dropped, unless it is kept: a start
/// that fails leaves no new files.
#[derive(Default)]
pub struct Made(Vec<PathBuf>);

impl Made {
    /// Makes a directory and those above it, as far as they are missing, for the owner only under any
    /// umask.
    ///
    /// # Errors
    /// The system refuses, or something else is there.
    pub fn directory(&mut self, what: &'static str, path: &Path) -> Result<(), FileError> {
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => return Ok(()),
            Ok(_) => return Err(FileError::Kind { what, path: path.to_owned(), wanted: "directory" }),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(named(what, path)(e)),
        }
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            self.directory(what, parent)?;
        }
        match std::fs::DirBuilder::new().mode(PRIVATE_DIR).create(path) {
            Ok(()) => {
                self.0.push(path.to_owned());
                std::fs::set_permissions(path, Permissions::from_mode(PRIVATE_DIR)).map_err(named(what, path))
            }
            // Another process that starts was faster.
            Err(e) if e.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            Err(e) => Err(named(what, path)(e)),
        }
    }

    /// Makes an empty file for its owner only, unless there is one; true if it was made.
    pub fn file(&mut self, what: &'static str, path: &Path) -> Result<bool, FileError> {
        match create(path) {
            Ok(_) => self.0.push(path.to_owned()),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(e) => return Err(named(what, path)(e)),
        }
        Ok(true)
    }

    /// A file that somebody else makes beside one that was made here goes with it.
    pub fn also(&mut self, path: PathBuf) {
        self.0.push(path);
    }

    /// Writes one line into a private file, unless there is one: of processes that start together, all
    /// find the line of the first.
    pub fn line(&mut self, what: &'static str, path: &Path, line: &str) -> Result<(), FileError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let draft = path.with_added_extension(format!("{}-{count}.new", std::process::id()));
        let linked = write(&draft, line).and_then(|()| std::fs::hard_link(&draft, path));
        let _ = std::fs::remove_file(&draft);
        match linked {
            Ok(()) => self.0.push(path.to_owned()),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(named(what, path)(e)),
        }
        Ok(())
    }

    /// Removes the files, not yet the directories.
    pub fn undo_files(&mut self) {
        let (directories, files) = std::mem::take(&mut self.0).into_iter().partition(|path| path.is_dir());
        self.0 = directories;
        drop(Self(files));
    }

    /// Everything stays.
    pub fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.0.drain(..).rev() {
            // What is not empty holds files of somebody else and stays.
            let _ = if path.is_dir() { std::fs::remove_dir(&path) } else { std::fs::remove_file(&path) };
        }
    }
}

/// Creates a file with mode 0600 under any umask.
fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(PRIVATE).open(path)?;
    file.set_permissions(Permissions::from_mode(PRIVATE))?;
    Ok(file)
}

/// Opens a file for writing, which is made for its owner only if it is not there.
pub fn open_or_create(what: &'static str, path: &Path) -> Result<File, FileError> {
    match create(path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => OpenOptions::new().read(true).write(true).open(path),
        outcome => outcome,
    }
    .map_err(named(what, path))
}

/// Writes one line into a private file, replacing what was there, and waits until the disk has it. What
/// could not be written whole goes again.
pub fn write_private(what: &'static str, path: &Path, line: &str) -> Result<(), FileError> {
    write(path, line).map_err(named(what, path))
}

/// Writes a private file that is not there yet, and waits until the disk has it. What could not be written whole goes
/// again.
pub fn write_new(what: &'static str, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = create(path).map_err(named(what, path))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(std::fs::remove_file(path))).map_err(named(what, path))
}

fn write(path: &Path, line: &str) -> io::Result<()> {
    let _ = std::fs::remove_file(path);
    let mut file = create(path)?;
    let written = writeln!(file, "{line}").and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

/// The line in a file with a secret; none if there is no such file. Only a file that nobody but the user
/// of this process can use is read.
///
/// # Errors
/// Somebody else can use it, or it cannot be read.
pub fn read_secret(what: &'static str, path: &Path) -> Result<Option<Zeroizing<String>>, FileError> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(FileError::Kind { what, path: path.to_owned(), wanted: "file" }),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(named(what, path)(e)),
    }
    let file = File::open(path).map_err(named(what, path))?;
    // Of the file that was opened, not of what may stand there by now.
    check_private(what, path, &file.metadata().map_err(named(what, path))?)?;
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_SECRET).read_to_string(&mut text).map_err(named(what, path))?;
    Ok(Some(Zeroizing::new(text.trim().to_owned())))
}

fn check_private(what: &'static str, path: &Path, found: &Metadata) -> Result<(), FileError> {
    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me {
        return Err(FileError::Foreign { what, path: path.to_owned(), owner: found.uid(), me });
    }
    if found.mode() & OTHERS != 0 {
        return Err(FileError::Open { what, path: path.to_owned(), mode: found.mode() & 0o777 });
    }
    Ok(())
}

/// Takes a file of data away from everybody but its owner; nothing happens if there is none.
///
/// # Errors
/// It belongs to somebody else and others can use it, or the system refuses.
pub fn tighten(what: &'static str, path: &Path) -> Result<(), FileError> {
    let found = match std::fs::metadata(path) {
        Ok(found) if found.is_file() => found,
        Ok(_) => return Err(FileError::Kind { what, path: path.to_owned(), wanted: "file" }),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(named(what, path)(e)),
    };
    if found.mode() & OTHERS == 0 {
        return Ok(());
    }
    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me {
        return Err(FileError::Foreign { what, path: path.to_owned(), owner: found.uid(), me });
    }
    std::fs::set_permissions(path, Permissions::from_mode(PRIVATE)).map_err(named(what, path))?;
    tracing::warn!(path = %path.display(), before = format!("{:03o}", found.mode() & 0o777), "the {what} was open to others and is private now");
    Ok(())
}

/// Refuses a directory in which others can replace files.
///
/// A directory of root that the group of this process may write to is let in: so container platforms hand
/// a volume to a process that is not root.
///
/// # Errors
/// Others can write to it, or it is none.
pub fn check_directory(what: &'static str, path: &Path) -> Result<(), FileError> {
    let found = match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => found,
        Ok(_) => return Err(FileError::Kind { what, path: path.to_owned(), wanted: "directory" }),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(named(what, path)(e)),
    };
    let me = rustix::process::geteuid().as_raw();
    let (owner, mode) = (found.uid(), found.mode() & 0o1777);
    let handed_over = owner == 0 && me != 0 && is_own_group(found.gid());
    let writable = mode & 0o002 != 0 || (mode & 0o020 != 0 && !handed_over) || (owner != me && owner != 0);
    if writable {
        return Err(FileError::Writable { what, path: path.to_owned(), mode, owner, me });
    }
    Ok(())
}

fn is_own_group(group: u32) -> bool {
    rustix::process::getegid().as_raw() == group
        || rustix::process::getgroups().is_ok_and(|all| all.iter().any(|g| g.as_raw() == group))
}

/// Closes a data directory to everybody but its owner, if all that is in it is `ours`: a directory that
/// holds other things is left as it is, with a warning.
pub fn tighten_directory(
    what: &'static str,
    path: &Path,
    ours: impl Fn(&std::ffi::OsStr) -> bool,
) -> Result<(), FileError> {
    let found = std::fs::metadata(path).map_err(named(what, path))?;
    if found.mode() & OTHERS == 0 || found.uid() != rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(named(what, path))? {
        if !ours(&entry.map_err(named(what, path))?.file_name()) {
            tracing::warn!(path = %path.display(), "others can look into the {what}, which also holds files that are not of this server");
            return Ok(());
        }
    }
    std::fs::set_permissions(path, Permissions::from_mode(PRIVATE_DIR)).map_err(named(what, path))?;
    tracing::warn!(path = %path.display(), before = format!("{:03o}", found.mode() & 0o777), "the {what} was open to others and is private now");
    Ok(())
}

/// A path as one word of a shell command.
pub fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
