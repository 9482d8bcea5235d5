//! User grants: the roles of a project that a user has.

use std::collections::{BTreeSet, HashSet};

use super::Deps;
use super::outcome::{Created, changed, made};
use super::texts::USER_NOT_FOUND;
use crate::auth::{Admitted, Granted};
use crate::error::{Code, Error, Result};
use crate::store::{
    AggregateKind, GrantAdded, GrantAt, GrantChanged, GrantFilter, GrantIn, GrantPlace, GrantRemoved, GrantRow,
    GrantSwitched, GrantsOf, Listed, Page, ProjectAt, ProjectGrantAt, Recorded, Stamp, State, UserAt, Work, names,
};

const TAKEN: &str = "User grant already exists";

/// User grants of organizations.
pub struct UserGrants(pub(super) Deps);

/// A new user grant.
#[derive(Debug)]
pub struct NewUserGrant<'a> {
    /// User of any organization.
    pub user_id: &'a str,
    /// Project of the organization, or one that is granted to it.
    pub project_id: &'a str,
    /// The grant by which the project came to the organization; if it is empty, it is found.
    pub project_grant_id: &'a str,
    /// Keys of the roles.
    pub role_keys: &'a [String],
}

impl UserGrants {
    /// Grants roles to a user of any organization, in a project of this one or one that is granted to it.
    ///
    /// # Errors
    /// Code 3 a role named twice, `COMMAND-4f8sg` no such user, `COMMAND-3n77S` no such project,
    /// `COMMAND-4m9ff` a project of another organization that is not granted to this one, or not so,
    /// `COMMAND-mm9F4` the project or its grant has no such role, `EVENT-Shu7e` the caller's roles are for other
    /// projects, code 6 granted already.
    pub async fn add_user_grant(&self, who: &Admitted, new: NewUserGrant<'_>) -> Result<Created> {
        distinct(new.role_keys)?;
        let id = self.0.env.ids.next().await;
        let event = self.0.store.work(who.actor(), async |mut work| {
            let user_org = work.user_kept(new.user_id).await?;
            let user_org = user_org.ok_or_else(|| Error::precondition("COMMAND-4f8sg", USER_NOT_FOUND))?;
            let place = place(&mut work, &who.org_id, &new).await?;
            if !roles_kept(&mut work, place.of(), new.role_keys).await? {
                return Err(no_role());
            }
            allowed(&who.granted, &place)?;
            let at = GrantAt { org_id: &who.org_id, id: &id };
            let user = UserAt { org_id: &user_org, id: new.user_id };
            let added = GrantAdded { at, user, of: place.of(), role_keys: new.role_keys };
            let mut grant = work.begin(AggregateKind::UserGrant, &who.org_id, &id);
            grant.record(&added).await.map_err(|e| e.taken(TAKEN))
        });
        let event = event.await?;
        Ok(Created { stamp: made(&event), id })
    }

    /// A user grant of the organization.
    pub async fn user_grant(&self, who: &Admitted, id: &str) -> Result<Option<GrantRow>> {
        Ok(self.0.store.grant_by_id(&who.org_id, id).await?)
    }

    /// User grants of the organization that pass all filters.
    pub async fn list_user_grants(
        &self,
        who: &Admitted,
        filters: &[GrantFilter],
        page: Page,
    ) -> Result<Listed<GrantRow>> {
        Ok(self.0.store.grant_search(&who.org_id, filters, page).await?)
    }

    /// User grants of the caller, in whatever organization.
    pub async fn list_own_user_grants(&self, who: &Admitted, page: Page) -> Result<Listed<GrantRow>> {
        Ok(self.0.store.grants_of_user(UserAt { org_id: &who.user_org_id, id: &who.user_id }, page).await?)
    }

    /// Roles of the caller in the project of the application that its token is for.
    ///
    /// # Errors
    /// `QUERY-wIPkA` always: tokens of machines are for no application.
    pub fn list_own_project_roles(_who: &Admitted) -> Result<Vec<String>> {
        Err(Error::not_found("QUERY-wIPkA", "User grant not found"))
    }

