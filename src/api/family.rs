//! A family of routes, and the layers around it.

use axum::Router;
use tower::ServiceBuilder;
use tower::util::option_layer;
use tower_http::LatencyUnit;
use tower_http::request_id::{PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::Level;
use tracing::field::Empty;

use super::adapter::cors::Cors;
use super::adapter::count::Count;
use super::adapter::guard::Guard;
use super::adapter::request_id::{self, NewRequestId};

/// What the routes of a family have in common.
#[derive(Clone)]
pub struct Family {
    /// Counts its answers, under its name.
    pub count: Count,
    /// Whether pages of other origins may call it.
    pub cors: Cors,
    /// Its deadline, and how it answers when that passes or when a defect shows. Without, nobody waits for an end
    /// but the routes themselves.
    pub guard: Option<Guard>,
    /// Whether each answer is a line in the log.
    pub log: bool,
}

impl Family {
    /// The routes of the family with its layers around them; a request meets the first one first. Each request has
    /// an id, and a span for its lines in the log, whatever its family.
    pub fn around(self, routes: Router, ids: &NewRequestId) -> Router {
        let count = self.count;
        let level = if self.log { Level::INFO } else { Level::DEBUG };
        let answered = DefaultOnResponse::new().level(level).latency_unit(LatencyUnit::Micros);
        let counted = move |response| {
            count.add(&response);
            response
        };
        let layers = ServiceBuilder::new()
            .map_request(request_id::checked)
            .layer(SetRequestIdLayer::x_request_id(ids.clone()))
            .layer(TraceLayer::new_for_http().make_span_with(request_span).on_response(answered).on_failure(()))
            .layer(PropagateRequestIdLayer::x_request_id())
            .map_response(counted)
            .layer(self.cors)
            .layer(option_layer(self.guard));
        routes.layer(layers)
    }
}

/// Bytes of a path, and of a method, that are shown in the log.
const LONGEST_PATH: usize = 256;
const LONGEST_METHOD: usize = 16;

/// The request id is in every log line of the request; headers and bodies never are. What a stranger can make long
/// is cut.
fn request_span<B>(request: &axum::http::Request<B>) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or("");
    let method = Some(request.method().as_str()).filter(|method| method.len() <= LONGEST_METHOD).unwrap_or("other");
    let path = request.uri().path();
    let path = path.get(..path.floor_char_boundary(LONGEST_PATH)).unwrap_or(path);
    tracing::info_span!("request", id, method, path, caller = Empty, organization = Empty)
}
