//! Projects.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::parts::Parts;
use crate::api::adapter::details::{date, numbered};
use crate::api::adapter::filters::{Budget, text_filter};
use crate::api::adapter::pages::{page, pagination};
use crate::api::adapter::routes::Resource;
use crate::auth::{Caller, Denied, Target};
use crate::error::{Error, Result};
use crate::proto::zitadel::project::v2::__buffa::oneof::project_search_filter::Filter;
use crate::proto::zitadel::project::v2::project_organization_id_filter::Type;
use crate::proto::zitadel::project::v2::{
    ActivateProjectRequest, ActivateProjectResponse, CreateProjectRequest, CreateProjectResponse,
    DeactivateProjectRequest, DeactivateProjectResponse, DeleteProjectRequest, DeleteProjectResponse,
    GetProjectRequest, GetProjectResponse, ListProjectsRequest, ListProjectsResponse, Project, ProjectFieldName,
    ProjectSearchFilter, UpdateProjectRequest, UpdateProjectResponse,
};
use crate::service::projects::{NewProject, ProjectChange, missing};
use crate::store::{OwnedProjectRow, ProjectFilter, ProjectOrder, ProjectValues};

/// RPCs of projects.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("CreateProject", create_project)
        .rpc("UpdateProject", update_project)
        .rpc("DeleteProject", delete_project)
        .rpc("GetProject", get_project)
        .rpc("ListProjects", list_projects)
        .rpc("DeactivateProject", deactivate_project)
        .rpc("ActivateProject", activate_project)
}

async fn create_project(
    parts: Arc<Parts>,
    caller: Caller,
    request: CreateProjectRequest,
) -> Result<CreateProjectResponse> {
    let who = parts.owners.admit_into(caller, &request, &request.organization_id).await?;
    let values = ProjectValues {
        name: request.name,
        role_assertion: request.project_role_assertion,
        role_check: request.authorization_required,
        has_project_check: request.project_access_required,
        private_labeling: i64::from(request.private_labeling_setting.to_i32()),
    };
    let new = NewProject { id: request.project_id.as_deref(), values: &values };
    let project = parts.projects.add_project(&who, new).await?;
    Ok(CreateProjectResponse { project_id: project.id, creation_date: date(project.stamp.created_at) })
}

/// Without a change it gives the date of the last one.
async fn update_project(
    parts: Arc<Parts>,
    caller: Caller,
    request: UpdateProjectRequest,
) -> Result<UpdateProjectResponse> {
    let found = parts.owners.find(&request, Target::Project(&request.project_id)).await?;
    let found = found.ok_or_else(|| missing("COMMAND-3M9sd"))?;
    let who = parts.owners.admit(caller, &request, &found, Denied::Object).await?;
    let change = ProjectChange {
        name: request.name.as_deref(),
        role_assertion: request.project_role_assertion,
        role_check: request.authorization_required,
        has_project_check: request.project_access_required,
        private_labeling: request.private_labeling_setting.map(|setting| i64::from(setting.to_i32())),
    };
    let stamp = parts.projects.update_project(&who, &request.project_id, &change).await?;
    Ok(UpdateProjectResponse { change_date: date(stamp.changed_at) })
}

/// A project that is no more gives the date of its removal, whoever asks.
async fn delete_project(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeleteProjectRequest,
) -> Result<DeleteProjectResponse> {
    let id = request.project_id.as_str();
    let removed = match parts.owners.find(&request, Target::Project(id)).await? {
        Some(found) => {
            let who = parts.owners.admit(caller, &request, &found, Denied::Object).await?;
            parts.projects.remove_project(&who, id).await?.map(|stamp| stamp.changed_at)
        }
        None => None,
    };
    let at = match removed {
        Some(at) => Some(at),
        None => parts.owners.project_gone(&request, id).await?,
    };
    let date = at.map_or_else(MessageField::none, date);
    Ok(DeleteProjectResponse { deletion_date: date })
}