    /// Replaces all role keys of a grant.
    ///
    /// # Errors
    /// Code 3 a role named twice, `COMMAND-3M9sd` no such grant, `COMMAND-Rs8fy` the same keys in the same order,
    /// `COMMAND-mm9F4` no such role, `EVENT-Shu7e` the caller's roles are for other projects.
    pub async fn update_user_grant(&self, who: &Admitted, id: &str, role_keys: &[String]) -> Result<Stamp> {
        distinct(role_keys)?;
        let at = GrantAt { org_id: &who.org_id, id };
        let none = || missing("COMMAND-3M9sd");
        let work = self.0.store.work(who.actor(), async |mut work| {
            // Project and roles come before the grant in the order of locks.
            let place = work.grant_place(at).await?.ok_or_else(none)?;
            work.project_kept(place.of().project).await?;
            let all_there = roles_kept(&mut work, place.of(), role_keys).await?;
            let mut grant = work.grant_held(at).await?.ok_or_else(none)?;
            if names(&grant.row.role_keys)? == role_keys {
                return Err(Error::precondition("COMMAND-Rs8fy", "User grant has not been changed"));
            }
            if !all_there {
                return Err(no_role());
            }
            allowed(&who.granted, &place)?;
            let change = GrantChanged { at, of: place.of(), role_keys, cascade: false };
            let event = grant.record(&change).await?;
            Ok(changed(&event, grant.row.stamp.created_at))
        });
        work.await
    }

    /// Switches a grant off; an inactive one gives its last state.
    ///
    /// # Errors
    /// `COMMAND-3M9sd` no such grant, `EVENT-Shu7e` the caller's roles are for other projects.
    pub async fn deactivate_user_grant(&self, who: &Admitted, id: &str) -> Result<Stamp> {
        self.switch(who, id, State::Inactive, "COMMAND-3M9sd").await
    }

    /// Switches a grant on; an active one gives its last state.
    ///
    /// # Errors
    /// `COMMAND-Lp0gs` no such grant, `EVENT-Shu7e` the caller's roles are for other projects.
    pub async fn reactivate_user_grant(&self, who: &Admitted, id: &str) -> Result<Stamp> {
        self.switch(who, id, State::Active, "COMMAND-Lp0gs").await
    }

    /// Removes a grant.
    ///
    /// # Errors
    /// `COMMAND-1My0t` no such grant, `EVENT-Shu7e` the caller's roles are for other projects.
    pub async fn remove_user_grant(&self, who: &Admitted, id: &str) -> Result<Stamp> {
        self.0.store.work(who.actor(), async |mut work| remove(&mut work, who, id).await).await
    }

    /// Removes grants, all or none; one that is named twice is removed once.
    ///
    /// # Errors
    /// `COMMAND-5M0sd` none is named, otherwise as [`UserGrants::remove_user_grant`].
    pub async fn bulk_remove(&self, who: &Admitted, ids: &[String]) -> Result<()> {
        if ids.is_empty() {
            return Err(Error::invalid("COMMAND-5M0sd", "Id missing"));
        }
        // In one order everywhere, so that two calls never wait for each other.
        let ids = BTreeSet::from_iter(ids);
        let work = self.0.store.work(who.actor(), async |mut work| {
            for id in &ids {
                remove(&mut work, who, id).await?;
            }
            Ok(())
        });
        work.await
    }

    /// Switches a grant on or off; one that is so already gives its last state.
    async fn switch(&self, who: &Admitted, id: &str, state: State, none: &'static str) -> Result<Stamp> {
        let at = GrantAt { org_id: &who.org_id, id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut grant = work.grant_held(at).await?.ok_or_else(|| missing(none))?;
            allowed(&who.granted, &grant.row.place)?;
            if grant.row.state == state {
                return Ok(grant.row.stamp.clone());
            }
            let event = grant.record(&GrantSwitched { at, state }).await?;
            Ok(changed(&event, grant.row.stamp.created_at))
        });
        work.await
    }
}

/// Removes a grant of the organization of the call.
async fn remove(work: &mut Work, who: &Admitted, id: &str) -> Result<Stamp> {
    let at = GrantAt { org_id: &who.org_id, id };
    let mut grant = work.grant_held(at).await?.ok_or_else(|| missing("COMMAND-1My0t"))?;
    allowed(&who.granted, &grant.row.place)?;
    let event = grant.record(&GrantRemoved { at, cascade: false }).await?;
    Ok(changed(&event, grant.row.stamp.created_at))
}

