//! Counts the requests of each family of routes, by how they ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response};

/// Where gRPC says how a call ended, if that is all it says.
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The classes of answers, as the metrics name them.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Counts the answers of one family. Cheap to clone, one count for all clones.
#[derive(Clone)]
pub struct Count {
    family: &'static str,
    classes: Arc<[AtomicU64; 4]>,
}

impl Count {
    /// Nothing counted yet. The name is the label in the metrics.
    pub fn of(family: &'static str) -> Self {
        Self { family, classes: Arc::default() }
    }

    /// The label in the metrics.
    pub fn family(&self) -> &'static str {
        self.family
    }

    /// Answers so far, by class.
    pub fn level(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES.into_iter().zip(self.classes.iter().map(|n| n.load(Ordering::Relaxed)))
    }

    /// One more answer. One that nobody waits for any more is not counted.
    pub fn add(&self, response: &Response<Body>) {
        self.classes[class(response)].fetch_add(1, Ordering::Relaxed);
    }
}

/// The place of an answer in [`CLASSES`]. gRPC always has HTTP status 200 and tells errors by a code of its own. What
/// comes after the head is not looked at: the end of a stream, and errors of gRPC-web, which are in the body.
fn class(response: &Response<Body>) -> usize {
    match response.headers().get(GRPC_STATUS).map(HeaderValue::as_bytes) {
        None => usize::from(response.status().as_u16() / 100).clamp(2, 5) - 2,
        Some(b"0") => 0,
        // Unknown, deadline exceeded, internal, unavailable, data loss: ours to answer for.
        Some(b"2" | b"4" | b"13" | b"14" | b"15") => 3,
        Some(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_by_http_status_and_by_grpc_status() {
        for (status, grpc, expected) in [
            (204, None, "2xx"),
            (301, None, "3xx"),
            (404, None, "4xx"),
            (503, None, "5xx"),
            (200, Some("0"), "2xx"),
            (200, Some("16"), "4xx"),
            (200, Some("13"), "5xx"),
            (200, Some("14"), "5xx"),
        ] {
            let mut response = Response::builder().status(status);
            if let Some(grpc) = grpc {
                response = response.header(GRPC_STATUS, grpc);
            }
            let count = Count::of("rpc");
            count.add(&response.body(Body::empty()).expect("a response"));
            let counted: Vec<_> = count.level().filter(|(_, n)| *n == 1).collect();
            assert_eq!(counted, [(expected, 1)], "{status} {grpc:?}");
        }
    }
}
