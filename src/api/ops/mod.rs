//! What those who run the server ask it: probes and metrics; and the document that describes it.

mod document;
pub mod health;
mod metrics;
mod text;

use axum::Router;
use axum::routing::get;

pub use document::document;
pub use metrics::Numbers;

use crate::shutdown::Shutdown;
use crate::store::Store;

/// The probes: for load balancers, where all calls come in.
pub fn probes(store: Store, shutdown: Shutdown) -> Router {
    Router::new()
        .route("/debug/healthz", get(health::alive))
        .route("/debug/ready", get(health::ready))
        .route("/debug/validate", get(health::ready))
        .with_state((store, shutdown))
}

/// The metrics: for those who run the server, on a listener of their own.
pub fn metrics(numbers: Numbers) -> Router {
    let metrics = get(metrics::metrics);
    Router::new().route("/metrics", metrics.clone()).route("/debug/metrics", metrics).with_state(numbers)
}