/// Grants go with their user, project or project grant; with roles, only those keys are taken out of them. Gives the
/// last event, if there is any.
pub(super) async fn cascade(work: &mut Work, whose: GrantsOf<'_>) -> Result<Option<Recorded>> {
    let mut last = None;
    for (org_id, id) in work.grants_of(whose).await? {
        let at = GrantAt { org_id: &org_id, id: &id };
        let Some(lost) = whose.lost() else {
            last = end(work, at).await?.or(last);
            continue;
        };
        // Somebody may have been faster until the lock.
        let Some(mut grant) = work.grant_held(at).await? else { continue };
        let keys = names(&grant.row.role_keys)?;
        let left: Vec<String> = keys.iter().filter(|key| !lost.contains(key)).cloned().collect();
        if left.len() < keys.len() {
            let place = grant.row.place.clone();
            let change = GrantChanged { at, of: place.of(), role_keys: &left, cascade: true };
            last = Some(grant.record(&change).await?);
        }
    }
    Ok(last)
}

/// Ends a grant with what it belongs to, unless somebody was faster. Gives its last event.
pub(super) async fn end(work: &mut Work, at: GrantAt<'_>) -> Result<Option<Recorded>> {
    let Some(mut grant) = work.grant_held(at).await? else { return Ok(None) };
    Ok(Some(grant.record(&GrantRemoved { at, cascade: true }).await?))
}

/// The project of a new grant, and how it came to the organization; both stay until the unit of work ends.
async fn place(work: &mut Work, org_id: &str, new: &NewUserGrant<'_>) -> Result<GrantPlace> {
    let project_id = new.project_id;
    if new.project_grant_id.is_empty() && work.project_kept(ProjectAt { org_id, id: project_id }).await? {
        let (project_org_id, project_id) = (org_id.to_owned(), project_id.to_owned());
        return Ok(GrantPlace { project_org_id, project_id, project_grant_id: None });
    }
    let granted = work.project_grant_kept(project_id, org_id).await?;
    let meant = |id: &String| new.project_grant_id.is_empty() || id == new.project_grant_id;
    match granted.filter(|(_, id)| meant(id)) {
        Some((project_org_id, id)) => {
            Ok(GrantPlace { project_org_id, project_id: project_id.to_owned(), project_grant_id: Some(id) })
        }
        None if work.project_exists(project_id).await? => Err(not_granted()),
        None => Err(no_project()),
    }
}

/// Whether a project, or the grant by which it came, has all of these roles; they stay until the unit of work ends.
async fn roles_kept(work: &mut Work, of: GrantIn<'_>, keys: &[String]) -> Result<bool> {
    // Those of the project in any case, and first: who removes one locks it there.
    let there = work.roles_kept(of.project, keys).await?;
    let Some(id) = of.project_grant_id.filter(|_| there) else { return Ok(there) };
    Ok(work.project_grant_roles_kept(ProjectGrantAt { org_id: of.project.org_id, id }, keys).await?)
}

/// A grant names each role once. How many there may be the field rules say.
pub(super) fn distinct(keys: &[String]) -> Result<()> {
    let mut seen = HashSet::with_capacity(keys.len());
    if keys.iter().all(|key| seen.insert(key)) {
        return Ok(());
    }
    Err(Error::native(Code::InvalidArgument, "invalid role keys: name each role once"))
}

fn no_role() -> Error {
    Error::precondition("COMMAND-mm9F4", "Errors.Project.Role.NotFound")
}

/// Whether the permission holds for the project, or for the grant by which it came.
fn allowed(granted: &Granted, place: &GrantPlace) -> Result<()> {
    if granted.covers(&place.project_id) || place.project_grant_id.as_ref().is_some_and(|id| granted.covers(id)) {
        return Ok(());
    }
    Err(Error::denied("EVENT-Shu7e", "User has no permissions on this project"))
}

fn missing(id: &'static str) -> Error {
    Error::not_found(id, "User grant not found")
}

fn no_project() -> Error {
    Error::precondition("COMMAND-3n77S", "Project not found")
}

fn not_granted() -> Error {
    Error::precondition("COMMAND-4m9ff", "Project Grant not found")
}
