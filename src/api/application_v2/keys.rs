//! Application keys.

use std::sync::Arc;

use super::apps::admit;
use crate::api::adapter::details::date;
use crate::api::adapter::routes::Resource;
use crate::api::management_v1::fields::expiration;
use crate::auth::{Caller, Denied, Owners};
use crate::error::{Error, Result};
use crate::proto::zitadel::application::v2::{
    CreateApplicationKeyRequest, CreateApplicationKeyResponse, DeleteApplicationKeyRequest,
    DeleteApplicationKeyResponse, GetApplicationKeyRequest, GetApplicationKeyResponse,
};
use crate::service::apps::AppId;
use crate::service::keys::{Keys, NewKey, no_app, no_key};

/// What the functions of this file work with.
pub struct Parts {
    /// Keys of applications.
    pub keys: Arc<Keys>,
    /// Whose they are.
    pub owners: Owners,
}

/// RPCs of application keys.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("CreateApplicationKey", create_application_key)
        .rpc("DeleteApplicationKey", delete_application_key)
        .rpc("GetApplicationKey", get_application_key)
}

/// An expiration that is left out is the beginning of 1970, as protobuf has it, and so has passed.
async fn create_application_key(
    parts: Arc<Parts>,
    caller: Caller,
    request: CreateApplicationKeyRequest,
) -> Result<CreateApplicationKeyResponse> {
    let app = AppId { project_id: &request.project_id, id: &request.application_id };
    let who = admit(&parts.owners, caller, &request, app, no_app).await?;
    let expires_at = if request.expiration_date.is_set() { expiration(&request.expiration_date)? } else { Some(0) };
    let key = parts.keys.add_app_key(&who, NewKey { app, id: None, expires_at, public_key: &[] }).await?;
    let creation_date = date(key.stamp.created_at);
    Ok(CreateApplicationKeyResponse { key_id: key.id, creation_date, key_details: key.file })
}

async fn delete_application_key(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeleteApplicationKeyRequest,
) -> Result<DeleteApplicationKeyResponse> {
    let app = AppId { project_id: &request.project_id, id: &request.application_id };
    let who = admit(&parts.owners, caller, &request, app, no_key).await?;
    let stamp = parts.keys.remove_app_key(&who, app, &request.key_id).await?;
    Ok(DeleteApplicationKeyResponse { deletion_date: date(stamp.changed_at) })
}

async fn get_application_key(
    parts: Arc<Parts>,
    caller: Caller,
    request: GetApplicationKeyRequest,
) -> Result<GetApplicationKeyResponse> {
    let missing = || Error::not_found("QUERY-Dgr3g", "Errors.AuthNKey.NotFound");
    let (found, key) = parts.owners.find_app_key(&request, &request.key_id).await?.ok_or_else(missing)?;
    let who = parts.owners.admit(caller, &request, &found, Denied::Object).await?;
    let key = Keys::found(&who, key);
    Ok(GetApplicationKeyResponse {
        key_id: key.id,
        creation_date: date(key.created_at),
        expiration_date: date(key.expires_at),
    })
}
