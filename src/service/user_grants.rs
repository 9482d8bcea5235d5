//! User grants: the roles of a project that a user has.

use std::collections::HashSet;
use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::users::NOT_FOUND;
use super::{Deps, grant_search, validate};
use crate::auth::{Ctx, Granted};
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddUserGrantRequest, AddUserGrantResponse, DeactivateUserGrantRequest, DeactivateUserGrantResponse,
    GetUserGrantByIDRequest, GetUserGrantByIDResponse, ListUserGrantRequest, ListUserGrantResponse,
    ReactivateUserGrantRequest, ReactivateUserGrantResponse, RemoveUserGrantRequest, RemoveUserGrantResponse,
    UpdateUserGrantRequest, UpdateUserGrantResponse,
};
use crate::proto::zitadel::user::v1::{Type, UserGrant, UserGrantState};
use crate::proto::zitadel::v1::ObjectDetails;
use crate::proto::{Part, change_details, full_details, list_details};
use crate::store::{
    AggregateKind, GrantAdded, GrantAt, GrantChanged, GrantRemoved, GrantRow, GrantSwitched, GrantsOf, ProjectAt,
    State, UserAt, Work, names,
};

const TAKEN: &str = "User grant already exists";

/// User grants of organizations.
pub struct UserGrants(pub(super) Deps);

impl UserGrants {
    /// `AddUserGrant`: to a user of any organization, in a project of this one.
    ///
    /// # Errors
    /// `COMMAND-4f8sg` no such user, `COMMAND-3n77S` no such project, `COMMAND-4m9ff` a project of
    /// another organization, `COMMAND-mm9F4` no such role, `EVENT-Shu7e` the caller's roles are for
    /// other projects, code 6 granted already.
    pub async fn add_user_grant(
        self: Arc<Self>,
        cx: Ctx,
        request: AddUserGrantRequest,
    ) -> Result<AddUserGrantResponse> {
        let granted = cx.admit(&request)?;
        distinct(&request.role_keys)?;
        let project = ProjectAt { org_id: &cx.org_id, id: &request.project_id };
        let id = self.0.ids.next().await;
        let event = self.0.store.work(cx.actor(), async |mut work| {
            let user_org = work.user_kept(&request.user_id).await?;
            let user_org = user_org.ok_or_else(|| Error::precondition("COMMAND-4f8sg", NOT_FOUND))?;
            if !work.project_kept(project).await? || !request.project_grant_id.is_empty() {
                return Err(if work.project_exists(project.id).await? { not_granted() } else { no_project() });
            }
            if !work.roles_kept(project, &request.role_keys).await? {
                return Err(no_role());
            }
            allowed(&granted, project.id)?;
            let mut grant = work.begin(AggregateKind::UserGrant, &cx.org_id, &id);
            let added = GrantAdded {
                at: GrantAt { org_id: &cx.org_id, id: &id },
                user: UserAt { org_id: &user_org, id: &request.user_id },
                project_id: project.id,
                role_keys: &request.role_keys,
            };
            grant.record(&added).await.map_err(|e| e.taken(TAKEN))
        });
        let event = event.await?;
        Ok(AddUserGrantResponse { details: change_details(&cx.org_id, &event, event.at), user_grant_id: id })
    }

    /// `GetUserGrantByID`: the user in the path is not compared.
    ///
    /// # Errors
    /// `QUERY-wIPkA` no such grant.
    pub async fn get_user_grant_by_id(
        self: Arc<Self>,
        cx: Ctx,
        request: GetUserGrantByIDRequest,
    ) -> Result<GetUserGrantByIDResponse> {
        cx.admit(&request)?;
        let row = self.0.store.grant_by_id(&cx.org_id, &request.grant_id).await?;
        let row = row.ok_or_else(|| missing("QUERY-wIPkA"))?;
        Ok(GetUserGrantByIDResponse { user_grant: MessageField::some(message(row)?) })
    }

