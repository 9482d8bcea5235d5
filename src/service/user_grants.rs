//! User grants: the roles of a project that a user has.

use std::collections::HashSet;
use std::sync::Arc;

use buffa::{EnumValue, MessageField};
use serde_json::{Value, json};

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
    Aggregate, AggregateKind, Event, GrantInsert, GrantRow, GrantsOf, ProjectAt, Recorded, Tx, role_keys,
};

/// Numbers of `UserGrantState`.
const ACTIVE: i64 = 1;
const INACTIVE: i64 = 2;
const TAKEN: &str = "User grant already exists";

/// User grants of organizations.
pub struct UserGrants(pub(super) Deps);

/// A grant found and locked by a transaction.
struct Locked {
    tx: Tx,
    aggregate: Aggregate,
    grant: GrantRow,
}

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
        let at = ProjectAt { org_id: &cx.org_id, id: &request.project_id };
        let mut tx = self.0.store.write().await?;
        if !tx.user_exists(&request.user_id).await? {
            return Err(Error::precondition("COMMAND-4f8sg", NOT_FOUND));
        }
        if tx.project_by_id(at.org_id, at.id).await?.is_none() || !request.project_grant_id.is_empty() {
            return Err(if tx.project_exists(at.id).await? { not_granted() } else { no_project() });
        }
        roles_exist(&mut tx, at, &request.role_keys).await?;
        allowed(&granted, at.id)?;
        let id = self.0.ids.next();
        let mut aggregate = Aggregate::new(AggregateKind::UserGrant, &cx.org_id, &id);
        let payload = json!({"userId": request.user_id, "projectId": at.id, "roleKeys": request.role_keys});
        let event = Event::new("user.grant.added", payload);
        let event = tx.events_append(&mut aggregate, &cx.user_id, cx.now, &[event]).await?;
        let grant = GrantInsert {
            org_id: &cx.org_id,
            id: &id,
            user_id: &request.user_id,
            project_id: at.id,
            role_keys: &request.role_keys,
        };
        tx.grant_insert(&grant, &event).await.map_err(|e| e.taken(TAKEN))?;
        tx.commit().await?;
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
        let mut found = self.lock(&cx, &request.grant_id, "COMMAND-3M9sd").await?;
        if role_keys(&found.grant.role_keys)? == request.role_keys {
            return Err(Error::precondition("COMMAND-Rs8fy", "User grant has not been changed"));
        }
        let at = ProjectAt { org_id: &cx.org_id, id: &found.grant.project_id };
        roles_exist(&mut found.tx, at, &request.role_keys).await?;
        allowed(&granted, &found.grant.project_id)?;
        let event = found.append(&cx, "user.grant.changed", json!({"roleKeys": request.role_keys})).await?;
        found.tx.grant_set_keys(&cx.org_id, &request.grant_id, &request.role_keys, &event).await?;
        Ok(UpdateUserGrantResponse { details: found.commit(&cx, &event).await? })
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
        let found = self.lock(&cx, &request.grant_id, "COMMAND-3M9sd").await?;
        allowed(&granted, &found.grant.project_id)?;
        let details = found.set_state(&cx, INACTIVE, "user.grant.deactivated").await?;
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
        let found = self.lock(&cx, &request.grant_id, "COMMAND-Lp0gs").await?;
        allowed(&granted, &found.grant.project_id)?;
        let details = found.set_state(&cx, ACTIVE, "user.grant.reactivated").await?;
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
        let mut found = self.lock(&cx, &request.grant_id, "COMMAND-1My0t").await?;
        allowed(&granted, &found.grant.project_id)?;
        let event = found.append(&cx, "user.grant.removed", json!({})).await?;
        found.tx.grant_delete(&cx.org_id, &request.grant_id, &event).await?;
        Ok(RemoveUserGrantResponse { details: found.commit(&cx, &event).await? })
    }

    async fn lock(&self, cx: &Ctx, id: &str, none: &'static str) -> Result<Locked> {
        let mut tx = self.0.store.write().await?;
        let aggregate = tx.aggregate_lock(AggregateKind::UserGrant, &cx.org_id, id).await?;
        let aggregate = aggregate.ok_or_else(|| missing(none))?;
        let grant = tx.grant_by_id(&cx.org_id, id).await?.ok_or_else(|| missing(none))?;
        Ok(Locked { tx, aggregate, grant })
    }
}

impl Locked {
    async fn append(&mut self, cx: &Ctx, kind: &'static str, payload: Value) -> Result<Recorded> {
        let event = Event::new(kind, payload);
        Ok(self.tx.events_append(&mut self.aggregate, &cx.user_id, cx.now, &[event]).await?)
    }

    async fn set_state(mut self, cx: &Ctx, state: i64, kind: &'static str) -> Result<Part<ObjectDetails>> {
        if self.grant.state == state {
            // What it was found to be must be durable before it is told.
            self.tx.commit().await?;
            return Ok(full_details(&cx.org_id, &self.grant.stamp));
        }
        let event = self.append(cx, kind, json!({})).await?;
        self.tx.grant_set_state(&cx.org_id, &self.grant.id, state, &event).await?;
        self.commit(cx, &event).await
    }

    async fn commit(self, cx: &Ctx, event: &Recorded) -> Result<Part<ObjectDetails>> {
        self.tx.commit().await?;
        Ok(change_details(&cx.org_id, event, self.grant.stamp.created_at))
    }
}

/// Grants go with their user or project; with `role`, only that key is taken out of them.
///
/// # Errors
/// The store failed.
pub(super) async fn cascade(tx: &mut Tx, cx: &Ctx, whose: GrantsOf<'_>, role: Option<&str>) -> Result<()> {
    for (org_id, id, stored) in tx.grants_of(whose).await? {
        let keys = role_keys(&stored)?;
        if role.is_some_and(|role| !keys.iter().any(|key| key == role)) {
            continue;
        }
        let aggregate = tx.aggregate_lock(AggregateKind::UserGrant, &org_id, &id).await?;
        let mut aggregate = aggregate.unwrap_or_else(|| Aggregate::new(AggregateKind::UserGrant, &org_id, &id));
        let left: Vec<String> = keys.into_iter().filter(|key| Some(key.as_str()) != role).collect();
        let (kind, payload) = match role {
            None => ("user.grant.cascade.removed", json!({})),
            Some(_) => ("user.grant.cascade.changed", json!({"roleKeys": left})),
        };
        let event = tx.events_append(&mut aggregate, &cx.user_id, cx.now, &[Event::new(kind, payload)]).await?;
        match role {
            None => tx.grant_delete(&org_id, &id, &event).await?,
            Some(_) => tx.grant_set_keys(&org_id, &id, &left, &event).await?,
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

async fn roles_exist(tx: &mut Tx, at: ProjectAt<'_>, keys: &[String]) -> Result<()> {
    for key in keys {
        if tx.role_by_key(at, key).await?.is_none() {
            return Err(Error::precondition("COMMAND-mm9F4", "Errors.Project.Role.NotFound"));
        }
    }
    Ok(())
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
        role_keys: role_keys(&row.role_keys)?,
        state: EnumValue::<UserGrantState>::from(i32::try_from(row.state).unwrap_or_default()),
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
