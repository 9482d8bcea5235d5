//! The whole server as one router: probes, the OAuth endpoints, and the RPCs of the contract.

use std::sync::Arc;

use axum::Router;

use super::adapter::cors::Cors;
use super::adapter::count::Count;
use super::adapter::gateway::{self, Gateway};
use super::adapter::guard::Guard;
use super::adapter::limits::{Bound, Limits};
use super::adapter::measure::Measures;
use super::adapter::request_id::NewRequestId;
use super::adapter::routes::Table;
use super::family::Family;
use super::ops::{self, Numbers, health};
use super::{admin_v1, application_v2, auth_v1, management_v1, oauth, org_v2, project_v2, user_v2, webkey_v2};
use crate::auth::Gate;
use crate::clock::Monotonic;
use crate::crypto::keypool::KeyPool;
use crate::housekeeping::Swept;
use crate::proto::{DESCRIPTOR_SET, rpcs};
use crate::service::Services;
use crate::service::ending::Ending;
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
    /// By which calls are timed.
    pub time: Arc<dyn Monotonic>,
    /// For the metrics.
    pub keys: KeyPool,
    /// For the metrics, too.
    pub ending: Ending,
    /// For the metrics, too.
    pub swept: Swept,
    /// What requests may take of the server.
    pub bound: Bound,
    /// Whether gRPC reflection answers.
    pub reflection: bool,
    /// Tells when the server is about to stop.
    pub shutdown: Shutdown,
    /// Whether each answer is a line in the log.
    pub access_log: bool,
}

/// What the server answers, by who may ask.
pub struct Routes {
    /// Everybody.
    pub public: Router,
    /// Those who run the server: probes and metrics.
    pub admin: Router,
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

/// The whole server as two routers, of which the public one has three families, each with layers of its own. What is no probe and no OAuth
/// endpoint is for the RPCs to answer, or to refuse.
///
/// How large a body may be is not of a layer: it depends on the call and on who makes it, and is said where bodies are
/// read within the budget that all share (`adapter::limits`).
///
/// # Panics
/// If a route table contradicts the contract; any test that starts a server shows it.
pub fn router(parts: Parts) -> Routes {
    let (limits, ids) = (Limits::new(parts.bound), NewRequestId(parts.random.clone()));
    let guard = |answers| Some(Guard { deadline: parts.bound.deadline, answers });
    let log = parts.access_log;
    let ops = Family { count: Count::of("ops"), cors: Cors::None, guard: None, log };
    let document = Family { cors: Cors::Open, ..ops.clone() };
    let oauth = Family { count: Count::of("oauth"), cors: Cors::Open, guard: guard(oauth::answers), log };
    let rpc = Family { count: Count::of("rpc"), cors: Cors::Open, guard: guard(gateway::answers), log };

    let measures = Measures::new(rpcs::ALL.len(), Arc::clone(&parts.time));
    let (endpoints, counted) = oauth::routes(&parts.oauth, &limits, &parts.time);
    let numbers = Numbers {
        keys: parts.keys.clone(),
        store: parts.store.clone(),
        limits: limits.clone(),
        counts: [&ops, &oauth, &rpc].map(|family| family.count.clone()),
        measures: measures.clone(),
        endpoints: counted,
        ending: parts.ending.clone(),
        swept: parts.swept.clone(),
    };
    let probes = ops::probes(parts.store.clone(), parts.shutdown.clone());
    let admin = ops.clone().around(probes.clone().merge(ops::metrics(numbers)), &ids);
    let public = Router::new()
        .merge(ops.around(probes, &ids))
        .merge(document.around(ops::document(), &ids))
        .merge(oauth.around(endpoints, &ids))
        .merge(rpc.around(Router::new().fallback_service(gateway(parts, limits, measures)), &ids));
    Routes { public, admin }
}

/// The RPCs of the contract, gRPC health, and reflection where it is wanted.
fn gateway(parts: Parts, limits: Limits, measures: Measures) -> Gateway {
    let mut table = table(&parts.services, parts.gate);
    if parts.reflection {
        table.rpc = reflection(table.rpc);
    }
    table.rpc = health::rpc(table.rpc, parts.shutdown);
    Gateway::new(table, limits, measures)
}

#[expect(clippy::expect_used, reason = "the descriptor set is made by our own build")]
fn reflection(rpc: connectrpc::Router) -> connectrpc::Router {
    let reflector = connectrpc_reflection::Reflector::from_descriptor_set_bytes(DESCRIPTOR_SET)
        .expect("the contract is a valid descriptor set");
    connectrpc_reflection::install(rpc, reflector)
}
