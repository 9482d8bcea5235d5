//! Answers of the store that are used again for a moment.
//!
//! An answer is good until this process writes anything that could change one, or for [`TTL`],
//! whichever ends first. So what this process revokes is void at once, and what another process on the
//! same database revokes is void within half a second.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Store;

/// How long an answer may be used at most (design, section 3: less than a second).
const TTL: Duration = Duration::from_millis(500);

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
    entries: quick_cache::sync::Cache<K, Entry<V>>,
    changes: Changes,
}

/// An answer, the count of writes before it was asked for, and when that was.
type Entry<V> = (Arc<V>, u64, Instant);

impl<K: Hash + Eq, V> Cache<K, V> {
    /// A cache of at most `capacity` answers of a store.
    pub fn new(store: &Store, capacity: usize) -> Self {
        Self { entries: quick_cache::sync::Cache::new(capacity), changes: store.changes.clone() }
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
        // Counted before the store is asked, so that a write in between makes the answer void.
        let seen = self.changes.count();
        if let Some((value, seen_then, read_at)) = self.entries.get(&key)
            && seen_then == seen
            && read_at.elapsed() < TTL
        {
            return Ok(Some(value));
        }
        let read_at = Instant::now();
        let Some(value) = read.await? else {
            self.entries.remove(&key);
            return Ok(None);
        };
        let value = Arc::new(value);
        self.entries.insert(key, (Arc::clone(&value), seen, read_at));
        Ok(Some(value))
    }
}
