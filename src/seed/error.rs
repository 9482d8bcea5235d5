//! Why a file was not applied.

use super::problem::Problems;
use crate::error::Error;

/// Why a file was not applied.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file is wrong; nothing was written.
    #[error("the seed file cannot be used, and nothing of it was written:\n{0}")]
    Wrong(Box<Problems>),
    /// Some of it was refused on the way.
    #[error("the seed file was applied in part only; mend what is told here and apply it again:\n{0}")]
    Refused(Box<Problems>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

pub(super) fn wrong(problems: Problems) -> SeedError {
    SeedError::Wrong(Box::new(problems))
}

pub(super) fn refused(problems: Problems) -> SeedError {
    SeedError::Refused(Box::new(problems))
}
