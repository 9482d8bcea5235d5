//! A gate that lets in a bounded number at a time for each organization, in order, so that none of them
//! can take what all need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Those who may wait at once for one organization; who comes then is refused.
const WAITING: usize = 256;

/// The gate. Cheap to clone.
#[derive(Clone)]
pub(super) struct Gate(Arc<Inner>);

struct Inner {
    /// Only organizations for which somebody is inside or waits.
    queues: Mutex<HashMap<Box<str>, Queue>>,
    share: usize,
    wait: Duration,
}

struct Queue {
    places: Arc<Semaphore>,
    /// Those inside and those who wait.
    present: usize,
}

/// Permission to be inside; ends when dropped.
pub(super) struct Turn {
    present: Present,
    _place: OwnedSemaphorePermit,
}

/// Somebody inside or waiting.
struct Present {
    gate: Gate,
    key: Box<str>,
}

impl Gate {
    /// A gate for at most `share` at a time of one organization, where nobody waits longer than `wait`.
    pub fn new(share: usize, wait: Duration) -> Self {
        Self(Arc::new(Inner { queues: Mutex::default(), share: share.max(1), wait }))
    }

    /// Waits for a place for an organization. None if too many wait already, or it took too long.
    pub async fn enter(&self, org_id: &str) -> Option<Turn> {
        let (present, places) = self.join(org_id)?;
        let place = timeout(self.0.wait, places.acquire_owned()).await.ok()?.ok()?;
        Some(Turn { present, _place: place })
    }

    fn join(&self, org_id: &str) -> Option<(Present, Arc<Semaphore>)> {
        let mut queues = self.queues();
        if let Some(queue) = queues.get_mut(org_id) {
            if queue.present >= self.0.share + WAITING {
                return None;
            }
            queue.present += 1;
            return Some((self.present(org_id), Arc::clone(&queue.places)));
        }
        let places = Arc::new(Semaphore::new(self.0.share));
        queues.insert(org_id.into(), Queue { places: Arc::clone(&places), present: 1 });
        Some((self.present(org_id), places))
    }

    fn present(&self, org_id: &str) -> Present {
        Present { gate: self.clone(), key: org_id.into() }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<Box<str>, Queue>> {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut queues = self.gate.queues();
        if let Some(queue) = queues.get_mut(&self.key) {
            queue.present -= 1;
            if queue.present == 0 {
                queues.remove(&self.key);
            }
        }
    }
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Turn").field(&self.present.key).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_organization_waits_in_order_and_for_nobody_else() {
        let gate = Gate::new(2, Duration::from_mins(1));
        let (a, b) = (gate.enter("a").await, gate.enter("a").await);
        assert!(a.is_some() && b.is_some());
        assert!(gate.enter("b").await.is_some(), "another organization is let in");
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(gate.enter("a"))).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        assert!(gate.enter("a").await.is_none(), "no more may wait");
        drop(a);
        assert!(waiting.remove(0).await.is_some(), "the first is the next");
        for one in waiting.drain(..8) {
            assert!(one.await.is_some(), "each place is given on");
        }
        drop(waiting);
        drop(b);
        assert!(gate.queues().is_empty(), "nothing is kept");
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_the_deadline() {
        let gate = Gate::new(1, Duration::ZERO);
        let inside = gate.enter("a").await;
        assert!(inside.is_some() && gate.enter("a").await.is_none());
        drop(inside);
        assert!(gate.enter("a").await.is_some());
    }
}
