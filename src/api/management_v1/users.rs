//! Users.

use std::sync::Arc;

use buffa::MessageField;

use super::fields::{change_page, page};
use super::{changes, user_queries};
use crate::api::adapter::details::{details, list_details, numbered, optional_timestamp};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddMachineUserRequest, AddMachineUserResponse, DeactivateUserRequest, DeactivateUserResponse, GetUserByIDRequest,
    GetUserByIDResponse, GetUserByLoginNameGlobalRequest, GetUserByLoginNameGlobalResponse, IsUserUniqueRequest,
    IsUserUniqueResponse, ListUserChangesRequest, ListUserChangesResponse, ListUsersRequest, ListUsersResponse,
    LockUserRequest, LockUserResponse, ReactivateUserRequest, ReactivateUserResponse, RemoveUserRequest,
    RemoveUserResponse, UnlockUserRequest, UnlockUserResponse, UpdateMachineRequest, UpdateMachineResponse,
    UpdateUserNameRequest, UpdateUserNameResponse,
};
use crate::proto::zitadel::user::v1::__buffa::oneof::user::Type;
use crate::proto::zitadel::user::v1::{Machine, User};
use crate::service::texts::USER_NOT_FOUND;
use crate::service::users::{MachineChange, NewMachine, SwitchErrors, Users};
use crate::store::{MachineValues, UserRow, UserSwitch};

/// RPCs of users.
pub fn routes(table: Resource<Users>) -> Resource<Users> {
    table
        .rpc("AddMachineUser", add_machine_user)
        .rpc("UpdateMachine", update_machine)
        .rpc("UpdateUserName", update_user_name)
        .rpc("GetUserByID", get_user_by_id)
        .rpc("GetUserByLoginNameGlobal", get_user_by_login_name_global)
        .rpc("ListUsers", list_users)
        .rpc("ListUserChanges", list_user_changes)
        .rpc("IsUserUnique", is_user_unique)
        .rpc("DeactivateUser", deactivate_user)
        .rpc("ReactivateUser", reactivate_user)
        .rpc("LockUser", lock_user)
        .rpc("UnlockUser", unlock_user)
        .rpc("RemoveUser", remove_user)
}

async fn add_machine_user(
    users: Arc<Users>,
    caller: Caller,
    request: AddMachineUserRequest,
) -> Result<AddMachineUserResponse> {
    let who = caller.admit(&request)?;
    let values = MachineValues {
        name: request.name,
        description: request.description,
        access_token_type: i64::from(request.access_token_type.to_i32()),
    };
    let (id, user_name) = (request.user_id.as_deref(), Some(request.user_name.as_str()));
    let new = NewMachine { id, user_name, values: &values, metadata: &[] };
    let user = users.add_machine_user(&who, new).await?;
    Ok(AddMachineUserResponse { details: details(&who.org_id, &user.stamp), user_id: user.id })
}

async fn update_machine(
    users: Arc<Users>,
    caller: Caller,
    request: UpdateMachineRequest,
) -> Result<UpdateMachineResponse> {
    let who = caller.admit(&request)?;
    let change = MachineChange {
        user_name: None,
        name: Some(&request.name),
        description: Some(&request.description),
        access_token_type: Some(i64::from(request.access_token_type.to_i32())),
        metadata: &[],
    };
    let updated = users.update_machine(&who, &request.user_id, &change, "COMMAND-5M0od").await?;
    if !updated.changed {
        return Err(Error::precondition("COMMAND-2n8vs", "Errors.User.NotChanged"));
    }
    Ok(UpdateMachineResponse { details: details(&who.org_id, &updated.stamp) })
}

/// The name is taken without the blanks around it.
async fn update_user_name(
    users: Arc<Users>,
    caller: Caller,
    request: UpdateUserNameRequest,
) -> Result<UpdateUserNameResponse> {
    let who = caller.admit(&request)?;
    let user_name = request.user_name.trim();
    if user_name.is_empty() {
        return Err(Error::invalid("COMMAND-2N9fs", "ID missing"));
    }
    let change = MachineChange { user_name: Some(user_name), ..MachineChange::default() };
    let updated = users.update_machine(&who, &request.user_id, &change, "COMMAND-5N9ds").await?;
    if !updated.changed {
        return Err(Error::precondition("COMMAND-6m9gs", "Username not changed"));
    }
    Ok(UpdateUserNameResponse { details: details(&who.org_id, &updated.stamp) })
}

/// `QUERY-Dfbg2` is also the answer for a user of another organization.
async fn get_user_by_id(users: Arc<Users>, caller: Caller, request: GetUserByIDRequest) -> Result<GetUserByIDResponse> {
    let who = caller.admit(&request)?;
    let user = users.user(&who, &request.id).await?.ok_or_else(not_found)?;
    Ok(GetUserByIDResponse { user: MessageField::some(message(user)) })
}

