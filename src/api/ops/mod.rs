//! What those who run the server ask it: probes and metrics; and the document that describes it.

mod document;
pub mod health;
mod metrics;

use axum::Router;
use axum::routing::get;

pub use document::document;
pub use metrics::Numbers;

use crate::shutdown::Shutdown;
use crate::store::Store;

/// All probes, and the metrics.
pub fn routes(store: Store, shutdown: Shutdown, numbers: Numbers) -> Router {
    let probes = Router::new()
        .route("/debug/healthz", get(health::alive))
        .route("/debug/ready", get(health::ready))
        .route("/debug/validate", get(health::ready))
        .with_state((store, shutdown));
    probes.merge(Router::new().route("/debug/metrics", get(metrics::metrics)).with_state(numbers))
}
