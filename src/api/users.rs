//! Routes of users.

use super::routes::Resource;
use crate::service::Users;

/// RPCs of [`Users`].
pub fn routes(table: Resource<Users>) -> Resource<Users> {
    table.rpc("GetMyUser", Users::get_my_user)
}
