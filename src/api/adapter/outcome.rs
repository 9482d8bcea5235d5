//! How a request ended, as the metrics tell it, whatever its transport: by the names of google.rpc.Code.

use std::cell::Cell;
use std::future::Future;

use axum::body::Body;
use axum::http::{HeaderValue, Response};

use crate::error::Code;

tokio::task_local! {
    /// The error that the request at hand was answered with; none so far.
    static ERROR: Cell<Option<Code>>;
}

/// All endings, by the numbers of google.rpc.Code.
pub const NAMES: [&str; 17] = [
    "ok",
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

/// Number of a request that ended before its answer: its caller went away, or its time was up.
pub const CANCELLED: usize = 1;

/// Notes an error where it leaves the server, the one place that knows it whatever the transport.
pub fn note(code: Code) {
    let _ = ERROR.try_with(|error| error.set(Some(code)));
}

/// Does the work of a request; gives its answer, and its place in [`NAMES`].
pub async fn of(work: impl Future<Output = Response<Body>>) -> (Response<Body>, usize) {
    let noted = async {
        let answer = work.await;
        (answer, ERROR.with(Cell::take))
    };
    let (answer, error) = ERROR.scope(Cell::new(None), noted).await;
    let number = error.map_or_else(|| number(&answer), |code| usize::try_from(code as i32).unwrap_or(2));
    (answer, number)
}

/// The number of what was answered by others than our own functions: a message that cannot be read.
fn number(answer: &Response<Body>) -> usize {
    match answer.headers().get("grpc-status").map(HeaderValue::as_bytes) {
        Some(status) => {
            let status = std::str::from_utf8(status).ok().and_then(|text| text.parse().ok());
            status.filter(|number| *number < NAMES.len()).unwrap_or(2)
        }
        None => match answer.status().as_u16() {
            ..400 => 0,
            404 => 5,
            405 | 501 => 12,
            400..=499 => 3,
            503 => 14,
            504 => 4,
            _ => 13,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn name(status: u16, grpc: Option<&str>, noted: Option<Code>) -> &'static str {
        let mut answer = Response::builder().status(status);
        if let Some(grpc) = grpc {
            answer = answer.header("grpc-status", grpc);
        }
        let answer = answer.body(Body::empty()).expect("a response");
        let work = async {
            noted.into_iter().for_each(note);
            answer
        };
        NAMES[of(work).await.1]
    }

    #[tokio::test]
    async fn endings_have_one_name_whatever_the_transport() {
        assert_eq!(name(200, None, None).await, "ok");
        assert_eq!(name(200, Some("0"), None).await, "ok");
        assert_eq!(name(200, None, Some(Code::NotFound)).await, "not_found", "gRPC-web says it in the body");
        assert_eq!(name(404, None, Some(Code::NotFound)).await, "not_found");
        assert_eq!(name(200, Some("3"), None).await, "invalid_argument");
        assert_eq!(name(415, None, None).await, "invalid_argument");
        assert_eq!(name(200, Some("99"), None).await, "unknown");
        assert_eq!(name(500, None, None).await, "internal");
    }
}
