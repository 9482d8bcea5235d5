//! The wire. Everything here translates; no rule and no SQL lives below this module.
//!
//! One axum router serves one port: probes, the REST gateway and the RPC protocols. The tables of
//! the resources (`apps`, `keys`, …) say which service function answers which RPC.

mod admission;
mod apps;
mod budget;
mod cors;
pub mod error;
mod gateway;
mod grpc_web_text;
mod health;
mod json;
mod keys;
mod limits;
mod metrics;
mod oauth;
mod orgs;
mod paths;
mod projects;
mod request_id;
mod routes;
mod upload;
mod users;

pub use limits::Bound;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::request_id::{PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

use crate::auth::Gate;
use crate::crypto::keypool::KeyPool;
use crate::proto::{DESCRIPTOR_SET, rpcs};
use crate::service::Services;
use crate::service::oauth::OAuth;
use crate::shutdown::Shutdown;
use crate::store::Store;
use gateway::Gateway;
use limits::Limits;
use request_id::NewRequestId;
use routes::Table;

/// Largest body of a request in bytes (design, section 5); gRPC messages too.
pub const MAX_BODY: usize = 4 << 20;

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
    Table::new(gate)
        .resource(Arc::clone(&services.health), health::routes)
        .resource(Arc::clone(&services.orgs), orgs::routes)
        .resource(Arc::clone(&services.users), users::routes)
        .resource(Arc::clone(&services.machine_keys), users::machine_keys)
        .resource(Arc::clone(&services.tokens), users::tokens)
        .resource(Arc::clone(&services.user_grants), users::grants)
        .resource(Arc::clone(&services.projects), projects::routes)
        .resource(Arc::clone(&services.roles), projects::roles)
        .resource(Arc::clone(&services.members), projects::members)
        .resource(Arc::clone(&services.apps), apps::routes)
        .resource(Arc::clone(&services.keys), keys::routes)
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
        .layer(SetRequestIdLayer::x_request_id(NewRequestId))
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

fn service_names() -> Vec<&'static str> {
    let mut names: Vec<_> = rpcs::ALL.iter().map(|rpc| rpc.service).collect();
    names.dedup();
    names
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