    /// `ListUserGrants`: of the organization.
    ///
    /// # Errors
    /// Code 3 for too many filters.
    pub async fn list_user_grants(
        self: Arc<Self>,
        cx: Ctx,
        request: ListUserGrantRequest,
    ) -> Result<ListUserGrantResponse> {
        cx.admit(&request)?;
        let filters = grant_search::filters(&request.queries)?;
        let list = self.0.store.grant_search(&cx.org_id, &filters, validate::page(&request.query)).await?;
        Ok(ListUserGrantResponse {
            details: list_details(list.total, list.seen.as_ref()),
            result: list.rows.into_iter().map(message).collect::<Result<_>>()?,
        })
    }

    /// `UpdateUserGrant`: replaces all role keys.
    ///
    /// # Errors
    /// `COMMAND-3M9sd` no such grant, `COMMAND-Rs8fy` the same keys in the same order,
    /// `COMMAND-mm9F4` no such role, `EVENT-Shu7e` the caller's roles are for other projects.
    pub async fn update_user_grant(
        self: Arc<Self>,
        cx: Ctx,
        request: UpdateUserGrantRequest,
    ) -> Result<UpdateUserGrantResponse> {
        let granted = cx.admit(&request)?;
        distinct(&request.role_keys)?;
        let at = GrantAt { org_id: &cx.org_id, id: &request.grant_id };
        let none = || missing("COMMAND-3M9sd");
        let details = self.0.store.work(cx.actor(), async |mut work| {
            // Project and roles come before the grant in the order of locks.
            let project_id = work.grant_project(at).await?.ok_or_else(none)?;
            let project = ProjectAt { org_id: at.org_id, id: &project_id };
            work.project_kept(project).await?;
            let all_there = work.roles_kept(project, &request.role_keys).await?;
            let mut grant = work.grant_lock(at).await?.ok_or_else(none)?;
            if names(&grant.row.role_keys)? == request.role_keys {
                return Err(Error::precondition("COMMAND-Rs8fy", "User grant has not been changed"));
            }
            if !all_there {
                return Err(no_role());
            }
            allowed(&granted, &project_id)?;
            let changed = GrantChanged { at, project_id: &project_id, role_keys: &request.role_keys, cascade: false };
            let event = grant.record(&changed).await?;
            Ok(change_details(at.org_id, &event, grant.row.stamp.created_at))
        });
        Ok(UpdateUserGrantResponse { details: details.await? })
    }

    /// `DeactivateUserGrant`: an inactive one is answered as it is.
    ///
    /// # Errors
    /// `COMMAND-3M9sd` no such grant, `EVENT-Shu7e` the caller's roles are for other projects.
    pub async fn deactivate_user_grant(
        self: Arc<Self>,
        cx: Ctx,
        request: DeactivateUserGrantRequest,
    ) -> Result<DeactivateUserGrantResponse> {
        let granted = cx.admit(&request)?;
        let details = self.switch(&cx, &granted, &request.grant_id, State::Inactive, "COMMAND-3M9sd").await?;
        Ok(DeactivateUserGrantResponse { details })
    }

    /// `ReactivateUserGrant`: an active one is answered as it is.
    ///
    /// # Errors
    /// `COMMAND-Lp0gs` no such grant, `EVENT-Shu7e` the caller's roles are for other projects.
    pub async fn reactivate_user_grant(
        self: Arc<Self>,
        cx: Ctx,
        request: ReactivateUserGrantRequest,
    ) -> Result<ReactivateUserGrantResponse> {
        let granted = cx.admit(&request)?;
        let details = self.switch(&cx, &granted, &request.grant_id, State::Active, "COMMAND-Lp0gs").await?;
        Ok(ReactivateUserGrantResponse { details })
    }

