//! Answers of the store that are used again for a moment.
//!
//! An answer is good until this process writes anything that could change one, or for the time that the
//! configuration allows, whichever ends first. So what this process revokes is void at once, and what
//! another process on the same database revokes is void within less than a second.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Store;

/// Counts the writes of this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes(Arc<AtomicU64>);

impl Changes {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Counts a write when dropped: after it has been committed, or given up, for an abandoned commit
    /// may still take effect.
    pub fn guard(&self) -> Guard {
        Guard(self.clone())
    }
}

/// See [`Changes::guard`].
pub(super) struct Guard(Changes);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Release);
    }
}

/// A bounded cache of answers of one kind.
pub struct Cache<K, V> {
    /// None where answers may not be used again.
    entries: Option<quick_cache::sync::Cache<K, Entry<V>>>,
    changes: Changes,
    remember: Duration,
}

/// An answer, the count of writes before it was asked for, and when that was.
type Entry<V> = (Arc<V>, u64, Instant);

impl<K: Hash + Eq, V> Cache<K, V> {
    /// A cache of at most `capacity` answers of a store.
    pub fn new(store: &Store, capacity: usize) -> Self {
        let entries = (!store.remember.is_zero()).then(|| quick_cache::sync::Cache::new(capacity));
        Self { entries, changes: store.changes.clone(), remember: store.remember }
    }

    /// A cache for answers that must never be old, however little: it works where this process is the
    /// only writer (SQLite), and passes everything on to the store where others may write too.
    pub fn exact(store: &Store, capacity: usize) -> Self {
        let cache = Self::new(store, capacity);
        Self { entries: cache.entries.filter(|_| store.is_embedded()), ..cache }
    }

    /// The answer for a key, from the store if there is none that is still good. What does not exist
    /// is asked for each time.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn get<E>(
        &self,
        key: K,
        read: impl Future<Output = std::result::Result<Option<V>, E>>,
    ) -> std::result::Result<Option<Arc<V>>, E> {
        self.get_and_keep(key, read, |_| true).await
    }

    /// As [`Cache::get`], but only answers that `keep` finds small enough are kept.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn get_and_keep<E>(
        &self,
        key: K,
        read: impl Future<Output = std::result::Result<Option<V>, E>>,
        keep: impl FnOnce(&V) -> bool,
    ) -> std::result::Result<Option<Arc<V>>, E> {
        let Some(entries) = &self.entries else { return Ok(read.await?.map(Arc::new)) };
        // Counted before the store is asked, so that a write in between makes the answer void.
        let seen = self.changes.count();
        if let Some((value, seen_then, read_at)) = entries.get(&key)
            && seen_then == seen
            && read_at.elapsed() < self.remember
        {
            return Ok(Some(value));
        }
        let read_at = Instant::now();
        let Some(value) = read.await? else {
            entries.remove(&key);
            return Ok(None);
        };
        let kept = keep(&value);
        let value = Arc::new(value);
        if kept {
            entries.insert(key, (Arc::clone(&value), seen, read_at));
        }
        Ok(Some(value))
    }
}
