//! Users: machines, for there are no people here.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::{Deps, changes, user_grants, user_search, validate};
use crate::auth::Ctx;
use crate::error::{Code, Error, Result};
use crate::proto::zitadel::auth::v1::{GetMyUserRequest, GetMyUserResponse};
use crate::proto::zitadel::management::v1::{
    AddMachineUserRequest, AddMachineUserResponse, DeactivateUserRequest, DeactivateUserResponse, GetUserByIDRequest,
    GetUserByIDResponse, IsUserUniqueRequest, IsUserUniqueResponse, ListUserChangesRequest, ListUserChangesResponse,
    ListUsersRequest, ListUsersResponse, LockUserRequest, LockUserResponse, ReactivateUserRequest,
    ReactivateUserResponse, RemoveUserRequest, RemoveUserResponse, UnlockUserRequest, UnlockUserResponse,
    UpdateMachineRequest, UpdateMachineResponse, UpdateUserNameRequest, UpdateUserNameResponse,
};
use crate::proto::zitadel::user::v1::__buffa::oneof::user::Type;
use crate::proto::zitadel::user::v1::{Machine, User, UserState as WireState};
use crate::proto::zitadel::v1::ObjectDetails;
use crate::proto::{Part, change_details, full_details, list_details, optional_timestamp};
use crate::store::{
    AggregateKind, GrantsOf, MachineAdded, MachineChanged, MachineValues, UserAt, UserRemoved, UserRenamed, UserRow,
    UserState, UserSwitch, UserSwitched, fold,
};

const NAME_TAKEN: &str = "User already exists";
pub(super) const NOT_FOUND: &str = "User could not be found";

/// Users of organizations.
pub struct Users(pub(super) Deps);

