//! A stock of fresh key pairs, so that a request need not wait for primes to be found.
//!
//! Filling threads keep the stock at its size. Callers that find it empty queue up, organizations taking
//! turns; the queue is bounded, and who finds it full is told to come back.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::rsa::KeyPair;
use super::turns::{Ticket, Turns};
use crate::env::Random;
use crate::error::{Code, Error, Result};

/// Seconds after which a caller for whom there was no room may try again: two cores make some three
/// hundred pairs in that time.
const RETRY: u32 = 10;

/// Where key pairs come from. Cheap to clone.
#[derive(Clone)]
pub struct KeyPool(Source);

#[derive(Clone)]
enum Source {
    /// From the stock.
    Stock(Arc<Stock>),
    /// The same pairs over and over; for tests, which need no secrecy.
    Fixed(Arc<Vec<String>>, Arc<AtomicUsize>),
}

/// How large a pool is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Pairs in stock when it is full; 0 makes each pair when it is asked for.
    pub stock: usize,
    /// Callers that may wait for a pair, of all organizations together.
    pub waiting: usize,
}

struct Stock {
    size: usize,
    shelf: Mutex<Shelf>,
    /// Signals the fillers that a pair is wanted or that it is time to stop.
    room: Condvar,
}

/// Somebody waits only while there are no pairs.
struct Shelf {
    pairs: VecDeque<KeyPair>,
    turns: Turns<KeyPair>,
    in_work: usize,
    refused: u64,
    stopped: bool,
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
    /// Callers that were sent away since the start because too many waited.
    pub refused: u64,
}

/// A caller that waits. Dropped, it leaves the queue, and a pair it was handed goes to the next.
struct Waiting<'a> {
    stock: &'a Stock,
    ticket: Ticket<KeyPair>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut shelf = self.stock.shelf();
        // Pairs are handed over under this lock: a caller is in the queue, or has what it was handed.
        if shelf.turns.leave(&self.ticket.organization, self.ticket.number) {
            return;
        }
        if let Ok(pair) = self.ticket.handed.try_recv() {
            shelf.put(pair, self.stock.size);
        }
    }
}

/// Gives the calling thread the lowest priority: primes are searched for in time that nobody else wants.
fn yield_to_requests() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19) {
        tracing::warn!(%error, "the priority of a key thread cannot be lowered");
    }
}

impl KeyPool {
    /// A pool that `fillers` threads, at least one, work for.
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn start(size: Size, fillers: usize, random: &Random) -> std::io::Result<Self> {
        let pool = Self::by_hand(size);
        let Source::Stock(stock) = &pool.0 else { return Ok(pool) };
        for _ in 0..fillers.max(1) {
            let (stock, random) = (Arc::clone(stock), random.clone());
            thread::Builder::new().name("keypool".to_owned()).spawn(move || {
                yield_to_requests();
                stock.fill(&random);
            })?;
        }
        Ok(pool)
    }

    /// A pool that only [`KeyPool::put`] fills; for tests.
    pub fn by_hand(size: Size) -> Self {
        let shelf =
            Shelf { pairs: VecDeque::new(), turns: Turns::new(size.waiting), in_work: 0, refused: 0, stopped: false };
        Self(Source::Stock(Arc::new(Stock { size: size.stock, shelf: Mutex::new(shelf), room: Condvar::new() })))
    }

    /// A source that gives these private keys (PKCS#1 PEM) in turn; for tests.
    ///
    /// # Panics
    /// Without a key.
    pub fn fixed(pems: Vec<String>) -> Self {
        assert!(!pems.is_empty(), "a fixed pool needs a key");
        Self(Source::Fixed(Arc::new(pems), Arc::default()))
    }

    /// Hands a pair to whose turn it is, or stores it, or wipes it if the stock is full.
    pub fn put(&self, pair: KeyPair) {
        if let Source::Stock(stock) = &self.0 {
            stock.shelf().put(pair, stock.size);
        }
    }

