//! Notes which credentials are used, and writes it now and then: at most once a minute for each
//! credential, many in one transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Micros;
use crate::error::Result;
use crate::store::{Credentials, Store};

/// A use within this time of the last one noted is not noted again.
const INTERVAL: Micros = 60_000_000;
/// Credentials whose last note is remembered.
const REMEMBERED: usize = 50_000;
/// Notes that may wait; more are dropped, for they are no reason to run out of memory.
const WAITING: usize = 100_000;
/// Notes in one transaction.
const BATCH: usize = 500;

/// Uses of credentials that wait to be written. Cheap to clone.
#[derive(Clone)]
pub struct Usage(Arc<Inner>);

struct Inner {
    noted: quick_cache::sync::Cache<Credentials, Micros>,
    waiting: Mutex<BTreeMap<Credentials, Micros>>,
}

impl Default for Usage {
    fn default() -> Self {
        let noted = quick_cache::sync::Cache::new(REMEMBERED);
        Self(Arc::new(Inner { noted, waiting: Mutex::default() }))
    }
}

impl Usage {
    /// A credential has let somebody in.
    pub fn note(&self, credential: Credentials, now: Micros) {
        if self.0.noted.get(&credential).is_some_and(|last| now - last < INTERVAL) {
            return;
        }
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING {
            waiting.insert(credential.clone(), now);
            drop(waiting);
            self.0.noted.insert(credential, now);
        }
    }

    /// Writes what waits. What cannot be written is lost: the next use is noted a minute later.
    ///
    /// # Errors
    /// The store failed.
    pub async fn write(&self, store: &Store) -> Result<()> {
        let waiting = std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let waiting: Vec<(Credentials, Micros)> = waiting.into_iter().collect();
        for batch in waiting.chunks(BATCH) {
            store.uses_write(batch).await?;
        }
        Ok(())
    }
}
