//! The router as hyper calls it: counts the requests of a connection, tells them who calls, and watches
//! whether their answers are taken.

use std::convert::Infallible;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, Version, header};
use axum::routing::future::RouteFuture;
use bytes::{Buf, Bytes};
use hyper::body::{Frame, Incoming, SizeHint};
use tower::Service as _;

use super::streams;
use super::track::{Track, Unsent, Work};
use crate::peer::Peer;

/// Largest piece of an answer that HTTP/2 gets at once, the size of its frames.
const PIECE: usize = 16 << 10;

/// The router for one connection.
pub(super) struct Counted {
    pub(super) router: Router,
    pub(super) track: Arc<Track>,
    pub(super) peer: Peer,
}

impl hyper::service::Service<Request<Incoming>> for Counted {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: Request<Incoming>) -> Answering {
        let work = self.track.begin();
        let http2 = request.version() == Version::HTTP_2;
        request.extensions_mut().insert(self.peer);
        // The router is always ready.
        Answering { answer: self.router.clone().call(request), work: Some(work), http2 }
    }
}

/// An answer in the making.
pub(super) struct Answering {
    answer: RouteFuture<Infallible>,
    work: Option<Work>,
    http2: bool,
}

impl Future for Answering {
    type Output = Result<Response<Answer>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut response = ready!(Pin::new(&mut this.answer).poll(cx))?;
        if !this.http2 && this.work.as_ref().is_some_and(|work| work.track().ends()) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let (work, http2) = (this.work.take(), this.http2);
        Poll::Ready(Ok(response.map(|body| Answer { body, work, http2, rest: Bytes::new() })))
    }
}

/// The body of an answer. For HTTP/2 it comes in pieces, of which the last is a single byte wherever
/// there is more than one: hyper asks for a piece only when the client has room for at least a byte after
/// all earlier ones, so a body that has ended is one the client has room for. What it has no room for is
/// still in our hands, and [`streams`] ends it.
pub(super) struct Answer {
    body: Body,
    work: Option<Work>,
    http2: bool,
    rest: Bytes,
}

impl Answer {
    /// The next piece of `data`, which is the end of a longer text if `tail`.
    fn piece(&mut self, mut data: Bytes, tail: bool) -> Piece {
        if self.http2 && data.len() > PIECE {
            self.rest = data.split_off(PIECE);
        } else if tail && data.len() > 1 {
            self.rest = data.split_off(data.len() - 1);
        }
        Piece { unsent: self.work.as_ref().map(|work| work.track().piece()), data }
    }
}

impl hyper::body::Body for Answer {
    type Data = Piece;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, axum::Error>>> {
        let this = self.get_mut();
        streams::handed_over(false);
        let tail = !this.rest.is_empty();
        let data = if tail {
            std::mem::take(&mut this.rest)
        } else {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(other) => return Poll::Ready(other.into_trailers().ok().map(|t| Ok(Frame::trailers(t)))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        };
        streams::handed_over(true);
        Poll::Ready(Some(Ok(Frame::data(this.piece(data, tail)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), u64::try_from(self.rest.len()).unwrap_or(u64::MAX));
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

/// A piece of an answer, noted until it is written.
pub(super) struct Piece {
    data: Bytes,
    #[expect(dead_code, reason = "held for what its end does")]
    unsent: Option<Unsent>,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.data.advance(count);
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.data.chunks_vectored(slices)
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        self.data.copy_to_bytes(length)
    }
}
