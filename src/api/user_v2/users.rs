//! Users.

use std::sync::Arc;

use buffa::MessageField;

use super::parts::Parts;
use super::{metadata, queries};
use crate::api::adapter::details::{date, numbered};
use crate::api::adapter::pages::{details, list_details, list_page};
use crate::api::adapter::routes::Resource;
use crate::auth::{Caller, Denied, Target};
use crate::error::{Code, Error, Result};
use crate::proto::zitadel::user::v2::__buffa::oneof::create_user_request::UserType as NewType;
use crate::proto::zitadel::user::v2::__buffa::oneof::update_user_request::UserType;
use crate::proto::zitadel::user::v2::__buffa::oneof::user::Type;
use crate::proto::zitadel::user::v2::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, DeleteUserResponse, GetUserByIDRequest,
    GetUserByIDResponse, ListUsersRequest, ListUsersResponse, MachineUser, UpdateUserRequest, UpdateUserResponse, User,
};
use crate::service::texts::USER_NOT_FOUND;
use crate::service::users::{MachineChange, NewMachine};
use crate::store::{MachineValues, UserRow};

/// RPCs of users as a whole.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("CreateUser", create_user)
        .rpc("UpdateUser", update_user)
        .rpc("GetUserByID", get_user_by_id)
        .rpc("ListUsers", list_users)
        .rpc("DeleteUser", delete_user)
}

async fn create_user(parts: Arc<Parts>, caller: Caller, request: CreateUserRequest) -> Result<CreateUserResponse> {
    let who = parts.owners.admit_into(caller, &request, &request.organization_id).await?;
    // The field rules want one of them to be set.
    let Some(NewType::Machine(machine)) = request.user_type else {
        return Err(unimplemented("users that are people are not implemented yet; send machine"));
    };
    let values = MachineValues {
        name: machine.name,
        description: machine.description.unwrap_or_default(),
        access_token_type: i64::from(machine.access_token_type.to_i32()),
    };
    let (id, user_name) = (request.user_id.as_deref(), request.username.as_deref());
    let metadata = &metadata::values(&request.metadata);
    let user = parts.users.add_machine_user(&who, NewMachine { id, user_name, values: &values, metadata }).await?;
    Ok(CreateUserResponse { id: user.id, creation_date: date(user.stamp.created_at), ..CreateUserResponse::default() })
}

/// Without a change it gives the date of the last one.
async fn update_user(parts: Arc<Parts>, caller: Caller, request: UpdateUserRequest) -> Result<UpdateUserResponse> {
    const MISSING: &str = "COMMAND-ugjs0upun6";
    let no_user = || Error::not_found(MISSING, USER_NOT_FOUND);
    let found = parts.owners.find(&request, Target::User(&request.user_id)).await?;
    let Some(kind) = &request.user_type else {
        return Err(unimplemented("user type is not implemented; send machine, an empty one to change the name only"));
    };
    let found = found.ok_or_else(no_user)?;
    let who = parts.owners.admit(caller, &request, &found, Denied::Command).await?;
    let UserType::Machine(machine) = kind else { return Err(no_user()) };
    let change = MachineChange {
        user_name: request.username.as_deref(),
        name: machine.name.as_deref(),
        description: machine.description.as_deref(),
        access_token_type: machine.access_token_type.map(|kind| i64::from(kind.to_i32())),
        metadata: &metadata::values(&request.metadata),
    };
    let updated = parts.users.update_machine(&who, &request.user_id, &change, MISSING).await?;
    Ok(UpdateUserResponse { change_date: date(updated.stamp.changed_at), ..UpdateUserResponse::default() })
}

async fn get_user_by_id(parts: Arc<Parts>, caller: Caller, request: GetUserByIDRequest) -> Result<GetUserByIDResponse> {
    let row = parts.owners.user_to_read(caller, &request, &request.user_id).await?;
    let row = row.ok_or_else(|| Error::not_found("QUERY-Dfbg2", USER_NOT_FOUND))?;
    Ok(GetUserByIDResponse { details: details(&row.org_id, &row.stamp), user: MessageField::some(message(row)) })
}

async fn list_users(parts: Arc<Parts>, caller: Caller, request: ListUsersRequest) -> Result<ListUsersResponse> {
    let reach = parts.owners.reach(caller, &request).await?;
    let filters = queries::filters(&request.queries)?;
    let order = queries::order(request.sorting_column);
    let list = parts.users.list_all_users(&reach, &filters, order, list_page(&request.query)).await?;
    let mut told = list_details(&list);
    // Lists are of the moment they are asked for.
    told.get_or_insert_default().timestamp = date(reach.now);
    Ok(ListUsersResponse {
        details: told,
        result: list.rows.into_iter().map(message).collect(),
        // The column of the answer is never filled.
        ..ListUsersResponse::default()
    })
}

async fn delete_user(parts: Arc<Parts>, caller: Caller, request: DeleteUserRequest) -> Result<DeleteUserResponse> {
    const MISSING: &str = "COMMAND-bd4ir1mblj";
    let no_user = || Error::not_found(MISSING, USER_NOT_FOUND);
    let who = parts.admit(caller, &request, &request.user_id, no_user).await?;
    let stamp = parts.users.remove_user(&who, &request.user_id, MISSING).await?;
    Ok(DeleteUserResponse { details: details(&who.org_id, &stamp) })
}

fn unimplemented(text: &'static str) -> Error {
    Error::native(Code::Unimplemented, text)
}

/// A user as clients read it.
fn message(row: UserRow) -> User {
    User {
        details: details(&row.org_id, &row.stamp),
        user_id: row.id,
        state: numbered(row.state.number()),
        login_names: vec![row.user_name.clone()],
        preferred_login_name: row.user_name.clone(),
        username: row.user_name,
        r#type: Some(Type::Machine(Box::new(MachineUser {
            name: row.name,
            description: row.description,
            has_secret: row.has_secret,
            access_token_type: numbered(row.access_token_type),
        }))),
    }
}
