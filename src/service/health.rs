//! The health call of the management API.

use std::sync::Arc;

use crate::auth::Ctx;
use crate::error::Result;
use crate::proto::zitadel::management::v1::{HealthzRequest, HealthzResponse};

/// Answers without a look at anything; readiness is a probe of its own.
pub struct Health;

impl Health {
    /// `Healthz`: public; always an empty answer.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "all service functions have one form")]
    pub async fn healthz(self: Arc<Self>, cx: Ctx, request: HealthzRequest) -> Result<HealthzResponse> {
        cx.admit(&request)?;
        Ok(HealthzResponse::default())
    }
}
