//! Decides for each request which protocol it speaks, and finds its REST route.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use bytes::Bytes;
use connectrpc::{ConnectRpcService, DeadlinePolicy};
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tower::Service;

use super::limits::Limits;
use super::routes::RestHandler;
use super::{MAX_BODY, error, grpc_web_text, json};
use crate::error::{Code, Error, Result};
use crate::proto::{Rpc, rpcs};

/// Largest body in bytes that is read only to be refused.
const DISCARD: usize = 64 << 20;

/// Everything below the probes. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    /// One tree per verb, so that a static segment of one verb never hides a parameter of another.
    trees: HashMap<Method, matchit::Router<Route>>,
    rpc: ConnectRpcService,
    limits: Limits,
}

struct Route {
    params: Vec<&'static str>,
    handler: RestHandler,
}

impl Gateway {
    /// A gateway over the routes of the tables.
    ///
    /// # Panics
    /// If two RPCs claim the same route.
    #[expect(clippy::expect_used, reason = "a contract with a bad route must not start")]
    pub fn new(rest: Vec<(&'static Rpc, RestHandler)>, rpc: connectrpc::Router, limits: Limits) -> Self {
        let mut trees: HashMap<Method, matchit::Router<Route>> = HashMap::new();
        for (rpc, handler) in rest {
            let verb = rpc.verb.parse().expect("the contract names a verb");
            let params = rpc
                .path
                .split('/')
                .filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
                .map(|s| s.trim_start_matches('*'))
                .collect();
            let tree = trees.entry(verb).or_default();
            tree.insert(rpc.path, Route { params, handler }).expect("each route is claimed once");
        }
        let rpc = ConnectRpcService::new(rpc)
            .with_limits(
                connectrpc::Limits::default().with_max_message_size(MAX_BODY).with_max_request_body_size(MAX_BODY + 5),
            )
            .with_deadline_policy(
                DeadlinePolicy::new().with_default_timeout(limits.deadline).with_max(limits.deadline),
            );
        Self(Arc::new(Inner { trees, rpc, limits }))
    }
}

impl Service<Request<Body>> for Gateway {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { Ok(inner.answer(request).await) })
    }
}

impl Inner {
    /// An error outside of any handler goes to the client in its own protocol.
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let grpc = is_grpc(&request);
        let outcome = if grpc || (!is_rest(request.uri().path()) && speaks_rpc(&request)) {
            guarded(&self.limits, self.rpc(request)).await
        } else {
            guarded(&self.limits, self.rest(request)).await
        };
        match outcome {
            Ok(response) => response,
            Err(e) if grpc => error::grpc_trailers_only(&e),
            Err(e) => error::response(&e),
        }
    }

    async fn rpc(&self, request: Request<Body>) -> Response<Body> {
        if !grpc_web_text::is_text(request.headers()) {
            return self.rpc_binary(request).await;
        }
        let (head, body) = request.into_parts();
        let binary = match read(body, &head.headers).await {
            Ok(body) => grpc_web_text::binary(head, &body),
            Err(e) => Err(e),
        };
        match binary {
            Ok(request) => grpc_web_text::text(self.rpc_binary(request).await).await,
            Err(e) => grpc_web_text::text(error::grpc_trailers_only(&e)).await,
        }
    }

    async fn rpc_binary(&self, request: Request<Body>) -> Response<Body> {
        let mut rpc = self.rpc.clone();
        match rpc.call(request).await {
            Ok(response) => trailers_only(response.map(Body::new)).await,
            Err(never) => match never {},
        }
    }

    async fn rest(&self, request: Request<Body>) -> Response<Body> {
        self.find(request).await.unwrap_or_else(|e| error::response(&e))
    }

    async fn find(&self, request: Request<Body>) -> Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let verb = effective_verb(&head.method, &head.headers);
        if let Some(clean) = cleaned(path) {
            return Ok(redirect(&clean));
        }
        let Some(found) = self.trees.get(&verb).and_then(|tree| tree.at(path).ok()) else {
            return Ok(self.miss(path, &verb));
        };
        let route = found.value;
        let mut params = Vec::with_capacity(route.params.len());
        for (name, (_, value)) in route.params.iter().zip(found.params.iter()) {
            params.push((*name, json::percent_decode(value)?));
        }
        let body = read(body, &head.headers).await?;
        let handler = Arc::clone(&route.handler);
        Ok(handler(head, params, body).await)
    }

    /// Why no route fits: another verb, or no such path at all.
    fn miss(&self, path: &str, verb: &Method) -> Response<Body> {
        let elsewhere = self.trees.iter().any(|(other, tree)| other != verb && tree.at(path).is_ok());
        if elsewhere { error::method_not_allowed() } else { error::no_such_path() }
    }
}

