//! Routes of application keys.

use super::routes::Resource;
use crate::service::Keys;

/// RPCs of [`Keys`].
pub fn routes(table: Resource<Keys>) -> Resource<Keys> {
    table
        .rpc("AddAppKey", Keys::add_app_key)
        .rpc("GetAppKey", Keys::get_app_key)
        .rpc("ListAppKeys", Keys::list_app_keys)
        .rpc("RemoveAppKey", Keys::remove_app_key)
}
