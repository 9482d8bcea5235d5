//! Projects.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};
use serde_json::{Value, json};

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
    Aggregate, AggregateKind, Event, GrantsOf, ProjectAt, ProjectRow, ProjectValues, Recorded, Stamp, Tx,
};

/// Numbers of `ProjectState`.
const ACTIVE: i64 = 1;
const INACTIVE: i64 = 2;
const NAME_TAKEN: &str = "Project already exists on organization";

/// Projects of organizations.
pub struct Projects(pub(super) Deps);

/// A project found and locked by a transaction.
pub(super) struct Locked {
    pub tx: Tx,
    pub project: ProjectRow,
    aggregate: Aggregate,
}

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
        let id = self.0.ids.next();
        let mut aggregate = Aggregate::new(AggregateKind::Project, &cx.org_id, &id);
        let mut tx = self.0.store.write().await?;
        let event = Event::new("project.added", payload(&values));
        let event = tx.events_append(&mut aggregate, &cx.user_id, cx.now, &[event]).await?;
        tx.project_insert(&cx.org_id, &id, &values, &event).await.map_err(|e| e.taken(NAME_TAKEN))?;
        tx.commit().await?;
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
        let mut found = lock(&self.0, &cx, &request.id, || missing("COMMAND-3M9sd")).await?;
        let stamp = found.project.stamp.clone();
        if values_of(&found.project) == values {
            return Ok(UpdateProjectResponse { details: full_details(&cx.org_id, &stamp) });
        }
        let event = found.append(&cx, "project.changed", payload(&values)).await?;
        let updated = found.tx.project_update(&cx.org_id, &request.id, &values, &event).await;
        updated.map_err(|e| e.taken(NAME_TAKEN))?;
        found.tx.commit().await?;
        Ok(UpdateProjectResponse { details: change_details(&cx.org_id, &event, stamp.created_at) })
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
        let found = lock(&self.0, &cx, &request.id, || missing("COMMAND-112M9")).await?;
        if found.project.state != ACTIVE {
            return Err(Error::precondition("COMMAND-mki55", "Project is not active"));
        }
        let created_at = found.project.stamp.created_at;
        let event = found.set_state(&cx, INACTIVE, "project.deactivated").await?;
        Ok(DeactivateProjectResponse { details: change_details(&cx.org_id, &event, created_at) })
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
        let found = lock(&self.0, &cx, &request.id, || missing("COMMAND-3M9sd")).await?;
        if found.project.state != INACTIVE {
            return Err(Error::precondition("COMMAND-5M9bs", "Project is not deactivated"));
        }
        let created_at = found.project.stamp.created_at;
        let event = found.set_state(&cx, ACTIVE, "project.reactivated").await?;
        Ok(ReactivateProjectResponse { details: change_details(&cx.org_id, &event, created_at) })
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
        let mut found = lock(&self.0, &cx, &request.id, || missing("COMMAND-3M9sd")).await?;
        let event = found.append(&cx, "project.removed", json!({"name": found.project.name})).await?;
        let at = ProjectAt { org_id: &cx.org_id, id: &request.id };
        user_grants::cascade(&mut found.tx, &cx, GrantsOf::Project(at), None).await?;
        found.tx.project_delete(&cx.org_id, &request.id, &event).await?;
        found.tx.commit().await?;
        Ok(RemoveProjectResponse { details: change_details(&cx.org_id, &event, found.project.stamp.created_at) })
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
}

/// Finds a project of the organization and locks it.
pub(super) async fn lock(deps: &Deps, cx: &Ctx, id: &str, missing: impl Fn() -> Error) -> Result<Locked> {
    let mut tx = deps.store.write().await?;
    let aggregate = tx.aggregate_lock(AggregateKind::Project, &cx.org_id, id).await?.ok_or_else(&missing)?;
    let project = tx.project_by_id(&cx.org_id, id).await?.ok_or_else(missing)?;
    Ok(Locked { tx, project, aggregate })
}

/// What the calls on parts of a project answer where there is none.
pub(super) fn not_there() -> Error {
    Error::precondition(NOT_THERE, "Project not found")
}

/// Id of [`not_there`].
pub(super) const NOT_THERE: &str = "COMMAND-EbFMN";

fn missing(id: &'static str) -> Error {
    Error::not_found(id, "Project not found")
}

impl Locked {
    /// Appends an event of the project.
    pub async fn append(&mut self, cx: &Ctx, kind: &'static str, payload: Value) -> Result<Recorded> {
        let event = Event::new(kind, payload);
        Ok(self.tx.events_append(&mut self.aggregate, &cx.user_id, cx.now, &[event]).await?)
    }

    /// Ends a call that changes nothing, once what it has seen is durable.
    pub async fn unchanged(self, cx: &Ctx) -> Result<Part<ObjectDetails>> {
        let details = self.newest_details(cx);
        self.tx.commit().await?;
        Ok(details)
    }

    /// Details of the newest event of the project and all in it, for calls that change nothing.
    pub fn newest_details(&self, cx: &Ctx) -> Part<ObjectDetails> {
        let newest = self.aggregate.newest();
        let created_at = self.project.stamp.created_at;
        full_details(&cx.org_id, &Stamp { sequence: newest.sequence, created_at, changed_at: newest.changed_at })
    }

    async fn set_state(mut self, cx: &Ctx, state: i64, kind: &'static str) -> Result<Recorded> {
        let event = self.append(cx, kind, json!({})).await?;
        self.tx.project_set_state(&cx.org_id, &self.project.id, state, &event).await?;
        self.tx.commit().await?;
        Ok(event)
    }
}

fn payload(values: &ProjectValues) -> Value {
    json!({
        "name": values.name,
        "projectRoleAssertion": values.role_assertion,
        "projectRoleCheck": values.role_check,
        "hasProjectCheck": values.has_project_check,
        "privateLabelingSetting": values.private_labeling,
    })
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
        state: EnumValue::<ProjectState>::from(i32::try_from(row.state).unwrap_or_default()),
        project_role_assertion: row.role_assertion,
        project_role_check: row.role_check,
        has_project_check: row.has_project_check,
        private_labeling_setting: EnumValue::from(i32::try_from(row.private_labeling).unwrap_or_default()),
    }
}
