//! Routes of users, their credentials and their grants.

use super::routes::Resource;
use crate::service::{MachineKeys, Tokens, UserGrants, Users};

/// RPCs of [`Users`].
pub fn routes(table: Resource<Users>) -> Resource<Users> {
    table
        .rpc("GetMyUser", Users::get_my_user)
        .rpc("AddMachineUser", Users::add_machine_user)
        .rpc("UpdateMachine", Users::update_machine)
        .rpc("UpdateUserName", Users::update_user_name)
        .rpc("GetUserByID", Users::get_user_by_id)
        .rpc("ListUsers", Users::list_users)
        .rpc("ListUserChanges", Users::list_user_changes)
        .rpc("IsUserUnique", Users::is_user_unique)
        .rpc("DeactivateUser", Users::deactivate_user)
        .rpc("ReactivateUser", Users::reactivate_user)
        .rpc("LockUser", Users::lock_user)
        .rpc("UnlockUser", Users::unlock_user)
        .rpc("RemoveUser", Users::remove_user)
}

/// RPCs of [`MachineKeys`].
pub fn machine_keys(table: Resource<MachineKeys>) -> Resource<MachineKeys> {
    table
        .rpc("AddMachineKey", MachineKeys::add_machine_key)
        .rpc("GetMachineKeyByIDs", MachineKeys::get_machine_key_by_ids)
        .rpc("ListMachineKeys", MachineKeys::list_machine_keys)
        .rpc("RemoveMachineKey", MachineKeys::remove_machine_key)
}

/// RPCs of [`Tokens`].
pub fn tokens(table: Resource<Tokens>) -> Resource<Tokens> {
    table
        .rpc("AddPersonalAccessToken", Tokens::add_personal_access_token)
        .rpc("GetPersonalAccessTokenByIDs", Tokens::get_personal_access_token_by_ids)
        .rpc("ListPersonalAccessTokens", Tokens::list_personal_access_tokens)
        .rpc("RemovePersonalAccessToken", Tokens::remove_personal_access_token)
        .rpc("GenerateMachineSecret", Tokens::generate_machine_secret)
        .rpc("RemoveMachineSecret", Tokens::remove_machine_secret)
}

/// RPCs of [`UserGrants`].
pub fn grants(table: Resource<UserGrants>) -> Resource<UserGrants> {
    table
        .rpc("AddUserGrant", UserGrants::add_user_grant)
        .rpc("GetUserGrantByID", UserGrants::get_user_grant_by_id)
        .rpc("ListUserGrants", UserGrants::list_user_grants)
        .rpc("UpdateUserGrant", UserGrants::update_user_grant)
        .rpc("DeactivateUserGrant", UserGrants::deactivate_user_grant)
        .rpc("ReactivateUserGrant", UserGrants::reactivate_user_grant)
        .rpc("RemoveUserGrant", UserGrants::remove_user_grant)
}
