//! Metadata of users.

use std::sync::Arc;

use buffa::MessageField;

use super::fields::page;
use super::metadata::{filters, message};
use crate::api::adapter::details::{details, list_details};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    BulkRemoveUserMetadataRequest, BulkRemoveUserMetadataResponse, BulkSetUserMetadataRequest,
    BulkSetUserMetadataResponse, GetUserMetadataRequest, GetUserMetadataResponse, ListUserMetadataRequest,
    ListUserMetadataResponse, RemoveUserMetadataRequest, RemoveUserMetadataResponse, SetUserMetadataRequest,
    SetUserMetadataResponse,
};
use crate::service::metadata::{Metadata, Owner};

/// RPCs of the metadata of users.
pub fn routes(table: Resource<Metadata>) -> Resource<Metadata> {
    table
        .rpc("SetUserMetadata", set_user_metadata)
        .rpc("BulkSetUserMetadata", bulk_set_user_metadata)
        .rpc("ListUserMetadata", list_user_metadata)
        .rpc("GetUserMetadata", get_user_metadata)
        .rpc("RemoveUserMetadata", remove_user_metadata)
        .rpc("BulkRemoveUserMetadata", bulk_remove_user_metadata)
}

async fn set_user_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: SetUserMetadataRequest,
) -> Result<SetUserMetadataResponse> {
    let who = caller.admit(&request)?;
    let stamp = metadata.set(&who, Owner::User(&request.id), &request.key, &request.value).await?;
    Ok(SetUserMetadataResponse { details: details(&who.org_id, &stamp), ..SetUserMetadataResponse::default() })
}

async fn bulk_set_user_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: BulkSetUserMetadataRequest,
) -> Result<BulkSetUserMetadataResponse> {
    let who = caller.admit(&request)?;
    let values: Vec<_> = request.metadata.iter().map(|m| (m.key.as_str(), m.value.as_slice())).collect();
    let stamp = metadata.bulk_set(&who, Owner::User(&request.id), &values).await?;
    Ok(BulkSetUserMetadataResponse { details: details(&who.org_id, &stamp) })
}

async fn list_user_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: ListUserMetadataRequest,
) -> Result<ListUserMetadataResponse> {
    let who = caller.admit(&request)?;
    let list = metadata.list(&who, Owner::User(&request.id), &filters(&request.queries), page(&request.query)).await?;
    Ok(ListUserMetadataResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(|row| message(&who.org_id, row)).collect(),
    })
}

async fn get_user_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: GetUserMetadataRequest,
) -> Result<GetUserMetadataResponse> {
    let who = caller.admit(&request)?;
    let row = metadata.get(&who, Owner::User(&request.id), &request.key).await?;
    let row = row.ok_or_else(|| Error::not_found("QUERY-Rgh32", "Metadata not found"))?;
    Ok(GetUserMetadataResponse { metadata: MessageField::some(message(&who.org_id, row)) })
}

async fn remove_user_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: RemoveUserMetadataRequest,
) -> Result<RemoveUserMetadataResponse> {
    let who = caller.admit(&request)?;
    let stamp = metadata.remove(&who, Owner::User(&request.id), &request.key).await?;
    Ok(RemoveUserMetadataResponse { details: details(&who.org_id, &stamp) })
}

async fn bulk_remove_user_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: BulkRemoveUserMetadataRequest,
) -> Result<BulkRemoveUserMetadataResponse> {
    let who = caller.admit(&request)?;
    let keys: Vec<&str> = request.keys.iter().map(String::as_str).collect();
    let stamp = metadata.bulk_remove(&who, Owner::User(&request.id), &keys).await?;
    Ok(BulkRemoveUserMetadataResponse { details: details(&who.org_id, &stamp) })
}
