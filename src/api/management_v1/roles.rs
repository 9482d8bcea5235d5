//! Roles of projects.

use std::sync::Arc;

use super::fields::{page, text_filter};
use crate::api::adapter::details::{details, details_if_any, list_details};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::management::v1::{
    AddProjectRoleRequest, AddProjectRoleResponse, BulkAddProjectRolesRequest, BulkAddProjectRolesResponse,
    ListProjectRolesRequest, ListProjectRolesResponse, RemoveProjectRoleRequest, RemoveProjectRoleResponse,
    UpdateProjectRoleRequest, UpdateProjectRoleResponse,
};
use crate::proto::zitadel::project::v1::__buffa::oneof::role_query::Query;
use crate::proto::zitadel::project::v1::Role;
use crate::service::roles::Roles;
use crate::store::{RoleFilter, RoleRow, RoleValues};

/// RPCs of roles.
pub fn routes(table: Resource<Roles>) -> Resource<Roles> {
    table
        .rpc("AddProjectRole", add_project_role)
        .rpc("BulkAddProjectRoles", bulk_add_project_roles)
        .rpc("UpdateProjectRole", update_project_role)
        .rpc("RemoveProjectRole", remove_project_role)
        .rpc("ListProjectRoles", list_project_roles)
}

async fn add_project_role(
    roles: Arc<Roles>,
    caller: Caller,
    request: AddProjectRoleRequest,
) -> Result<AddProjectRoleResponse> {
    let who = caller.admit(&request)?;
    let role = RoleValues { key: request.role_key, display_name: request.display_name, group: request.group };
    let stamp = roles.add_project_role(&who, &request.project_id, &role).await?;
    Ok(AddProjectRoleResponse { details: details(&who.org_id, &stamp) })
}

async fn bulk_add_project_roles(
    roles: Arc<Roles>,
    caller: Caller,
    request: BulkAddProjectRolesRequest,
) -> Result<BulkAddProjectRolesResponse> {
    let who = caller.admit(&request)?;
    let new = request.roles.into_iter();
    let new: Vec<_> = new.map(|r| RoleValues { key: r.key, display_name: r.display_name, group: r.group }).collect();
    let stamp = roles.bulk_add_project_roles(&who, &request.project_id, &new).await?;
    Ok(BulkAddProjectRolesResponse { details: details(&who.org_id, &stamp) })
}

async fn update_project_role(
    roles: Arc<Roles>,
    caller: Caller,
    request: UpdateProjectRoleRequest,
) -> Result<UpdateProjectRoleResponse> {
    let who = caller.admit(&request)?;
    let role = RoleValues { key: request.role_key, display_name: request.display_name, group: request.group };
    let stamp = roles.update_project_role(&who, &request.project_id, &role).await?;
    Ok(UpdateProjectRoleResponse { details: details(&who.org_id, &stamp) })
}

async fn remove_project_role(
    roles: Arc<Roles>,
    caller: Caller,
    request: RemoveProjectRoleRequest,
) -> Result<RemoveProjectRoleResponse> {
    let who = caller.admit(&request)?;
    let stamp = roles.remove_project_role(&who, &request.project_id, &request.role_key).await?;
    Ok(RemoveProjectRoleResponse { details: details_if_any(&who.org_id, stamp.as_ref()) })
}

async fn list_project_roles(
    roles: Arc<Roles>,
    caller: Caller,
    request: ListProjectRolesRequest,
) -> Result<ListProjectRolesResponse> {
    let who = caller.admit(&request)?;
    let filters: Vec<_> = request.queries.iter().filter_map(|q| q.query.as_ref()).map(filter).collect();
    let list = roles.list_project_roles(&who, &request.project_id, &filters, page(&request.query)).await?;
    Ok(ListProjectRolesResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(|row| message(&who.org_id, row)).collect(),
    })
}

/// A filter of a list of roles.
pub fn filter(query: &Query) -> RoleFilter {
    match query {
        Query::KeyQuery(q) => RoleFilter::Key(text_filter(q.method, &q.key)),
        Query::DisplayNameQuery(q) => RoleFilter::DisplayName(text_filter(q.method, &q.display_name)),
    }
}

/// A role as clients read it.
pub fn message(org_id: &str, row: RoleRow) -> Role {
    Role { details: details(org_id, &row.stamp), key: row.id, display_name: row.display_name, group: row.group_name }
}
