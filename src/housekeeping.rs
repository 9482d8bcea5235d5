//! What is done now and then, beside all requests: uses of credentials are written, expired tokens go,
//! caches give back what is too old.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::auth::Usage;
use crate::clock::Clock;
use crate::store::{Result, Store};

/// Tokens deleted in one statement: short enough that no other writer waits for long.
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

/// The work in the background.
pub struct Housekeeping {
    stop: Arc<Notify>,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Housekeeping {
    /// Begins.
    pub fn start(store: Store, usage: Usage, clock: Arc<dyn Clock>, every: Intervals) -> Self {
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let (mut usages, mut sweeps) = (interval(every.usage), interval(every.sweep));
            usages.set_missed_tick_behavior(MissedTickBehavior::Delay);
            sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut forgets = interval(FORGET);
            forgets.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let outcome = tokio::select! {
                    () = stopped.notified() => break,
                    _ = usages.tick() => usage.write(&store).await,
                    _ = sweeps.tick() => sweep(&store, &*clock).await.map(drop),
                    _ = forgets.tick() => {
                        store.forget();
                        Ok(())
                    }
                };
                report(outcome);
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

/// Deletes expired tokens in steps, so that other writers get their turn; gives how many.
///
/// # Errors
/// The store failed.
pub async fn sweep(store: &Store, clock: &dyn Clock) -> Result<u64> {
    let mut swept = 0;
    loop {
        let step = store.tokens_sweep(clock.now(), SWEEP).await?;
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
