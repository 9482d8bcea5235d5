//! Users: machines, for there are no people here.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};
use serde_json::{Value, json};

use super::{Deps, changes, user_grants, user_search, validate};
use crate::auth::Ctx;
use crate::error::{Error, Result};
use crate::proto::zitadel::auth::v1::{GetMyUserRequest, GetMyUserResponse};
use crate::proto::zitadel::management::v1::{
    AddMachineUserRequest, AddMachineUserResponse, DeactivateUserRequest, DeactivateUserResponse, GetUserByIDRequest,
    GetUserByIDResponse, IsUserUniqueRequest, IsUserUniqueResponse, ListUserChangesRequest, ListUserChangesResponse,
    ListUsersRequest, ListUsersResponse, LockUserRequest, LockUserResponse, ReactivateUserRequest,
    ReactivateUserResponse, RemoveUserRequest, RemoveUserResponse, UnlockUserRequest, UnlockUserResponse,
    UpdateMachineRequest, UpdateMachineResponse, UpdateUserNameRequest, UpdateUserNameResponse,
};
use crate::proto::zitadel::user::v1::__buffa::oneof::user::Type;
use crate::proto::zitadel::user::v1::{Machine, User, UserState};
use crate::proto::zitadel::v1::ObjectDetails;
use crate::proto::{Part, change_details, full_details, list_details, optional_timestamp};
use crate::store::{
    Aggregate, AggregateKind, Event, GrantsOf, MachineValues, Recorded, Tx, USER_ACTIVE, UserAt, UserInsert, UserRow,
};

/// Numbers of `UserState`, beside [`USER_ACTIVE`].
const INACTIVE: i64 = 2;
const LOCKED: i64 = 4;
const NAME_TAKEN: &str = "User already exists";
pub(super) const NOT_FOUND: &str = "User could not be found";

/// Users of organizations.
pub struct Users(pub(super) Deps);

/// A user found and locked by a transaction.
pub(super) struct Locked {
    pub tx: Tx,
    pub user: UserRow,
    aggregate: Aggregate,
}

/// A change of a user's state: which answers and which event.
struct Switch {
    missing: &'static str,
    allowed: fn(i64) -> bool,
    refused: (&'static str, &'static str),
    state: i64,
    event: &'static str,
}

impl Users {
    /// `AddMachineUser`: active at once and without any role.
    ///
    /// # Errors
    /// `COMMAND-k2una` the given id is used, code 6 login name taken.
    pub async fn add_machine_user(
        self: Arc<Self>,
        cx: Ctx,
        request: AddMachineUserRequest,
    ) -> Result<AddMachineUserResponse> {
        cx.admit(&request)?;
        let id = request.user_id.unwrap_or_else(|| self.0.ids.next());
        let at = UserAt { org_id: &cx.org_id, id: &id };
        let values = MachineValues {
            name: request.name,
            description: request.description,
            access_token_type: i64::from(request.access_token_type.to_i32()),
        };
        let mut tx = self.0.store.write(at.org_id).await?;
        if tx.user_by_id(at).await?.is_some() {
            return Err(Error::precondition("COMMAND-k2una", "Errors.User.AlreadyExisting"));
        }
        // The id may have belonged to a user that was removed: its events stay and are gone on with.
        let aggregate = tx.aggregate_lock(AggregateKind::User, &cx.org_id, &id).await?;
        let mut aggregate = aggregate.unwrap_or_else(|| Aggregate::new(AggregateKind::User, &cx.org_id, &id));
        let payload = json!({"userName": request.user_name, "name": values.name, "description": values.description});
        let event = Event::new("user.machine.added", payload);
        let event = tx.events_append(&mut aggregate, &cx.user_id, cx.now, &[event]).await?;
        let user = UserInsert { org_id: &cx.org_id, id: &id, user_name: &request.user_name, values: &values };
        tx.user_insert(&user, &event).await.map_err(|e| e.taken(NAME_TAKEN))?;
        tx.commit().await?;
        Ok(AddMachineUserResponse { details: change_details(&cx.org_id, &event, event.at), user_id: id })
    }