async fn get_project(parts: Arc<Parts>, caller: Caller, request: GetProjectRequest) -> Result<GetProjectResponse> {
    let row = parts.owners.project_to_read(caller, &request, &request.project_id).await?;
    let row = row.ok_or_else(|| missing("QUERY-fk2fs"))?;
    Ok(GetProjectResponse { project: MessageField::some(message(row)) })
}

/// Who has no role at all is told so; others see what they may.
async fn list_projects(
    parts: Arc<Parts>,
    caller: Caller,
    request: ListProjectsRequest,
) -> Result<ListProjectsResponse> {
    let reach = parts.owners.reach_of_members(caller, &request).await?;
    let page = page(&request.pagination)?;
    let filters = filters(&request.filters)?;
    let order = order(request.sorting_column);
    let list = parts.projects.list_all_projects(&reach, &filters, order, page).await?;
    Ok(ListProjectsResponse {
        pagination: pagination(&list, page),
        projects: list.rows.into_iter().map(message).collect(),
    })
}

async fn deactivate_project(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeactivateProjectRequest,
) -> Result<DeactivateProjectResponse> {
    let found = parts.owners.find(&request, Target::Project(&request.project_id)).await?;
    let found = found.ok_or_else(|| missing("COMMAND-112M9"))?;
    let who = parts.owners.admit(caller, &request, &found, Denied::Object).await?;
    let stamp = parts.projects.deactivate_project(&who, &request.project_id).await?;
    Ok(DeactivateProjectResponse { change_date: date(stamp.changed_at) })
}

async fn activate_project(
    parts: Arc<Parts>,
    caller: Caller,
    request: ActivateProjectRequest,
) -> Result<ActivateProjectResponse> {
    let found = parts.owners.find(&request, Target::Project(&request.project_id)).await?;
    let found = found.ok_or_else(|| missing("COMMAND-3M9sd"))?;
    let who = parts.owners.admit(caller, &request, &found, Denied::Object).await?;
    let stamp = parts.projects.reactivate_project(&who, &request.project_id).await?;
    Ok(ActivateProjectResponse { change_date: date(stamp.changed_at) })
}

/// The filters of a request; nothing is granted to an organization yet.
fn filters(filters: &[ProjectSearchFilter]) -> Result<Vec<ProjectFilter>> {
    let mut budget = Budget::default();
    let one = |filter: &Filter| {
        Ok::<_, Error>(match filter {
            Filter::ProjectNameFilter(f) => ProjectFilter::Name(text_filter(f.method, &f.project_name)),
            Filter::InProjectIdsFilter(f) => {
                budget.values(f.ids.len())?;
                ProjectFilter::Ids(f.ids.clone())
            }
            Filter::OrganizationIdFilter(f) if f.r#type.as_known() == Some(Type::GRANTED) => {
                ProjectFilter::Ids(Vec::new())
            }
            Filter::OrganizationIdFilter(f) => ProjectFilter::Org(f.organization_id.clone()),
        })
    };
    // The field rules want each of them to say something.
    filters.iter().filter_map(|filter| filter.filter.as_ref()).map(one).collect()
}

fn order(column: Option<EnumValue<ProjectFieldName>>) -> ProjectOrder {
    match column.and_then(|column| column.as_known()) {
        Some(ProjectFieldName::PROJECT_FIELD_NAME_ID) => ProjectOrder::Id,
        Some(ProjectFieldName::PROJECT_FIELD_NAME_CHANGE_DATE) => ProjectOrder::Changed,
        Some(ProjectFieldName::PROJECT_FIELD_NAME_NAME) => ProjectOrder::Name,
        _ => ProjectOrder::Created,
    }
}

/// A project as clients read it.
fn message(project: OwnedProjectRow) -> Project {
    let OwnedProjectRow { org_id, row } = project;
    Project {
        project_id: row.id,
        organization_id: org_id,
        creation_date: date(row.stamp.created_at),
        change_date: date(row.stamp.changed_at),
        name: row.name,
        state: numbered(row.state.number()),
        project_role_assertion: row.role_assertion,
        authorization_required: row.role_check,
        project_access_required: row.has_project_check,
        private_labeling_setting: numbered(row.private_labeling),
        ..Project::default()
    }
}
