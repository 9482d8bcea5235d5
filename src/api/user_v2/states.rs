//! Users that are switched on and off, and locked.

use std::sync::Arc;

use super::parts::Parts;
use crate::api::adapter::pages::details;
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::object::v2::Details;
use crate::proto::zitadel::user::v2::{
    DeactivateUserRequest, DeactivateUserResponse, LockUserRequest, LockUserResponse, ReactivateUserRequest,
    ReactivateUserResponse, UnlockUserRequest, UnlockUserResponse,
};
use crate::proto::{Call, Part};
use crate::service::texts::USER_NOT_FOUND;
use crate::service::users::SwitchErrors;
use crate::store::UserSwitch;

/// RPCs that change the state of a user.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("DeactivateUser", deactivate_user)
        .rpc("ReactivateUser", reactivate_user)
        .rpc("LockUser", lock_user)
        .rpc("UnlockUser", unlock_user)
}

async fn deactivate_user(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeactivateUserRequest,
) -> Result<DeactivateUserResponse> {
    let errors = SwitchErrors { missing: "COMMAND-5gp2p62iin", refused: "COMMAND-5gunjw0cd7" };
    let details = switch(&parts, caller, &request, (&request.user_id, UserSwitch::Deactivate, errors)).await?;
    Ok(DeactivateUserResponse { details })
}

async fn reactivate_user(
    parts: Arc<Parts>,
    caller: Caller,
    request: ReactivateUserRequest,
) -> Result<ReactivateUserResponse> {
    let errors = SwitchErrors { missing: "COMMAND-9hy5kzbuk6", refused: "COMMAND-s5qqcz97hf" };
    let details = switch(&parts, caller, &request, (&request.user_id, UserSwitch::Reactivate, errors)).await?;
    Ok(ReactivateUserResponse { details })
}

async fn lock_user(parts: Arc<Parts>, caller: Caller, request: LockUserRequest) -> Result<LockUserResponse> {
    let errors = SwitchErrors { missing: "COMMAND-450yxuqrh1", refused: "COMMAND-lgws8wtsqf" };
    let details = switch(&parts, caller, &request, (&request.user_id, UserSwitch::Lock, errors)).await?;
    Ok(LockUserResponse { details })
}

async fn unlock_user(parts: Arc<Parts>, caller: Caller, request: UnlockUserRequest) -> Result<UnlockUserResponse> {
    let errors = SwitchErrors { missing: "COMMAND-x377t913pw", refused: "COMMAND-olb9vb0oca" };
    let details = switch(&parts, caller, &request, (&request.user_id, UserSwitch::Unlock, errors)).await?;
    Ok(UnlockUserResponse { details })
}

/// All of them, by what they say of the user, what is done and how it can fail.
async fn switch<C: Call + Sync>(
    parts: &Parts,
    caller: Caller,
    request: &C,
    (id, switch, errors): (&str, UserSwitch, SwitchErrors),
) -> Result<Part<Details>> {
    let no_user = || Error::not_found(errors.missing, USER_NOT_FOUND);
    let who = parts.admit(caller, request, id, no_user).await?;
    let stamp = parts.users.switch_user(&who, id, switch, errors).await?;
    Ok(details(&who.org_id, &stamp))
}
