//! Projects.

use super::outcome::{Created, changed, made};
use super::{Deps, chosen, user_grants};
use crate::auth::{Admitted, Granted, Reach};
use crate::error::{Code, Error, Result};
use crate::store::{
    AggregateKind, ChangePage, ChangeRow, GrantsOf, Held, Listed, OwnedProjectRow, Page, ProjectAdded, ProjectAt,
    ProjectChanged, ProjectFilter, ProjectOrder, ProjectRemoved, ProjectRow, ProjectSwitched, ProjectValues, Stamp,
    State, TextFilter,
};

const NAME_TAKEN: &str = "Project already exists on organization";

/// Projects of organizations.
pub struct Projects(pub(super) Deps);

/// A new project.
#[derive(Debug)]
pub struct NewProject<'a> {
    /// The identifier that the caller chooses; one is made if there is none.
    pub id: Option<&'a str>,
    /// What it says.
    pub values: &'a ProjectValues,
}

/// What a project says from now on; what is not given stays as it is.
#[derive(Debug, Default)]
pub struct ProjectChange<'a> {
    /// Name as given.
    pub name: Option<&'a str>,
    /// Roles are put into tokens.
    pub role_assertion: Option<bool>,
    /// Users need a role to use it.
    pub role_check: Option<bool>,
    /// Organizations need a grant to use it.
    pub has_project_check: Option<bool>,
    /// Number of `PrivateLabelingSetting`.
    pub private_labeling: Option<i64>,
}

/// Which projects to list: those that pass all of these.
#[derive(Debug, Default)]
pub struct ProjectFilters<'a> {
    /// On the name.
    pub names: Vec<TextFilter>,
    /// On the organization that owns the project.
    pub owners: Vec<&'a str>,
}

impl Projects {
    /// Adds a project, active at once; who adds it does not become a member.
    ///
    /// # Errors
    /// Code 3 the chosen id has other signs than ids may have; `COMMAND-opamwu` it is or was used, or looks like one of
    /// the server; code 6 name taken in the organization.
    pub async fn add_project(&self, who: &Admitted, new: NewProject<'_>) -> Result<Created> {
        let id = match new.id {
            Some(id) => {
                self.fresh(id).await?;
                id.to_owned()
            }
            None => self.0.env.ids.next().await,
        };
        let chosen = new.id.is_some();
        let added = ProjectAdded { at: ProjectAt { org_id: &who.org_id, id: &id }, values: new.values };
        let event = self.0.store.work(who.actor(), async |mut work| {
            if chosen && work.project_was(&id).await? {
                return Err(Error::new(Code::AlreadyExists, "COMMAND-opamwu", "Errors.Project.AlreadyExisting"));
            }
            if chosen && work.project_name_taken(&who.org_id, &new.values.name).await? {
                return Err(Error::already_exists(NAME_TAKEN));
            }
            let mut project = work.begin(AggregateKind::Project, &who.org_id, &id);
            let event = project.record(&added).await;
            // Of a chosen id nobody knows which of the two is taken: it is looked at again.
            event.map_err(|e| if chosen { e.into() } else { e.taken(NAME_TAKEN) })
        });
        let event = event.await?;
        Ok(Created { stamp: made(&event), id })
    }

    async fn fresh(&self, id: &str) -> Result<()> {
        let refused = |text| Error::new(Code::AlreadyExists, "COMMAND-opamwu", text);
        chosen::check(&self.0, id, "project id", refused).await
    }

    /// A project; none of another organization.
    pub async fn project(&self, who: &Admitted, id: &str) -> Result<Option<ProjectRow>> {
        Ok(self.0.store.project_by_id(&who.org_id, id).await?)
    }

    /// Projects of the organization, or only those for which the caller holds a role.
    pub async fn list_projects(
        &self,
        who: &Admitted,
        filters: &ProjectFilters<'_>,
        page: Page,
    ) -> Result<Listed<ProjectRow>> {
        let ProjectFilters { names, owners } = filters;
        let owner = owners.first().copied();
        // A project has one owner, so no project passes two of them.
        let contradictory = owners.iter().any(|o| Some(*o) != owner);
        let none: &[String] = &[];
        let only = match &who.granted {
            _ if contradictory => Some(none),
            Granted::Everywhere => None,
            Granted::Projects(ids) => Some(ids.as_slice()),
        };
        Ok(self.0.store.project_search(&who.org_id, names, owner, only, page).await?)
    }

    /// Projects of all organizations that the caller may see.
    pub async fn list_all_projects(
        &self,
        reach: &Reach,
        filters: &[ProjectFilter],
        order: ProjectOrder,
        page: Page,
    ) -> Result<Listed<OwnedProjectRow>> {
        Ok(self.0.store.projects_everywhere(reach.within.as_ref(), filters, order, page).await?)
    }

