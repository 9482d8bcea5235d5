//! Roles of projects.

use std::sync::Arc;

use serde_json::json;

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
use crate::store::{GrantsOf, ProjectAt, RoleFilter, RoleRow, RoleValues};

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
        let mut found = projects::lock(&self.0, &cx, &request.project_id, projects::not_there).await?;
        let row = found.tx.role_by_key(at, &request.role_key).await?;
        let row = row.ok_or_else(|| Error::not_found("COMMAND-vv8M9", "Role doesn't exist"))?;
        let role = RoleValues { key: request.role_key, display_name: request.display_name, group: request.group };
        if row.display_name == role.display_name && row.group_name == role.group {
            return Ok(UpdateProjectRoleResponse { details: full_details(&cx.org_id, &row.stamp) });
        }
        let event = found.append(&cx, "project.role.changed", payload(&role)).await?;
        found.tx.role_update(at, &role, &event).await?;
        found.tx.commit().await?;
        Ok(UpdateProjectRoleResponse { details: change_details(&cx.org_id, &event, row.stamp.created_at) })
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
        let found = projects::lock(&self.0, &cx, &request.project_id, projects::not_there).await;
        let mut found = match found {
            Ok(found) => found,
            Err(e) if e.id == projects::NOT_THERE => {
                return Ok(RemoveProjectRoleResponse { details: owner_details(&cx.org_id) });
            }
            Err(e) => return Err(e),
        };
        let Some(row) = found.tx.role_by_key(at, &request.role_key).await? else {
            return Ok(RemoveProjectRoleResponse { details: found.unchanged(&cx).await? });
        };
        let event = found.append(&cx, "project.role.removed", json!({"key": row.id})).await?;
        user_grants::cascade(&mut found.tx, &cx, GrantsOf::Project(at), Some(&row.id)).await?;
        found.tx.role_delete(at, &row.id, &event).await?;
        found.tx.commit().await?;
        Ok(RemoveProjectRoleResponse { details: change_details(&cx.org_id, &event, row.stamp.created_at) })
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
        let mut found = projects::lock(&self.0, cx, project_id, projects::not_there).await?;
        let mut details = found.newest_details(cx);
        for role in roles {
            let event = found.append(cx, "project.role.added", payload(role)).await?;
            found.tx.role_insert(at, role, &event).await.map_err(|e| e.taken(KEY_TAKEN))?;
            details = change_details(&cx.org_id, &event, event.at);
        }
        found.tx.commit().await?;
        Ok(details)
    }
}

fn payload(role: &RoleValues) -> serde_json::Value {
    json!({"key": role.key, "displayName": role.display_name, "group": role.group})
}

fn message(org_id: &str, row: RoleRow) -> Role {
    Role {
        details: full_details(org_id, &row.stamp),
        key: row.id,
        display_name: row.display_name,
        group: row.group_name,
    }
}
