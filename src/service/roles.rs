//! Roles of projects.

use super::outcome::{changed, made};
use super::{Deps, project_grants, projects, user_grants};
use crate::auth::{Admitted, Reach};
use crate::error::{Error, Result};
use crate::store::{
    GrantsOf, Listed, Page, ProjectAt, RoleAdded, RoleChanged, RoleFilter, RoleOrder, RoleRemoved, RoleRow, RoleValues,
    Stamp,
};

const KEY_TAKEN: &str = "Role already exists";

pub struct Roles(pub(super) Deps);

impl Roles {
    /// Adds a role to a project.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, code 6 key taken.
    pub async fn add_project_role(&self, who: &Admitted, project_id: &str, role: &RoleValues) -> Result<Stamp> {
        self.bulk_add_project_roles(who, project_id, std::slice::from_ref(role)).await
    }

    /// Adds roles to a project, all or none. The stamp is that of the last one.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, code 6 a key is taken or given twice.
    pub async fn bulk_add_project_roles(
        &self,
        who: &Admitted,
        project_id: &str,
        roles: &[RoleValues],
    ) -> Result<Stamp> {
        let at = ProjectAt { org_id: &who.org_id, id: project_id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut project = work.project_held(at).await?.ok_or_else(projects::not_there)?;
            let mut stamp = projects::newest(&project);
            for role in roles {
                let event = project.record(&RoleAdded { at, role }).await.map_err(|e| e.taken(KEY_TAKEN))?;
                stamp = made(&event);
            }
            Ok(stamp)
        });
        work.await
    }

    /// Replaces the texts of a role; without a change it gives the last state.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, `COMMAND-vv8M9` no such role.
    pub async fn update_project_role(&self, who: &Admitted, project_id: &str, role: &RoleValues) -> Result<Stamp> {
        let at = ProjectAt { org_id: &who.org_id, id: project_id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut project = work.project_held(at).await?.ok_or_else(projects::not_there)?;
            let row = project.work.role_by_key(at, &role.key).await?;
            let row = row.ok_or_else(|| Error::not_found("COMMAND-vv8M9", "Role doesn't exist"))?;
            if row.display_name == role.display_name && row.group_name == role.group {
                return Ok(row.stamp);
            }
            let event = project.record(&RoleChanged { at, role }).await?;
            Ok(changed(&event, row.stamp.created_at))
        });
        work.await
    }

    /// Removes a role, also from project grants and user grants. What is not there counts as removed: a project without such a role
    /// gives its newest event, no project gives none.
    pub async fn remove_project_role(&self, who: &Admitted, project_id: &str, key: &str) -> Result<Option<Stamp>> {
        let at = ProjectAt { org_id: &who.org_id, id: project_id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let Some(mut project) = work.project_held(at).await? else { return Ok(None) };
            let Some(row) = project.work.role_held_to_end(at, key).await? else {
                return Ok(Some(projects::newest(&project)));
            };
            user_grants::cascade(project.work, GrantsOf::Role(at, std::slice::from_ref(&row.id))).await?;
            let removed = project.record(&RoleRemoved { at, key: &row.id }).await?;
            let last = project_grants::lose(&mut project, at, &row.id).await?;
            project.work.role_gone(&removed, at, &row.id).await?;
            Ok(Some(changed(last.as_ref().unwrap_or(&removed), row.stamp.created_at)))
        });
        work.await
    }

    /// Roles of a project; an unknown project has none.
    pub async fn list_project_roles(
        &self,
        who: &Admitted,
        project_id: &str,
        filters: &[RoleFilter],
        page: Page,
    ) -> Result<Listed<RoleRow>> {
        let at = ProjectAt { org_id: &who.org_id, id: project_id };
        Ok(self.0.store.role_search(at, filters, page).await?)
    }

    /// Roles of a project of whatever organization, if the caller may see them.
    pub async fn list_seen_roles(
        &self,
        reach: &Reach,
        project_id: &str,
        filters: &[RoleFilter],
        page: (RoleOrder, Page),
    ) -> Result<Listed<RoleRow>> {
        Ok(self.0.store.roles_everywhere(reach.within.as_ref(), project_id, filters, page).await?)
    }
}
