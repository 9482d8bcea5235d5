//! Roles of projects.

use std::sync::Arc;

use super::{Deps, projects, user_grants, validate};
use crate::auth::Ctx;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddProjectRoleRequest, AddProjectRoleResponse, BulkAddProjectRolesRequest, BulkAddProjectRolesResponse,
    ListProjectRolesRequest, ListProjectRolesResponse, RemoveProjectRoleRequest, RemoveProjectRoleResponse,
    UpdateProjectRoleRequest, UpdateProjectRoleResponse,
};
use crate::proto::zitadel::project::v1::__buffa::oneof::role_query::Query;
use crate::proto::zitadel::project::v1::Role;
use crate::proto::zitadel::v1::ObjectDetails;
use crate::proto::{Part, change_details, full_details, list_details, owner_details};
use crate::store::{GrantsOf, ProjectAt, RoleAdded, RoleChanged, RoleFilter, RoleRemoved, RoleRow, RoleValues};

const KEY_TAKEN: &str = "Role already exists";

/// Roles of projects.
pub struct Roles(pub(super) Deps);

impl Roles {
    /// `AddProjectRole`.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, code 6 key taken.
    pub async fn add_project_role(
        self: Arc<Self>,
        cx: Ctx,
        request: AddProjectRoleRequest,
    ) -> Result<AddProjectRoleResponse> {
        cx.admit(&request)?;
        let role = RoleValues { key: request.role_key, display_name: request.display_name, group: request.group };
        Ok(AddProjectRoleResponse { details: self.insert(&cx, &request.project_id, &[role]).await? })
    }

    /// `BulkAddProjectRoles`: all or none.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, code 6 a key is taken or given twice.
    pub async fn bulk_add_project_roles(
        self: Arc<Self>,
        cx: Ctx,
        request: BulkAddProjectRolesRequest,
    ) -> Result<BulkAddProjectRolesResponse> {
        cx.admit(&request)?;
        let roles: Vec<RoleValues> = request
            .roles
            .into_iter()
            .map(|r| RoleValues { key: r.key, display_name: r.display_name, group: r.group })
            .collect();
        Ok(BulkAddProjectRolesResponse { details: self.insert(&cx, &request.project_id, &roles).await? })
    }

    /// `UpdateProjectRole`: without a change it answers the last state.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, `COMMAND-vv8M9` no such role.
    pub async fn update_project_role(
        self: Arc<Self>,
        cx: Ctx,
        request: UpdateProjectRoleRequest,
    ) -> Result<UpdateProjectRoleResponse> {
        cx.admit(&request)?;
        let at = ProjectAt { org_id: &cx.org_id, id: &request.project_id };
        let role = RoleValues { key: request.role_key, display_name: request.display_name, group: request.group };
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut project = work.project_lock(at).await?.ok_or_else(projects::not_there)?;
            let row = project.work.role_by_key(at, &role.key).await?;
            let row = row.ok_or_else(|| Error::not_found("COMMAND-vv8M9", "Role doesn't exist"))?;
            if row.display_name == role.display_name && row.group_name == role.group {
                return Ok(full_details(at.org_id, &row.stamp));
            }
            let event = project.record(&RoleChanged { at, role: &role }).await?;
            Ok(change_details(at.org_id, &event, row.stamp.created_at))
        });
        Ok(UpdateProjectRoleResponse { details: details.await? })
    }

    /// `RemoveProjectRole`: also from user grants; what is not there is answered as removed.
    ///
    /// # Errors
    /// None of its own.
    pub async fn remove_project_role(
        self: Arc<Self>,
        cx: Ctx,
        request: RemoveProjectRoleRequest,
    ) -> Result<RemoveProjectRoleResponse> {
        cx.admit(&request)?;
        let at = ProjectAt { org_id: &cx.org_id, id: &request.project_id };
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let Some(mut project) = work.project_lock(at).await? else { return Ok(owner_details(at.org_id)) };
            let Some(row) = project.work.role_lock_to_end(at, &request.role_key).await? else {
                return Ok(projects::newest_details(at.org_id, &project));
            };
            user_grants::cascade(project.work, GrantsOf::Role(at, &row.id)).await?;
            let event = project.record(&RoleRemoved { at, key: &row.id }).await?;
            Ok(change_details(at.org_id, &event, row.stamp.created_at))
        });
        Ok(RemoveProjectRoleResponse { details: details.await? })
    }

    /// `ListProjectRoles`: an unknown project has none.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_project_roles(
        self: Arc<Self>,
        cx: Ctx,
        request: ListProjectRolesRequest,
    ) -> Result<ListProjectRolesResponse> {
        cx.admit(&request)?;
        let filters: Vec<RoleFilter> = request
            .queries
            .iter()
            .filter_map(|q| q.query.as_ref())
            .map(|query| match query {
                Query::KeyQuery(q) => RoleFilter::Key(validate::text_filter(q.method, &q.key)),
                Query::DisplayNameQuery(q) => RoleFilter::DisplayName(validate::text_filter(q.method, &q.display_name)),
            })
            .collect();
        let at = ProjectAt { org_id: &cx.org_id, id: &request.project_id };
        let list = self.0.store.role_search(at, &filters, validate::page(&request.query)).await?;
        Ok(ListProjectRolesResponse {
            details: list_details(list.total, list.seen.as_ref()),
            result: list.rows.into_iter().map(|row| message(&cx.org_id, row)).collect(),
        })
    }

    async fn insert(&self, cx: &Ctx, project_id: &str, roles: &[RoleValues]) -> Result<Part<ObjectDetails>> {
        let at = ProjectAt { org_id: &cx.org_id, id: project_id };
        let work = self.0.store.work(cx.actor(), async |mut work| {
            let mut project = work.project_lock(at).await?.ok_or_else(projects::not_there)?;
            let mut details = projects::newest_details(at.org_id, &project);
            for role in roles {
                let event = project.record(&RoleAdded { at, role }).await.map_err(|e| e.taken(KEY_TAKEN))?;
                details = change_details(at.org_id, &event, event.at);
            }
            Ok(details)
        });
        work.await
    }
}

fn message(org_id: &str, row: RoleRow) -> Role {
    Role {
        details: full_details(org_id, &row.stamp),
        key: row.id,
        display_name: row.display_name,
        group: row.group_name,
    }
}
