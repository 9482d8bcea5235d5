//! How the server is told to stop, and the signals that tell it.

use tokio::sync::watch;

/// The order to stop. The first one begins the stop, each further one ends the step that goes on: first
/// the delay, then the grace. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Sender<u32>);

impl Default for Shutdown {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Shutdown {
    /// Begins the stop, or hastens it.
    pub fn hasten(&self) {
        self.0.send_modify(|times| *times = times.saturating_add(1));
    }

    /// Whether the server is about to stop.
    pub fn begun(&self) -> bool {
        self.times() > 0
    }

    /// How often it was told to stop.
    pub fn times(&self) -> u32 {
        *self.0.borrow()
    }

    /// Done once it was told so often.
    pub async fn asked(&self, times: u32) {
        // This value holds a sender, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|asked| *asked >= times).await;
    }
}

/// Stops the server on SIGTERM, and on Ctrl-C at a terminal; a second signal hastens it.
#[cfg(unix)]
pub fn on_signals(shutdown: &Shutdown) {
    use tokio::signal::unix::SignalKind;
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let shutdown = shutdown.clone();
        each(kind, move || shutdown.hasten());
    }
}

/// Keeps the process alive when its terminal goes away, or when an operator sends SIGHUP to have a
/// configuration read again, which only a restart does.
#[cfg(unix)]
pub fn survive_hangup() {
    each(tokio::signal::unix::SignalKind::hangup(), || {
        tracing::info!("SIGHUP does nothing here; a restart reads the configuration again");
    });
}

#[cfg(unix)]
fn each(kind: tokio::signal::unix::SignalKind, act: impl Fn() + Send + 'static) {
    match tokio::signal::unix::signal(kind) {
        Ok(mut signals) => drop(tokio::spawn(async move {
            while signals.recv().await.is_some() {
                act();
            }
        })),
        Err(error) => tracing::error!(%error, "a signal cannot be listened to"),
    }
}

/// Stops the server on Ctrl-C; a second one hastens it.
#[cfg(not(unix))]
pub fn on_signals(shutdown: &Shutdown) {
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            shutdown.hasten();
        }
    });
}

/// There is no such signal here.
#[cfg(not(unix))]
pub fn survive_hangup() {}
