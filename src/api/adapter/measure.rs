//! Counts calls and the time they take, RPC by RPC. Everything is there from the start, so a call costs some additions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

use super::outcome::{CANCELLED, NAMES};
use crate::clock::Monotonic;

/// Upper bounds of the buckets of times, in microseconds.
pub const BOUNDS: [u64; 11] = [500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];

/// How a call comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// REST of the contract.
    Rest,
    /// gRPC proper.
    Grpc,
    /// gRPC-web, in binary or text.
    GrpcWeb,
    /// The Connect protocol.
    Connect,
}

impl Transport {
    /// All, in the order of the counters.
    pub const ALL: [Self; 4] = [Self::Rest, Self::Grpc, Self::GrpcWeb, Self::Connect];

    /// Of a call that is not REST, by its content type.
    pub fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        match kind.strip_prefix(b"application/grpc") {
            Some(rest) if rest.starts_with(b"-web") => Self::GrpcWeb,
            Some(_) => Self::Grpc,
            None => Self::Connect,
        }
    }

    /// The label in the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::Connect => "connect",
        }
    }
}

/// How long something took, in buckets.
#[derive(Debug, Default)]
pub struct Times {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// The present state of [`Times`].
pub struct Level {
    /// Those up to each bound, and all.
    pub up_to: [u64; BOUNDS.len() + 1],
    /// All together.
    pub sum: Duration,
}

impl Times {
    /// One more.
    pub fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What there is so far.
    pub fn level(&self) -> Level {
        let mut up_to = [0; BOUNDS.len() + 1];
        let mut sum = 0;
        for (total, bucket) in up_to.iter_mut().zip(&self.buckets) {
            sum += bucket.load(Ordering::Relaxed);
            *total = sum;
        }
        Level { up_to, sum: Duration::from_micros(self.micros.load(Ordering::Relaxed)) }
    }
}

/// Calls of one RPC.
#[derive(Debug, Default)]
pub struct Calls {
    ended: [[AtomicU64; NAMES.len()]; Transport::ALL.len()],
    /// How long they took.
    pub times: Times,
}

impl Calls {
    /// How many came by a transport and ended so, for all that there were.
    pub fn ended(&self) -> impl Iterator<Item = (Transport, &'static str, u64)> {
        Transport::ALL.into_iter().zip(&self.ended).flat_map(|(transport, ended)| {
            let counts = NAMES.into_iter().zip(ended.iter().map(|count| count.load(Ordering::Relaxed)));
            counts.filter(|(_, count)| *count > 0).map(move |(name, count)| (transport, name, count))
        })
    }
}

/// The calls of each RPC, in the order of the contract. Cheap to clone, one count for all clones.
#[derive(Clone)]
pub struct Measures {
    calls: Arc<[Calls]>,
    time: Arc<dyn Monotonic>,
}

impl Measures {
    /// Nothing yet, of so many RPCs.
    pub fn new(rpcs: usize, time: Arc<dyn Monotonic>) -> Self {
        Self { calls: (0..rpcs).map(|_| Calls::default()).collect(), time }
    }

    /// The calls of each.
    pub fn all(&self) -> &[Calls] {
        &self.calls
    }

    /// A call that begins, of an RPC by its place in the contract. One that is dropped before its end is counted too.
    pub fn begin(&self, rpc: usize, transport: Transport) -> Running<'_> {
        Running { calls: &self.calls[rpc], transport, time: &*self.time, begun: self.time.elapsed(), ended: CANCELLED }
    }
}

/// A call at work.
pub struct Running<'a> {
    calls: &'a Calls,
    transport: Transport,
    time: &'a dyn Monotonic,
    begun: Duration,
    ended: usize,
}

impl Running<'_> {
    /// It ends so, by the place in [`NAMES`].
    pub fn end(mut self, ended: usize) {
        self.ended = ended;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.calls.ended[self.transport as usize][self.ended].fetch_add(1, Ordering::Relaxed);
        self.calls.times.add(self.time.elapsed().saturating_sub(self.begun));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemMonotonic;

    #[test]
    fn calls_are_counted_by_transport_and_end_and_in_buckets() {
        let measures = Measures::new(2, Arc::new(SystemMonotonic::default()));
        measures.begin(1, Transport::GrpcWeb).end(0);
        drop(measures.begin(1, Transport::Rest));
        let ended: Vec<_> = measures.all()[1].ended().collect();
        assert_eq!(ended, [(Transport::Rest, "cancelled", 1), (Transport::GrpcWeb, "ok", 1)]);
        assert_eq!(measures.all()[0].ended().count(), 0);

        let times = Times::default();
        for micros in [1, 500, 501, 5_000_000, 5_000_001] {
            times.add(Duration::from_micros(micros));
        }
        let level = times.level();
        assert_eq!((level.up_to[0], level.up_to[1], level.up_to[10], level.up_to[11]), (2, 3, 4, 5));
        assert_eq!(level.sum, Duration::from_micros(10_001_003));
    }

    #[test]
    fn transports_are_told_apart_by_the_content_type() {
        for (kind, transport) in [
            ("application/grpc", Transport::Grpc),
            ("application/grpc+proto", Transport::Grpc),
            ("application/grpc-web+proto", Transport::GrpcWeb),
            ("application/grpc-web-text", Transport::GrpcWeb),
            ("application/json", Transport::Connect),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
            assert_eq!(Transport::of(&headers), transport, "{kind}");
        }
    }
}
