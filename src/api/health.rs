//! Probes and the health call of the contract.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};

use super::json::json_response;
use super::routes::Resource;
use crate::service::Health;
use crate::store::Store;

/// RPCs of [`Health`].
pub fn routes(table: Resource<Health>) -> Resource<Health> {
    table.rpc("Healthz", Health::healthz)
}

/// `/debug/healthz`: the process lives.
pub async fn alive() -> &'static str {
    "ok"
}

/// `/debug/ready`: the store answers and takes writes, so requests can be served. Answers within a second
/// whatever the store does.
pub async fn ready(State(store): State<Store>) -> Response<Body> {
    match store.ready().await {
        Ok(()) => json_response(StatusCode::OK, "\"ok\""),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            json_response(StatusCode::PRECONDITION_FAILED, "\"the store does not answer, or takes no writes\"")
        }
    }
}