    /// `RemoveUserGrant`.
    ///
    /// # Errors
    /// `COMMAND-1My0t` no such grant, `EVENT-Shu7e` the caller's roles are for other projects.
    pub async fn remove_user_grant(
        self: Arc<Self>,
        cx: Ctx,
        request: RemoveUserGrantRequest,
    ) -> Result<RemoveUserGrantResponse> {
        let granted = cx.admit(&request)?;
        let at = GrantAt { org_id: &cx.org_id, id: &request.grant_id };
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut grant = work.grant_lock(at).await?.ok_or_else(|| missing("COMMAND-1My0t"))?;
            allowed(&granted, &grant.row.project_id)?;
            let event = grant.record(&GrantRemoved { at, cascade: false }).await?;
            Ok(change_details(at.org_id, &event, grant.row.stamp.created_at))
        });
        Ok(RemoveUserGrantResponse { details: details.await? })
    }

    /// Switches a grant on or off; one that is so already is answered as it is.
    async fn switch(
        &self,
        cx: &Ctx,
        granted: &Granted,
        id: &str,
        state: State,
        none: &'static str,
    ) -> Result<Part<ObjectDetails>> {
        let at = GrantAt { org_id: &cx.org_id, id };
        let work = self.0.store.work(cx.actor(), async |mut work| {
            let mut grant = work.grant_lock(at).await?.ok_or_else(|| missing(none))?;
            allowed(granted, &grant.row.project_id)?;
            if grant.row.state == state {
                return Ok(full_details(at.org_id, &grant.row.stamp));
            }
            let event = grant.record(&GrantSwitched { at, state }).await?;
            Ok(change_details(at.org_id, &event, grant.row.stamp.created_at))
        });
        work.await
    }
}

/// Grants go with their user or project; with a role, only that key is taken out of them.
///
/// # Errors
/// The store failed.
pub(super) async fn cascade(work: &mut Work, whose: GrantsOf<'_>) -> Result<()> {
    for (org_id, id) in work.grants_of(whose).await? {
        let at = GrantAt { org_id: &org_id, id: &id };
        // Somebody may have been faster until the lock.
        let Some(mut grant) = work.grant_lock(at).await? else { continue };
        let GrantsOf::Role(_, role) = whose else {
            grant.record(&GrantRemoved { at, cascade: true }).await?;
            continue;
        };
        let keys = names(&grant.row.role_keys)?;
        let left: Vec<String> = keys.iter().filter(|key| *key != role).cloned().collect();
        if left.len() < keys.len() {
            let project_id = grant.row.project_id.clone();
            let changed = GrantChanged { at, project_id: &project_id, role_keys: &left, cascade: true };
            grant.record(&changed).await?;
        }
    }
    Ok(())
}

/// A grant names each role once. How many there may be the field rules say.
fn distinct(keys: &[String]) -> Result<()> {
    let mut seen = HashSet::with_capacity(keys.len());
    if keys.iter().all(|key| seen.insert(key)) {
        return Ok(());
    }
    Err(Error::native(crate::error::Code::InvalidArgument, "invalid role keys: name each role once"))
}

fn no_role() -> Error {
    Error::precondition("COMMAND-mm9F4", "Errors.Project.Role.NotFound")
}

fn allowed(granted: &Granted, project_id: &str) -> Result<()> {
    match granted {
        Granted::Projects(ids) if !ids.iter().any(|id| id == project_id) => {
            Err(Error::denied("EVENT-Shu7e", "User has no permissions on this project"))
        }
        _ => Ok(()),
    }
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

fn message(row: GrantRow) -> Result<UserGrant> {
    Ok(UserGrant {
        details: full_details(&row.org_id, &row.stamp),
        id: row.id,
        role_keys: names(&row.role_keys)?,
        state: EnumValue::<UserGrantState>::from(i32::try_from(row.state.number()).unwrap_or_default()),
        user_id: row.user_id,
        preferred_login_name: row.user_name.clone(),
        user_name: row.user_name,
        display_name: row.user_display,
        org_id: row.org_id,
        org_name: row.org_name,
        org_domain: row.org_domain,
        project_id: row.project_id,
        project_name: row.project_name,
        user_type: EnumValue::from(Type::TYPE_MACHINE),
        granted_org_id: row.user_org_id,
        granted_org_name: row.user_org_name,
        granted_org_domain: row.user_org_domain,
        ..UserGrant::default()
    })
}
