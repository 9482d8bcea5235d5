//! What came of a change.

use crate::clock::Micros;
use crate::store::{Recorded, Stamp};

/// Something was made.
#[derive(Debug)]
pub struct Created {
    pub id: String,
    /// Its first event.
    pub stamp: Stamp,
}

/// A key was made.
#[derive(Debug)]
pub struct CreatedKey {
    pub id: String,
    /// The key file with the private half of a fresh pair, which is here and nowhere else; empty for a key that the
    /// caller brought.
    pub file: Vec<u8>,
    /// Its first event.
    pub stamp: Stamp,
}

/// Something, and who owns it: an organization, or the server itself.
#[derive(Debug)]
pub struct Owned<T> {
    /// Its id. A project grant's memberships are of the organization that gives it, organizations are the server's.
    pub owner_id: String,
    /// What there is to tell.
    pub value: T,
}

/// The stamp of what was made by this event.
pub fn made(event: &Recorded) -> Stamp {
    changed(event, event.at)
}

/// The stamp of what was made at `created_at` and changed by this event.
pub fn changed(event: &Recorded, created_at: Micros) -> Stamp {
    Stamp { sequence: event.sequence, created_at, changed_at: event.at }
}
