//! Routes of applications.

use super::routes::Resource;
use crate::service::Apps;

/// RPCs of [`Apps`].
pub fn routes(table: Resource<Apps>) -> Resource<Apps> {
    table
        .rpc("AddAPIApp", Apps::add_api_app)
        .rpc("AddOIDCApp", Apps::add_oidc_app)
        .rpc("UpdateApp", Apps::update_app)
        .rpc("UpdateAPIAppConfig", Apps::update_api_app_config)
        .rpc("RegenerateAPIClientSecret", Apps::regenerate_api_client_secret)
        .rpc("DeactivateApp", Apps::deactivate_app)
        .rpc("ReactivateApp", Apps::reactivate_app)
        .rpc("RemoveApp", Apps::remove_app)
        .rpc("GetAppByID", Apps::get_app_by_id)
        .rpc("ListApps", Apps::list_apps)
        .rpc("ListAppChanges", Apps::list_app_changes)
}
