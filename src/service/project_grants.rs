//! Project grants: parts of projects that other organizations may use.

use super::outcome::{Created, changed, made};
use super::user_grants::{self, distinct};
use super::{Deps, projects};
use crate::auth::{Admitted, Granted};
use crate::error::{Error, Result};
use crate::store::{
    AggregateKind, ChangePage, ChangeRow, GrantsOf, Held, Listed, Page, ProjectAt, ProjectGrantAdded, ProjectGrantAt,
    ProjectGrantChanged, ProjectGrantFilter, ProjectGrantHeld, ProjectGrantName, ProjectGrantOrder,
    ProjectGrantRemoved, ProjectGrantRow, ProjectGrantSwitched, ProjectGrantsOf, ProjectRow, Recorded, RoleFilter,
    RoleRow, Stamp, State, Work, names,
};

const TAKEN: &str = "Project Grant already exists";

/// Project grants of organizations.
pub struct ProjectGrants(pub(super) Deps);

/// A new project grant.
#[derive(Debug, Clone, Copy)]
pub struct NewProjectGrant<'a> {
    /// Project of the organization.
    pub project_id: &'a str,
    /// Another organization.
    pub granted_org_id: &'a str,
    /// Keys of the roles that its users may have.
    pub role_keys: &'a [String],
}

/// Which project grant of the organization.
#[derive(Debug, Clone, Copy)]
pub struct ProjectGrantId<'a> {
    /// The project.
    pub project_id: &'a str,
    /// Which of its grants.
    pub name: ProjectGrantName<'a>,
}

/// Which project grants to list, and how.
#[derive(Debug)]
pub struct ProjectGrantList<'a> {
    /// Those that pass all of these.
    pub filters: &'a [ProjectGrantFilter],
    /// By what they are sorted.
    pub order: ProjectGrantOrder,
    /// Which of them.
    pub page: Page,
}

impl ProjectGrants {
    /// Grants roles of a project to another organization.
    ///
    /// # Errors
    /// Code 3 a role named twice, `COMMAND-m9gsd` no such project, `COMMAND-3m9gg` no such organization,
    /// `COMMAND-6m9gd` no such role, `AUTH-Swrgg2` the caller's roles are for other projects, `PROJECT-ckUpbvboAH` the
    /// own organization, code 6 granted already.
    pub async fn add_project_grant(&self, who: &Admitted, new: NewProjectGrant<'_>) -> Result<Created> {
        distinct(new.role_keys)?;
        let NewProjectGrant { project_id, granted_org_id, role_keys } = new;
        let project = ProjectAt { org_id: &who.org_id, id: project_id };
        let id = self.0.env.ids.next().await;
        let work = self.0.store.work(who.actor(), async |mut work| {
            // Kept first, as the order of locks wants it; a missing project is told before.
            let there = work.org_kept(granted_org_id).await?;
            let no_project = || Error::precondition("COMMAND-m9gsd", "Project not found");
            let mut held = work.project_held(project).await?.ok_or_else(no_project)?;
            if !there {
                return Err(Error::precondition("COMMAND-3m9gg", "Organisation not found"));
            }
            has_roles(held.work, project, role_keys).await?;
            who.granted.require(project_id)?;
            if granted_org_id == who.org_id {
                return Err(Error::precondition("PROJECT-ckUpbvboAH", "Project Grant is invalid"));
            }
            let added = ProjectGrantAdded { project, id: &id, granted_org_id, role_keys };
            let event = held.record(&added).await.map_err(|e| e.taken(TAKEN))?;
            Ok(made(&event))
        });
        let stamp = work.await?;
        Ok(Created { id, stamp })
    }

