//! How much memory caches take: a budget in bytes for all of them together, and what a thing weighs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, Weak};

/// Bytes that all caches of a store may take together.
pub const BUDGET: u64 = 32 << 20;

/// Bytes that a thing holds beside itself.
pub trait Heap {
    /// How many, roughly.
    fn heap(&self) -> usize;
}

/// Something that takes memory as it is used.
pub trait Holder: Send + Sync {
    /// Bytes at present.
    fn bytes(&self) -> u64;

    /// Gives back what is too old to be of use.
    fn sweep(&self);
}

/// The budget, and who takes of it.
#[derive(Default)]
pub(super) struct Memory {
    allotted: AtomicU64,
    held: Mutex<Vec<Weak<dyn Holder>>>,
    /// How often a cache had to ask.
    asked: AtomicU64,
}

/// What all caches together take and do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered {
    /// Bytes at present.
    pub bytes: u64,
    /// Bytes at most.
    pub budget: u64,
    /// How often the store has been asked for what was not remembered.
    pub asked: u64,
}

impl Memory {
    /// A share of the budget: what is asked for, or what is left of it.
    pub fn allot(&self, bytes: u64) -> u64 {
        let take = |allotted: u64| Some(allotted + bytes.min(BUDGET - allotted));
        let before = self.allotted.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).unwrap_or(BUDGET);
        bytes.min(BUDGET - before)
    }

    /// Counts somebody in, for as long as it lives.
    pub fn add(&self, held: Weak<dyn Holder>) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(held);
    }

    /// Counts a look-up.
    pub fn ask(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// The sum.
    pub fn sum(&self) -> Remembered {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = held.iter().filter_map(Weak::upgrade).map(|held| held.bytes()).sum();
        Remembered { bytes, budget: BUDGET, asked: self.asked.load(Ordering::Relaxed) }
    }

    /// Lets everybody give back what is too old.
    pub fn sweep(&self) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for held in held.iter().filter_map(Weak::upgrade) {
            held.sweep();
        }
    }
}

impl Heap for () {
    fn heap(&self) -> usize {
        0
    }
}

impl Heap for String {
    fn heap(&self) -> usize {
        self.capacity()
    }
}

impl Heap for [u8; 32] {
    fn heap(&self) -> usize {
        0
    }
}

impl<A: Heap, B: Heap> Heap for (A, B) {
    fn heap(&self) -> usize {
        self.0.heap() + self.1.heap()
    }
}

impl<A: Heap, B: Heap, C: Heap, D: Heap> Heap for (A, B, C, D) {
    fn heap(&self) -> usize {
        self.0.heap() + self.1.heap() + self.2.heap() + self.3.heap()
    }
}

impl<T: Heap> Heap for Option<T> {
    fn heap(&self) -> usize {
        self.as_ref().map_or(0, Heap::heap)
    }
}

impl<T: Heap> Heap for std::sync::Arc<T> {
    fn heap(&self) -> usize {
        size_of::<T>() + self.as_ref().heap()
    }
}

impl Heap for Vec<u8> {
    fn heap(&self) -> usize {
        self.capacity()
    }
}
