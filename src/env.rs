//! The environment: time, randomness and identifiers. `app.rs` makes one and hands it down, so that a test can hold
//! each of them still; nothing else asks the operating system.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[expect(clippy::disallowed_types, reason = "the one place that asks the operating system for randomness")]
use rand::rngs::SysRng;
use rand::{TryCryptoRng, TryRng};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::clock::{Clock, Monotonic, SystemClock, SystemMonotonic};
use crate::ids::{Ids, Lent};

/// What there is before a store is open.
#[derive(Clone)]
pub struct Sources {
    /// The present time.
    pub clock: Arc<dyn Clock>,
    /// Time that only goes forward, by which caches forget.
    pub time: Arc<dyn Monotonic>,
    /// Random bytes.
    pub random: Random,
}

impl Default for Sources {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), time: Arc::new(SystemMonotonic::default()), random: Random::system() }
    }
}

impl Sources {
    /// The environment of a process that the store has lent a node number.
    pub fn lent(self, lent: Lent) -> Env {
        let Self { clock, time, random } = self;
        let ids = Arc::new(Ids::new(Arc::clone(&clock), Arc::clone(&time), lent));
        Env { clock, time, random, ids }
    }
}

/// What every part of a server gets. Cheap to clone.
#[derive(Clone)]
pub struct Env {
    /// The present time.
    pub clock: Arc<dyn Clock>,
    /// Time that only goes forward.
    pub time: Arc<dyn Monotonic>,
    /// Random bytes.
    pub random: Random,
    /// Makes identifiers.
    pub ids: Arc<Ids>,
}

impl Env {
    /// The same with a [branch](Random::branch) of the random source.
    #[must_use]
    pub fn branch(&self, name: &str) -> Self {
        Self { random: self.random.branch(name), ..self.clone() }
    }
}

/// A source of random bytes. Cheap to clone; clones draw from the same source.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    /// The operating system.
    System,
    /// For tests: the same bytes at each run.
    Seeded(Arc<Seeded>),
}

/// SHA-256 of the seed and two counters.
struct Seeded {
    seed: [u8; 32],
    draws: AtomicU64,
}

/// Bytes that [`Random::portion`] gives.
pub const PORTION: usize = 18;
/// Portions that one look into the random source of the system is good for.
const PORTIONS: usize = 64;

impl Random {
    /// The random source of the operating system.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A source that gives the same bytes in the same order at each run; for tests, which need no secrecy.
    pub fn seeded(seed: u64) -> Self {
        Self::of_seed(Sha256::digest(seed.to_be_bytes()).into())
    }

    fn of_seed(seed: [u8; 32]) -> Self {
        Self(Source::Seeded(Arc::new(Seeded { seed, draws: AtomicU64::new(0) })))
    }

    /// A source for work that runs beside other work: what one draws changes nothing for the other, so a seeded
    /// source gives both the same bytes whichever comes first. The operating system has one source for all.
    #[must_use]
    pub fn branch(&self, name: &str) -> Self {
        match &self.0 {
            Source::System => Self::system(),
            Source::Seeded(seeded) => {
                Self::of_seed(Sha256::new().chain_update(seeded.seed).chain_update(name).finalize().into())
            }
        }
    }

    /// Random bytes, wiped when dropped.
    ///
    /// # Panics
    /// The operating system has none: no answer could be safe.
    pub fn bytes<const N: usize>(&self) -> Zeroizing<[u8; N]> {
        let mut bytes = Zeroizing::new([0; N]);
        self.fill(bytes.as_mut_slice());
        bytes
    }

    /// A few bytes for what tells nothing and opens nothing, one for each request: the randomness of many is fetched
    /// from the system at once.
    pub fn portion(&self) -> [u8; PORTION] {
        thread_local! {
            static STOCK: RefCell<Vec<[u8; PORTION]>> = const { RefCell::new(Vec::new()) };
        }
        // The stock is every server's in the process: what comes from a seed is not put there.
        if let Source::Seeded(seeded) = &self.0 {
            let mut bytes = [0; PORTION];
            seeded.fill(&mut bytes);
            return bytes;
        }
        STOCK.with_borrow_mut(|stock| {
            if stock.is_empty() {
                stock.extend(self.bytes::<{ PORTION * PORTIONS }>().as_chunks().0);
            }
            stock.pop().unwrap_or_default()
        })
    }

    #[expect(clippy::expect_used, reason = "without a random source no answer could be safe")]
    fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System => SysRng.try_fill_bytes(bytes).expect("the operating system gives random bytes"),
            Source::Seeded(seeded) => seeded.fill(bytes),
        }
    }
}

impl Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        for (block, bytes) in (0_u64..).zip(bytes.chunks_mut(32)) {
            let hash = Sha256::new().chain_update(self.seed).chain_update(draw.to_be_bytes());
            let hash = hash.chain_update(block.to_be_bytes()).finalize();
            bytes.copy_from_slice(&hash[..bytes.len()]);
        }
    }
}

/// For libraries that ask for a generator.
impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(*self.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(*self.bytes()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Random {}

/// Says nothing: who knows a seed knows every secret made from it.
impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_bytes_in_the_same_order() {
        let (one, two, other) = (Random::seeded(1), Random::seeded(1), Random::seeded(2));
        let first = one.bytes::<80>();
        assert_eq!(first, two.bytes::<80>());
        assert_ne!(first, other.bytes::<80>());
        assert_ne!(first, one.clone().bytes::<80>(), "a clone goes on where the source is");
        assert_ne!(first[..32], first[32..64]);
    }

    #[test]
    fn a_branch_is_a_source_of_its_own() {
        let (one, two) = (Random::seeded(1), Random::seeded(1));
        let (a, b) = (one.branch("a"), one.branch("b"));
        let drawn = (a.bytes::<32>(), b.bytes::<32>());
        assert_ne!(drawn.0, drawn.1);
        assert_eq!(one.bytes::<32>(), two.bytes::<32>(), "branches take nothing from the source");
        assert_eq!((two.branch("b").bytes::<32>(), two.branch("a").bytes::<32>()), (drawn.1, drawn.0));
    }

    #[test]
    fn portions_of_a_seed_are_not_taken_from_the_stock_of_the_system() {
        let (system, one, two) = (Random::system(), Random::seeded(1), Random::seeded(1));
        assert_ne!(system.portion(), system.portion());
        assert_eq!((one.portion(), one.portion()), (two.portion(), two.portion()));
    }

    #[test]
    fn debug_says_nothing() {
        assert_eq!(format!("{:?} {:?}", Random::system(), Random::seeded(1)), "Random(..) Random(..)");
    }
}
