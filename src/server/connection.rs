//! The guard of one connection: serves it, and ends it when its time is up.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};

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
        // The place outlives the connection: what is declared first is dropped last.
        let Self { limits, track, mut phase, place: _place } = self;
        let mut connection = pin!(connection);
        let mut watch = Watch::new(limits, *phase.borrow_and_update(), &track);
        let (mut looks, mut periods) = (ticks(watch.pause()), ticks(limits.write.saturating_mul(2)));
        let reason = loop {
            let reason = tokio::select! {
                biased;
                outcome = connection.as_mut() => {
                    if let Err(error) = outcome {
                        tracing::debug!(?error, "connection ended");
                    }
                    return;
                }
                changed = phase.changed() => {
                    let now = if changed.is_ok() { *phase.borrow_and_update() } else { Phase::Over };
                    watch.follow(now, connection.as_mut(), &track)
                }
                () = track.wake.notified() => watch.woken(connection.as_mut(), &track),
                _ = periods.tick() => (!track.next_period()).then_some("the client takes no more of its answers"),
                _ = looks.tick() => watch.look(connection.as_mut(), &track),
            };
            if let Some(reason) = reason {
                break reason;
            }
        };
        tracing::debug!(reason, "a connection was closed");
    }
}

fn ticks(pause: Duration) -> Interval {
    let mut ticks = tokio::time::interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

struct Watch {
    limits: Limits,
    end: End,
    /// Its client can only be told with its first request.
    late: bool,
    /// hyper was told: HTTP/2 gets GOAWAY, HTTP/1 ends when it is idle.
    shut: bool,
}

impl Watch {
    fn new(limits: Limits, phase: Phase, track: &Track) -> Self {
        let late = phase > Phase::Serving;
        // A new connection of a server that leaves is told with its first answer, or nobody could ask.
        if late {
            track.end_soon();
        }
        Self { limits, end: End::Open, late, shut: false }
    }

    /// Does as the server does; says why the connection is to be closed now.
    fn follow<C: GracefulConnection>(
        &mut self,
        phase: Phase,
        connection: Pin<&mut C>,
        track: &Track,
    ) -> Option<&'static str> {
        match phase {
            Phase::Over => return Some("the server stops"),
            Phase::Closing => self.close(connection, track),
            Phase::Leaving | Phase::Serving => self.tell(connection, track),
        }
        None
    }

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
        }
        if track.is_http2() {
            self.shut(connection);
        } else {
            self.late = !track.is_used();
        }
    }

    /// The first request of a connection that could not be told before is there, or its place was needed.
    fn woken<C: GracefulConnection>(&mut self, connection: Pin<&mut C>, track: &Track) -> Option<&'static str> {
        if track.evicted.load(Relaxed) {
            return Some("its place was needed");
        }
        if self.late && track.is_used() {
            self.tell(connection, track);
        }
        None
    }

    /// Ends it as soon as no request is in work.
    fn close<C: GracefulConnection>(&mut self, connection: Pin<&mut C>, track: &Track) {
        track.end_soon();
        if !matches!(self.end, End::Closing(_)) {
            self.end = End::Closing(Instant::now());
            self.shut(connection);
        }
    }

    fn shut<C: GracefulConnection>(&mut self, connection: Pin<&mut C>) {
        if !std::mem::replace(&mut self.shut, true) {
            connection.graceful_shutdown();
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
