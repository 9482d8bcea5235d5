//! Project grants, addressed by project and granted organization.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::parts::Parts;
use crate::api::adapter::details::{date, numbered};
use crate::api::adapter::filters::{Budget, text_filter};
use crate::api::adapter::pages::{page, pagination};
use crate::api::adapter::routes::Resource;
use crate::auth::{Caller, Denied, Target};
use crate::error::Result;
use crate::proto::zitadel::project::v2::__buffa::oneof::project_grant_search_filter::Filter;
use crate::proto::zitadel::project::v2::{
    ActivateProjectGrantRequest, ActivateProjectGrantResponse, CreateProjectGrantRequest, CreateProjectGrantResponse,
    DeactivateProjectGrantRequest, DeactivateProjectGrantResponse, DeleteProjectGrantRequest,
    DeleteProjectGrantResponse, ListProjectGrantsRequest, ListProjectGrantsResponse, ProjectGrant,
    ProjectGrantFieldName, ProjectGrantSearchFilter, UpdateProjectGrantRequest, UpdateProjectGrantResponse,
};
use crate::service::project_grants::{NewProjectGrant, ProjectGrantId, ProjectGrantList, missing, no_project};
use crate::service::projects::not_there;
use crate::store::{ProjectGrantFilter, ProjectGrantName, ProjectGrantOrder, ProjectGrantRow, names};

/// RPCs of project grants.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("CreateProjectGrant", create_project_grant)
        .rpc("UpdateProjectGrant", update_project_grant)
        .rpc("DeleteProjectGrant", delete_project_grant)
        .rpc("DeactivateProjectGrant", deactivate_project_grant)
        .rpc("ActivateProjectGrant", activate_project_grant)
        .rpc("ListProjectGrants", list_project_grants)
}

async fn create_project_grant(
    parts: Arc<Parts>,
    caller: Caller,
    request: CreateProjectGrantRequest,
) -> Result<CreateProjectGrantResponse> {
    let who = parts.admit(caller, &request, &request.project_id, no_project).await?;
    let new = NewProjectGrant {
        project_id: &request.project_id,
        granted_org_id: &request.granted_organization_id,
        role_keys: &request.role_keys,
    };
    let grant = parts.grants.add_project_grant(&who, new).await?;
    Ok(CreateProjectGrantResponse { creation_date: date(grant.stamp.created_at) })
}

async fn update_project_grant(
    parts: Arc<Parts>,
    caller: Caller,
    request: UpdateProjectGrantRequest,
) -> Result<UpdateProjectGrantResponse> {
    let who = parts.admit(caller, &request, &request.project_id, missing).await?;
    let id = at(&request.project_id, &request.granted_organization_id);
    let stamp = parts.grants.update_project_grant(&who, id, &request.role_keys).await?;
    Ok(UpdateProjectGrantResponse { change_date: date(stamp.changed_at) })
}

/// Of a grant that is not there it gives the newest event of the project; without a project nothing.
async fn delete_project_grant(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeleteProjectGrantRequest,
) -> Result<DeleteProjectGrantResponse> {
    let found = parts.owners.find(&request, Target::Project(&request.project_id)).await?;
    let Some(found) = found else { return Ok(DeleteProjectGrantResponse::default()) };
    let who = parts.owners.admit(caller, &request, &found, Denied::Object).await?;
    let id = at(&request.project_id, &request.granted_organization_id);
    let stamp = parts.grants.delete_project_grant(&who, id).await?;
    let deletion_date = stamp.map_or_else(MessageField::none, |stamp| date(stamp.changed_at));
    Ok(DeleteProjectGrantResponse { deletion_date })
}

async fn deactivate_project_grant(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeactivateProjectGrantRequest,
) -> Result<DeactivateProjectGrantResponse> {
    let who = parts.admit(caller, &request, &request.project_id, not_there).await?;
    let id = at(&request.project_id, &request.granted_organization_id);
    let stamp = parts.grants.deactivate_project_grant(&who, id).await?;
    Ok(DeactivateProjectGrantResponse { change_date: date(stamp.changed_at) })
}

async fn activate_project_grant(
    parts: Arc<Parts>,
    caller: Caller,
    request: ActivateProjectGrantRequest,
) -> Result<ActivateProjectGrantResponse> {
    let who = parts.admit(caller, &request, &request.project_id, not_there).await?;
    let id = at(&request.project_id, &request.granted_organization_id);
    let stamp = parts.grants.reactivate_project_grant(&who, id).await?;
    Ok(ActivateProjectGrantResponse { change_date: date(stamp.changed_at) })
}

/// Who has no role at all is told so; others see what they may.
async fn list_project_grants(
    parts: Arc<Parts>,
    caller: Caller,
    request: ListProjectGrantsRequest,
) -> Result<ListProjectGrantsResponse> {
    let reach = parts.owners.reach_of_members(caller, &request).await?;
    let page = page(&request.pagination)?;
    let list = ProjectGrantList { filters: &filters(&request.filters)?, order: order(request.sorting_column), page };
    let list = parts.grants.list_all_project_grants(&reach, list).await?;
    Ok(ListProjectGrantsResponse {
        pagination: pagination(&list, page),
        project_grants: list.rows.into_iter().map(message).collect::<Result<_>>()?,
    })
}

fn at<'a>(project_id: &'a str, granted_org_id: &'a str) -> ProjectGrantId<'a> {
    ProjectGrantId { project_id, name: ProjectGrantName::To(granted_org_id) }
}

fn filters(filters: &[ProjectGrantSearchFilter]) -> Result<Vec<ProjectGrantFilter>> {
    let mut budget = Budget::default();
    let one = |filter: &Filter| {
        Ok(match filter {
            Filter::ProjectNameFilter(f) => ProjectGrantFilter::ProjectName(text_filter(f.method, &f.project_name)),
            Filter::RoleKeyFilter(f) => ProjectGrantFilter::RoleKey(f.key.clone()),
            Filter::InProjectIdsFilter(f) => {
                budget.values(f.ids.len())?;
                ProjectGrantFilter::Projects(f.ids.clone())
            }
            Filter::OrganizationIdFilter(f) => ProjectGrantFilter::From(f.id.clone()),
            Filter::GrantedOrganizationIdFilter(f) => ProjectGrantFilter::To(f.id.clone()),
        })
    };
    // The field rules want each of them to say something.
    filters.iter().filter_map(|filter| filter.filter.as_ref()).map(one).collect()
}

fn order(column: Option<EnumValue<ProjectGrantFieldName>>) -> ProjectGrantOrder {
    match column.and_then(|column| column.as_known()) {
        Some(ProjectGrantFieldName::PROJECT_GRANT_FIELD_NAME_PROJECT_ID) => ProjectGrantOrder::Project,
        Some(ProjectGrantFieldName::PROJECT_GRANT_FIELD_NAME_CHANGE_DATE) => ProjectGrantOrder::Changed,
        _ => ProjectGrantOrder::Created,
    }
}

/// A grant as clients read it.
fn message(row: ProjectGrantRow) -> Result<ProjectGrant> {
    Ok(ProjectGrant {
        organization_id: row.org_id,
        creation_date: date(row.stamp.created_at),
        change_date: date(row.stamp.changed_at),
        granted_organization_id: row.granted_org_id,
        granted_organization_name: row.granted_org_name,
        granted_role_keys: names(&row.role_keys)?,
        project_id: row.project_id,
        project_name: row.project_name,
        state: numbered(row.state.number()),
    })
}
