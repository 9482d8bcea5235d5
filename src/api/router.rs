//! The whole server as one router: probes, the OAuth endpoints, and the RPCs of the contract.

use std::sync::Arc;

use axum::Router;

use super::adapter::cors::Cors;
use super::adapter::count::Count;
use super::adapter::gateway::{self, Gateway};
use super::adapter::guard::Guard;
use super::adapter::limits::{Bound, Limits};
use super::adapter::request_id::NewRequestId;
use super::adapter::routes::Table;
use super::family::Family;
use super::ops::{self, Numbers, health};
use super::{admin_v1, application_v2, auth_v1, management_v1, oauth, org_v2, project_v2, user_v2, webkey_v2};
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
    let owners = gate.owners();
    let table = management_v1::routes(Table::new(gate, Arc::clone(&services.idempotency)), services);
    let table = auth_v1::routes(table, services);
    let table = org_v2::routes(table, services, &owners);
    let table = user_v2::routes(table, services, &owners);
    let table = project_v2::routes(table, services, &owners);
    let table = webkey_v2::routes(table, services);
    application_v2::routes(admin_v1::routes(table, services), services, &owners)
}

/// Names of RPCs of the contract that no route table serves; there are none.
pub fn unserved(services: &Services, gate: Gate) -> Vec<&'static str> {
    table(services, gate).missing().into_iter().collect()
}

/// The whole server as one router: three families, each with layers of its own. What is no probe and no OAuth
/// endpoint is for the RPCs to answer, or to refuse.
///
/// How large a body may be is not of a layer: it depends on the call and on who makes it, and is said where bodies are
/// read within the budget that all share (`adapter::limits`).
///
/// # Panics
/// If a route table contradicts the contract; any test that starts a server shows it.
pub fn router(parts: Parts) -> Router {
    let (limits, ids) = (Limits::new(parts.bound), NewRequestId(parts.random.clone()));
    let guard = |answers| Some(Guard { deadline: parts.bound.deadline, answers });
    let ops = Family { count: Count::of("ops"), cors: Cors::None, guard: None };
    let document = Family { count: ops.count.clone(), cors: Cors::Open, guard: None };
    let oauth = Family { count: Count::of("oauth"), cors: Cors::Open, guard: guard(oauth::answers) };
    let rpc = Family { count: Count::of("rpc"), cors: Cors::Open, guard: guard(gateway::answers) };

    let counts = [&ops, &oauth, &rpc].map(|family| family.count.clone());
    let numbers = Numbers { keys: parts.keys.clone(), store: parts.store.clone(), limits: limits.clone(), counts };
    Router::new()
        .merge(ops.around(ops::routes(parts.store.clone(), parts.shutdown.clone(), numbers), &ids))
        .merge(document.around(ops::document(), &ids))
        .merge(oauth.around(oauth::routes(&parts.oauth, &limits), &ids))
        .merge(rpc.around(Router::new().fallback_service(gateway(parts, limits)), &ids))
}

/// The RPCs of the contract, gRPC health, and reflection where it is wanted.
fn gateway(parts: Parts, limits: Limits) -> Gateway {
    let mut table = table(&parts.services, parts.gate);
    if parts.reflection {
        table.rpc = reflection(table.rpc);
    }
    table.rpc = health::rpc(table.rpc, parts.shutdown);
    Gateway::new(table, limits)
}

#[expect(clippy::expect_used, reason = "the descriptor set is made by our own build")]
fn reflection(rpc: connectrpc::Router) -> connectrpc::Router {
    let reflector = connectrpc_reflection::Reflector::from_descriptor_set_bytes(DESCRIPTOR_SET)
        .expect("the contract is a valid descriptor set");
    connectrpc_reflection::install(rpc, reflector)
}
