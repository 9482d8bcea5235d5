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
use crate::store::{Having, ListedProjectRow, OwnedProjectRow, ProjectFilter, ProjectOrder, ProjectValues};

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
    let who = parts.admit(caller, &request, &request.project_id, || missing("COMMAND-3M9sd")).await?;
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

/// Who has no role at all is told so; others see what they may. Each grant of a project stands beside it.
async fn list_projects(
    parts: Arc<Parts>,
    caller: Caller,
    request: ListProjectsRequest,
) -> Result<ListProjectsResponse> {
    let (projects, grants) = parts.owners.reach_of_two(caller, &request, "project.grant.read").await?;
    let page = page(&request.pagination)?;
    let filters = filters(&request.filters)?;
    let order = order(request.sorting_column);
    let list = parts.projects.list_all_projects((&projects, &grants), &filters, order, page).await?;
    Ok(ListProjectsResponse {
        pagination: pagination(&list, page),
        projects: list.rows.into_iter().map(listed).collect(),
    })
}

async fn deactivate_project(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeactivateProjectRequest,
) -> Result<DeactivateProjectResponse> {
    let who = parts.admit(caller, &request, &request.project_id, || missing("COMMAND-112M9")).await?;
    let stamp = parts.projects.deactivate_project(&who, &request.project_id).await?;
    Ok(DeactivateProjectResponse { change_date: date(stamp.changed_at) })
}

async fn activate_project(
    parts: Arc<Parts>,
    caller: Caller,
    request: ActivateProjectRequest,
) -> Result<ActivateProjectResponse> {
    let who = parts.admit(caller, &request, &request.project_id, || missing("COMMAND-3M9sd")).await?;
    let stamp = parts.projects.reactivate_project(&who, &request.project_id).await?;
    Ok(ActivateProjectResponse { change_date: date(stamp.changed_at) })
}

fn filters(filters: &[ProjectSearchFilter]) -> Result<Vec<ProjectFilter>> {
    let mut budget = Budget::default();
    let one = |filter: &Filter| {
        Ok::<_, Error>(match filter {
            Filter::ProjectNameFilter(f) => ProjectFilter::Name(text_filter(f.method, &f.project_name)),
            Filter::InProjectIdsFilter(f) => {
                budget.values(f.ids.len())?;
                ProjectFilter::Ids(f.ids.clone())
            }
            Filter::OrganizationIdFilter(f) => ProjectFilter::Org(f.organization_id.clone(), having(f.r#type)),
        })
    };
    // The field rules want each of them to say something.
    filters.iter().filter_map(|filter| filter.filter.as_ref()).map(one).collect()
}

fn having(kind: EnumValue<Type>) -> Having {
    match kind.as_known() {
        Some(Type::OWNED) => Having::Owned,
        Some(Type::GRANTED) => Having::Granted,
        _ => Having::Any,
    }
}

fn order(column: Option<EnumValue<ProjectFieldName>>) -> ProjectOrder {
    match column.and_then(|column| column.as_known()) {
        Some(ProjectFieldName::PROJECT_FIELD_NAME_ID) => ProjectOrder::Id,
        Some(ProjectFieldName::PROJECT_FIELD_NAME_CHANGE_DATE) => ProjectOrder::Changed,
        Some(ProjectFieldName::PROJECT_FIELD_NAME_NAME) => ProjectOrder::Name,
        _ => ProjectOrder::Created,
    }
}

/// A project, or a grant of it, as clients read it.
fn listed(row: ListedProjectRow) -> Project {
    let is_grant = !row.granted_org_id.is_empty();
    Project {
        granted_organization_id: is_grant.then_some(row.granted_org_id),
        granted_organization_name: is_grant.then_some(row.granted_org_name),
        granted_state: numbered(row.granted_state),
        ..message(row.project)
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
