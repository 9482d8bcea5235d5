//! Credentials that end soon, as the metrics tell them: counted now and then, not when somebody looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Micros;
use crate::error::Result;
use crate::store::Store;

/// A day in microseconds.
const DAY: Micros = 24 * 60 * 60 * 1_000_000;
/// The kinds, as the store names them.
const KINDS: [&str; 3] = ["app_key", "machine_key", "personal_access_token"];
/// Days that are looked ahead.
const WITHIN: [i64; 2] = [7, 30];

/// The newest counts. Cheap to clone, one for all clones.
#[derive(Debug, Clone, Default)]
pub struct Ending(Arc<[[AtomicI64; WITHIN.len()]; KINDS.len()]>);

impl Ending {
    /// Counts again, in one statement on indexes.
    ///
    /// # Errors
    /// The store failed; then the counts stay as they were.
    pub(crate) async fn count(&self, store: &Store, now: Micros) -> Result<()> {
        let [sooner, later] = WITHIN.map(|days| now.saturating_add(days * DAY));
        for row in store.ending(now, sooner, later).await? {
            if let Some(kind) = KINDS.iter().position(|kind| *kind == row.kind) {
                self.0[kind][0].store(row.sooner, Ordering::Relaxed);
                self.0[kind][1].store(row.later, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Kind, days, and how many end within them.
    pub fn level(&self) -> impl Iterator<Item = (&'static str, i64, i64)> {
        let kinds = KINDS.into_iter().zip(self.0.iter());
        kinds.flat_map(|(kind, counts)| {
            WITHIN.into_iter().zip(counts).map(move |(days, count)| (kind, days, count.load(Ordering::Relaxed)))
        })
    }
}
