//! User grants of the caller.

use std::sync::Arc;

use buffa::EnumValue;

use crate::api::adapter::details::{details, list_details, numbered};
use crate::api::adapter::routes::Resource;
use crate::api::management_v1::fields::page;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::auth::v1::{
    ListMyProjectPermissionsRequest, ListMyProjectPermissionsResponse, ListMyUserGrantsRequest,
    ListMyUserGrantsResponse, UserGrant,
};
use crate::proto::zitadel::user::v1::Type;
use crate::service::user_grants::UserGrants;
use crate::store::{GrantRow, names};

/// RPCs of the caller's user grants.
pub fn routes(table: Resource<UserGrants>) -> Resource<UserGrants> {
    table.rpc("ListMyUserGrants", list_my_user_grants).rpc("ListMyProjectPermissions", list_my_project_permissions)
}

async fn list_my_user_grants(
    grants: Arc<UserGrants>,
    caller: Caller,
    request: ListMyUserGrantsRequest,
) -> Result<ListMyUserGrantsResponse> {
    let who = caller.admit(&request)?;
    let list = grants.list_own_user_grants(&who, page(&request.query)).await?;
    Ok(ListMyUserGrantsResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(message).collect::<Result<_>>()?,
    })
}

async fn list_my_project_permissions(
    _: Arc<UserGrants>,
    caller: Caller,
    request: ListMyProjectPermissionsRequest,
) -> Result<ListMyProjectPermissionsResponse> {
    let who = caller.admit(&request)?;
    Ok(ListMyProjectPermissionsResponse { result: UserGrants::list_own_project_roles(&who)? })
}

/// A user grant as its user reads it.
fn message(row: GrantRow) -> Result<UserGrant> {
    let roles = names(&row.role_keys)?;
    Ok(UserGrant {
        details: details(&row.org_id, &row.stamp),
        org_id: row.org_id,
        project_id: row.project_id,
        user_id: row.user_id,
        role_keys: roles.clone(),
        roles,
        org_name: row.org_name,
        grant_id: row.id,
        org_domain: row.org_domain,
        project_name: row.project_name,
        project_grant_id: row.project_grant_id.unwrap_or_default(),
        user_type: EnumValue::from(Type::TYPE_MACHINE),
        state: numbered(row.state.number()),
    })
}
