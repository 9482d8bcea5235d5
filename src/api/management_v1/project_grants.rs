//! Project grants, and the projects that are granted to the organization.

use std::sync::Arc;

use buffa::MessageField;

use super::changes;
use super::fields::{change_page, page, text_filter};
use super::roles;
use crate::api::adapter::details::{details, list_details, numbered};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddProjectGrantRequest, AddProjectGrantResponse, DeactivateProjectGrantRequest, DeactivateProjectGrantResponse,
    GetGrantedProjectByIDRequest, GetGrantedProjectByIDResponse, GetProjectGrantByIDRequest,
    GetProjectGrantByIDResponse, ListAllProjectGrantsRequest, ListAllProjectGrantsResponse,
    ListGrantedProjectRolesRequest, ListGrantedProjectRolesResponse, ListGrantedProjectsRequest,
    ListGrantedProjectsResponse, ListProjectGrantChangesRequest, ListProjectGrantChangesResponse,
    ListProjectGrantsRequest, ListProjectGrantsResponse, ReactivateProjectGrantRequest, ReactivateProjectGrantResponse,
    RemoveProjectGrantRequest, RemoveProjectGrantResponse, UpdateProjectGrantRequest, UpdateProjectGrantResponse,
};
use crate::proto::zitadel::project::v1::__buffa::oneof::{all_project_grant_query, project_grant_query, project_query};
use crate::proto::zitadel::project::v1::{GrantProjectNameQuery, GrantedProject};
use crate::service::project_grants::{NewProjectGrant, ProjectGrantId, ProjectGrantList, ProjectGrants};
use crate::store::{Page, ProjectGrantFilter, ProjectGrantName, ProjectGrantOrder, ProjectGrantRow, names};

/// RPCs of project grants.
pub fn routes(table: Resource<ProjectGrants>) -> Resource<ProjectGrants> {
    table
        .rpc("GetProjectGrantByID", get_project_grant_by_id)
        .rpc("ListProjectGrants", list_project_grants)
        .rpc("ListAllProjectGrants", list_all_project_grants)
        .rpc("AddProjectGrant", add_project_grant)
        .rpc("UpdateProjectGrant", update_project_grant)
        .rpc("DeactivateProjectGrant", deactivate_project_grant)
        .rpc("ReactivateProjectGrant", reactivate_project_grant)
        .rpc("RemoveProjectGrant", remove_project_grant)
        .rpc("ListProjectGrantChanges", list_project_grant_changes)
        .rpc("ListGrantedProjects", list_granted_projects)
        .rpc("GetGrantedProjectByID", get_granted_project_by_id)
        .rpc("ListGrantedProjectRoles", list_granted_project_roles)
}

/// The project in the path is not compared.
async fn get_project_grant_by_id(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: GetProjectGrantByIDRequest,
) -> Result<GetProjectGrantByIDResponse> {
    let who = caller.admit(&request)?;
    let row = grants.project_grant(&who, &request.grant_id).await?.ok_or_else(not_found)?;
    Ok(GetProjectGrantByIDResponse { project_grant: MessageField::some(message(row)?) })
}

async fn list_project_grants(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: ListProjectGrantsRequest,
) -> Result<ListProjectGrantsResponse> {
    use project_grant_query::Query;
    let who = caller.admit(&request)?;
    let mut filters = vec![ProjectGrantFilter::Projects(vec![request.project_id.clone()])];
    filters.extend(request.queries.iter().filter_map(|q| q.query.as_ref()).map(|query| match query {
        Query::ProjectNameQuery(q) => name(q),
        Query::RoleKeyQuery(q) => ProjectGrantFilter::RoleKey(q.role_key.clone()),
    }));
    // The project has been compared with the caller's roles already.
    let list = grants.list_project_grants(&who, list(&filters, page(&request.query)), false).await?;
    Ok(ListProjectGrantsResponse { details: list_details(&list), result: messages(list.rows)? })
}

async fn list_all_project_grants(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: ListAllProjectGrantsRequest,
) -> Result<ListAllProjectGrantsResponse> {
    use all_project_grant_query::Query;
    let who = caller.admit(&request)?;
    let queries = request.queries.iter().filter_map(|q| q.query.as_ref());
    let filters: Vec<_> = queries
        .map(|query| match query {
            Query::ProjectNameQuery(q) => name(q),
            Query::RoleKeyQuery(q) => ProjectGrantFilter::RoleKey(q.role_key.clone()),
            Query::ProjectIdQuery(q) => ProjectGrantFilter::Projects(vec![q.project_id.clone()]),
            Query::GrantedOrgIdQuery(q) => ProjectGrantFilter::To(q.granted_org_id.clone()),
        })
        .collect();
    let list = grants.list_project_grants(&who, list(&filters, page(&request.query)), true).await?;
    Ok(ListAllProjectGrantsResponse { details: list_details(&list), result: messages(list.rows)? })
}

async fn add_project_grant(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: AddProjectGrantRequest,
) -> Result<AddProjectGrantResponse> {
    let who = caller.admit(&request)?;
    let new = NewProjectGrant {
        project_id: &request.project_id,
        granted_org_id: &request.granted_org_id,
        role_keys: &request.role_keys,
    };
    let grant = grants.add_project_grant(&who, new).await?;
    Ok(AddProjectGrantResponse { details: details(&who.org_id, &grant.stamp), grant_id: grant.id })
}

