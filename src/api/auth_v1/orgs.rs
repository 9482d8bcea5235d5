//! Organizations in which the caller may use the application that its token is for.

use std::sync::Arc;

use crate::api::adapter::details::list_details;
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::auth::v1::{
    HealthzRequest, HealthzResponse, ListMyProjectOrgsRequest, ListMyProjectOrgsResponse,
};
use crate::store::{Listed, OrgRow};

/// RPCs that need nothing of the store.
pub fn routes(table: Resource<()>) -> Resource<()> {
    table.rpc("Healthz", healthz).rpc("ListMyProjectOrgs", list_my_project_orgs)
}

async fn healthz(_: Arc<()>, caller: Caller, request: HealthzRequest) -> Result<HealthzResponse> {
    caller.admit(&request)?;
    Ok(HealthzResponse::default())
}

/// Tokens of machines are for no application, so there are none.
async fn list_my_project_orgs(
    _: Arc<()>,
    caller: Caller,
    request: ListMyProjectOrgsRequest,
) -> Result<ListMyProjectOrgsResponse> {
    caller.admit(&request)?;
    let none: Listed<OrgRow> = Listed { total: 0, seen: None, rows: Vec::new() };
    Ok(ListMyProjectOrgsResponse { details: list_details(&none), ..ListMyProjectOrgsResponse::default() })
}
