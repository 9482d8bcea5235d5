//! The two engines.

/// One of two engines: `P` for PostgreSQL, `L` for SQLite.
#[derive(Debug, Clone)]
pub enum Engine<P, L> {
    /// PostgreSQL.
    Pg(P),
    /// SQLite.
    Lite(L),
}

/// Which of them, for texts that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// PostgreSQL.
    Pg,
    /// SQLite.
    Lite,
}

impl<P, L> Engine<P, L> {
    /// What this engine speaks.
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Pg(_) => Dialect::Pg,
            Self::Lite(_) => Dialect::Lite,
        }
    }
}
