//! Counts the requests of each OAuth endpoint by result, and the time they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;

use crate::api::adapter::measure::Times;
use crate::clock::Monotonic;
use crate::service::oauth::OAuthResult;

/// What an endpoint can say: that all is well, what introspection finds, or an error of the specifications. The first
/// is for what is dropped before its end, the last for what is not in this list.
const RESULTS: [&str; 13] = [
    "cancelled",
    "ok",
    "active",
    "inactive",
    "invalid_request",
    "invalid_client",
    "unauthorized_client",
    "invalid_grant",
    "unsupported_grant_type",
    "invalid_scope",
    "access_denied",
    "server_error",
    "other",
];

/// Another result than "ok", noted at an answer.
#[derive(Clone, Copy)]
pub struct Told(pub &'static str);

/// The requests of one endpoint. Cheap to clone, one count for all clones.
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

struct Inner {
    time: Arc<dyn Monotonic>,
    path: String,
    results: [AtomicU64; RESULTS.len()],
    times: Times,
}

impl Endpoint {
    /// Nothing counted yet.
    pub fn new(path: &str, time: Arc<dyn Monotonic>) -> Self {
        Self(Arc::new(Inner { time, path: path.to_owned(), results: Default::default(), times: Times::default() }))
    }

    /// The label in the metrics.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// How many ended so, for each result that there was.
    pub fn results(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.results.iter().map(|count| count.load(Ordering::Relaxed));
        RESULTS.into_iter().zip(counts).filter(|(_, count)| *count > 0)
    }

    /// How long they took.
    pub fn times(&self) -> &Times {
        &self.0.times
    }

    /// A request that begins.
    pub fn begin(&self) -> Running<'_> {
        Running { endpoint: &self.0, begun: self.0.time.elapsed(), result: 0 }
    }
}

/// A request at work; one that is dropped is counted too.
pub struct Running<'a> {
    endpoint: &'a Inner,
    begun: Duration,
    result: usize,
}

impl Running<'_> {
    /// It ends so.
    pub fn end(mut self, outcome: &OAuthResult<Response<Body>>) {
        let told = match outcome {
            Ok(answer) => answer.extensions().get::<Told>().map_or("ok", |told| told.0),
            Err(error) => error.error,
        };
        self.result = RESULTS.iter().position(|result| *result == told).unwrap_or(RESULTS.len() - 1);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.endpoint.results[self.result].fetch_add(1, Ordering::Relaxed);
        self.endpoint.times.add(self.endpoint.time.elapsed().saturating_sub(self.begun));
    }
}