    /// A pair that nobody else gets, for an organization; `""` is the server itself. May wait for long:
    /// to be called without a place and without a transaction.
    ///
    /// # Errors
    /// Code 8 when too many wait already, code 14 when the pool was stopped.
    pub async fn take(&self, org_id: &str) -> Result<KeyPair> {
        match &self.0 {
            Source::Stock(stock) => stock.take(org_id).await,
            Source::Fixed(pems, turn) => {
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                KeyPair::from_pem(&pems[turn % pems.len()])
            }
        }
    }

    /// How full the stock is.
    pub fn level(&self) -> Level {
        match &self.0 {
            Source::Stock(stock) => {
                let shelf = stock.shelf();
                Level {
                    depth: shelf.pairs.len(),
                    size: stock.size,
                    waiting: shelf.turns.waiting(),
                    refused: shelf.refused,
                }
            }
            Source::Fixed(..) => Level::default(),
        }
    }

    /// Ends the filling threads, sends away who waits, and wipes the stock.
    pub fn stop(&self) {
        if let Source::Stock(stock) = &self.0 {
            let mut shelf = stock.shelf();
            shelf.stopped = true;
            shelf.pairs.clear();
            shelf.turns.clear();
            drop(shelf);
            stock.room.notify_all();
        }
    }
}

impl Shelf {
    fn put(&mut self, pair: KeyPair, size: usize) {
        if self.stopped {
            return;
        }
        if let Err(pair) = self.turns.hand(pair)
            && self.pairs.len() < size
        {
            self.pairs.push_back(pair);
        }
    }
}

impl Stock {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // No code panics while holding it; if one did, the pairs would still be whole.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, org_id: &str) -> Result<KeyPair> {
        let ticket = match self.ask(org_id)? {
            Asked::Pair(pair) => return Ok(pair),
            Asked::Queued(ticket) => ticket,
        };
        let mut waiting = Waiting { stock: self, ticket };
        let handed = (&mut waiting.ticket.handed).await;
        handed.map_err(|_| if self.shelf().stopped { stopped() } else { too_many() })
    }

    /// A pair from the shelf, or a place in the queue.
    fn ask(&self, org_id: &str) -> Result<Asked> {
        let mut shelf = self.shelf();
        if shelf.stopped {
            return Err(stopped());
        }
        let asked = if let Some(pair) = shelf.pairs.pop_front() {
            Asked::Pair(pair)
        } else {
            let joined = shelf.turns.join(org_id);
            // Either this caller is sent away, or another one for it.
            shelf.refused += u64::from(!matches!(joined, Ok((_, false))));
            Asked::Queued(joined.map_err(|_| too_many())?.0)
        };
        drop(shelf);
        self.room.notify_one();
        Ok(asked)
    }

    fn fill(&self, random: &Random) {
        while self.wait_for_room() {
            let made = KeyPair::generate(random);
            let mut shelf = self.shelf();
            shelf.in_work -= 1;
            match made {
                Ok(pair) => shelf.put(pair, self.size),
                Err(error) => tracing::error!(error = ?error.source, "key generation failed"),
            }
        }
    }

    /// Waits until a pair is missing and counts it as being made; false when it is time to stop.
    fn wait_for_room(&self) -> bool {
        let mut shelf = self.shelf();
        while !shelf.stopped && shelf.pairs.len() + shelf.in_work >= self.size + shelf.turns.waiting() {
            shelf = self.room.wait(shelf).unwrap_or_else(PoisonError::into_inner);
        }
        shelf.in_work += 1;
        !shelf.stopped
    }
}

/// What asking for a pair leads to.
enum Asked {
    Pair(KeyPair),
    Queued(Ticket<KeyPair>),
}

fn too_many() -> Error {
    let text = "too many requests wait for a key pair; try again in 10 seconds, or send the public half of a pair \
                of your own as publicKey";
    Error::native(Code::ResourceExhausted, text).retry_after(RETRY)
}

