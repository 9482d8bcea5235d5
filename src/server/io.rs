//! The stream of a connection, which notes what goes through it: which protocol the first bytes tell,
//! when a head begins, whether the client takes what is written.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::track::Track;

/// How HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The preface and the head of the settings frame that must follow it.
const GREETING: usize = PREFACE.len() + 9;
/// So much must be taken within the deadline of writing, so that a byte now and then is not enough.
const PROGRESS: usize = 16 << 10;

/// Bytes taken from an HTTP/1.1 connection at once. The buffer of a connection grows with what comes at once and is
/// not given back while it is open, so this bounds what thousands of connections can take.
const PIECE: usize = 4 << 10;

/// A stream that is watched.
pub(super) struct Watched<S> {
    stream: S,
    track: Arc<Track>,
    /// Bytes that came, counted until the client has said enough.
    heard: usize,
    /// Bytes written since writing was blocked; none while it is not.
    taken: Option<usize>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, track: Arc<Track>) -> Self {
        Self { stream, track, heard: 0, taken: None }
    }

    fn hear(&mut self, bytes: &[u8]) {
        if !self.track.has_spoken() {
            self.greet(bytes);
        }
        self.track.reads();
    }

    /// The first bytes: HTTP/2 as long as they are those of its preface.
    fn greet(&mut self, bytes: &[u8]) {
        if self.heard < PREFACE.len() && !self.track.is_http1() {
            let expected = &PREFACE[self.heard..];
            let length = bytes.len().min(expected.len());
            if bytes[..length] != expected[..length] {
                self.track.is(false);
            } else if length == expected.len() {
                self.track.is(true);
            }
        }
        self.heard = self.heard.saturating_add(bytes.len());
        if self.track.is_http2() && self.heard >= GREETING {
            self.track.speaks();
        }
    }

    fn wrote(&mut self, outcome: &Poll<io::Result<usize>>) {
        match outcome {
            Poll::Pending if self.taken.is_none() => {
                self.taken = Some(0);
                self.track.blocked(true);
            }
            Poll::Ready(Ok(length)) => {
                let Some(taken) = self.taken.as_mut() else { return };
                *taken += length;
                if *taken >= PROGRESS {
                    *taken = 0;
                    self.track.blocked(true);
                }
            }
            _ => {}
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = if buffer.remaining() <= PIECE || this.track.is_http2() {
            Pin::new(&mut this.stream).poll_read(cx, buffer)
        } else {
            let mut piece = ReadBuf::new(buffer.initialize_unfilled_to(PIECE));
            let outcome = Pin::new(&mut this.stream).poll_read(cx, &mut piece);
            let length = piece.filled().len();
            buffer.advance(length);
            outcome
        };
        let new = &buffer.filled()[before..];
        if !new.is_empty() {
            this.hear(new);
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.wrote(&outcome);
        outcome
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, bytes);
        this.wrote(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called once everything is written: nothing waits for the client any more.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.taken.take().is_some() {
            this.track.blocked(false);
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
