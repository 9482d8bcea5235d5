//! Counts the writes of this process, organization by organization, so that caches know which of their
//! answers may be old.
//!
//! Organizations share a fixed number of stripes: two that happen to share one empty each other's caches,
//! which costs a look-up and nothing else.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::memory::Memory;
use crate::clock::{Monotonic, SystemMonotonic};

/// Stripes. Eight bytes each.
const STRIPES: usize = 1024;
/// Organizations of one answer that are told apart; one that depends on more depends on all.
const MOST: usize = 32;

/// What a store and its caches share: writes are counted, time passes, memory is measured. Cheap to clone.
#[derive(Clone)]
pub(super) struct Changes(Arc<Inner>);

struct Inner {
    /// All writes.
    count: AtomicU64,
    /// The number of the last write that concerned everybody.
    everybody: AtomicU64,
    /// The number of the last write to an organization of each stripe.
    stripes: Box<[AtomicU64]>,
    time: Arc<dyn Monotonic>,
    memory: Memory,
}

/// When something was asked of the store: how many writes there had been, and at what time. What follows
/// from several answers is as old as the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    count: u64,
    at: Duration,
}

impl Asked {
    /// The older of two, in both respects.
    #[must_use]
    pub fn or_older(self, other: Self) -> Self {
        Self { count: self.count.min(other.count), at: self.at.min(other.at) }
    }
}

/// Organizations that an answer depends on.
#[derive(Debug, Default)]
pub(super) struct Organizations {
    stripes: Vec<u16>,
    many: bool,
}

impl Organizations {
    /// One more.
    pub fn add(&mut self, org_id: &str) {
        let stripe = stripe(org_id);
        if self.many || self.stripes.contains(&stripe) {
            return;
        }
        self.many = self.stripes.len() == MOST;
        self.stripes.push(stripe);
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self::new(Arc::new(SystemMonotonic::default()))
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Changes(..)")
    }
}

impl Changes {
    /// No write yet; ages are measured by `time`.
    pub fn new(time: Arc<dyn Monotonic>) -> Self {
        Self(Arc::new(Inner {
            count: AtomicU64::new(0),
            everybody: AtomicU64::new(0),
            stripes: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(),
            time,
            memory: Memory::default(),
        }))
    }

    /// The memory of the caches.
    pub fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// The present, before the store is asked: a write that comes later makes the answer void.
    pub fn asked(&self) -> Asked {
        Asked { count: self.0.count.load(Ordering::Acquire), at: self.0.time.elapsed() }
    }

    /// Whether no write since then touched one of these organizations, and it is less than `remember` ago.
    pub fn is_good(&self, asked: Asked, of: &Organizations, remember: Duration) -> bool {
        let inner = &*self.0;
        let before = |last: &AtomicU64| last.load(Ordering::Acquire) <= asked.count;
        before(&inner.everybody)
            && (if of.many {
                before(&inner.count)
            } else {
                of.stripes.iter().all(|s| before(&inner.stripes[usize::from(*s)]))
            })
            && inner.time.elapsed().saturating_sub(asked.at) < remember
    }

    /// A write whose organizations are named as they come; see [`Guard::also`].
    pub fn touch_none(&self) -> Guard {
        Guard { changes: self.clone(), everybody: false, stripes: Vec::new() }
    }
}

fn stripe(org_id: &str) -> u16 {
    let mut hasher = DefaultHasher::new();
    org_id.hash(&mut hasher);
    u16::try_from(hasher.finish() % STRIPES as u64).unwrap_or_default()
}

/// A write under way. It is counted when this is dropped: after it has been committed, or given up, for
/// an abandoned commit may still take effect.
#[must_use = "it counts when dropped, so it must live until the write is committed"]
pub(super) struct Guard {
    changes: Changes,
    everybody: bool,
    stripes: Vec<u16>,
}

impl Guard {
    /// Another organization that the write touches; an empty id is the instance, and so everybody. Each
    /// organization that owns a row which is written must be named. Answers name the organizations of
    /// their caller, of the user and the application they speak of, of its grants, and the one addressed.
    pub fn also(&mut self, org_id: &str) {
        if org_id.is_empty() {
            self.everybody = true;
        } else if !self.everybody {
            self.stripes.push(stripe(org_id));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.everybody && self.stripes.is_empty() {
            return;
        }
        let inner = &*self.changes.0;
        let number = inner.count.fetch_add(1, Ordering::AcqRel) + 1;
        // The greatest number wins, in whichever order two writes arrive here.
        if self.everybody {
            inner.everybody.fetch_max(number, Ordering::AcqRel);
        }
        for stripe in &self.stripes {
            inner.stripes[usize::from(*stripe)].fetch_max(number, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(changes: &Changes, org_id: &str) -> Guard {
        let mut guard = changes.touch_none();
        guard.also(org_id);
        guard
    }
    use crate::clock::FixedMonotonic;

    const SECOND: Duration = Duration::from_secs(1);

    fn of(ids: &[&str]) -> Organizations {
        let mut of = Organizations::default();
        for id in ids {
            of.add(id);
        }
        of
    }

    #[test]
    fn a_write_voids_what_depends_on_its_organizations_and_nothing_else() {
        let changes = Changes::new(Arc::new(FixedMonotonic::default()));
        let (a, b, both) = (of(&["a"]), of(&["b"]), of(&["a", "b"]));
        let asked = changes.asked();
        let good = |of: &Organizations| changes.is_good(asked, of, SECOND);
        let mut guard = touch(&changes, "a");
        assert!(good(&a) && good(&b) && good(&both), "not before it is committed or given up");
        drop(changes.touch_none());
        drop(guard);
        assert!(!good(&a) && good(&b) && !good(&both));
        guard = touch(&changes, "c");
        guard.also("b");
        drop(guard);
        assert!(!good(&b) && good(&of(&["d"])));
        let asked = changes.asked();
        drop(touch(&changes, ""));
        assert!(!changes.is_good(asked, &of(&[]), SECOND));
        assert!(changes.is_good(changes.asked(), &both, SECOND), "what is asked for later is good");
    }

    #[test]
    fn an_answer_of_very_many_organizations_depends_on_all() {
        let changes = Changes::new(Arc::new(FixedMonotonic::default()));
        let ids: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        let many = of(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(many.many && many.stripes.len() <= MOST + 1);
        let asked = changes.asked();
        drop(touch(&changes, "somebody else"));
        assert!(!changes.is_good(asked, &many, SECOND));
    }

    #[test]
    fn age_is_that_of_the_oldest_source() {
        let time = FixedMonotonic::default();
        let changes = Changes::new(Arc::new(time.clone()));
        let old = changes.asked();
        time.advance(SECOND / 2);
        let young = changes.asked().or_older(old);
        assert!(changes.is_good(young, &of(&[]), SECOND));
        time.advance(SECOND / 2);
        assert!(!changes.is_good(young, &of(&[]), SECOND) && changes.is_good(changes.asked(), &of(&[]), SECOND));
        assert!(!changes.is_good(changes.asked(), &of(&[]), Duration::ZERO), "zero remembers nothing");
    }
}