fn stopped() -> Error {
    Error::unavailable("the key pool was stopped")
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::Poll;

    use super::*;

    const fn size(stock: usize) -> Size {
        Size { stock, waiting: 10 }
    }

    #[tokio::test]
    async fn an_empty_stock_makes_callers_wait_and_gives_each_its_own_pair() {
        let pool = KeyPool::start(size(1), 1, &Random::system()).expect("a thread");
        let (a, b) = tokio::join!(pool.take("org"), pool.take("org"));
        assert_ne!(a.expect("first").public_der, b.expect("second").public_der);
        let level = pool.level();
        assert_eq!((level.size, level.waiting), (1, 0));
        pool.stop();
    }

    #[tokio::test]
    async fn a_stopped_pool_answers_instead_of_hanging() {
        let pool = KeyPool::start(size(1), 1, &Random::system()).expect("a thread");
        pool.stop();
        let error = pool.take("org").await.expect_err("stopped");
        assert_eq!(error.code, crate::error::Code::Unavailable);
    }

    #[tokio::test]
    async fn without_a_stock_pairs_are_made_on_demand() {
        let pool = KeyPool::start(size(0), 1, &Random::system()).expect("a thread");
        let pair = pool.take("org").await.expect("a pair");
        assert!(pair.private_pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        assert!(pair.private_pem.ends_with("-----END RSA PRIVATE KEY-----\n"));
    }

    fn pair() -> KeyPair {
        KeyPair { private_pem: String::new().into(), public_der: Vec::new() }
    }

    /// Lets a caller go as far as it can.
    async fn polled<T>(caller: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
        poll_fn(|cx| Poll::Ready(Pin::new(&mut *caller).poll(cx))).await
    }

    #[tokio::test]
    async fn what_somebody_who_has_gone_was_handed_goes_to_the_next_or_into_stock() {
        let pool = KeyPool::by_hand(size(1));
        let (mut gone, mut next) = (Box::pin(pool.take("a")), Box::pin(pool.take("b")));
        assert!(polled(&mut gone).await.is_pending() && polled(&mut next).await.is_pending());
        pool.put(pair());
        drop(gone);
        assert!(polled(&mut next).await.is_ready(), "handed on");
        let mut last = Box::pin(pool.take("a"));
        assert!(polled(&mut last).await.is_pending());
        pool.put(pair());
        drop(last);
        assert_eq!((pool.level().depth, pool.level().waiting), (1, 0), "back in stock");
        let mut left = Box::pin(pool.take("a"));
        assert!(polled(&mut left).await.is_ready(), "from stock");
        for _ in 0..3 {
            pool.put(pair());
        }
        assert_eq!(pool.level().depth, 1, "the stock is not larger than its size");
    }

    #[tokio::test]
    async fn who_waits_when_there_is_no_room_is_told_when_to_come_back() {
        let pool = KeyPool::by_hand(Size { stock: 0, waiting: 2 });
        let (mut one, mut two) = (Box::pin(pool.take("a")), Box::pin(pool.take("a")));
        assert!(polled(&mut one).await.is_pending() && polled(&mut two).await.is_pending());
        let refused = pool.take("a").await.expect_err("no room");
        assert_eq!((refused.code, refused.retry_after), (Code::ResourceExhausted, Some(RETRY)));
        let mut other = Box::pin(pool.take("b"));
        assert!(polled(&mut other).await.is_pending(), "its share is free");
        let Poll::Ready(Err(displaced)) = polled(&mut two).await else { panic!("the last one had to go") };
        assert_eq!(displaced.code, Code::ResourceExhausted);
        assert_eq!((pool.level().waiting, pool.level().refused), (2, 2));
        pool.stop();
        for caller in [&mut one, &mut other] {
            let Poll::Ready(Err(stopped)) = polled(caller).await else { panic!("nothing comes any more") };
            assert_eq!(stopped.code, Code::Unavailable);
        }
    }
}
