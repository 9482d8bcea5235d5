//! Projects.

use std::sync::Arc;

use buffa::MessageField;

use super::changes;
use super::fields::{change_page, page, text_filter};
use crate::api::adapter::details::{details, list_details, numbered};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::management::v1::{
    AddProjectRequest, AddProjectResponse, DeactivateProjectRequest, DeactivateProjectResponse, GetProjectByIDRequest,
    GetProjectByIDResponse, ListProjectChangesRequest, ListProjectChangesResponse, ListProjectsRequest,
    ListProjectsResponse, ReactivateProjectRequest, ReactivateProjectResponse, RemoveProjectRequest,
    RemoveProjectResponse, UpdateProjectRequest, UpdateProjectResponse,
};
use crate::proto::zitadel::project::v1::__buffa::oneof::project_query::Query;
use crate::proto::zitadel::project::v1::{Project, ProjectQuery};
use crate::service::projects::{NewProject, ProjectChange, ProjectFilters, Projects, missing};
use crate::store::{ProjectRow, ProjectValues};

/// RPCs of projects.
pub fn routes(table: Resource<Projects>) -> Resource<Projects> {
    table
        .rpc("AddProject", add_project)
        .rpc("GetProjectByID", get_project_by_id)
        .rpc("ListProjects", list_projects)
        .rpc("UpdateProject", update_project)
        .rpc("DeactivateProject", deactivate_project)
        .rpc("ReactivateProject", reactivate_project)
        .rpc("RemoveProject", remove_project)
        .rpc("ListProjectChanges", list_project_changes)
}

async fn add_project(
    projects: Arc<Projects>,
    caller: Caller,
    request: AddProjectRequest,
) -> Result<AddProjectResponse> {
    let who = caller.admit(&request)?;
    let values = ProjectValues {
        name: request.name,
        role_assertion: request.project_role_assertion,
        role_check: request.project_role_check,
        has_project_check: request.has_project_check,
        private_labeling: i64::from(request.private_labeling_setting.to_i32()),
    };
    let project = projects.add_project(&who, NewProject { id: None, values: &values }).await?;
    Ok(AddProjectResponse { details: details(&who.org_id, &project.stamp), id: project.id })
}

/// `QUERY-fk2fs` is also the answer for a project of another organization.
async fn get_project_by_id(
    projects: Arc<Projects>,
    caller: Caller,
    request: GetProjectByIDRequest,
) -> Result<GetProjectByIDResponse> {
    let who = caller.admit(&request)?;
    let row = projects.project(&who, &request.id).await?;
    let row = row.ok_or_else(|| missing("QUERY-fk2fs"))?;
    Ok(GetProjectByIDResponse { project: MessageField::some(message(&who.org_id, row)) })
}

async fn list_projects(
    projects: Arc<Projects>,
    caller: Caller,
    request: ListProjectsRequest,
) -> Result<ListProjectsResponse> {
    let who = caller.admit(&request)?;
    let list = projects.list_projects(&who, &filters(&request.queries), page(&request.query)).await?;
    Ok(ListProjectsResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(|row| message(&who.org_id, row)).collect(),
    })
}

async fn update_project(
    projects: Arc<Projects>,
    caller: Caller,
    request: UpdateProjectRequest,
) -> Result<UpdateProjectResponse> {
    let who = caller.admit(&request)?;
    let change = ProjectChange {
        name: Some(&request.name),
        role_assertion: Some(request.project_role_assertion),
        role_check: Some(request.project_role_check),
        has_project_check: Some(request.has_project_check),
        private_labeling: Some(i64::from(request.private_labeling_setting.to_i32())),
    };
    let stamp = projects.update_project(&who, &request.id, &change).await?;
    Ok(UpdateProjectResponse { details: details(&who.org_id, &stamp) })
}

async fn deactivate_project(
    projects: Arc<Projects>,
    caller: Caller,
    request: DeactivateProjectRequest,
) -> Result<DeactivateProjectResponse> {
    let who = caller.admit(&request)?;
    let stamp = projects.deactivate_project(&who, &request.id).await?;
    Ok(DeactivateProjectResponse { details: details(&who.org_id, &stamp) })
}

async fn reactivate_project(
    projects: Arc<Projects>,
    caller: Caller,
    request: ReactivateProjectRequest,
) -> Result<ReactivateProjectResponse> {
    let who = caller.admit(&request)?;
    let stamp = projects.reactivate_project(&who, &request.id).await?;
    Ok(ReactivateProjectResponse { details: details(&who.org_id, &stamp) })
}

async fn remove_project(
    projects: Arc<Projects>,
    caller: Caller,
    request: RemoveProjectRequest,
) -> Result<RemoveProjectResponse> {
    let who = caller.admit(&request)?;
    let stamp = projects.remove_project(&who, &request.id).await?.ok_or_else(|| missing("COMMAND-3M9sd"))?;
    Ok(RemoveProjectResponse { details: details(&who.org_id, &stamp) })
}

async fn list_project_changes(
    projects: Arc<Projects>,
    caller: Caller,
    request: ListProjectChangesRequest,
) -> Result<ListProjectChangesResponse> {
    let who = caller.admit(&request)?;
    let rows = projects.list_project_changes(&who, &request.project_id, change_page(&request.query)).await?;
    Ok(ListProjectChangesResponse { result: changes::messages(&who.org_id, rows) })
}

fn filters(queries: &[ProjectQuery]) -> ProjectFilters<'_> {
    let mut filters = ProjectFilters::default();
    for query in queries.iter().filter_map(|q| q.query.as_ref()) {
        match query {
            Query::NameQuery(q) => filters.names.push(text_filter(q.method, &q.name)),
            Query::ProjectResourceOwnerQuery(q) => filters.owners.push(&q.resource_owner),
        }
    }
    filters
}

/// A project as clients read it.
fn message(org_id: &str, row: ProjectRow) -> Project {
    Project {
        id: row.id,
        details: details(org_id, &row.stamp),
        name: row.name,
        state: numbered(row.state.number()),
        project_role_assertion: row.role_assertion,
        project_role_check: row.role_check,
        has_project_check: row.has_project_check,
        private_labeling_setting: numbered(row.private_labeling),
    }
}
