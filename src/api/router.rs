//! The whole server as one router: probes, the OAuth endpoints, and the RPCs of the contract.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::request_id::{PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

use super::adapter::cors;
use super::adapter::gateway::Gateway;
use super::adapter::limits::{Bound, Limits};
use super::adapter::request_id::{self, NewRequestId};
use super::adapter::routes::Table;
use super::ops::{health, metrics};
use super::{auth_v1, management_v1, oauth};
use crate::auth::Gate;
use crate::crypto::keypool::KeyPool;
use crate::proto::DESCRIPTOR_SET;
use crate::service::Services;
use crate::service::oauth::OAuth;
use crate::shutdown::Shutdown;
use crate::store::Store;

/// What the routes need.
pub struct Parts {
    /// The service functions.
    pub services: Services,
    /// The OAuth endpoints.
    pub oauth: Arc<OAuth>,
    /// Lets callers in.
    pub gate: Gate,
    /// For the readiness probe.
    pub store: Store,
    /// For the ids of requests.
    pub random: crate::env::Random,
    /// For the metrics.
    pub keys: KeyPool,
    /// What requests may take of the server.
    pub bound: Bound,
    /// Whether gRPC reflection answers.
    pub reflection: bool,
    /// Tells when the server is about to stop.
    pub shutdown: Shutdown,
}

/// All routes of the contract.
fn table(services: &Services, gate: Gate) -> Table {
    auth_v1::routes(management_v1::routes(Table::new(gate), services), services)
}

/// Names of RPCs of the contract that no route table serves; there are none.
pub fn unserved(services: &Services, gate: Gate) -> Vec<&'static str> {
    table(services, gate).missing().into_iter().collect()
}

/// The whole server as one router.
///
/// # Panics
/// If a route table contradicts the contract; any test that starts a server shows it.
pub fn router(parts: Parts) -> Router {
    let mut table = table(&parts.services, parts.gate);
    if parts.reflection {
        table.rpc = reflection(table.rpc);
    }
    table.rpc = health::rpc(table.rpc, parts.shutdown.clone());
    let limits = Limits::new(parts.bound);
    let oauth = oauth::routes(&parts.oauth, &limits);
    let gateway = Gateway::new(table, limits.clone());
    let layers = ServiceBuilder::new()
        .map_request(request_id::checked)
        .layer(SetRequestIdLayer::x_request_id(NewRequestId(parts.random)))
        .layer(TraceLayer::new_for_http().make_span_with(request_span).on_failure(()))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(axum::middleware::from_fn(cors::layer));
    Router::new()
        .route("/debug/healthz", get(health::alive))
        .route("/debug/ready", get(health::ready))
        .route("/debug/validate", get(health::ready))
        .with_state((parts.store.clone(), parts.shutdown))
        .merge(Router::new().route("/debug/metrics", get(metrics::metrics)).with_state((
            parts.keys,
            parts.store,
            limits,
        )))
        .merge(oauth)
        .fallback_service(gateway)
        .layer(layers)
}

#[expect(clippy::expect_used, reason = "the descriptor set is made by our own build")]
fn reflection(rpc: connectrpc::Router) -> connectrpc::Router {
    let reflector = connectrpc_reflection::Reflector::from_descriptor_set_bytes(DESCRIPTOR_SET)
        .expect("the contract is a valid descriptor set");
    connectrpc_reflection::install(rpc, reflector)
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
    tracing::info_span!("request", id, method, path)
}