async fn update_project_grant(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: UpdateProjectGrantRequest,
) -> Result<UpdateProjectGrantResponse> {
    let who = caller.admit(&request)?;
    let id = id(&request.project_id, &request.grant_id);
    let stamp = grants.update_project_grant(&who, id, &request.role_keys).await?;
    Ok(UpdateProjectGrantResponse { details: details(&who.org_id, &stamp) })
}

async fn deactivate_project_grant(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: DeactivateProjectGrantRequest,
) -> Result<DeactivateProjectGrantResponse> {
    let who = caller.admit(&request)?;
    let stamp = grants.deactivate_project_grant(&who, id(&request.project_id, &request.grant_id)).await?;
    Ok(DeactivateProjectGrantResponse { details: details(&who.org_id, &stamp) })
}

async fn reactivate_project_grant(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: ReactivateProjectGrantRequest,
) -> Result<ReactivateProjectGrantResponse> {
    let who = caller.admit(&request)?;
    let stamp = grants.reactivate_project_grant(&who, id(&request.project_id, &request.grant_id)).await?;
    Ok(ReactivateProjectGrantResponse { details: details(&who.org_id, &stamp) })
}

async fn remove_project_grant(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: RemoveProjectGrantRequest,
) -> Result<RemoveProjectGrantResponse> {
    let who = caller.admit(&request)?;
    let stamp = grants.remove_project_grant(&who, id(&request.project_id, &request.grant_id)).await?;
    Ok(RemoveProjectGrantResponse { details: details(&who.org_id, &stamp) })
}

async fn list_project_grant_changes(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: ListProjectGrantChangesRequest,
) -> Result<ListProjectGrantChangesResponse> {
    let who = caller.admit(&request)?;
    let (project, grant, page) = (&request.project_id, &request.grant_id, change_page(&request.query));
    let rows = grants.list_project_grant_changes(&who, project, grant, page).await?;
    Ok(ListProjectGrantChangesResponse { result: changes::messages(&who.org_id, rows) })
}

async fn list_granted_projects(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: ListGrantedProjectsRequest,
) -> Result<ListGrantedProjectsResponse> {
    use project_query::Query;
    let who = caller.admit(&request)?;
    let queries = request.queries.iter().filter_map(|q| q.query.as_ref());
    let filters: Vec<_> = queries
        .map(|query| match query {
            Query::NameQuery(q) => ProjectGrantFilter::ProjectName(text_filter(q.method, &q.name)),
            Query::ProjectResourceOwnerQuery(q) => ProjectGrantFilter::From(q.resource_owner.clone()),
        })
        .collect();
    let list = grants.list_granted_projects(&who, list(&filters, page(&request.query))).await?;
    Ok(ListGrantedProjectsResponse { details: list_details(&list), result: messages(list.rows)? })
}

/// The project in the path is not compared.
async fn get_granted_project_by_id(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: GetGrantedProjectByIDRequest,
) -> Result<GetGrantedProjectByIDResponse> {
    let who = caller.admit(&request)?;
    let row = grants.project_grant(&who, &request.grant_id).await?.ok_or_else(not_found)?;
    Ok(GetGrantedProjectByIDResponse { granted_project: MessageField::some(message(row)?) })
}

async fn list_granted_project_roles(
    grants: Arc<ProjectGrants>,
    caller: Caller,
    request: ListGrantedProjectRolesRequest,
) -> Result<ListGrantedProjectRolesResponse> {
    let who = caller.admit(&request)?;
    let filters: Vec<_> = request.queries.iter().filter_map(|q| q.query.as_ref()).map(roles::filter).collect();
    let page = page(&request.query);
    let (owner, list) = grants.list_granted_project_roles(&who, &request.grant_id, &filters, page).await?;
    Ok(ListGrantedProjectRolesResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(|row| roles::message(&owner, row)).collect(),
    })
}

fn id<'a>(project_id: &'a str, grant_id: &'a str) -> ProjectGrantId<'a> {
    ProjectGrantId { project_id, name: ProjectGrantName::Id(grant_id) }
}

fn list(filters: &[ProjectGrantFilter], page: Page) -> ProjectGrantList<'_> {
    ProjectGrantList { filters, order: ProjectGrantOrder::Created, page }
}

fn name(query: &GrantProjectNameQuery) -> ProjectGrantFilter {
    ProjectGrantFilter::ProjectName(text_filter(query.method, &query.name))
}

fn not_found() -> Error {
    Error::not_found("QUERY-n98GGs", "Errors.ProjectGrant.NotFound")
}

fn messages(rows: Vec<ProjectGrantRow>) -> Result<Vec<GrantedProject>> {
    rows.into_iter().map(message).collect()
}

/// A project grant as clients read it.
fn message(row: ProjectGrantRow) -> Result<GrantedProject> {
    Ok(GrantedProject {
        details: details(&row.org_id, &row.stamp),
        grant_id: row.id,
        granted_org_id: row.granted_org_id,
        granted_org_name: row.granted_org_name,
        granted_role_keys: names(&row.role_keys)?,
        state: numbered(row.state.number()),
        project_id: row.project_id,
        project_name: row.project_name,
        project_owner_id: row.org_id,
        project_owner_name: row.org_name,
    })
}
