//! Whether pages of other origins may call a family of routes (contract 1.8): any origin, a fixed list of verbs and
//! headers, and never with credentials. A page must have a token to call; cookies it cannot make a browser send.
//!
//! The layer of tower-http answers every OPTIONS request as a preflight; the original, and so this
//! server, only those that announce a method, and lets the others fall through to the routes.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use tower::{Layer, Service};

const METHODS: &[&str] = &["OPTIONS", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const HEADERS: &[&str] = &[
    "origin",
    "content-type",
    "accept",
    "accept-language",
    "authorization",
    "x-zitadel-orgid",
    "idempotency-key",
    "x-user-agent",
    "x-grpc-web",
    "x-requested-with",
    "connect-protocol-version",
    "connect-timeout-ms",
    "grpc-timeout",
];
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Location, Content-Length, Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin");
const VARY: HeaderValue = HeaderValue::from_static("Origin");
/// Seconds a browser may keep the answer to a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The policy of a family, as a layer that answers preflights and marks the answers to requests of other origins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cors {
    /// Pages of any origin may call, without credentials.
    Open,
    /// Nothing is said, so browsers keep the answers from pages of other origins.
    None,
}

impl<S> Layer<S> for Cors {
    type Service = Crossed<S>;

    fn layer(&self, inner: S) -> Crossed<S> {
        Crossed { inner, policy: *self }
    }
}

/// A service with a [`Cors`] policy.
#[derive(Clone)]
pub struct Crossed<S> {
    inner: S,
    policy: Cors,
}

impl<S> Service<Request<Body>> for Crossed<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Unpin,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Crossing<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let origin = request.headers().get(header::ORIGIN).filter(|_| self.policy == Cors::Open).cloned();
        match origin {
            Some(origin) if is_preflight(&request) => Crossing::Preflight(Some(preflight(origin, request.headers()))),
            origin => Crossing::Work { work: self.inner.call(request), origin },
        }
    }
}

/// An answer in the making.
pub enum Crossing<F> {
    /// A browser asks for leave.
    Preflight(Option<Response<Body>>),
    /// The request itself.
    Work {
        /// What answers it.
        work: F,
        /// The other origin that the answer is for.
        origin: Option<HeaderValue>,
    },
}

impl<F> Future for Crossing<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>> + Unpin,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (work, origin) = match self.get_mut() {
            Self::Preflight(answer) => return answer.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer))),
            Self::Work { work, origin } => (work, origin),
        };
        let mut response = ready!(Pin::new(work).poll(cx))?;
        if let Some(origin) = origin.take() {
            allow(response.headers_mut(), origin);
            response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        Poll::Ready(Ok(response))
    }
}

fn is_preflight(request: &Request<Body>) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, VARY);
}

fn preflight(origin: HeaderValue, asked: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let text = |name: HeaderName| asked.get(name).and_then(|v| v.to_str().ok());
    let method = text(header::ACCESS_CONTROL_REQUEST_METHOD).unwrap_or_default();
    let names = text(header::ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
    let known = |name: &str| name.is_empty() || HEADERS.iter().any(|h| h.eq_ignore_ascii_case(name));
    if !METHODS.contains(&method) || !names.split(',').all(|name| known(name.trim())) {
        return response;
    }
    let headers = response.headers_mut();
    allow(headers, origin);
    for (from, to) in [
        (header::ACCESS_CONTROL_REQUEST_METHOD, header::ACCESS_CONTROL_ALLOW_METHODS),
        (header::ACCESS_CONTROL_REQUEST_HEADERS, header::ACCESS_CONTROL_ALLOW_HEADERS),
    ] {
        if let Some(value) = asked.get(from) {
            headers.insert(to, value.clone());
        }
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}