/// A gRPC error as one block of headers. connectrpc puts the status into headers and trailers, the
/// details into the trailers only; clients that see a status in the headers stop reading there.
async fn trailers_only(response: Response<Body>) -> Response<Body> {
    if !response.headers().contains_key("grpc-status") {
        return response;
    }
    let (mut head, body) = response.into_parts();
    if let Ok(collected) = body.collect().await
        && let Some(trailers) = collected.trailers()
    {
        for (name, value) in trailers {
            head.headers.insert(name, value.clone());
        }
    }
    Response::from_parts(head, Body::empty())
}

/// The answer to another spelling of a path.
fn redirect(path: &str) -> Response<Body> {
    let Ok(location) = HeaderValue::from_str(path) else { return error::no_such_path() };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// gRPC proper: HTTP/2 and one of its content types (contract 1.1).
fn is_grpc(request: &Request<Body>) -> bool {
    request.version() == Version::HTTP_2
        && content_type(request).is_some_and(|t| {
            t.strip_prefix("application/grpc").is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
        })
}

fn is_rest(path: &str) -> bool {
    path.starts_with("/management/") || path.starts_with("/auth/")
}

/// Whether a request to a path outside REST is gRPC-web, Connect or a call of a known service.
fn speaks_rpc(request: &Request<Body>) -> bool {
    let service = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
    rpcs::ALL.iter().any(|rpc| rpc.service == service)
        || service.starts_with("grpc.")
        || content_type(request).is_some_and(|t| {
            ["application/grpc", "application/connect+", "application/proto"].iter().any(|p| t.starts_with(p))
        })
}

fn content_type(request: &Request<Body>) -> Option<&str> {
    request.headers().get(header::CONTENT_TYPE)?.to_str().ok()
}

/// A form-encoded POST may name another verb (contract 1.2).
fn effective_verb(method: &Method, headers: &HeaderMap) -> Method {
    let form = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|t| t.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if method != Method::POST || !form {
        return method.clone();
    }
    let named = headers.get("x-http-method-override").and_then(|v| Method::from_bytes(v.as_bytes()).ok());
    named.unwrap_or_else(|| method.clone())
}

/// Reads a body within the limits.
///
/// # Errors
/// It is too large or broke off.
pub(super) async fn read(body: Body, headers: &HeaderMap) -> Result<Bytes> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    match announced {
        Some(length) if length > DISCARD => return Err(too_large()),
        Some(length) if length > MAX_BODY => return discard(body).await,
        _ => {}
    }
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(e) if e.downcast_ref::<LengthLimitError>().is_some() => Err(too_large()),
        Err(_) => Err(Error::native(Code::InvalidArgument, "the request body broke off; send it again")),
    }
}

/// Reads a body without keeping it. A client that is still sending when the connection closes loses
/// the answer that tells it why, so what is only somewhat too large is taken in first.
async fn discard(body: Body) -> Result<Bytes> {
    let mut body = Limited::new(body, DISCARD);
    while let Some(Ok(_)) = body.frame().await {}
    Err(too_large())
}

fn too_large() -> Error {
    Error::native(Code::ResourceExhausted, format!("the request body is larger than {MAX_BODY} bytes; send less"))
}

/// A path without empty, `.` and `..` segments, if it had any; the original redirects to it.
fn cleaned(path: &str) -> Option<String> {
    if !(path.contains("//") || path.contains("/.")) {
        return None;
    }
    let inner = path.strip_prefix('/').filter(|inner| !inner.is_empty())?;
    let (body, end) = inner.strip_suffix('/').map_or((inner, ""), |body| (body, "/"));
    if !body.split('/').any(|s| matches!(s, "" | "." | "..")) {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in body.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let end = if kept.is_empty() { "" } else { end };
    Some(format!("/{}{end}", kept.join("/")))
}

/// Does work within the limits; a defect in it becomes an error.
///
/// # Errors
/// Time is up, or the work panicked.
pub(super) async fn guarded<T>(limits: &Limits, work: impl Future<Output = T>) -> Result<T> {
    let work = AssertUnwindSafe(limits.run(work)).catch_unwind();
    work.await.unwrap_or_else(|panic| Err(defect(&*panic)))
}

fn defect(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Error::internal(format!("panic: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_with_odd_segments_are_cleaned() {
        for fine in ["/", "/a", "/a/", "/a/b"] {
            assert_eq!(cleaned(fine), None, "{fine}");
        }
        for (odd, clean) in [("//", "/"), ("/a//b/", "/a/b/"), ("/a/../b", "/b"), ("/./a", "/a"), ("/../..", "/")] {
            assert_eq!(cleaned(odd).as_deref(), Some(clean), "{odd}");
        }
    }
}