    /// Replaces the roles of a grant; the same ones in the same order give the last state. What falls away is taken
    /// out of the user grants through it. The stamp is that of the last event of all.
    ///
    /// # Errors
    /// Code 3 a role named twice, `PROJECT-D8JxR` no such grant, `AUTH-Swrgg2` the caller's roles are for other
    /// projects, `COMMAND-6m9gd` no such role.
    pub async fn update_project_grant(
        &self,
        who: &Admitted,
        id: ProjectGrantId<'_>,
        role_keys: &[String],
    ) -> Result<Stamp> {
        distinct(role_keys)?;
        let at = ProjectAt { org_id: &who.org_id, id: id.project_id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut project = work.project_held(at).await?.ok_or_else(missing)?;
            let grant = project.work.project_grant_held(at, id.name).await?.ok_or_else(missing)?;
            who.granted.require(at.id)?;
            let old = names(&grant.role_keys)?;
            if old == role_keys {
                return Ok(grant.stamp);
            }
            has_roles(project.work, at, role_keys).await?;
            let less = without(&old, role_keys);
            let lost = GrantsOf::ProjectGrantRoles(ProjectGrantAt { org_id: at.org_id, id: &grant.id }, &less);
            let last = user_grants::cascade(project.work, lost).await?;
            let more = without(role_keys, &old);
            let (id, created_at) = (grant.id.as_str(), grant.stamp.created_at);
            let change = ProjectGrantChanged { project: at, id, role_keys, more: &more, less: &less, cascade: false };
            let event = project.record(&change).await?;
            Ok(changed(last.as_ref().unwrap_or(&event), created_at))
        });
        work.await
    }

    /// Switches a grant off, which only shows; an inactive one gives its last state.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, `PROJECT-D8JxR` no such grant, `AUTH-Swrgg2` the caller's roles are for other
    /// projects.
    pub async fn deactivate_project_grant(&self, who: &Admitted, id: ProjectGrantId<'_>) -> Result<Stamp> {
        self.switch(who, id, State::Inactive).await
    }

    /// Switches a grant on; an active one gives its last state.
    ///
    /// # Errors
    /// As [`Self::deactivate_project_grant`].
    pub async fn reactivate_project_grant(&self, who: &Admitted, id: ProjectGrantId<'_>) -> Result<Stamp> {
        self.switch(who, id, State::Active).await
    }

    /// Removes a grant with its members and the user grants through it. The stamp is that of the last event of all.
    ///
    /// # Errors
    /// `PROJECT-D8JxR` no such grant, `AUTH-Swrgg2` the caller's roles are for other projects.
    pub async fn remove_project_grant(&self, who: &Admitted, id: ProjectGrantId<'_>) -> Result<Stamp> {
        let at = ProjectAt { org_id: &who.org_id, id: id.project_id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut project = work.project_held(at).await?.ok_or_else(missing)?;
            let grant = project.work.project_grant_held_to_end(at, id.name).await?.ok_or_else(missing)?;
            who.granted.require(at.id)?;
            let last = remove(&mut project, at, &grant).await?;
            Ok(changed(&last, grant.stamp.created_at))
        });
        work.await
    }

    /// A project grant that the organization gives or gets.
    pub async fn project_grant(&self, who: &Admitted, id: &str) -> Result<Option<ProjectGrantRow>> {
        let row = self.0.store.project_grant_by_id(id).await?;
        Ok(row.filter(|row| row.org_id == who.org_id || row.granted_org_id == who.org_id))
    }

    /// Project grants that the organization gives; only those for which the caller holds a role, if it holds none for
    /// the whole organization and `limited` asks for it.
    pub async fn list_project_grants(
        &self,
        who: &Admitted,
        list: ProjectGrantList<'_>,
        limited: bool,
    ) -> Result<Listed<ProjectGrantRow>> {
        self.listed(ProjectGrantsOf::From(&who.org_id), who, list, limited).await
    }

    /// Projects that are granted to the organization; only those for which the caller holds a role, if it holds none for
    /// the whole organization.
    pub async fn list_granted_projects(
        &self,
        who: &Admitted,
        list: ProjectGrantList<'_>,
    ) -> Result<Listed<ProjectGrantRow>> {
        self.listed(ProjectGrantsOf::To(&who.org_id), who, list, true).await
    }

    /// The roles that a project grant gives to the organization, and the organization that they belong to.
    ///
    /// # Errors
    /// `QUERY-n98GGs` no such grant is given to the organization.
    pub async fn list_granted_project_roles(
        &self,
        who: &Admitted,
        id: &str,
        filters: &[RoleFilter],
        page: Page,
    ) -> Result<(String, Listed<RoleRow>)> {
        let grant = self.0.store.project_grant_by_id(id).await?.filter(|row| row.granted_org_id == who.org_id);
        let grant = grant.ok_or_else(|| Error::not_found("QUERY-n98GGs", "Errors.ProjectGrant.NotFound"))?;
        let roles = self.0.store.project_grant_roles(&grant, filters, page).await?;
        Ok((grant.org_id, roles))
    }

    /// What happened to a grant of the organization and its members; an unknown one has no past.
    pub async fn list_project_grant_changes(
        &self,
        who: &Admitted,
        project_id: &str,
        id: &str,
        page: ChangePage,
    ) -> Result<Vec<ChangeRow>> {
        Ok(self.0.store.changes(AggregateKind::Project, &who.org_id, project_id, Some(id), page).await?)
    }

    async fn listed(
        &self,
        of: ProjectGrantsOf<'_>,
        who: &Admitted,
        list: ProjectGrantList<'_>,
        limited: bool,
    ) -> Result<Listed<ProjectGrantRow>> {
        let mut filters = list.filters.to_vec();
        if let (true, Granted::Projects(ids)) = (limited, &who.granted) {
            filters.push(ProjectGrantFilter::Ids(ids.clone()));
        }
        Ok(self.0.store.project_grant_search(of, &filters, list.order, list.page).await?)
    }

    async fn switch(&self, who: &Admitted, id: ProjectGrantId<'_>, state: State) -> Result<Stamp> {
        let at = ProjectAt { org_id: &who.org_id, id: id.project_id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut project = work.project_held(at).await?.ok_or_else(projects::not_there)?;
            let grant = project.work.project_grant_held(at, id.name).await?.ok_or_else(missing)?;
            who.granted.require(at.id)?;
            if grant.state == state {
                return Ok(grant.stamp);
            }
            let at = ProjectGrantAt { org_id: at.org_id, id: &grant.id };
            let event = project.record(&ProjectGrantSwitched { at, state }).await?;
            Ok(changed(&event, grant.stamp.created_at))
        });
        work.await
    }
}

