//! The guard of one connection: serves it, and ends it when its time is up.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use super::limits::Limits;
use super::places::Place;
use super::track::{Track, Verdict};

/// What the server as a whole does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Serves.
    Serving,
    /// Still serves, but asks clients to go elsewhere.
    Leaving,
    /// Lets requests in work finish.
    Closing,
    /// Waits for nothing more.
    Over,
}

/// Looks after a connection.
pub(super) struct Guard {
    pub(super) limits: Limits,
    pub(super) track: Arc<Track>,
    pub(super) phase: watch::Receiver<Phase>,
    /// Given back when the connection ends.
    pub(super) place: Place,
}

/// How far a connection is with its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Not in sight.
    Open,
    /// Its client was told, or is told with the next answer.
    Told(Instant),
    /// It ends as soon as no request is in work.
    Closing(Instant),
}

impl Guard {
    /// Serves the connection until it ends or is ended.
    pub(super) async fn serve<C: GracefulConnection>(self, connection: C)
    where
        C::Error: std::fmt::Debug,
    {
        let Self { limits, track, mut phase, place } = self;
        let mut connection = pin!(connection);
        let mut watch = Watch { limits, end: End::Open, late: *phase.borrow_and_update() > Phase::Serving };
        // A new connection of a server that leaves is told with its first answer, or nobody could ask.
        if watch.late {
            track.end_soon();
        }
        let mut looks = tokio::time::interval(watch.pause());
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut periods = tokio::time::interval(limits.write.saturating_mul(2));
        periods.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let reason = loop {
            tokio::select! {
                biased;
                outcome = connection.as_mut() => {
                    if let Err(error) = outcome {
                        tracing::debug!(?error, "connection ended");
                    }
                    break None;
                }
                changed = phase.changed() => {
                    let now = if changed.is_ok() { *phase.borrow_and_update() } else { Phase::Over };
                    match now {
                        Phase::Over => break Some("the server stops"),
                        Phase::Closing => watch.close(connection.as_mut(), &track),
                        _ => watch.tell(connection.as_mut(), &track),
                    }
                }
                () = track.wake.notified() => {
                    if track.evicted.load(Relaxed) {
                        break Some("its place was needed");
                    }
                    watch.told_late(connection.as_mut(), &track);
                }
                _ = periods.tick() => {
                    if !track.next_period() {
                        break Some("the client takes no more of its answers");
                    }
                }
                _ = looks.tick() => {
                    if let Some(reason) = watch.look(connection.as_mut(), &track) {
                        break Some(reason);
                    }
                }
            }
        };
        if let Some(reason) = reason {
            tracing::debug!(reason, "a connection was closed");
        }
        drop(place);
    }
}

struct Watch {
    limits: Limits,
    end: End,
    /// It came when the server was leaving already, and was not told yet.
    late: bool,
}

impl Watch {
    /// Between two looks at the deadlines.
    fn pause(&self) -> Duration {
        let Limits { head, write, idle, age, .. } = self.limits;
        (head.min(write).min(idle).min(age) / 2).max(Duration::from_millis(10))
    }

    /// Asks the client to ask no more: by GOAWAY, or with the next answer.
    fn tell<C: GracefulConnection>(&mut self, connection: Pin<&mut C>, track: &Track) {
        track.end_soon();
        if self.end == End::Open {
            self.end = End::Told(Instant::now());
            if track.is_http2() {
                connection.graceful_shutdown();
            }
        }
    }

    /// The first request of a connection that came late is there.
    fn told_late<C: GracefulConnection>(&mut self, connection: Pin<&mut C>, track: &Track) {
        if std::mem::take(&mut self.late) && track.is_used() {
            self.tell(connection, track);
        }
    }

    /// Ends it as soon as no request is in work.
    fn close<C: GracefulConnection>(&mut self, connection: Pin<&mut C>, track: &Track) {
        track.end_soon();
        let told = self.end != End::Open && track.is_http2();
        if !matches!(self.end, End::Closing(_)) {
            self.end = End::Closing(Instant::now());
            if !told {
                connection.graceful_shutdown();
            }
        }
    }

    /// Looks at the deadlines; says why the connection is to be closed now.
    fn look<C: GracefulConnection>(&mut self, mut connection: Pin<&mut C>, track: &Track) -> Option<&'static str> {
        let verdict = track.verdict(&self.limits);
        if let Verdict::Close(reason) = verdict {
            return Some(reason);
        }
        match self.end {
            End::Open if verdict == Verdict::Retire => {
                self.tell(connection.as_mut(), track);
                if track.quiet().is_some_and(|quiet| quiet >= self.limits.idle) {
                    self.close(connection, track);
                }
                None
            }
            // An HTTP/1 client learns it with an answer; one that asks nothing is closed at last.
            End::Told(since) if since.elapsed() >= self.limits.linger => {
                self.close(connection, track);
                None
            }
            End::Closing(since) if since.elapsed() >= self.limits.linger => Some("it did not end by itself"),
            _ => None,
        }
    }
}