    /// `UpdateMachine`: replaces name, description and token type.
    ///
    /// # Errors
    /// `COMMAND-5M0od` no such user, `COMMAND-2n8vs` nothing changed.
    pub async fn update_machine(
        self: Arc<Self>,
        cx: Ctx,
        request: UpdateMachineRequest,
    ) -> Result<UpdateMachineResponse> {
        cx.admit(&request)?;
        let values = MachineValues {
            name: request.name,
            description: request.description,
            access_token_type: i64::from(request.access_token_type.to_i32()),
        };
        let mut found = lock(&self.0, &cx, &request.user_id, || missing("COMMAND-5M0od")).await?;
        let same = found.user.name == values.name
            && found.user.description == values.description
            && found.user.access_token_type == values.access_token_type;
        if same {
            return Err(Error::precondition("COMMAND-2n8vs", "Errors.User.NotChanged"));
        }
        let payload = json!({"name": values.name, "description": values.description});
        let event = found.append(&cx, "user.machine.changed", payload).await?;
        found.tx.user_update(UserAt { org_id: &cx.org_id, id: &request.user_id }, &values, &event).await?;
        Ok(UpdateMachineResponse { details: found.commit(&cx, &event).await? })
    }

    /// `UpdateUserName`: the login name, trimmed.
    ///
    /// # Errors
    /// `COMMAND-2N9fs` blank, `COMMAND-5N9ds` no such user, `COMMAND-6m9gs` unchanged, code 6 taken.
    pub async fn update_user_name(
        self: Arc<Self>,
        cx: Ctx,
        request: UpdateUserNameRequest,
    ) -> Result<UpdateUserNameResponse> {
        cx.admit(&request)?;
        let user_name = request.user_name.trim();
        if user_name.is_empty() {
            return Err(Error::invalid("COMMAND-2N9fs", "ID missing"));
        }
        let mut found = lock(&self.0, &cx, &request.user_id, || missing("COMMAND-5N9ds")).await?;
        if found.user.user_name == user_name {
            return Err(Error::precondition("COMMAND-6m9gs", "Username not changed"));
        }
        let event = found.append(&cx, "user.username.changed", json!({"userName": user_name})).await?;
        let at = UserAt { org_id: &cx.org_id, id: &request.user_id };
        found.tx.user_rename(at, user_name, &event).await.map_err(|e| e.taken(NAME_TAKEN))?;
        Ok(UpdateUserNameResponse { details: found.commit(&cx, &event).await? })
    }

    /// `GetUserByID`: in any state.
    ///
    /// # Errors
    /// `QUERY-Dfbg2` no such user, which is also the answer for one of another organization.
    pub async fn get_user_by_id(self: Arc<Self>, cx: Ctx, request: GetUserByIDRequest) -> Result<GetUserByIDResponse> {
        cx.admit(&request)?;
        let row = self.0.store.user_by_id(UserAt { org_id: &cx.org_id, id: &request.id }).await?;
        let row = row.ok_or_else(|| missing("QUERY-Dfbg2"))?;
        Ok(GetUserByIDResponse { user: MessageField::some(message(row)) })
    }

    /// `GetMyUser`: the caller itself.
    ///
    /// # Errors
    /// `QUERY-Dfbg2` it was removed since the call began.
    pub async fn get_my_user(self: Arc<Self>, cx: Ctx, request: GetMyUserRequest) -> Result<GetMyUserResponse> {
        cx.admit(&request)?;
        let row = self.0.store.user_by_id(UserAt { org_id: &cx.user_org_id, id: &cx.user_id }).await?;
        let row = row.ok_or_else(|| missing("QUERY-Dfbg2"))?;
        Ok(GetMyUserResponse { user: MessageField::some(message(row)), ..GetMyUserResponse::default() })
    }

