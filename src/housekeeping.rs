//! What is done now and then, beside all requests: uses of credentials are written, expired tokens and old answers go, the
//! mark of identifiers is kept ahead of the clock, caches give back what is too old, removed organizations are emptied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

use crate::auth::Usage;
use crate::clock::{Clock, Micros};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::ids::Ids;
use crate::service::ending::Ending;
use crate::service::idempotency::KEPT;
use crate::service::removal::Removal;
use crate::store::{Store, StoreError};

/// Tokens or used keys deleted in one statement: short enough that no other writer waits for long.
const SWEEP: i64 = 1000;

/// How often caches give back what is too old: the memory of a flood is back after a second or two.
const FORGET: Duration = Duration::from_secs(1);

/// How often.
#[derive(Debug, Clone, Copy)]
pub struct Intervals {
    /// Uses of credentials are written.
    pub usage: Duration,
    /// Expired tokens are deleted.
    pub sweep: Duration,
}

/// How often a process says that it still has its node number: well within the hour it has been lent for.
const KEEP: Duration = Duration::from_mins(10);

/// How often it is counted what ends soon.
const COUNT: Duration = Duration::from_mins(5);

/// How often somebody looks for removed organizations that another process left with something in them.
const LOOK: Duration = Duration::from_mins(1);

/// What the work in the background is about.
#[derive(Clone)]
pub struct Chores {
    /// The store.
    pub store: Store,
    /// Uses that wait to be written.
    pub usage: Usage,
    /// The present time, and the maker of identifiers.
    pub env: Env,
    /// Empties organizations that have been removed.
    pub removal: Removal,
    /// Counts credentials that end soon.
    pub ending: Ending,
    /// Counts what sweeps delete.
    pub swept: Swept,
}

/// How many rows sweeps have deleted. Cheap to clone, one count for all clones.
#[derive(Debug, Clone, Default)]
pub struct Swept(Arc<AtomicU64>);

impl Swept {
    /// So far.
    pub fn level(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The work in the background.
pub struct Housekeeping {
    stop: Arc<Notify>,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Housekeeping {
    /// Begins.
    pub fn start(chores: Chores, every: Intervals) -> Self {
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let marking = tokio::spawn(keep_marks(chores.clone()));
            let emptying = tokio::spawn(empty(chores.removal.clone()));
            let Chores { store, usage, env, ending, swept, .. } = chores;
            // Not at once: nothing has been used yet, and what is written empties the caches.
            let mut usages = interval_at(Instant::now() + every.usage, every.usage);
            let mut sweeps = interval(every.sweep);
            usages.set_missed_tick_behavior(MissedTickBehavior::Delay);
            sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut counts = interval(COUNT);
            counts.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut forgets = interval(FORGET);
            forgets.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let outcome = tokio::select! {
                    () = stopped.notified() => break,
                    _ = usages.tick() => usage.write(&store).await,
                    _ = sweeps.tick() => sweep(&store, &*env.clock).await.map(|rows| {
                        swept.0.fetch_add(rows, Ordering::Relaxed);
                    }),
                    _ = counts.tick() => ending.count(&store, env.clock.now()).await,
                    _ = forgets.tick() => {
                        store.forget();
                        Ok(())
                    }
                };
                report(outcome);
            }
            for beside in [marking, emptying] {
                beside.abort();
                let _ = beside.await;
            }
            report(usage.write(&store).await);
        });
        Self { stop, task: tokio::sync::Mutex::new(Some(task)) }
    }

    /// Writes what waits, and ends.
    pub async fn stop(&self) {
        self.stop.notify_one();
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await;
        }
    }
}

/// Keeps the mark of identifiers ahead of the clock and the node number lent. On its own, because a sweep
/// may take long.
async fn keep_marks(Chores { store, env, .. }: Chores) {
    let lead = store.mark_lead();
    // Three times within the lead, so that one failure does not matter.
    let mut marks = interval(Duration::from_micros(lead.unsigned_abs()) / 3);
    let mut keeps = interval(KEEP);
    marks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    keeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let outcome = tokio::select! {
            _ = marks.tick() => mark(&store, &env.ids, lead).await,
            () = env.ids.close_to_mark() => mark(&store, &env.ids, lead).await,
            _ = keeps.tick() => store.node_keep(env.ids.node(), env.clock.now()).await.map_err(Error::from),
        };
        report(outcome);
    }
}

/// Empties organizations that have been removed: at the start those that another run left, then as they come. On its
/// own, because it may take long.
async fn empty(removal: Removal) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = removal.begun() => {}
        }
        report(removal.go_on().await);
    }
}

async fn mark(store: &Store, ids: &Ids, lead: Micros) -> Result<()> {
    let mark = ids.mark_ahead(lead);
    store.mark_set(mark).await?;
    ids.marked(mark);
    Ok(())
}

/// Deletes expired tokens, and idempotency keys whose answers are kept no longer; gives how many.
pub async fn sweep(store: &Store, clock: &dyn Clock) -> Result<u64> {
    let tokens = in_steps(|| store.tokens_sweep(clock.now(), SWEEP)).await?;
    let keys = in_steps(|| store.used_keys_sweep(clock.now().saturating_sub(KEPT), SWEEP)).await?;
    Ok(tokens + keys)
}

/// Deletes in steps, so that other writers get their turn.
async fn in_steps<F>(step: impl Fn() -> F) -> Result<u64>
where
    F: Future<Output = std::result::Result<u64, StoreError>>,
{
    let mut swept = 0;
    loop {
        let step = step().await?;
        swept += step;
        if step < SWEEP.unsigned_abs() {
            return Ok(swept);
        }
        tokio::task::yield_now().await;
    }
}

fn report(outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "work in the background failed; it is tried again");
    }
}
