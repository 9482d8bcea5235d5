//! The body of a request, from its head to its last byte.
//!
//! A body costs memory from the shared budget as it grows, must be there before a deadline and must not
//! trickle. What is not read is taken in and thrown away up to a bound, so that a client that is still
//! sending sees the answer.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderMap, Version, header, request};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::budget::{Budget, Reservation};
use super::grpc_web_text::Decoder;
use crate::error::{Code, Error, Result};
use crate::peer::Peer;

/// Bytes a second that a body must bring on average, once [`GRACE`] is over.
const LEAST_SPEED: u64 = 1 << 10;
/// How long a body may take before its speed counts.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes that are few for one frame: whoever sends so few at once is asked for its speed.
const SMALL: usize = 256;
/// What a request costs in bytes while its body is not complete: its head, its tasks.
const UNFINISHED: usize = 4 << 10;
/// Largest body in bytes that is thrown away so that its sender sees the answer.
const DISCARD: u64 = 64 << 20;
/// How long the sender of a body that is thrown away may pause.
const DISCARD_PAUSE: Duration = Duration::from_secs(2);
/// How long throwing away may take.
const DISCARD_TIME: Duration = Duration::from_secs(20);

/// A body that has not been read.
pub struct Upload {
    body: Option<Body>,
    announced: Option<u64>,
    /// Whether its sender needs to get rid of it before it reads the answer.
    polite: bool,
    base64: bool,
    pub(super) peer: Peer,
}

/// A body that is there. It counts against the budget until this is dropped.
pub struct Received {
    /// Its bytes.
    pub bytes: Bytes,
    _held: Reservation,
}

/// Bounds of a body.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// Largest size in bytes.
    pub size: usize,
    /// Longest time from its head to its last byte.
    pub time: Duration,
}

impl Upload {
    /// The body of a request with this head.
    pub fn new(head: &request::Parts, body: Body) -> Self {
        let length = head.headers.get(header::CONTENT_LENGTH);
        Self {
            body: Some(body),
            announced: length.and_then(|v| v.to_str().ok()?.parse().ok()),
            polite: must_be_taken_in(head.version, &head.headers),
            base64: false,
            peer: Peer::of(&head.extensions),
        }
    }

    /// The same, in base64 on the wire.
    #[must_use]
    pub fn in_base64(mut self, base64: bool) -> Self {
        self.base64 = base64;
        self
    }

    /// Reads it to its end.
    ///
    /// # Errors
    /// Code 8: it is too large. Code 4: it takes too long. Code 14: there is no memory for it. Code 3: it
    /// broke off, or is not the base64 that it should be.
    pub async fn read(mut self, bounds: Bounds, budget: &Budget) -> Result<Received> {
        let mut held = budget.open(self.peer);
        if self.announced.is_some_and(|length| length > bounds.size as u64) {
            return Err(too_large(bounds.size));
        }
        let Some(body) = self.body.as_mut().filter(|body| !body.is_end_stream()) else {
            return Ok(Received { bytes: Bytes::new(), _held: held });
        };
        let mut incoming = Incoming { body, bounds, started: Instant::now(), received: 0, counted: false };
        // On the heap: all that a request keeps while it is in work would else be as large as this.
        let outcome = Box::pin(incoming.collect(&mut held, self.base64)).await;
        // What is too slow or has broken off is not worth taking in; what is too large is.
        if !matches!(&outcome, Err(e) if e.code == Code::ResourceExhausted) {
            self.body = None;
        }
        Ok(Received { bytes: outcome?, _held: held })
    }

    /// The body as it comes, for calls whose messages come one by one.
    pub fn into_stream(mut self) -> Body {
        self.body.take().unwrap_or_default()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| self.polite && !body.is_end_stream()) else {
            return;
        };
        if self.announced.is_none_or(|length| length <= DISCARD)
            && let Ok(runtime) = Handle::try_current()
        {
            drop(runtime.spawn(discard(body)));
        }
    }
}

/// HTTP/1.1 has no way to tell a sender to stop: closing the connection takes the answer away from it.
/// HTTP/2 resets the stream, and who asked for leave has not begun.
fn must_be_taken_in(version: Version, headers: &HeaderMap) -> bool {
    version < Version::HTTP_2 && !headers.contains_key(header::EXPECT)
}

