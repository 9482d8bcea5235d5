//! Probes.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};

use crate::api::adapter::json::json_response;
use crate::proto::rpcs;
use crate::shutdown::Shutdown;
use crate::store::Store;

/// `/debug/healthz`: the process lives.
pub async fn alive() -> &'static str {
    "ok"
}

/// gRPC health, which says NOT_SERVING from the order to stop on.
pub fn rpc(rpc: connectrpc::Router, shutdown: Shutdown) -> connectrpc::Router {
    let (rpc, checker) = connectrpc_health::install_static(rpc, rpcs::SERVICES.to_vec());
    tokio::spawn(async move {
        shutdown.asked(1).await;
        checker.shutdown();
    });
    rpc
}

/// `/debug/ready`: the store answers and takes writes, so requests can be served; and the server is not about to
/// stop. Answers within a second whatever the store does.
pub async fn ready(State((store, shutdown)): State<(Store, Shutdown)>) -> Response<Body> {
    if shutdown.begun() {
        return json_response(StatusCode::SERVICE_UNAVAILABLE, "\"the server is about to stop\"");
    }
    match store.ready().await {
        Ok(()) => json_response(StatusCode::OK, "\"ok\""),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            json_response(StatusCode::PRECONDITION_FAILED, "\"the store does not answer, or takes no writes\"")
        }
    }
}
