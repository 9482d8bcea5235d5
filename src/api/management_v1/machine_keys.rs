//! Keys of machine users.

use std::sync::Arc;

use buffa::MessageField;

use super::fields::{expiration, page};
use super::keys::message;
use crate::api::adapter::details::{details, list_details};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddMachineKeyRequest, AddMachineKeyResponse, GetMachineKeyByIDsRequest, GetMachineKeyByIDsResponse,
    ListMachineKeysRequest, ListMachineKeysResponse, RemoveMachineKeyRequest, RemoveMachineKeyResponse,
};
use crate::service::machine_keys::{MachineKeys, NewMachineKey};

/// RPCs of keys of machine users.
pub fn routes(table: Resource<MachineKeys>) -> Resource<MachineKeys> {
    table
        .rpc("AddMachineKey", add_machine_key)
        .rpc("GetMachineKeyByIDs", get_machine_key_by_ids)
        .rpc("ListMachineKeys", list_machine_keys)
        .rpc("RemoveMachineKey", remove_machine_key)
}

async fn add_machine_key(
    keys: Arc<MachineKeys>,
    caller: Caller,
    request: AddMachineKeyRequest,
) -> Result<AddMachineKeyResponse> {
    let who = caller.admit(&request)?;
    let expires_at = expiration(&request.expiration_date)?;
    let new = NewMachineKey { user_id: &request.user_id, id: None, expires_at, public_key: &request.public_key };
    let key = keys.add_machine_key(&who, new).await?;
    Ok(AddMachineKeyResponse { details: details(&who.org_id, &key.stamp), key_details: key.file, key_id: key.id })
}

async fn get_machine_key_by_ids(
    keys: Arc<MachineKeys>,
    caller: Caller,
    request: GetMachineKeyByIDsRequest,
) -> Result<GetMachineKeyByIDsResponse> {
    let who = caller.admit(&request)?;
    let key = keys.machine_key(&who, &request.user_id, &request.key_id).await?;
    let key = key.ok_or_else(|| Error::not_found("QUERY-Dgr3g", "Errors.AuthNKey.NotFound"))?;
    Ok(GetMachineKeyByIDsResponse { key: MessageField::some(message(&who.org_id, &key)) })
}

async fn list_machine_keys(
    keys: Arc<MachineKeys>,
    caller: Caller,
    request: ListMachineKeysRequest,
) -> Result<ListMachineKeysResponse> {
    let who = caller.admit(&request)?;
    let list = keys.list_machine_keys(&who, &request.user_id, page(&request.query)).await?;
    Ok(ListMachineKeysResponse {
        details: list_details(&list),
        result: list.rows.iter().map(|key| message(&who.org_id, key)).collect(),
    })
}

async fn remove_machine_key(
    keys: Arc<MachineKeys>,
    caller: Caller,
    request: RemoveMachineKeyRequest,
) -> Result<RemoveMachineKeyResponse> {
    let who = caller.admit(&request)?;
    let stamp = keys.remove_machine_key(&who, &request.user_id, &request.key_id).await?;
    Ok(RemoveMachineKeyResponse { details: details(&who.org_id, &stamp) })
}
