//! Projects.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::{Deps, changes, user_grants, validate};
use crate::auth::{Ctx, Granted};
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddProjectRequest, AddProjectResponse, DeactivateProjectRequest, DeactivateProjectResponse, GetProjectByIDRequest,
    GetProjectByIDResponse, ListProjectChangesRequest, ListProjectChangesResponse, ListProjectsRequest,
    ListProjectsResponse, ReactivateProjectRequest, ReactivateProjectResponse, RemoveProjectRequest,
    RemoveProjectResponse, UpdateProjectRequest, UpdateProjectResponse,
};
use crate::proto::zitadel::project::v1::__buffa::oneof::project_query::Query;
use crate::proto::zitadel::project::v1::{Project, ProjectState};
use crate::proto::zitadel::v1::ObjectDetails;
use crate::proto::{Part, change_details, full_details, list_details};
use crate::store::{
    AggregateKind, GrantsOf, Held, ProjectAdded, ProjectAt, ProjectChanged, ProjectRemoved, ProjectRow,
    ProjectSwitched, ProjectValues, Stamp, State,
};

const NAME_TAKEN: &str = "Project already exists on organization";

/// Projects of organizations.
pub struct Projects(pub(super) Deps);

impl Projects {
    /// `AddProject`: active at once; its caller does not become a member.
    ///
    /// # Errors
    /// Code 6 name taken in the organization.
    pub async fn add_project(self: Arc<Self>, cx: Ctx, request: AddProjectRequest) -> Result<AddProjectResponse> {
        cx.admit(&request)?;
        let values = ProjectValues {
            name: request.name,
            role_assertion: request.project_role_assertion,
            role_check: request.project_role_check,
            has_project_check: request.has_project_check,
            private_labeling: i64::from(request.private_labeling_setting.to_i32()),
        };
        let id = self.0.ids.next().await;
        let added = ProjectAdded { at: ProjectAt { org_id: &cx.org_id, id: &id }, values: &values };
        let event = self.0.store.work(cx.actor(), async |mut work| {
            let mut project = work.begin(AggregateKind::Project, &cx.org_id, &id);
            project.record(&added).await.map_err(|e| e.taken(NAME_TAKEN))
        });
        let event = event.await?;
        Ok(AddProjectResponse { details: change_details(&cx.org_id, &event, event.at), id })
    }

    /// `GetProjectByID`.
    ///
    /// # Errors
    /// `QUERY-fk2fs` no such project, which is also the answer for one of another organization.
    pub async fn get_project_by_id(
        self: Arc<Self>,
        cx: Ctx,
        request: GetProjectByIDRequest,
    ) -> Result<GetProjectByIDResponse> {
        cx.admit(&request)?;
        let row = self.0.store.project_by_id(&cx.org_id, &request.id).await?;
        let row = row.ok_or_else(|| Error::not_found("QUERY-fk2fs", "Project not found"))?;
        Ok(GetProjectByIDResponse { project: MessageField::some(message(&cx.org_id, row)) })
    }

