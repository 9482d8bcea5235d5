//! Decides for each request which protocol it speaks, and finds its REST route.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, Response, Version, header};
use connectrpc::{ConnectRpcService, DeadlinePolicy};
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, BodyStream, Limited, StreamBody};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tower::Service;

use super::admission::{Door, Entered, PUBLIC_BODY, refuse};
use super::fits::Fits;
use super::guard::Answer;
use super::limits::{Limits, MAX_BODY};
use super::measure::{Measures, Transport};
use super::outcome;
use super::paths::{cleaned, redirect};
use super::routes::{RestHandler, Table, within};
use super::upload::Upload;
use super::{error, grpc_web_text, json};
use crate::error::{Code, Error, Result};
use crate::place;
use crate::proto::{Rpc, rpcs};

/// Largest stream of requests in bytes that reflection takes in one call.
const REFLECTION: usize = 64 << 10;

/// Answers of reflection and of the health watch that may go on at once, and how long each may.
const STREAMS: usize = 256;
const WATCH: Duration = Duration::from_mins(10);

/// Largest body of a gRPC call in bytes: a message and what frames it.
const MAX_FRAMED: usize = MAX_BODY + 5;

/// The family of the RPCs: the contract over all protocols, gRPC health and reflection. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    /// One tree per verb, so that a static segment of one verb never hides a parameter of another.
    trees: HashMap<Method, matchit::Router<Route>>,
    /// RPCs by their full name, which is the path of their gRPC method.
    rpcs: HashMap<&'static str, Known>,
    rpc: ConnectRpcService,
    /// The same for JSON.
    rpc_json: ConnectRpcService,
    door: Door,
    limits: Limits,
    measures: Measures,
    streams: Arc<Semaphore>,
}

/// An RPC, and its place in the contract, by which it is measured.
#[derive(Clone, Copy)]
struct Known {
    rpc: &'static Rpc,
    place: usize,
}

struct Route {
    known: Known,
    params: Vec<&'static str>,
    handler: RestHandler,
}

impl Gateway {
    /// A gateway over the routes of the tables.
    ///
    /// # Panics
    /// If two RPCs claim the same route.
    #[expect(clippy::expect_used, reason = "a contract with a bad route must not start")]
    pub fn new(table: Table, limits: Limits, measures: Measures) -> Self {
        let Table { rest, rpc: router, gate, .. } = table;
        let rpcs: HashMap<_, _> =
            rpcs::ALL.iter().enumerate().map(|(place, rpc)| (rpc.full, Known { rpc, place })).collect();
        let mut trees: HashMap<Method, matchit::Router<Route>> = HashMap::new();
        for (rpc, rest, handler) in rest {
            let verb = rest.verb.parse().expect("the contract names a verb");
            let params = rest
                .path
                .split('/')
                .filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
                .map(|s| s.trim_start_matches('*'))
                .collect();
            let tree = trees.entry(verb).or_default();
            tree.insert(rest.path, Route { known: rpcs[rpc.full], params, handler })
                .expect("each route is claimed once");
        }
        let rpc = ConnectRpcService::new(router)
            .with_limits(
                connectrpc::Limits::default().with_max_message_size(MAX_BODY).with_max_request_body_size(MAX_FRAMED),
            )
            .with_deadline_policy(
                DeadlinePolicy::new().with_default_timeout(limits.deadline).with_max(limits.deadline),
            );
        let rpc_json = rpc.clone().with_interceptor(Fits(rpcs::ALL.iter().map(|rpc| (rpc.full, *rpc)).collect()));
        let door = Door::new(gate, limits.clone());
        let streams = Arc::new(Semaphore::new(STREAMS));
        Self(Arc::new(Inner { trees, rpcs, rpc, rpc_json, door, limits, measures, streams }))
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
        let grpc = is_grpc(&request);
        if grpc || (!is_rest(request.uri().path()) && speaks_rpc(&request)) {
            let answer = answer_of(grpc);
            return Box::pin(async move { Ok(inner.rpc(request).await.unwrap_or_else(answer)) });
        }
        Box::pin(async move { Ok(inner.rest(request).await.unwrap_or_else(|e| error::response(&e))) })
    }
}

/// An error outside of any handler goes to the client in its own protocol.
pub fn answers(request: &Request<Body>) -> Answer {
    answer_of(is_grpc(request))
}

fn answer_of(grpc: bool) -> Answer {
    if grpc { |e| error::grpc_trailers_only(&e) } else { |e| error::response(&e) }
}

impl Inner {
    async fn rpc(&self, request: Request<Body>) -> Result<Response<Body>> {
        let text = grpc_web_text::is_text(request.headers());
        let (mut head, body) = request.into_parts();
        let upload = Upload::new(&head, body).in_base64(text);
        if text {
            grpc_web_text::to_binary(&mut head.headers);
        }
        let known = head.uri.path().strip_prefix('/').and_then(|name| self.rpcs.get(name));
        let answer = match known {
            Some(_) if head.method != Method::POST => error::post_only(),
            Some(known) => {
                let transport = Transport::of(&head.headers);
                self.measured(*known, transport, self.rpc_of_contract(known.rpc, head, upload)).await
            }
            None => self.rpc_of_others(head, upload).await?,
        };
        Ok(if text { grpc_web_text::text(answer) } else { answer })
    }

