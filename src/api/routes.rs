//! The adapter: one line of a route table serves an RPC over REST, gRPC, gRPC-web and Connect.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, request};
use bytes::Bytes;
use connectrpc::RequestContext;

use super::{error, json};
use crate::auth::{Ctx, Gate};
use crate::error::{Code, Error, Result};
use crate::proto::{Call, Rpc, rpcs};

/// The header that names the organization (contract 1.5).
const ORG_HEADER: &str = "x-zitadel-orgid";

/// An answer in the making.
pub type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
/// A REST handler: head of the request, path parameters, body.
pub type RestHandler = Arc<dyn Fn(request::Parts, Vec<(&'static str, String)>, Bytes) -> Answer + Send + Sync>;

/// All routes of the server.
pub struct Table {
    /// REST routes.
    pub rest: Vec<(&'static Rpc, RestHandler)>,
    /// gRPC, gRPC-web and Connect.
    pub rpc: connectrpc::Router,
    gate: Gate,
}

impl Table {
    /// A table without routes; `gate` lets callers in.
    pub fn new(gate: Gate) -> Self {
        Self { rest: Vec::new(), rpc: connectrpc::Router::new(), gate }
    }

    /// Adds the routes of one resource.
    pub fn resource<S: Send + Sync + 'static>(
        self,
        service: Arc<S>,
        routes: impl FnOnce(Resource<S>) -> Resource<S>,
    ) -> Self {
        routes(Resource { table: self, service }).table
    }

    /// RPCs of the contract that have no line yet; the coverage test wants none.
    pub fn missing(&self) -> BTreeSet<&'static str> {
        let served: BTreeSet<_> = self.rest.iter().map(|(rpc, _)| rpc.name).collect();
        rpcs::ALL.iter().map(|rpc| rpc.name).filter(|name| !served.contains(name)).collect()
    }
}

/// The routes of one resource, all answered by one service.
pub struct Resource<S> {
    table: Table,
    service: Arc<S>,
}

impl<S: Send + Sync + 'static> Resource<S> {
    /// One RPC, by its name in the contract and the service function that answers it. Verb, path and
    /// permission come from the contract.
    ///
    /// # Panics
    /// At start-up, if the function takes the message of another RPC.
    #[must_use]
    pub fn rpc<Req, Res, Fut>(mut self, name: &'static str, function: fn(Arc<S>, Ctx, Req) -> Fut) -> Self
    where
        Req: Call,
        Res: buffa::Message + serde::Serialize + Send + 'static,
        Fut: Future<Output = Result<Res>> + Send + 'static,
    {
        assert_eq!(name, Req::RPC.name, "the route table names another RPC than the function serves");
        let (service, gate) = (Arc::clone(&self.service), self.table.gate.clone());
        let rest: RestHandler = Arc::new(move |head, params, body| {
            let (service, gate) = (Arc::clone(&service), gate.clone());
            Box::pin(async move {
                let answer = within(&head.headers, rest_call(service, gate, function, &head, params, &body)).await;
                answer.unwrap_or_else(|e| error::response(&e))
            })
        });
        self.table.rest.push((Req::RPC, rest));

        let (service, gate) = (Arc::clone(&self.service), self.table.gate.clone());
        let handler = connectrpc::handler::handler_fn(move |cx: RequestContext, request: Req| {
            let (service, gate) = (Arc::clone(&service), gate.clone());
            async move {
                let answer = call(service, gate, function, cx.headers(), request).await;
                answer.map(connectrpc::Response::new).map_err(|e| error::status(&e))
            }
        });
        self.table.rpc = self.table.rpc.route(Req::RPC.service, name, handler);
        self
    }
}

async fn rest_call<S, Req, Res, Fut>(
    service: Arc<S>,
    gate: Gate,
    function: fn(Arc<S>, Ctx, Req) -> Fut,
    head: &request::Parts,
    params: Vec<(&'static str, String)>,
    body: &[u8],
) -> Result<Response<Body>>
where
    Req: Call,
    Res: serde::Serialize,
    Fut: Future<Output = Result<Res>>,
{
    let mut request: Req = rest_message(head, body)?;
    for (field, value) in params {
        request.bind(field, value);
    }
    let answer = call(service, gate, function, &head.headers, request).await?;
    let body = serde_json::to_vec(&answer).map_err(Error::internal)?;
    Ok(json::json_response(StatusCode::OK, body))
}

/// The message without its path parameters. A POST whose contract has no body (the change lists)
/// reads the query string as the original does, or a JSON body as its callers meant it.
fn rest_message<Req: Call>(head: &request::Parts, body: &[u8]) -> Result<Req> {
    let query = head.uri.query().unwrap_or_default();
    if Req::RPC.body || (Req::RPC.verb == "POST" && query.is_empty()) {
        json::decode(body)
    } else {
        json::decode_query(query)
    }
}

async fn call<S, Req, Res, Fut>(
    service: Arc<S>,
    gate: Gate,
    function: fn(Arc<S>, Ctx, Req) -> Fut,
    headers: &HeaderMap,
    request: Req,
) -> Result<Res>
where
    Req: Call,
    Fut: Future<Output = Result<Res>>,
{
    let authorization = headers.get("authorization").map(axum::http::HeaderValue::as_bytes);
    // What is no text is no organization either; the gate says so, after it has looked at the token.
    let org_id = headers.get(ORG_HEADER).map_or("", |v| v.to_str().unwrap_or("\u{fffd}"));
    let cx = gate.admit(Req::RPC.permission, authorization, org_id).await?;
    function(service, cx, request).await
}

/// Honours `grpc-timeout` on REST calls as the gateway does (recordings 612 and 613).
async fn within<T>(headers: &HeaderMap, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(text) = headers.get("grpc-timeout") else { return work.await };
    let limit = text.to_str().ok().and_then(timeout);
    let Some(limit) = limit else {
        let shown = String::from_utf8_lossy(text.as_bytes());
        return Err(Error::native(Code::InvalidArgument, format!("invalid grpc-timeout: {shown}")));
    };
    let expired = || Error::native(Code::DeadlineExceeded, "context deadline exceeded");
    // Timers count milliseconds: what is shorter has passed before the work could begin.
    if limit < Duration::from_millis(1) {
        return Err(expired());
    }
    tokio::time::timeout(limit, work).await.map_err(|_| expired())?
}

/// At most eight digits and a unit (gRPC over HTTP/2, "Timeout").
fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_hours(value)),
        "M" => Some(Duration::from_mins(value)),
        "S" => Some(Duration::from_secs(value)),
        "m" => Some(Duration::from_millis(value)),
        "u" => Some(Duration::from_micros(value)),
        "n" => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_a_unit_and_at_most_eight_digits() {
        assert_eq!(timeout("1n"), Some(Duration::from_nanos(1)));
        assert_eq!(timeout("99999999H"), Some(Duration::from_hours(99_999_999)));
        for bad in ["", "x", "xx", "1", "S", "-1S", "+1S", "100000000S", "1.5S", "1ü"] {
            assert_eq!(timeout(bad), None, "{bad}");
        }
    }
}
