//! A stock of fresh key pairs, so that a request need not wait for primes to be found.
//!
//! Filling threads keep the stock at its size. Callers that find it empty wait their turn, first
//! come, first served; the stock is never skipped and taking never fails for lack of keys.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::Semaphore;

use super::rsa::KeyPair;
use crate::error::{Error, Result};

/// Where key pairs come from. Cheap to clone.
#[derive(Clone)]
pub struct KeyPool(Source);

#[derive(Clone)]
enum Source {
    /// Made when asked for.
    OnDemand,
    /// From the stock.
    Stock(Arc<Stock>),
    /// The same pairs over and over; for tests, which need no secrecy.
    Fixed(Arc<Vec<String>>, Arc<AtomicUsize>),
}

struct Stock {
    size: usize,
    shelf: Mutex<Shelf>,
    /// Signals the fillers that a pair was taken or that it is time to stop.
    room: Condvar,
    /// One permit for each pair on the shelf; tokio hands them out in order of asking.
    ready: Semaphore,
    /// Callers that found the shelf empty.
    waiting: AtomicUsize,
}

/// How full a stock is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Level {
    /// Pairs in stock.
    pub depth: usize,
    /// Pairs when it is full.
    pub size: usize,
    /// Callers that wait for one.
    pub waiting: usize,
}

/// One caller that waits, for as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Gives the calling thread the lowest priority: primes are searched for in time that nobody else wants.
fn yield_to_requests() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19) {
        tracing::warn!(%error, "the priority of a key thread cannot be lowered");
    }
}

#[derive(Default)]
struct Shelf {
    pairs: VecDeque<KeyPair>,
    in_work: usize,
    stopped: bool,
}

impl KeyPool {
    /// A stock of `size` pairs kept full by `fillers` threads; size 0 makes each pair when asked for.
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn start(size: usize, fillers: usize) -> std::io::Result<Self> {
        if size == 0 {
            return Ok(Self(Source::OnDemand));
        }
        let stock = Arc::new(Stock {
            size,
            shelf: Mutex::default(),
            room: Condvar::new(),
            ready: Semaphore::new(0),
            waiting: AtomicUsize::new(0),
        });
        for _ in 0..fillers.clamp(1, size) {
            let stock = Arc::clone(&stock);
            thread::Builder::new().name("keypool".to_owned()).spawn(move || {
                yield_to_requests();
                stock.fill();
            })?;
        }
        Ok(Self(Source::Stock(stock)))
    }

    /// A source that gives these private keys (PKCS#1 PEM) in turn; for tests.
    ///
    /// # Panics
    /// Without a key.
    pub fn fixed(pems: Vec<String>) -> Self {
        assert!(!pems.is_empty(), "a fixed pool needs a key");
        Self(Source::Fixed(Arc::new(pems), Arc::default()))
    }

    /// A pair that nobody else gets.
    ///
    /// # Errors
    /// Key generation failed, or the pool was stopped.
    pub async fn take(&self) -> Result<KeyPair> {
        match &self.0 {
            Source::OnDemand => tokio::task::spawn_blocking(KeyPair::generate).await.map_err(Error::internal)?,
            Source::Stock(stock) => stock.take().await,
            Source::Fixed(pems, turn) => {
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                KeyPair::from_pem(&pems[turn % pems.len()])
            }
        }
    }

    /// How full the stock is.
    pub fn level(&self) -> Level {
        match &self.0 {
            Source::Stock(stock) => Level {
                depth: stock.shelf().pairs.len(),
                size: stock.size,
                waiting: stock.waiting.load(Ordering::Relaxed),
            },
            Source::OnDemand | Source::Fixed(..) => Level::default(),
        }
    }

    /// Ends the filling threads and wipes the stock.
    pub fn stop(&self) {
        if let Source::Stock(stock) = &self.0 {
            let mut shelf = stock.shelf();
            shelf.stopped = true;
            shelf.pairs.clear();
            drop(shelf);
            stock.room.notify_all();
            stock.ready.close();
        }
    }
}

impl Stock {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // No code panics while holding it; if one did, the pairs would still be whole.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self) -> Result<KeyPair> {
        let permit = if let Ok(permit) = self.ready.try_acquire() {
            permit
        } else {
            let _waiting = Waiting::new(&self.waiting);
            self.ready.acquire().await.map_err(Error::unavailable)?
        };
        permit.forget();
        let pair = self.shelf().pairs.pop_front();
        self.room.notify_one();
        pair.ok_or_else(|| Error::unavailable("the key pool was stopped"))
    }

    fn fill(&self) {
        while self.wait_for_room() {
            let made = KeyPair::generate();
            let mut shelf = self.shelf();
            shelf.in_work -= 1;
            match made {
                Ok(pair) if !shelf.stopped => {
                    shelf.pairs.push_back(pair);
                    drop(shelf);
                    self.ready.add_permits(1);
                }
                Ok(_) => return,
                Err(error) => tracing::error!(error = ?error.source, "key generation failed"),
            }
        }
    }

    /// Waits until a pair is missing and counts it as being made; false when it is time to stop.
    fn wait_for_room(&self) -> bool {
        let mut shelf = self.shelf();
        while !shelf.stopped && shelf.pairs.len() + shelf.in_work >= self.size {
            shelf = self.room.wait(shelf).unwrap_or_else(PoisonError::into_inner);
        }
        shelf.in_work += 1;
        !shelf.stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_empty_stock_makes_callers_wait_and_gives_each_its_own_pair() {
        let pool = KeyPool::start(1, 1).expect("a thread");
        let (a, b) = tokio::join!(pool.take(), pool.take());
        assert_ne!(a.expect("first").public_der, b.expect("second").public_der);
        let level = pool.level();
        assert_eq!((level.size, level.waiting), (1, 0));
        pool.stop();
    }

    #[tokio::test]
    async fn a_stopped_pool_answers_instead_of_hanging() {
        let pool = KeyPool::start(1, 1).expect("a thread");
        pool.stop();
        let error = pool.take().await.expect_err("stopped");
        assert_eq!(error.code, crate::error::Code::Unavailable);
    }

    #[tokio::test]
    async fn without_a_stock_pairs_are_made_on_demand() {
        let pool = KeyPool::start(0, 1).expect("no thread needed");
        let pair = pool.take().await.expect("a pair");
        assert!(pair.private_pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        assert!(pair.private_pem.ends_with("-----END RSA PRIVATE KEY-----\n"));
    }
}