/// A change of a user's state: which answers and which event.
struct Switch {
    missing: &'static str,
    allowed: fn(UserState) -> bool,
    refused: (&'static str, &'static str),
    what: UserSwitch,
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
        self.fresh(request.user_id.as_deref(), &request.user_name).await?;
        let chosen = request.user_id.is_some();
        let id = match request.user_id {
            Some(id) => id,
            None => self.0.ids.next().await,
        };
        let values = MachineValues {
            name: request.name,
            description: request.description,
            access_token_type: i64::from(request.access_token_type.to_i32()),
        };
        let at = UserAt { org_id: &cx.org_id, id: &id };
        let event = self.0.store.work(cx.actor(), async |mut work| {
            let taken = work.handles_taken(&id, &request.user_name).await?;
            if chosen && taken.iter().any(|row| row.handle == fold(&id)) {
                return Err(Error::precondition("COMMAND-k2una", "Errors.User.AlreadyExisting"));
            }
            if !taken.is_empty() {
                return Err(Error::already_exists(NAME_TAKEN));
            }
            let mut user = work.begin(AggregateKind::User, at.org_id, at.id);
            Ok(user.record(&MachineAdded { at, user_name: &request.user_name, values: &values }).await?)
        });
        let event = event.await?;
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
        let at = UserAt { org_id: &cx.org_id, id: &request.user_id };
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut user = work.user_lock(at).await?.ok_or_else(|| missing("COMMAND-5M0od"))?;
            let row = &user.row;
            let same = row.name == values.name
                && row.description == values.description
                && row.access_token_type == values.access_token_type;
            if same {
                return Err(Error::precondition("COMMAND-2n8vs", "Errors.User.NotChanged"));
            }
            let event = user.record(&MachineChanged { at, values: &values }).await?;
            Ok(change_details(at.org_id, &event, user.row.stamp.created_at))
        });
        Ok(UpdateMachineResponse { details: details.await? })
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
        self.fresh(None, user_name).await?;
        let at = UserAt { org_id: &cx.org_id, id: &request.user_id };
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut user = work.user_lock(at).await?.ok_or_else(|| missing("COMMAND-5N9ds"))?;
            let old = user.row.user_name.clone();
            if old == user_name {
                return Err(Error::precondition("COMMAND-6m9gs", "Username not changed"));
            }
            if user.work.handles_taken(user_name, user_name).await?.iter().any(|row| row.user_id != at.id) {
                return Err(Error::already_exists(NAME_TAKEN));
            }
            let event = user.record(&UserRenamed { at, old: &old, user_name }).await?;
            Ok(change_details(at.org_id, &event, user.row.stamp.created_at))
        });
        Ok(UpdateUserNameResponse { details: details.await? })
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
            allowed: |state| state != UserState::Inactive,
            refused: ("COMMAND-5M0sf", "User already inactive"),
            what: UserSwitch::Deactivate,
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
            allowed: |state| state == UserState::Inactive,
            refused: ("COMMAND-6M0sf", "User is not inactive"),
            what: UserSwitch::Reactivate,
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
            allowed: |state| state == UserState::Active,
            refused: ("COMMAND-3NN8v", "User is not active or initial"),
            what: UserSwitch::Lock,
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
            allowed: |state| state == UserState::Locked,
            refused: ("COMMAND-4M0ds", "User is not locked"),
            what: UserSwitch::Unlock,
        };
        Ok(UnlockUserResponse { details: self.switch(&cx, &request.id, &switch).await? })
    }

    /// `RemoveUser`: with its keys, tokens, memberships and grants.
    ///
    /// # Errors
    /// `COMMAND-m9od` no such user.
    pub async fn remove_user(self: Arc<Self>, cx: Ctx, request: RemoveUserRequest) -> Result<RemoveUserResponse> {
        cx.admit(&request)?;
        let at = UserAt { org_id: &cx.org_id, id: &request.id };
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut user = work.user_lock_to_end(at).await?.ok_or_else(|| missing("COMMAND-m9od"))?;
            user_grants::cascade(user.work, GrantsOf::User(at)).await?;
            let user_name = user.row.user_name.clone();
            let event = user.record(&UserRemoved { at, user_name: &user_name }).await?;
            Ok(change_details(at.org_id, &event, user.row.stamp.created_at))
        });
        Ok(RemoveUserResponse { details: details.await? })
    }

    async fn switch(&self, cx: &Ctx, id: &str, switch: &Switch) -> Result<Part<ObjectDetails>> {
        let at = UserAt { org_id: &cx.org_id, id };
        let work = self.0.store.work(cx.actor(), async |mut work| {
            let mut user = work.user_lock(at).await?.ok_or_else(|| missing(switch.missing))?;
            if !(switch.allowed)(user.row.state) {
                return Err(Error::precondition(switch.refused.0, switch.refused.1));
            }
            let event = user.record(&UserSwitched { at, switch: switch.what }).await?;
            Ok(change_details(at.org_id, &event, user.row.stamp.created_at))
        });
        work.await
    }

    /// What a caller chooses must not look like what the server gives out: ids stand in tokens, and one that is
    /// given twice opens the door for somebody else (RFC 9700, section 4.15).
    async fn fresh(&self, id: Option<&str>, user_name: &str) -> Result<()> {
        if let Some(id) = id {
            let safe = |c: char| c.is_ascii_alphanumeric() || "._@:+=~-".contains(c);
            if !id.chars().all(safe) {
                let text = "invalid AddMachineUserRequest.UserId: use letters, digits and . _ @ : + = ~ - only";
                return Err(Error::native(Code::InvalidArgument, text));
            }
            // What paths and lists of fixed routes mean otherwise, and the name under which the server acts.
            if id.starts_with(['.', '_']) || id.eq_ignore_ascii_case("system") {
                let text = "invalid AddMachineUserRequest.UserId: begin with neither . nor _, and choose another one \
                            than system";
                return Err(Error::native(Code::InvalidArgument, text));
            }
        }
        if !id.into_iter().chain([user_name]).any(number) {
            return Ok(());
        }
        let first = self.0.store.instance().await?.map(|i| i.default_org_id).unwrap_or_default();
        let given = |text: &str| number(text) && (text.len(), text) >= (first.len(), first.as_str());
        if id.is_some_and(given) {
            let text = "numbers like this are ids that the server gives; leave userId out, or choose one with a letter";
            return Err(Error::precondition("COMMAND-k2una", text));
        }
        if given(user_name) {
            let text = "invalid user name: numbers like this are ids of the server; choose a name with a letter";
            return Err(Error::native(Code::InvalidArgument, text));
        }
        Ok(())
    }
}

/// A number without a leading zero, as ids are.
fn number(text: &str) -> bool {
    !text.starts_with('0') && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn missing(id: &'static str) -> Error {
    Error::not_found(id, NOT_FOUND)
}

fn message(row: UserRow) -> User {
    User {
        details: full_details(&row.org_id, &row.stamp),
        id: row.id,
        state: EnumValue::<WireState>::from(i32::try_from(row.state.number()).unwrap_or_default()),
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
