//! Roles of projects.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::parts::Parts;
use crate::api::adapter::details::date;
use crate::api::adapter::filters::text_filter;
use crate::api::adapter::pages::{page, pagination};
use crate::api::adapter::routes::Resource;
use crate::auth::{Caller, Denied, Target};
use crate::error::Result;
use crate::proto::zitadel::project::v2::__buffa::oneof::project_role_search_filter::Filter;
use crate::proto::zitadel::project::v2::{
    AddProjectRoleRequest, AddProjectRoleResponse, ListProjectRolesRequest, ListProjectRolesResponse, ProjectRole,
    ProjectRoleFieldName, ProjectRoleSearchFilter, RemoveProjectRoleRequest, RemoveProjectRoleResponse,
    UpdateProjectRoleRequest, UpdateProjectRoleResponse,
};
use crate::service::projects::not_there;
use crate::store::{RoleFilter, RoleOrder, RoleRow, RoleValues};

/// RPCs of roles.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("AddProjectRole", add_project_role)
        .rpc("UpdateProjectRole", update_project_role)
        .rpc("RemoveProjectRole", remove_project_role)
        .rpc("ListProjectRoles", list_project_roles)
}

async fn add_project_role(
    parts: Arc<Parts>,
    caller: Caller,
    request: AddProjectRoleRequest,
) -> Result<AddProjectRoleResponse> {
    let who = parts.admit(caller, &request, &request.project_id, not_there).await?;
    let role = RoleValues {
        key: request.role_key,
        display_name: request.display_name,
        group: request.group.unwrap_or_default(),
    };
    let stamp = parts.roles.add_project_role(&who, &request.project_id, &role).await?;
    Ok(AddProjectRoleResponse { creation_date: date(stamp.created_at) })
}

/// A text that is not given becomes empty.
async fn update_project_role(
    parts: Arc<Parts>,
    caller: Caller,
    request: UpdateProjectRoleRequest,
) -> Result<UpdateProjectRoleResponse> {
    let who = parts.admit(caller, &request, &request.project_id, not_there).await?;
    let role = RoleValues {
        key: request.role_key,
        display_name: request.display_name.unwrap_or_default(),
        group: request.group.unwrap_or_default(),
    };
    let stamp = parts.roles.update_project_role(&who, &request.project_id, &role).await?;
    Ok(UpdateProjectRoleResponse { change_date: date(stamp.changed_at) })
}

/// Of a role that is not there it gives the newest event of its project; without a project nothing.
async fn remove_project_role(
    parts: Arc<Parts>,
    caller: Caller,
    request: RemoveProjectRoleRequest,
) -> Result<RemoveProjectRoleResponse> {
    let found = parts.owners.find(&request, Target::Project(&request.project_id)).await?;
    let Some(found) = found else { return Ok(RemoveProjectRoleResponse::default()) };
    let who = parts.owners.admit(caller, &request, &found, Denied::Object).await?;
    let stamp = parts.roles.remove_project_role(&who, &request.project_id, &request.role_key).await?;
    let date = stamp.map_or_else(MessageField::none, |stamp| date(stamp.changed_at));
    Ok(RemoveProjectRoleResponse { removal_date: date })
}

/// Who has no role at all is told so; others see what they may.
async fn list_project_roles(
    parts: Arc<Parts>,
    caller: Caller,
    request: ListProjectRolesRequest,
) -> Result<ListProjectRolesResponse> {
    let reach = parts.owners.reach_of_members(caller, &request).await?;
    let page = page(&request.pagination)?;
    let filters: Vec<_> = request.filters.iter().filter_map(filter).collect();
    let order = order(request.sorting_column);
    let list = parts.roles.list_seen_roles(&reach, &request.project_id, &filters, (order, page)).await?;
    Ok(ListProjectRolesResponse {
        pagination: pagination(&list, page),
        project_roles: list.rows.into_iter().map(|row| message(&request.project_id, row)).collect(),
    })
}

/// A filter of a request; the field rules want it to say something.
fn filter(filter: &ProjectRoleSearchFilter) -> Option<RoleFilter> {
    Some(match filter.filter.as_ref()? {
        Filter::RoleKeyFilter(f) => RoleFilter::Key(text_filter(f.method, &f.key)),
        Filter::DisplayNameFilter(f) => RoleFilter::DisplayName(text_filter(f.method, &f.display_name)),
    })
}

fn order(column: Option<EnumValue<ProjectRoleFieldName>>) -> RoleOrder {
    match column.and_then(|column| column.as_known()) {
        Some(ProjectRoleFieldName::PROJECT_ROLE_FIELD_NAME_KEY) => RoleOrder::Key,
        Some(ProjectRoleFieldName::PROJECT_ROLE_FIELD_NAME_CHANGE_DATE) => RoleOrder::Changed,
        _ => RoleOrder::Created,
    }
}

/// A role as clients read it.
fn message(project_id: &str, row: RoleRow) -> ProjectRole {
    ProjectRole {
        project_id: project_id.to_owned(),
        key: row.id,
        creation_date: date(row.stamp.created_at),
        change_date: date(row.stamp.changed_at),
        display_name: row.display_name,
        group: row.group_name,
    }
}
