//! Notes which credentials are used, and writes it now and then: at most once a minute for each
//! credential, many in one transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::clock::{Clock, Micros};
use crate::error::Result;
use crate::store::{Credentials, Heap, Holder, Store};

/// A use within this time of the last one noted is not noted again.
const INTERVAL: Micros = 60_000_000;
/// Bytes of memory for the credentials whose last note is remembered, and for the notes that wait. More
/// notes are dropped: they are no reason to run out of memory.
const NOTED: u64 = 4 << 20;
const WAITING: u64 = 4 << 20;
/// Bytes that a table takes for each.
const TABLES: usize = 64;
/// Notes in one transaction.
const BATCH: usize = 500;

/// Uses of credentials that wait to be written. Cheap to clone.
#[derive(Clone)]
pub struct Usage(Arc<Inner>);

struct Inner {
    noted: quick_cache::sync::Cache<Credentials, Micros, ByBytes>,
    waiting: Mutex<Waiting>,
    clock: Arc<dyn Clock>,
}

/// Notes that wait, and the bytes they take.
#[derive(Default)]
struct Waiting {
    notes: BTreeMap<Credentials, Micros>,
    bytes: u64,
}

#[derive(Clone)]
struct ByBytes;

impl quick_cache::Weighter<Credentials, Micros> for ByBytes {
    fn weight(&self, credential: &Credentials, _at: &Micros) -> u64 {
        weight(credential)
    }
}

fn weight(credential: &Credentials) -> u64 {
    (size_of::<(Credentials, Micros)>() + TABLES + credential.heap()) as u64
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holder for Inner {
    fn bytes(&self) -> u64 {
        self.noted.weight() + self.waiting().bytes
    }

    fn sweep(&self) {
        let now = self.clock.now();
        self.noted.retain(|_, last| now - *last < INTERVAL);
    }
}

impl Usage {
    /// Nothing noted yet; the memory is counted among that of the caches of a store.
    pub fn new(store: &Store, clock: Arc<dyn Clock>) -> Self {
        let noted = quick_cache::sync::Cache::with_weighter(1 << 15, NOTED, ByBytes);
        let inner = Arc::new(Inner { noted, waiting: Mutex::default(), clock });
        let held: Weak<Inner> = Arc::downgrade(&inner);
        store.hold(held, NOTED + WAITING);
        Self(inner)
    }

    /// A credential has let somebody in.
    pub fn note(&self, credential: Credentials, now: Micros) {
        if self.0.noted.get(&credential).is_some_and(|last| now - last < INTERVAL) {
            return;
        }
        let mut waiting = self.0.waiting();
        let more = weight(&credential);
        if waiting.bytes + more > WAITING {
            return;
        }
        if waiting.notes.insert(credential.clone(), now).is_none() {
            waiting.bytes += more;
        }
        drop(waiting);
        self.0.noted.insert(credential, now);
    }

    /// Writes what waits. What cannot be written is lost: the next use is noted a minute later.
    pub async fn write(&self, store: &Store) -> Result<()> {
        let waiting = std::mem::take(&mut *self.0.waiting());
        let waiting: Vec<(Credentials, Micros)> = waiting.notes.into_iter().collect();
        let mut written = Ok(());
        for batch in waiting.chunks(BATCH) {
            // One that fails does not take the others along.
            written = store.uses_write(batch).await.and(written);
        }
        written
    }
}