    /// `ListUsers`: of the organization, in any state.
    ///
    /// # Errors
    /// `USER-zsQ97` filters nested too deeply; code 3 for too many.
    pub async fn list_users(self: Arc<Self>, cx: Ctx, request: ListUsersRequest) -> Result<ListUsersResponse> {
        cx.admit(&request)?;
        let filters = user_search::filters(&request.queries)?;
        let order = user_search::order(request.sorting_column);
        let list = self.0.store.user_search(&cx.org_id, &filters, order, validate::page(&request.query)).await?;
        Ok(ListUsersResponse {
            details: list_details(list.total, list.seen.as_ref()),
            result: list.rows.into_iter().map(message).collect(),
            ..ListUsersResponse::default()
        })
    }

    /// `ListUserChanges`: with those of keys and tokens; an unknown user has none.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_user_changes(
        self: Arc<Self>,
        cx: Ctx,
        request: ListUserChangesRequest,
    ) -> Result<ListUserChangesResponse> {
        cx.admit(&request)?;
        let page = validate::change_page(&request.query);
        let rows = self.0.store.changes(AggregateKind::User, &cx.org_id, &request.user_id, None, page).await?;
        Ok(ListUserChangesResponse { result: rows.into_iter().map(|row| changes::message(&cx.org_id, row)).collect() })
    }

    /// `IsUserUnique`: whether no user of the server has this login name. Machines have no e-mail
    /// address, so one is always free.
    ///
    /// # Errors
    /// None of its own.
    pub async fn is_user_unique(
        self: Arc<Self>,
        cx: Ctx,
        request: IsUserUniqueRequest,
    ) -> Result<IsUserUniqueResponse> {
        cx.admit(&request)?;
        let taken = request.email.is_empty() && self.0.store.user_name_taken(&request.user_name).await?;
        Ok(IsUserUniqueResponse { is_unique: !taken })
    }

    /// `DeactivateUser`: also a locked one.
    ///
    /// # Errors
    /// `COMMAND-3M9ds` no such user, `COMMAND-5M0sf` inactive already.
    pub async fn deactivate_user(
        self: Arc<Self>,
        cx: Ctx,
        request: DeactivateUserRequest,
    ) -> Result<DeactivateUserResponse> {
        cx.admit(&request)?;
        let switch = Switch {
            missing: "COMMAND-3M9ds",
            allowed: |state| state != INACTIVE,
            refused: ("COMMAND-5M0sf", "User already inactive"),
            state: INACTIVE,
            event: "user.deactivated",
        };
        Ok(DeactivateUserResponse { details: self.switch(&cx, &request.id, &switch).await? })
    }

    /// `ReactivateUser`.
    ///
    /// # Errors
    /// `COMMAND-4M0sd` no such user, `COMMAND-6M0sf` not inactive.
    pub async fn reactivate_user(
        self: Arc<Self>,
        cx: Ctx,
        request: ReactivateUserRequest,
    ) -> Result<ReactivateUserResponse> {
        cx.admit(&request)?;
        let switch = Switch {
            missing: "COMMAND-4M0sd",
            allowed: |state| state == INACTIVE,
            refused: ("COMMAND-6M0sf", "User is not inactive"),
            state: USER_ACTIVE,
            event: "user.reactivated",
        };
        Ok(ReactivateUserResponse { details: self.switch(&cx, &request.id, &switch).await? })
    }

    /// `LockUser`.
    ///
    /// # Errors
    /// `COMMAND-5M9fs` no such user, `COMMAND-3NN8v` not active.
    pub async fn lock_user(self: Arc<Self>, cx: Ctx, request: LockUserRequest) -> Result<LockUserResponse> {
        cx.admit(&request)?;
        let switch = Switch {
            missing: "COMMAND-5M9fs",
            allowed: |state| state == USER_ACTIVE,
            refused: ("COMMAND-3NN8v", "User is not active or initial"),
            state: LOCKED,
            event: "user.locked",
        };
        Ok(LockUserResponse { details: self.switch(&cx, &request.id, &switch).await? })
    }

    /// `UnlockUser`.
    ///
    /// # Errors
    /// `COMMAND-M0dos` no such user, `COMMAND-4M0ds` not locked.
    pub async fn unlock_user(self: Arc<Self>, cx: Ctx, request: UnlockUserRequest) -> Result<UnlockUserResponse> {
        cx.admit(&request)?;
        let switch = Switch {
            missing: "COMMAND-M0dos",
            allowed: |state| state == LOCKED,
            refused: ("COMMAND-4M0ds", "User is not locked"),
            state: USER_ACTIVE,
            event: "user.unlocked",
        };
        Ok(UnlockUserResponse { details: self.switch(&cx, &request.id, &switch).await? })
    }

    /// `RemoveUser`: with its keys, tokens, memberships and grants.
    ///
    /// # Errors
    /// `COMMAND-m9od` no such user.
    pub async fn remove_user(self: Arc<Self>, cx: Ctx, request: RemoveUserRequest) -> Result<RemoveUserResponse> {
        cx.admit(&request)?;
        let mut found = lock(&self.0, &cx, &request.id, || missing("COMMAND-m9od")).await?;
        let event = found.append(&cx, "user.removed", json!({"userName": found.user.user_name})).await?;
        user_grants::cascade(&mut found.tx, &cx, GrantsOf::User(&request.id), None).await?;
        found.tx.user_delete(UserAt { org_id: &cx.org_id, id: &request.id }, &event).await?;
        Ok(RemoveUserResponse { details: found.commit(&cx, &event).await? })
    }

    async fn switch(&self, cx: &Ctx, id: &str, switch: &Switch) -> Result<Part<ObjectDetails>> {
        let mut found = lock(&self.0, cx, id, || missing(switch.missing)).await?;
        if !(switch.allowed)(found.user.state) {
            return Err(Error::precondition(switch.refused.0, switch.refused.1));
        }
        let event = found.append(cx, switch.event, json!({})).await?;
        found.tx.user_set_state(UserAt { org_id: &cx.org_id, id }, switch.state, &event).await?;
        found.commit(cx, &event).await
    }
}

