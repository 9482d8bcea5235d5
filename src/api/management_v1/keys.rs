//! Application keys.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::fields::{expiration, page};
use crate::api::adapter::details::{date, details, list_details, optional_timestamp};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::authn::v1::{Key, KeyType};
use crate::proto::zitadel::management::v1::{
    AddAppKeyRequest, AddAppKeyResponse, GetAppKeyRequest, GetAppKeyResponse, ListAppKeysRequest, ListAppKeysResponse,
    RemoveAppKeyRequest, RemoveAppKeyResponse,
};
use crate::service::apps::AppId;
use crate::service::keys::{Keys, NewKey};
use crate::store::CredentialRow;

/// RPCs of application keys.
pub fn routes(table: Resource<Keys>) -> Resource<Keys> {
    table
        .rpc("AddAppKey", add_app_key)
        .rpc("GetAppKey", get_app_key)
        .rpc("ListAppKeys", list_app_keys)
        .rpc("RemoveAppKey", remove_app_key)
}

async fn add_app_key(keys: Arc<Keys>, caller: Caller, request: AddAppKeyRequest) -> Result<AddAppKeyResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let expires_at = expiration(&request.expiration_date)?;
    let key = keys.add_app_key(&who, NewKey { app, id: None, expires_at, public_key: &request.public_key }).await?;
    Ok(AddAppKeyResponse { details: details(&who.org_id, &key.stamp), key_details: key.file, id: key.id })
}

async fn get_app_key(keys: Arc<Keys>, caller: Caller, request: GetAppKeyRequest) -> Result<GetAppKeyResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let key = keys.app_key(&who, app, &request.key_id).await?;
    let key = key.ok_or_else(|| Error::not_found("QUERY-Dgr3g", "Errors.AuthNKey.NotFound"))?;
    Ok(GetAppKeyResponse { key: MessageField::some(message(&who.org_id, &key)) })
}

async fn list_app_keys(keys: Arc<Keys>, caller: Caller, request: ListAppKeysRequest) -> Result<ListAppKeysResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let list = keys.list_app_keys(&who, app, page(&request.query)).await?;
    Ok(ListAppKeysResponse {
        details: list_details(&list),
        result: list.rows.iter().map(|key| message(&who.org_id, key)).collect(),
    })
}

async fn remove_app_key(keys: Arc<Keys>, caller: Caller, request: RemoveAppKeyRequest) -> Result<RemoveAppKeyResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let stamp = keys.remove_app_key(&who, app, &request.key_id).await?;
    Ok(RemoveAppKeyResponse { details: details(&who.org_id, &stamp) })
}

/// A key of an application or a machine as clients read it.
pub fn message(org_id: &str, key: &CredentialRow) -> Key {
    Key {
        id: key.id.clone(),
        details: details(org_id, &key.stamp()),
        r#type: EnumValue::from(KeyType::KEY_TYPE_JSON),
        expiration_date: date(key.expires_at),
        last_used: optional_timestamp(key.last_used_at),
    }
}
