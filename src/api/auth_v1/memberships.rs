//! Memberships of the caller, and what they give.

use std::sync::Arc;

use crate::api::adapter::details::list_details;
use crate::api::adapter::routes::Resource;
use crate::api::management_v1::fields::page;
use crate::api::management_v1::memberships::{filters, messages};
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::auth::v1::{
    ListMyMembershipsRequest, ListMyMembershipsResponse, ListMyZitadelPermissionsRequest,
    ListMyZitadelPermissionsResponse,
};
use crate::service::memberships::Memberships;

/// RPCs of the caller's memberships.
pub fn routes(table: Resource<Memberships>) -> Resource<Memberships> {
    table.rpc("ListMyMemberships", list_my_memberships).rpc("ListMyZitadelPermissions", list_my_zitadel_permissions)
}

async fn list_my_memberships(
    memberships: Arc<Memberships>,
    caller: Caller,
    request: ListMyMembershipsRequest,
) -> Result<ListMyMembershipsResponse> {
    let who = caller.admit(&request)?;
    let found = memberships.list_own_memberships(&who, &filters(&request.queries), page(&request.query)).await?;
    Ok(ListMyMembershipsResponse { details: list_details(&found.list), result: messages(found)? })
}

async fn list_my_zitadel_permissions(
    memberships: Arc<Memberships>,
    caller: Caller,
    request: ListMyZitadelPermissionsRequest,
) -> Result<ListMyZitadelPermissionsResponse> {
    let who = caller.admit(&request)?;
    Ok(ListMyZitadelPermissionsResponse { result: memberships.list_own_permissions(&who).await? })
}
