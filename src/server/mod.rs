//! The listener: HTTP/1.1 and HTTP/2 with prior knowledge on one port, connections bounded in number,
//! time and memory, and a stop that lets clients go elsewhere and requests in work finish. Why the bounds
//! are as they are: `docs/adr/0007-connections.md`.

mod connection;
mod io;
mod limits;
mod places;
mod quiet;
mod service;
mod streams;
mod track;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::peer::Peer;
use crate::shutdown::Shutdown;
use connection::{Guard, Phase};
pub use limits::Limits;
use places::Places;
use quiet::Quiet;
use service::Counted;
use streams::Streams;
use track::Track;

/// Largest head of a request in bytes (design, section 5).
const MAX_HEAD: usize = 64 << 10;
/// Streams that one HTTP/2 connection may have open.
const MAX_STREAMS: u32 = 250;
/// What a client may send on a stream before its body is read: the size that HTTP/2 begins with. A body
/// that is read gets more as it goes.
const STREAM_WINDOW: u32 = (64 << 10) - 1;
/// The same for all streams of a connection together: what a connection can make us hold that nobody has
/// asked for yet.
const CONNECTION_WINDOW: u32 = 256 << 10;
/// What is queued of one answer inside of HTTP/2. The answer is in memory anyway; a longer queue would
/// only keep more of it there when its client stops reading.
const SEND_BUFFER: usize = 64 << 10;
/// How long to wait when the system has no descriptor or memory for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Most of the grace that is kept back for closing the store.
const CLOSING: Duration = Duration::from_secs(5);

/// Serves until `shutdown` says otherwise, then stops in three steps: for the delay it still serves, but
/// tells clients to go elsewhere; then it closes the listener and lets requests in work finish; what then
/// still runs is given up. Returns the moment until which the whole stop may take.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, shutdown: Shutdown) -> Instant {
    let mut server = Server::new(router, limits);
    server.accept_until(&listener, shutdown.asked(1)).await;
    server.leave(&listener, &shutdown).await;
    drop(listener);
    server.close(&shutdown).await
}

struct Server {
    router: Router,
    limits: Limits,
    builder: Builder<Streams>,
    places: Arc<Places>,
    phase: watch::Sender<Phase>,
    /// Connections so far.
    number: u64,
    refused: Quiet,
    failed: Quiet,
}

impl Server {
    fn new(router: Router, limits: Limits) -> Self {
        tracing::debug!(?limits, "connections");
        Self {
            router,
            limits,
            builder: builder(&limits),
            places: Places::new(&limits),
            phase: watch::Sender::new(Phase::Serving),
            number: 0,
            refused: Quiet::default(),
            failed: Quiet::default(),
        }
    }

    async fn accept_until(&mut self, listener: &TcpListener, end: impl Future<Output = ()>) {
        let mut end = std::pin::pin!(end);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut end => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.connect(stream, peer),
                Err(error) if of_the_client(&error) => {}
                Err(error) => {
                    if let Some(more) = self.failed.due() {
                        tracing::warn!(%error, more, "cannot accept a connection");
                    }
                    self.places.make_room();
                    tokio::select! {
                        () = &mut end => return,
                        () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                    }
                }
            }
        }
    }

    fn connect(&mut self, stream: TcpStream, peer: SocketAddr) {
        self.number += 1;
        let track = Track::new(self.number, &self.limits);
        let Some(place) = self.places.take(peer.ip(), &track) else {
            if let Some(more) = self.refused.due() {
                tracing::warn!(address = %peer.ip(), more, "too many connections; one was refused");
            }
            return;
        };
        // Answers are small; waiting for more to send only adds delay.
        let _ = stream.set_nodelay(true);
        let peer = Peer::new(peer.ip(), self.number);
        let service = Counted { router: self.router.clone(), track: Arc::clone(&track), peer };
        let io = TokioIo::new(io::Watched::new(stream, Arc::clone(&track)));
        let connection = self.builder.serve_connection(io, service).into_owned();
        let guard = Guard { limits: self.limits, track, phase: self.phase.subscribe(), place };
        tokio::spawn(guard.serve(connection));
    }

    /// Still serves for the delay, or until the next order, and tells clients to go elsewhere meanwhile.
    async fn leave(&mut self, listener: &TcpListener, shutdown: &Shutdown) {
        let (delay, connections) = (self.limits.delay, self.places.taken());
        if delay.is_zero() {
            return;
        }
        tracing::info!(connections, seconds = delay.as_secs(), "stopping; clients may go elsewhere");
        self.phase.send_replace(Phase::Leaving);
        let hastened = shutdown.asked(2);
        self.accept_until(listener, async move {
            let _ = tokio::time::timeout(delay, hastened).await;
        })
        .await;
    }

    /// Lets requests in work finish for the grace, or until the next order.
    async fn close(self, shutdown: &Shutdown) -> Instant {
        let (begun, grace) = (Instant::now(), self.limits.grace);
        let kept = (grace / 5).min(CLOSING);
        tracing::info!(connections = self.places.taken(), "stopping; requests in work may finish");
        self.phase.send_replace(Phase::Closing);
        let next = shutdown.times() + 1;
        tokio::select! {
            () = self.phase.closed() => return begun + grace,
            () = tokio::time::sleep(grace.saturating_sub(kept)) => {}
            () = shutdown.asked(next) => {}
        }
        tracing::warn!(connections = self.places.taken(), "some requests did not finish in time");
        self.phase.send_replace(Phase::Over);
        Instant::now() + kept
    }
}

/// An error that concerns one client only, who was gone before he was let in.
fn of_the_client(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}

fn builder(limits: &Limits) -> Builder<Streams> {
    let mut builder = Builder::new(Streams { write: limits.write });
    // Heads and idle connections have deadlines of ours, which tell the two apart.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(Duration::from_mins(1));
    builder
}