    /// Changes what is given of a project; without a change it gives the last state.
    ///
    /// # Errors
    /// `COMMAND-3M9sd` no such project, code 6 name taken.
    pub async fn update_project(&self, who: &Admitted, id: &str, change: &ProjectChange<'_>) -> Result<Stamp> {
        let at = ProjectAt { org_id: &who.org_id, id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let found = work.project_held(at).await?;
            let mut project = found.ok_or_else(|| missing("COMMAND-3M9sd"))?;
            let values = changed_values(&project.row, change);
            if values_of(&project.row) == values {
                return Ok(project.row.stamp.clone());
            }
            let event = project.record(&ProjectChanged { at, values: &values }).await;
            let event = event.map_err(|e| e.taken(NAME_TAKEN))?;
            Ok(changed(&event, project.row.stamp.created_at))
        });
        work.await
    }

    /// Switches a project off.
    ///
    /// # Errors
    /// `COMMAND-112M9` no such project, `COMMAND-mki55` not active.
    pub async fn deactivate_project(&self, who: &Admitted, id: &str) -> Result<Stamp> {
        let not_active = || Error::precondition("COMMAND-mki55", "Project is not active");
        self.switch(who, id, State::Inactive, "COMMAND-112M9", not_active).await
    }

    /// Switches a project on.
    ///
    /// # Errors
    /// `COMMAND-3M9sd` no such project, `COMMAND-5M9bs` not inactive.
    pub async fn reactivate_project(&self, who: &Admitted, id: &str) -> Result<Stamp> {
        let not_inactive = || Error::precondition("COMMAND-5M9bs", "Project is not deactivated");
        self.switch(who, id, State::Active, "COMMAND-3M9sd", not_inactive).await
    }

    /// Removes a project with its applications, keys, roles, members, project grants and user grants; none if there is
    /// no such project.
    pub async fn remove_project(&self, who: &Admitted, id: &str) -> Result<Option<Stamp>> {
        let at = ProjectAt { org_id: &who.org_id, id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let Some(mut project) = work.project_held_to_end(at).await? else { return Ok(None) };
            user_grants::cascade(project.work, GrantsOf::Project(at)).await?;
            // Members of its grants lose their roles there.
            for (org_id,) in project.work.project_granted_to(at).await? {
                project.work.concerns(&org_id);
            }
            let name = project.row.name.clone();
            let event = project.record(&ProjectRemoved { at, name: &name }).await?;
            Ok(Some(changed(&event, project.row.stamp.created_at)))
        });
        work.await
    }

    /// What happened to a project, its applications, keys, roles and members; an unknown one has no past.
    pub async fn list_project_changes(&self, who: &Admitted, id: &str, page: ChangePage) -> Result<Vec<ChangeRow>> {
        Ok(self.0.store.changes(AggregateKind::Project, &who.org_id, id, None, page).await?)
    }

    /// Switches a project on or off, if it is not so already.
    async fn switch(
        &self,
        who: &Admitted,
        id: &str,
        state: State,
        none: &'static str,
        refusal: fn() -> Error,
    ) -> Result<Stamp> {
        let at = ProjectAt { org_id: &who.org_id, id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut project = work.project_held(at).await?.ok_or_else(|| missing(none))?;
            if project.row.state == state {
                return Err(refusal());
            }
            let event = project.record(&ProjectSwitched { at, state }).await?;
            Ok(changed(&event, project.row.stamp.created_at))
        });
        work.await
    }
}

/// What the calls on parts of a project answer where there is none.
pub fn not_there() -> Error {
    Error::precondition("COMMAND-EbFMN", "Project not found")
}

/// The newest event of a project and all in it, for calls that change nothing.
pub(super) fn newest(project: &Held<'_, ProjectRow>) -> Stamp {
    let newest = project.newest();
    Stamp { sequence: newest.sequence, created_at: project.row.stamp.created_at, changed_at: newest.changed_at }
}

/// There is no such project; callers of versions know it by their ids.
pub fn missing(id: &'static str) -> Error {
    Error::not_found(id, "Project not found")
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

/// What a project says after a change.
fn changed_values(row: &ProjectRow, change: &ProjectChange<'_>) -> ProjectValues {
    ProjectValues {
        name: change.name.unwrap_or(&row.name).to_owned(),
        role_assertion: change.role_assertion.unwrap_or(row.role_assertion),
        role_check: change.role_check.unwrap_or(row.role_check),
        has_project_check: change.has_project_check.unwrap_or(row.has_project_check),
        private_labeling: change.private_labeling.unwrap_or(row.private_labeling),
    }
}