    /// A call of the contract, counted and timed.
    async fn measured(
        &self,
        known: Known,
        transport: Transport,
        work: impl Future<Output = Response<Body>>,
    ) -> Response<Body> {
        let running = self.measures.begin(known.place, transport);
        let (answer, ended) = outcome::of(work).await;
        running.end(ended);
        answer
    }

    /// A call of the contract: its caller is let in before the body is read.
    async fn rpc_of_contract(&self, rpc: &Rpc, mut head: Parts, upload: Upload) -> Response<Body> {
        match self.door.enter(rpc, &head.headers, upload, MAX_FRAMED).await {
            Ok(entered) => {
                let Entered { caller, body, place } = entered;
                head.extensions.insert(caller);
                let request = Request::from_parts(head, Body::from(body.bytes.clone()));
                let answer = place::held(place, self.rpc_binary(request)).await;
                drop(body);
                answer
            }
            Err(e) => {
                let body = refuse(&mut head.extensions, &mut head.headers, e);
                self.rpc_binary(Request::from_parts(head, Body::from(body))).await
            }
        }
    }

    /// Health, reflection, and what does not exist, whose body nobody wants to know.
    async fn rpc_of_others(&self, head: Parts, upload: Upload) -> Result<Response<Body>> {
        let path = head.uri.path();
        let longest = if path.starts_with("/grpc.reflection.") {
            Some(self.limits.deadline)
        } else {
            (path == "/grpc.health.v1.Health/Watch").then_some(WATCH)
        };
        let stream = longest.map(|longest| self.stream(longest)).transpose()?;
        let mut held = None;
        let body = if path.starts_with("/grpc.reflection.") {
            Body::new(Limited::new(upload.into_stream(), REFLECTION))
        } else if path.starts_with("/grpc.") {
            let (body, place) = self.limits.read_of_stranger(upload, PUBLIC_BODY).await?;
            let bytes = body.bytes.clone();
            held = Some((body, place));
            Body::from(bytes)
        } else {
            Body::empty()
        };
        let answer = self.rpc_binary(Request::from_parts(head, body)).await;
        drop(held);
        Ok(match stream {
            Some((turn, end)) => answer.map(|body| ended(body, turn, end)),
            None => answer,
        })
    }

    /// The right to an answer that goes on, and when it ends.
    fn stream(&self, longest: Duration) -> Result<(OwnedSemaphorePermit, Instant)> {
        let turn = Arc::clone(&self.streams).try_acquire_owned();
        let turn =
            turn.map_err(|_| Error::native(Code::ResourceExhausted, "too many streams are open; try again later"))?;
        Ok((turn, Instant::now() + longest))
    }

    async fn rpc_binary(&self, request: Request<Body>) -> Response<Body> {
        let json = content_type(&request).is_some_and(|kind| kind.contains("json"));
        let called = if json { &self.rpc_json } else { &self.rpc }.clone().call(request);
        match called.await {
            Ok(response) => trailers_only(response.map(Body::new)).await,
            Err(never) => match never {},
        }
    }

    async fn rest(&self, request: Request<Body>) -> Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let upload = Upload::new(&head, body);
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
        let work = within(&head.headers, async {
            let entered = self.door.enter(route.known.rpc, &head.headers, upload, MAX_BODY).await?;
            let Entered { caller, body, place } = entered;
            place::held(place, (route.handler)(caller, &head.uri, params, &body.bytes)).await
        });
        let work = async { work.await.unwrap_or_else(|e| error::response(&e)) };
        Ok(Box::pin(self.measured(route.known, Transport::Rest, work)).await)
    }

    /// Why no route fits: another verb, or no such path at all.
    fn miss(&self, path: &str, verb: &Method) -> Response<Body> {
        let others = self.trees.iter().filter(|(other, tree)| *other != verb && tree.at(path).is_ok());
        let mut others: Vec<&str> = others.map(|(other, _)| other.as_str()).collect();
        others.sort_unstable();
        if others.is_empty() { error::no_such_path() } else { error::method_not_allowed(&others.join(", ")) }
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

/// gRPC proper: HTTP/2 and one of its content types (contract 1.1).
fn is_grpc(request: &Request<Body>) -> bool {
    request.version() == Version::HTTP_2
        && content_type(request).is_some_and(|t| {
            t.strip_prefix("application/grpc").is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
        })
}

/// Whether a path begins as the REST routes of the contract do.
fn is_rest(path: &str) -> bool {
    let root = path.strip_prefix('/').and_then(|rest| rest.split_once('/'));
    root.is_some_and(|(root, _)| rpcs::REST_ROOTS.contains(&root))
}

/// Whether a request to a path outside REST is gRPC-web, Connect or a call of a known service.
fn speaks_rpc(request: &Request<Body>) -> bool {
    let service = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
    rpcs::SERVICES.contains(&service)
        || service.starts_with("grpc.")
        || content_type(request).is_some_and(|t| {
            ["application/grpc", "application/connect+", "application/proto"].iter().any(|p| t.starts_with(p))
        })
}

fn content_type(request: &Request<Body>) -> Option<&str> {
    request.headers().get(header::CONTENT_TYPE)?.to_str().ok()
}

/// A body that is cut off at some time, and gives something back when it is over.
fn ended(body: Body, turn: OwnedSemaphorePermit, end: Instant) -> Body {
    let frames = BodyStream::new(body).take_until(sleep_until(end));
    Body::new(StreamBody::new(frames.map(move |frame| {
        let _held = &turn;
        frame
    })))
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