/// Finds a user of the organization and locks it.
pub(super) async fn lock(deps: &Deps, cx: &Ctx, id: &str, missing: impl Fn() -> Error) -> Result<Locked> {
    let mut tx = deps.store.write(&cx.org_id).await?;
    let aggregate = tx.aggregate_lock(AggregateKind::User, &cx.org_id, id).await?.ok_or_else(&missing)?;
    let user = tx.user_by_id(UserAt { org_id: &cx.org_id, id }).await?.ok_or_else(missing)?;
    Ok(Locked { tx, user, aggregate })
}

impl Locked {
    /// Appends an event of the user.
    pub async fn append(&mut self, cx: &Ctx, kind: &'static str, payload: Value) -> Result<Recorded> {
        let event = Event::new(kind, payload);
        Ok(self.tx.events_append(&mut self.aggregate, &cx.user_id, cx.now, &[event]).await?)
    }

    /// Commits, and gives the details of the answer.
    pub async fn commit(self, cx: &Ctx, event: &Recorded) -> Result<Part<ObjectDetails>> {
        self.tx.commit().await?;
        Ok(change_details(&cx.org_id, event, self.user.stamp.created_at))
    }
}

fn missing(id: &'static str) -> Error {
    Error::not_found(id, NOT_FOUND)
}

fn message(row: UserRow) -> User {
    User {
        details: full_details(&row.org_id, &row.stamp),
        id: row.id,
        state: EnumValue::<UserState>::from(i32::try_from(row.state).unwrap_or_default()),
        login_names: vec![row.user_name.clone()],
        preferred_login_name: row.user_name.clone(),
        user_name: row.user_name,
        r#type: Some(Type::Machine(Box::new(Machine {
            name: row.name,
            description: row.description,
            has_secret: row.has_secret,
            secret_last_used: optional_timestamp(row.secret_used_at),
            access_token_type: EnumValue::from(i32::try_from(row.access_token_type).unwrap_or_default()),
        }))),
    }
}
