//! The health call.

use std::sync::Arc;

use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::admin::v1::{HealthzRequest, HealthzResponse};

/// The RPC that anybody may call.
pub fn routes(table: Resource<()>) -> Resource<()> {
    table.rpc("Healthz", healthz)
}

async fn healthz(_: Arc<()>, caller: Caller, request: HealthzRequest) -> Result<HealthzResponse> {
    caller.admit(&request)?;
    Ok(HealthzResponse::default())
}
