//! The caller as a user.

use std::sync::Arc;

use buffa::MessageField;

use crate::api::adapter::routes::Resource;
use crate::api::management_v1::users::{message, not_found};
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::auth::v1::{GetMyUserRequest, GetMyUserResponse};
use crate::service::users::Users;

/// RPCs of the caller as a user.
pub fn routes(table: Resource<Users>) -> Resource<Users> {
    table.rpc("GetMyUser", get_my_user)
}

/// `QUERY-Dfbg2` when the caller was removed since the call began.
async fn get_my_user(users: Arc<Users>, caller: Caller, request: GetMyUserRequest) -> Result<GetMyUserResponse> {
    let who = caller.admit(&request)?;
    let user = users.own_user(&who).await?.ok_or_else(not_found)?;
    Ok(GetMyUserResponse { user: MessageField::some(message(user)), ..GetMyUserResponse::default() })
}