async fn discard(mut body: Body) {
    let mut left = DISCARD;
    let discarding = async {
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(DISCARD_PAUSE, body.frame()).await {
            left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64).max(1));
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DISCARD_TIME, discarding).await;
}

/// A body on its way.
struct Incoming<'a> {
    body: &'a mut Body,
    bounds: Bounds,
    started: Instant,
    received: usize,
    /// Whether [`UNFINISHED`] is reserved.
    counted: bool,
}

impl Incoming<'_> {
    async fn collect(&mut self, held: &mut Reservation, base64: bool) -> Result<Bytes> {
        let first = self.next(held).await?.unwrap_or_default();
        if !base64 && self.body.is_end_stream() {
            held.grow(first.len()).await?;
            return Ok(first);
        }
        let mut gathered = Gathered { bytes: Vec::new(), limit: self.bounds.size, held };
        let mut decoder = base64.then(Decoder::default);
        let mut data = Some(first);
        while let Some(piece) = data {
            if let Some(decoder) = decoder.as_mut() {
                gathered.make_room(piece.len() / 4 * 3 + 3).await?;
                decoder.feed(&piece, &mut gathered.bytes)?;
            } else {
                gathered.make_room(piece.len()).await?;
                gathered.bytes.extend_from_slice(&piece);
            }
            // Before the wait: a piece of one byte keeps the buffer it came in.
            drop(piece);
            data = self.next(gathered.held).await?;
        }
        if let Some(decoder) = decoder {
            gathered.make_room(3).await?;
            decoder.finish(&mut gathered.bytes)?;
        }
        Ok(gathered.bytes.into())
    }

    /// The next bytes; none at the end.
    async fn next(&mut self, held: &mut Reservation) -> Result<Option<Bytes>> {
        loop {
            let frame = if let Some(frame) = self.body.frame().now_or_never() {
                frame
            } else {
                if !std::mem::replace(&mut self.counted, true) {
                    held.grow(UNFINISHED).await?;
                }
                let due = self.due();
                tokio::time::timeout_at(due, self.body.frame()).await.map_err(|_| too_slow())?
            };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| broke_off())?;
            let Ok(data) = frame.into_data() else { continue };
            self.received += data.len();
            if self.received > self.bounds.size {
                return Err(too_large(self.bounds.size));
            }
            // Bytes that are always there just in time are as slow as those that are waited for.
            if data.len() < SMALL && Instant::now() > self.due() {
                return Err(too_slow());
            }
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
    }

    /// When the next byte must be there.
    fn due(&self) -> Instant {
        self.started + allowed(self.bounds.time, self.received)
    }
}

/// How long a body may take that has brought so many bytes.
fn allowed(deadline: Duration, received: usize) -> Duration {
    deadline.min(GRACE + Duration::from_secs(received as u64 / LEAST_SPEED))
}

/// Bytes of a body that comes in pieces. They are copied: a piece of one byte may sit in a buffer of many.
struct Gathered<'a> {
    bytes: Vec<u8>,
    limit: usize,
    held: &'a mut Reservation,
}

impl Gathered<'_> {
    async fn make_room(&mut self, more: usize) -> Result<()> {
        let (needed, capacity) = (self.bytes.len() + more, self.bytes.capacity());
        if needed <= capacity {
            return Ok(());
        }
        // Twice as much each time, so that each byte is copied once or twice.
        let target = needed.max((capacity * 2).min(self.limit));
        self.held.grow(target - capacity).await?;
        self.bytes.reserve_exact(target - self.bytes.len());
        Ok(())
    }
}

fn too_large(limit: usize) -> Error {
    Error::native(Code::ResourceExhausted, format!("the request body is larger than {limit} bytes; send less"))
}

fn too_slow() -> Error {
    Error::native(Code::DeadlineExceeded, "the request body took too long; send it faster")
}

fn broke_off() -> Error {
    Error::native(Code::InvalidArgument, "the request body broke off; send it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_must_not_trickle() {
        let deadline = Duration::from_secs(20);
        assert_eq!(allowed(deadline, 0), GRACE);
        assert_eq!(allowed(deadline, 3 << 10), GRACE + Duration::from_secs(3));
        assert_eq!(allowed(deadline, 4 << 20), deadline);
        assert_eq!(allowed(Duration::from_secs(1), 0), Duration::from_secs(1));
    }
}
