//! What is wrong with a file, and where.

use std::fmt;
use std::path::PathBuf;

/// Most problems that are told at once.
const MOST: usize = 50;
/// Most characters of a text of the file that a problem repeats.
const SHOWN: usize = 60;

/// A place in a file. Both count from 1; 0 for what is in no file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Its line.
    pub line: usize,
    /// Its column, in characters.
    pub column: usize,
}

/// What is wrong with a file: all of it, in the order of the file, as far as it can be told at once.
#[derive(Debug, Clone, Default)]
pub struct Problems {
    /// The file, as it was named.
    pub name: String,
    /// The directory of the file: paths in it are relative to it.
    pub base: PathBuf,
    all: Vec<(Mark, String)>,
}

impl Problems {
    /// Of a file of this name.
    pub fn of(path: &std::path::Path) -> Self {
        let base = path.parent().map(std::path::Path::to_owned).unwrap_or_default();
        Self { name: path.display().to_string(), base, all: Vec::new() }
    }

    /// Something is wrong there.
    pub fn add(&mut self, at: Mark, text: impl Into<String>) {
        self.all.push((at, text.into()));
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Nothing, or all that is wrong.
    ///
    /// # Errors
    /// Something is wrong.
    pub fn none(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all: Vec<_> = self.all.iter().collect();
        all.sort();
        all.dedup();
        for (n, (at, text)) in all.iter().take(MOST).enumerate() {
            let end = if n == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{}:{}: {text}", self.name, at.line, at.column)?;
        }
        if all.len() > MOST {
            write!(f, "\nand {} more", all.len() - MOST)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A text of the file as a problem repeats it: one line, and not too long.
pub fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = text.chars().take(SHOWN).map(plain).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}