    /// `ListProjects`: those of the organization, or only those for which the caller holds a role.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_projects(self: Arc<Self>, cx: Ctx, request: ListProjectsRequest) -> Result<ListProjectsResponse> {
        let granted = cx.admit(&request)?;
        let mut filters = Vec::new();
        let mut owner = None;
        let mut foreign = false;
        for query in request.queries.iter().filter_map(|q| q.query.as_ref()) {
            match query {
                Query::NameQuery(q) => filters.push(validate::text_filter(q.method, &q.name)),
                Query::ProjectResourceOwnerQuery(q) => {
                    foreign |= owner.is_some_and(|o| o != q.resource_owner);
                    owner = Some(q.resource_owner.as_str());
                }
            }
        }
        let none: &[String] = &[];
        let only = match &granted {
            _ if foreign => Some(none),
            Granted::Everywhere => None,
            Granted::Projects(ids) => Some(ids.as_slice()),
        };
        let page = validate::page(&request.query);
        let list = self.0.store.project_search(&cx.org_id, &filters, owner, only, page).await?;
        Ok(ListProjectsResponse {
            details: list_details(list.total, list.seen.as_ref()),
            result: list.rows.into_iter().map(|row| message(&cx.org_id, row)).collect(),
        })
    }

    /// `UpdateProject`: replaces name and all settings; without a change it answers the last state.
    ///
    /// # Errors
    /// `COMMAND-3M9sd` no such project, code 6 name taken.
    pub async fn update_project(
        self: Arc<Self>,
        cx: Ctx,
        request: UpdateProjectRequest,
    ) -> Result<UpdateProjectResponse> {
        cx.admit(&request)?;
        let values = ProjectValues {
            name: request.name,
            role_assertion: request.project_role_assertion,
            role_check: request.project_role_check,
            has_project_check: request.has_project_check,
            private_labeling: i64::from(request.private_labeling_setting.to_i32()),
        };
        let at = ProjectAt { org_id: &cx.org_id, id: &request.id };
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let found = work.project_lock(at).await?;
            let mut project = found.ok_or_else(|| missing("COMMAND-3M9sd"))?;
            if values_of(&project.row) == values {
                return Ok(full_details(at.org_id, &project.row.stamp));
            }
            let event = project.record(&ProjectChanged { at, values: &values }).await;
            let event = event.map_err(|e| e.taken(NAME_TAKEN))?;
            Ok(change_details(at.org_id, &event, project.row.stamp.created_at))
        });
        Ok(UpdateProjectResponse { details: details.await? })
    }

    /// `DeactivateProject`.
    ///
    /// # Errors
    /// `COMMAND-112M9` no such project, `COMMAND-mki55` not active.
    pub async fn deactivate_project(
        self: Arc<Self>,
        cx: Ctx,
        request: DeactivateProjectRequest,
    ) -> Result<DeactivateProjectResponse> {
        cx.admit(&request)?;
        let not_active = || Error::precondition("COMMAND-mki55", "Project is not active");
        let details = self.switch(&cx, &request.id, State::Inactive, "COMMAND-112M9", not_active).await?;
        Ok(DeactivateProjectResponse { details })
    }

    /// `ReactivateProject`.
    ///
    /// # Errors
    /// `COMMAND-3M9sd` no such project, `COMMAND-5M9bs` not inactive.
    pub async fn reactivate_project(
        self: Arc<Self>,
        cx: Ctx,
        request: ReactivateProjectRequest,
    ) -> Result<ReactivateProjectResponse> {
        cx.admit(&request)?;
        let not_inactive = || Error::precondition("COMMAND-5M9bs", "Project is not deactivated");
        let details = self.switch(&cx, &request.id, State::Active, "COMMAND-3M9sd", not_inactive).await?;
        Ok(ReactivateProjectResponse { details })
    }

    /// `RemoveProject`: with its applications, keys, roles, members and user grants.
    ///
    /// # Errors
    /// `COMMAND-3M9sd` no such project.
    pub async fn remove_project(
        self: Arc<Self>,
        cx: Ctx,
        request: RemoveProjectRequest,
    ) -> Result<RemoveProjectResponse> {
        cx.admit(&request)?;
        let at = ProjectAt { org_id: &cx.org_id, id: &request.id };
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let found = work.project_lock_to_end(at).await?;
            let mut project = found.ok_or_else(|| missing("COMMAND-3M9sd"))?;
            user_grants::cascade(project.work, GrantsOf::Project(at)).await?;
            let name = project.row.name.clone();
            let event = project.record(&ProjectRemoved { at, name: &name }).await?;
            Ok(change_details(at.org_id, &event, project.row.stamp.created_at))
        });
        Ok(RemoveProjectResponse { details: details.await? })
    }

    /// `ListProjectChanges`: with those of applications, keys, roles and members.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_project_changes(
        self: Arc<Self>,
        cx: Ctx,
        request: ListProjectChangesRequest,
    ) -> Result<ListProjectChangesResponse> {
        cx.admit(&request)?;
        let page = validate::change_page(&request.query);
        let (kind, org) = (AggregateKind::Project, &cx.org_id);
        let rows = self.0.store.changes(kind, org, &request.project_id, None, page).await?;
        Ok(ListProjectChangesResponse { result: rows.into_iter().map(|row| changes::message(org, row)).collect() })
    }

    /// Switches a project on or off, if it is not so already.
    async fn switch(
        &self,
        cx: &Ctx,
        id: &str,
        state: State,
        none: &'static str,
        refusal: fn() -> Error,
    ) -> Result<Part<ObjectDetails>> {
        let at = ProjectAt { org_id: &cx.org_id, id };
        let work = self.0.store.work(cx.actor(), async |mut work| {
            let mut project = work.project_lock(at).await?.ok_or_else(|| missing(none))?;
            if project.row.state == state {
                return Err(refusal());
            }
            let event = project.record(&ProjectSwitched { at, state }).await?;
            Ok(change_details(at.org_id, &event, project.row.stamp.created_at))
        });
        work.await
    }
}

/// What the calls on parts of a project answer where there is none.
pub(super) fn not_there() -> Error {
    Error::precondition("COMMAND-EbFMN", "Project not found")
}

fn missing(id: &'static str) -> Error {
    Error::not_found(id, "Project not found")
}

/// Details of the newest event of a project and all in it, for calls that change nothing.
pub(super) fn newest_details(org_id: &str, project: &Held<'_, ProjectRow>) -> Part<ObjectDetails> {
    let newest = project.newest();
    let created_at = project.row.stamp.created_at;
    full_details(org_id, &Stamp { sequence: newest.sequence, created_at, changed_at: newest.changed_at })
}

fn values_of(row: &ProjectRow) -> ProjectValues {
    ProjectValues {
        name: row.name.clone(),
        role_assertion: row.role_assertion,
        role_check: row.role_check,
        has_project_check: row.has_project_check,
        private_labeling: row.private_labeling,
    }
}

fn message(org_id: &str, row: ProjectRow) -> Project {
    Project {
        id: row.id,
        details: full_details(org_id, &row.stamp),
        name: row.name,
        state: EnumValue::<ProjectState>::from(i32::try_from(row.state.number()).unwrap_or_default()),
        project_role_assertion: row.role_assertion,
        project_role_check: row.role_check,
        has_project_check: row.has_project_check,
        private_labeling_setting: EnumValue::from(i32::try_from(row.private_labeling).unwrap_or_default()),
    }
}
