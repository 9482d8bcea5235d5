//! The adapter: one line of a route table serves an RPC over REST, gRPC, gRPC-web and Connect.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use connectrpc::RequestContext;

use super::{admission, error, idempotency, json};
use crate::auth::{Caller, Gate};
use crate::error::{Code, Error, Result};
use crate::proto::{self, Call, Rest, Rpc, rpcs};
use crate::service::idempotency::Idempotency;

/// An answer in the making.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>>> + Send>>;
/// A REST handler: who calls, target of the request, path parameters, body.
pub type RestHandler = Arc<dyn Fn(Caller, &Uri, Params, &[u8]) -> Answer + Send + Sync>;
/// Path parameters by the names of their fields.
pub type Params = Vec<(&'static str, String)>;

/// All routes of the server.
pub struct Table {
    /// REST routes.
    pub rest: Vec<(&'static Rpc, &'static Rest, RestHandler)>,
    /// gRPC, gRPC-web and Connect.
    pub rpc: connectrpc::Router,
    /// Lets callers in.
    pub gate: Gate,
    /// Knows calls that were made before.
    idempotency: Arc<Idempotency>,
    /// Full names of the RPCs that have a line.
    served: BTreeSet<&'static str>,
}

impl Table {
    /// A table without routes; `gate` lets callers in.
    pub fn new(gate: Gate, idempotency: Arc<Idempotency>) -> Self {
        Self { rest: Vec::new(), rpc: connectrpc::Router::new(), gate, idempotency, served: BTreeSet::new() }
    }

    /// Adds the routes of one resource.
    pub fn resource<S: Send + Sync + 'static>(
        self,
        service: Arc<S>,
        routes: impl FnOnce(Resource<S>) -> Resource<S>,
    ) -> Self {
        routes(Resource { table: self, service }).table
    }

    /// Full names of the RPCs of the contract that have no line yet; the coverage test wants none.
    pub fn missing(&self) -> BTreeSet<&'static str> {
        rpcs::ALL.iter().map(|rpc| rpc.full).filter(|full| !self.served.contains(full)).collect()
    }
}

/// The routes of one resource, all answered by one service.
pub struct Resource<S> {
    table: Table,
    service: Arc<S>,
}

impl<S: Send + Sync + 'static> Resource<S> {
    /// One RPC, by its name in the contract and the function of the wire that answers it. Verb, path and
    /// permission come from the contract.
    ///
    /// # Panics
    /// At start-up, if the function takes the message of another RPC, or the RPC has a line already.
    #[must_use]
    pub fn rpc<Req, Res, Fut>(mut self, name: &'static str, function: fn(Arc<S>, Caller, Req) -> Fut) -> Self
    where
        Req: Call,
        Res: buffa::Message + serde::Serialize + Send + 'static,
        Fut: Future<Output = Result<Res>> + Send + 'static,
    {
        assert_eq!(name, Req::RPC.name, "the route table names another RPC than the function serves");
        assert!(self.table.served.insert(Req::RPC.full), "{} has two lines", Req::RPC.full);
        if let Some(rest) = &Req::RPC.rest {
            let service = Arc::clone(&self.service);
            let idempotency = Arc::clone(&self.table.idempotency);
            let success = status(rest);
            let handler: RestHandler = Arc::new(move |caller, uri, params, body| {
                let request = rest_message(rest, uri, params, body);
                let (service, idempotency) = (Arc::clone(&service), Arc::clone(&idempotency));
                Box::pin(async move {
                    let answer = idempotency::answer(&idempotency, function, service, caller, request?).await?;
                    let body = serde_json::to_vec(&answer).map_err(Error::internal)?;
                    Ok(json::json_response(success, body))
                })
            });
            self.table.rest.push((Req::RPC, rest, handler));
        }

        let service = Arc::clone(&self.service);
        let idempotency = Arc::clone(&self.table.idempotency);
        let handler = connectrpc::handler::handler_fn(move |mut head: RequestContext, request: Req| {
            let caller = admission::caller(head.extensions_mut());
            let (service, idempotency) = (Arc::clone(&service), Arc::clone(&idempotency));
            async move {
                let caller = caller.map_err(|e| error::status(&e))?;
                let answer = idempotency::answer(&idempotency, function, service, caller, request).await;
                answer.map(connectrpc::Response::new).map_err(|e| error::status(&e))
            }
        });
        self.table.rpc = self.table.rpc.route(Req::RPC.service, name, handler);
        self
    }
}

/// The status of success of a route.
#[expect(clippy::expect_used, reason = "the contract compiler lets through what HTTP knows only")]
fn status(rest: &Rest) -> StatusCode {
    StatusCode::from_u16(rest.success).expect("a status")
}

/// The message of a REST call. A POST whose contract has no body (the change lists) reads the query
/// string as the original does, or a JSON body as its callers meant it.
fn rest_message<Req: Call>(rest: &Rest, uri: &Uri, params: Params, body: &[u8]) -> Result<Req> {
    let query = uri.query().unwrap_or_default();
    let mut request: Req = match rest.body {
        proto::Body::Whole => json::decode(body),
        proto::Body::None if rest.verb == "POST" && query.is_empty() => json::decode(body),
        proto::Body::None => json::decode_query(query),
        proto::Body::Field(field) => json::decode_field(query, field, body),
    }?;
    for (field, value) in params {
        request.bind(field, value);
    }
    Ok(request)
}

/// Honours `grpc-timeout` on REST calls as the gateway does (recordings 612 and 613).
///
/// # Errors
/// Code 3 for a timeout that is none, code 4 when it has passed; or those of the work.
pub(super) async fn within<T>(headers: &HeaderMap, work: impl Future<Output = Result<T>>) -> Result<T> {
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
