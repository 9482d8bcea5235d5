//! How many requests may be in work, and how much memory and time their bodies may take.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::budget::Budget;
use super::upload::{Bounds, Received, Upload};
use crate::error::{Code, Error, Result};
use crate::peer::Peer;
use crate::place::{Place, Places};

/// Largest body of a request in bytes (design, section 5); gRPC messages too.
pub const MAX_BODY: usize = 4 << 20;
/// Requests that may wait for each place.
const QUEUE: usize = 2;
/// Least length of the queue, for servers with few places.
const LEAST_QUEUE: usize = 64;
/// The part of the memory that callers share who have shown no token.
const STRANGERS: usize = 4;

/// What the configuration says of limits.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// Longest time from the head of a request to its answer.
    pub deadline: Duration,
    /// Requests in work at once.
    pub concurrency: usize,
    /// Bytes that all bodies may take together.
    pub body_memory: usize,
    /// Longest time from the head of a request to the last byte of its body.
    pub body_deadline: Duration,
}

/// The bounds of a request. Cheap to clone.
#[derive(Clone)]
pub struct Limits {
    /// Longest time from the head of a request to its answer.
    pub deadline: Duration,
    body_deadline: Duration,
    places: Places,
    /// Memory for bodies of callers with a good token.
    callers: Budget,
    /// Memory for bodies of everybody else.
    strangers: Budget,
}

/// How full the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Requests in work.
    pub working: usize,
    /// Requests that wait for a place.
    pub waiting: usize,
    /// Bytes that bodies take.
    pub body_bytes: usize,
}

impl Limits {
    /// The limits of a server.
    pub fn new(bound: Bound) -> Self {
        let strangers = bound.body_memory / STRANGERS;
        Self {
            deadline: bound.deadline,
            body_deadline: bound.body_deadline,
            places: Places::new(bound.concurrency, (bound.concurrency * QUEUE).max(LEAST_QUEUE)),
            callers: Budget::new(bound.body_memory - strangers),
            strangers: Budget::new(strangers),
        }
    }

    /// How full the server is now.
    pub fn level(&self) -> Level {
        let (working, waiting) = self.places.level();
        Level { working, waiting, body_bytes: self.callers.taken() + self.strangers.taken() }
    }

    /// A place among the requests in work, in turn.
    ///
    /// # Errors
    /// Code 14 when too many wait already.
    pub async fn place(&self, peer: Peer) -> Result<Place> {
        let full = |_| Error::native(Code::Unavailable, "too many requests wait already; try again");
        self.places.take(peer).await.map_err(full)
    }

    /// Reads the body of a caller who has been let in and holds a place. The place is kept if all of the
    /// body is there, else given back until it is.
    ///
    /// # Errors
    /// As [`Upload::read`] and [`Limits::place`].
    pub async fn read_of_caller(&self, upload: Upload, size: usize, place: Place) -> Result<(Received, Place)> {
        let peer = upload.peer;
        let mut reading = pin!(upload.read(self.bounds(size), &self.callers));
        if let Some(received) = (&mut reading).now_or_never() {
            return Ok((received?, place));
        }
        drop(place);
        let received = reading.await?;
        Ok((received, self.place(peer).await?))
    }

    /// Reads the body of anybody, then takes a place.
    ///
    /// # Errors
    /// As [`Upload::read`] and [`Limits::place`].
    pub async fn read_of_stranger(&self, upload: Upload, size: usize) -> Result<(Received, Place)> {
        let peer = upload.peer;
        let received = upload.read(self.bounds(size), &self.strangers).await?;
        Ok((received, self.place(peer).await?))
    }

    fn bounds(&self, size: usize) -> Bounds {
        Bounds { size, time: self.body_deadline }
    }
}
