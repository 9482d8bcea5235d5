//! Keys of machine users.

use std::sync::Arc;

use super::parts::Parts;
use super::queries;
use crate::api::adapter::details::date;
use crate::api::adapter::pages::{page, pagination};
use crate::api::adapter::routes::Resource;
use crate::api::adapter::times::expiration;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::user::v2::{
    AddKeyRequest, AddKeyResponse, Key, ListKeysRequest, ListKeysResponse, RemoveKeyRequest, RemoveKeyResponse,
};
use crate::service::machine_keys::{NewMachineKey, no_key, no_user};
use crate::store::OwnedCredentialRow;

/// RPCs of keys.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table.rpc("AddKey", add_key).rpc("RemoveKey", remove_key).rpc("ListKeys", list_keys)
}

async fn add_key(parts: Arc<Parts>, caller: Caller, request: AddKeyRequest) -> Result<AddKeyResponse> {
    let who = parts.admit_or_self(caller, &request, &request.user_id, no_user).await?;
    let expires_at = expiration(&request.expiration_date)?;
    let new = NewMachineKey { user_id: &request.user_id, id: None, expires_at, public_key: &request.public_key };
    let key = parts.keys.add_machine_key(&who, new).await?;
    Ok(AddKeyResponse { creation_date: date(key.stamp.created_at), key_id: key.id, key_content: key.file })
}

async fn remove_key(parts: Arc<Parts>, caller: Caller, request: RemoveKeyRequest) -> Result<RemoveKeyResponse> {
    let who = parts.admit_or_self(caller, &request, &request.user_id, no_key).await?;
    let stamp = parts.keys.remove_machine_key(&who, &request.user_id, &request.key_id).await?;
    Ok(RemoveKeyResponse { deletion_date: date(stamp.changed_at) })
}

async fn list_keys(parts: Arc<Parts>, caller: Caller, request: ListKeysRequest) -> Result<ListKeysResponse> {
    let reach = parts.owners.reach(caller, &request).await?;
    let page = page(&request.pagination)?;
    let filters: Vec<_> = request.filters.iter().filter_map(queries::key_filter).collect();
    let order = queries::credential_order(request.sorting_column.map(|column| column.to_i32()));
    let list = parts.keys.list_all_machine_keys(&reach, &filters, order, page).await?;
    Ok(ListKeysResponse { pagination: pagination(&list, page), result: list.rows.into_iter().map(message).collect() })
}

/// A key as clients read it. It never changes, so both its dates are that of its making.
fn message(key: OwnedCredentialRow) -> Key {
    Key {
        creation_date: date(key.row.created_at),
        change_date: date(key.row.created_at),
        id: key.row.id,
        user_id: key.user_id,
        organization_id: key.org_id,
        expiration_date: date(key.row.expires_at),
    }
}