async fn get_user_by_login_name_global(
    users: Arc<Users>,
    caller: Caller,
    request: GetUserByLoginNameGlobalRequest,
) -> Result<GetUserByLoginNameGlobalResponse> {
    let who = caller.admit(&request)?;
    let user = users.user_by_login_name(&who, &request.login_name).await?;
    let user = user.ok_or_else(|| Error::not_found("QUERY-Dfbg2", USER_NOT_FOUND))?;
    Ok(GetUserByLoginNameGlobalResponse { user: MessageField::some(message(user)) })
}

async fn list_users(users: Arc<Users>, caller: Caller, request: ListUsersRequest) -> Result<ListUsersResponse> {
    let who = caller.admit(&request)?;
    let filters = user_queries::filters(&request.queries)?;
    let order = user_queries::order(request.sorting_column);
    let list = users.list_users(&who, &filters, order, page(&request.query)).await?;
    Ok(ListUsersResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(message).collect(),
        ..ListUsersResponse::default()
    })
}

async fn list_user_changes(
    users: Arc<Users>,
    caller: Caller,
    request: ListUserChangesRequest,
) -> Result<ListUserChangesResponse> {
    let who = caller.admit(&request)?;
    let rows = users.list_user_changes(&who, &request.user_id, change_page(&request.query)).await?;
    Ok(ListUserChangesResponse { result: changes::messages(&who.org_id, rows) })
}

async fn is_user_unique(
    users: Arc<Users>,
    caller: Caller,
    request: IsUserUniqueRequest,
) -> Result<IsUserUniqueResponse> {
    let who = caller.admit(&request)?;
    let is_unique = users.is_user_unique(&who, &request.user_name, &request.email).await?;
    Ok(IsUserUniqueResponse { is_unique })
}

async fn deactivate_user(
    users: Arc<Users>,
    caller: Caller,
    request: DeactivateUserRequest,
) -> Result<DeactivateUserResponse> {
    let who = caller.admit(&request)?;
    let errors = SwitchErrors { missing: "COMMAND-3M9ds", refused: "COMMAND-5M0sf" };
    let stamp = users.switch_user(&who, &request.id, UserSwitch::Deactivate, errors).await?;
    Ok(DeactivateUserResponse { details: details(&who.org_id, &stamp) })
}

async fn reactivate_user(
    users: Arc<Users>,
    caller: Caller,
    request: ReactivateUserRequest,
) -> Result<ReactivateUserResponse> {
    let who = caller.admit(&request)?;
    let errors = SwitchErrors { missing: "COMMAND-4M0sd", refused: "COMMAND-6M0sf" };
    let stamp = users.switch_user(&who, &request.id, UserSwitch::Reactivate, errors).await?;
    Ok(ReactivateUserResponse { details: details(&who.org_id, &stamp) })
}

async fn lock_user(users: Arc<Users>, caller: Caller, request: LockUserRequest) -> Result<LockUserResponse> {
    let who = caller.admit(&request)?;
    let errors = SwitchErrors { missing: "COMMAND-5M9fs", refused: "COMMAND-3NN8v" };
    let stamp = users.switch_user(&who, &request.id, UserSwitch::Lock, errors).await?;
    Ok(LockUserResponse { details: details(&who.org_id, &stamp) })
}

async fn unlock_user(users: Arc<Users>, caller: Caller, request: UnlockUserRequest) -> Result<UnlockUserResponse> {
    let who = caller.admit(&request)?;
    let errors = SwitchErrors { missing: "COMMAND-M0dos", refused: "COMMAND-4M0ds" };
    let stamp = users.switch_user(&who, &request.id, UserSwitch::Unlock, errors).await?;
    Ok(UnlockUserResponse { details: details(&who.org_id, &stamp) })
}

async fn remove_user(users: Arc<Users>, caller: Caller, request: RemoveUserRequest) -> Result<RemoveUserResponse> {
    let who = caller.admit(&request)?;
    let stamp = users.remove_user(&who, &request.id, "COMMAND-m9od").await?;
    Ok(RemoveUserResponse { details: details(&who.org_id, &stamp) })
}

/// There is no such user to read.
pub fn not_found() -> Error {
    Error::not_found("QUERY-Dfbg2", USER_NOT_FOUND)
}

/// A user as clients read it.
pub fn message(row: UserRow) -> User {
    User {
        details: details(&row.org_id, &row.stamp),
        id: row.id,
        state: numbered(row.state.number()),
        login_names: vec![row.user_name.clone()],
        preferred_login_name: row.user_name.clone(),
        user_name: row.user_name,
        r#type: Some(Type::Machine(Box::new(Machine {
            name: row.name,
            description: row.description,
            has_secret: row.has_secret,
            secret_last_used: optional_timestamp(row.secret_used_at),
            access_token_type: numbered(row.access_token_type),
        }))),
    }
}
