//! What keeps a request from going on for ever, and a defect from taking its connection down.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use futures_util::FutureExt as _;
use tower::{Layer, Service};

use crate::error::{Code, Error};

/// How an error is told to a client.
pub type Answer = fn(Error) -> Response<Body>;

/// The layer: what takes longer than the deadline is given up, and a panic becomes an error.
#[derive(Clone, Copy)]
pub struct Guard {
    /// Longest time from the head of a request to the head of its answer.
    pub deadline: Duration,
    /// How the family tells an error to the client that sends this request. It is asked before the work begins,
    /// which takes the request with it.
    pub answers: fn(&Request<Body>) -> Answer,
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, guard: *self }
    }
}

/// A service behind a [`Guard`].
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    guard: Guard,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let deadline = self.guard.deadline;
        let answer = (self.guard.answers)(&request);
        let work = self.inner.call(request);
        Box::pin(async move {
            let outcome = AssertUnwindSafe(tokio::time::timeout(deadline, work)).catch_unwind().await;
            match outcome {
                Ok(Ok(done)) => done,
                Ok(Err(_)) => Ok(answer(late())),
                Err(panic) => Ok(answer(defect(&*panic))),
            }
        })
    }
}

fn late() -> Error {
    Error::native(Code::DeadlineExceeded, "the request took too long; try again")
}

fn defect(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Error::internal(format!("panic: {text}"))
}

#[cfg(test)]
mod tests {
    use tower::{ServiceExt as _, service_fn};

    use super::*;
    use crate::api::adapter::error;

    const GUARD: Guard = Guard { deadline: Duration::from_millis(10), answers: |_| |e| error::response(&e) };

    async fn status<F>(work: fn(Request<Body>) -> F) -> u16
    where
        F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
    {
        let answer = GUARD.layer(service_fn(work)).oneshot(Request::new(Body::empty())).await;
        answer.expect("it never fails").status().as_u16()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_late_or_panics_is_answered() {
        assert_eq!(status(|_| async { Ok(Response::new(Body::empty())) }).await, 200);
        assert_eq!(status(|_| std::future::pending()).await, 504);
        assert_eq!(status(|_| async { panic!("a defect") }).await, 500);
    }
}