/// Takes a role that goes out of all grants of its project. Gives the last event, if there is any.
pub(super) async fn lose(
    project: &mut Held<'_, ProjectRow>,
    at: ProjectAt<'_>,
    key: &String,
) -> Result<Option<Recorded>> {
    let (mut last, less) = (None, std::slice::from_ref(key));
    for (id,) in project.work.project_grants_with(at, key).await? {
        let grant = project.work.project_grant_held(at, ProjectGrantName::Id(&id)).await?;
        let Some(grant) = grant else { continue };
        let left = without(&names(&grant.role_keys)?, less);
        let change = ProjectGrantChanged { project: at, id: &id, role_keys: &left, more: &[], less, cascade: true };
        last = Some(project.record(&change).await?);
    }
    Ok(last)
}

/// Removes a grant that is held to its end, with all that follows. Gives the last event of all.
pub(super) async fn remove(
    project: &mut Held<'_, ProjectRow>,
    at: ProjectAt<'_>,
    grant: &ProjectGrantHeld,
) -> Result<Recorded> {
    let grant_at = ProjectGrantAt { org_id: at.org_id, id: &grant.id };
    let last = user_grants::cascade(project.work, GrantsOf::ProjectGrant(grant_at)).await?;
    let event = project.record(&ProjectGrantRemoved { at: grant_at }).await?;
    // Its members have lost their roles there.
    project.work.concerns(&grant.granted_org_id);
    Ok(last.unwrap_or(event))
}

/// Those keys that are not among others.
fn without(keys: &[String], others: &[String]) -> Vec<String> {
    keys.iter().filter(|key| !others.contains(key)).cloned().collect()
}

/// Whether the project has all of these roles; they stay until the unit of work ends.
async fn has_roles(work: &mut Work, project: ProjectAt<'_>, keys: &[String]) -> Result<()> {
    if work.roles_kept(project, keys).await? {
        return Ok(());
    }
    Err(Error::precondition("COMMAND-6m9gd", "Errors.Project.Role.NotFound"))
}

/// What the calls on a grant answer where there is none.
pub(super) fn missing() -> Error {
    Error::not_found("PROJECT-D8JxR", "Project Grant not found")
}
