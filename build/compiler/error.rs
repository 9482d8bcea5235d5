//! What is wrong with a contract.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Relative to the folder of the contract.
    pub file: String,
    /// Counted from 1; 0 if it is the file as a whole.
    pub line: usize,
    /// What it is, and what to do about it.
    pub what: String,
}

impl From<Problem> for Vec<Problem> {
    fn from(problem: Problem) -> Self {
        vec![problem]
    }
}

/// All that is wrong with a contract, a line each: `proto/zitadel/app.proto:12: what`.
pub struct ContractError {
    dir: PathBuf,
    problems: Vec<Problem>,
}

impl ContractError {
    /// In the order of the files.
    pub fn new(dir: &Path, mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { dir: dir.to_owned(), problems }
    }
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Problem { file, line, what }) in self.problems.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{}", self.dir.join(file).display())?;
            if *line > 0 {
                write!(f, ":{line}")?;
            }
            write!(f, ": {what}")?;
        }
        Ok(())
    }
}

/// The same text: it is what cargo shows of the error of a build script.
impl fmt::Debug for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the contract does not compile\n{self}")
    }
}

impl std::error::Error for ContractError {}
