//! Metadata of organizations.

use std::sync::Arc;

use buffa::MessageField;

use super::fields::{page, text_filter};
use crate::api::adapter::details::{details, list_details};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    BulkRemoveOrgMetadataRequest, BulkRemoveOrgMetadataResponse, BulkSetOrgMetadataRequest, BulkSetOrgMetadataResponse,
    GetOrgMetadataRequest, GetOrgMetadataResponse, ListOrgMetadataRequest, ListOrgMetadataResponse,
    RemoveOrgMetadataRequest, RemoveOrgMetadataResponse, SetOrgMetadataRequest, SetOrgMetadataResponse,
};
use crate::proto::zitadel::metadata::v1::__buffa::oneof::metadata_query::Query;
use crate::proto::zitadel::metadata::v1::{Metadata as Message, MetadataQuery};
use crate::service::metadata::{Metadata, Owner};
use crate::store::{MetadataRow, TextFilter};

/// RPCs of the metadata of organizations.
pub fn routes(table: Resource<Metadata>) -> Resource<Metadata> {
    table
        .rpc("SetOrgMetadata", set_org_metadata)
        .rpc("BulkSetOrgMetadata", bulk_set_org_metadata)
        .rpc("ListOrgMetadata", list_org_metadata)
        .rpc("GetOrgMetadata", get_org_metadata)
        .rpc("RemoveOrgMetadata", remove_org_metadata)
        .rpc("BulkRemoveOrgMetadata", bulk_remove_org_metadata)
}

async fn set_org_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: SetOrgMetadataRequest,
) -> Result<SetOrgMetadataResponse> {
    let who = caller.admit(&request)?;
    let stamp = metadata.set(&who, Owner::Org, &request.key, &request.value).await?;
    Ok(SetOrgMetadataResponse { details: details(&who.org_id, &stamp) })
}

async fn bulk_set_org_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: BulkSetOrgMetadataRequest,
) -> Result<BulkSetOrgMetadataResponse> {
    let who = caller.admit(&request)?;
    let values: Vec<_> = request.metadata.iter().map(|m| (m.key.as_str(), m.value.as_slice())).collect();
    let stamp = metadata.bulk_set(&who, Owner::Org, &values).await?;
    Ok(BulkSetOrgMetadataResponse { details: details(&who.org_id, &stamp) })
}

async fn list_org_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: ListOrgMetadataRequest,
) -> Result<ListOrgMetadataResponse> {
    let who = caller.admit(&request)?;
    let list = metadata.list(&who, Owner::Org, &filters(&request.queries), page(&request.query)).await?;
    Ok(ListOrgMetadataResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(|row| message(&who.org_id, row)).collect(),
    })
}

async fn get_org_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: GetOrgMetadataRequest,
) -> Result<GetOrgMetadataResponse> {
    let who = caller.admit(&request)?;
    let row = metadata.get(&who, Owner::Org, &request.key).await?;
    let row = row.ok_or_else(|| Error::not_found("QUERY-Rph32", "Metadata not found"))?;
    Ok(GetOrgMetadataResponse { metadata: MessageField::some(message(&who.org_id, row)) })
}

async fn remove_org_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: RemoveOrgMetadataRequest,
) -> Result<RemoveOrgMetadataResponse> {
    let who = caller.admit(&request)?;
    let stamp = metadata.remove(&who, Owner::Org, &request.key).await?;
    Ok(RemoveOrgMetadataResponse { details: details(&who.org_id, &stamp) })
}

async fn bulk_remove_org_metadata(
    metadata: Arc<Metadata>,
    caller: Caller,
    request: BulkRemoveOrgMetadataRequest,
) -> Result<BulkRemoveOrgMetadataResponse> {
    let who = caller.admit(&request)?;
    let keys: Vec<&str> = request.keys.iter().map(String::as_str).collect();
    let stamp = metadata.bulk_remove(&who, Owner::Org, &keys).await?;
    Ok(BulkRemoveOrgMetadataResponse { details: details(&who.org_id, &stamp) })
}

/// The field rules want one to be set.
pub fn filters(queries: &[MetadataQuery]) -> Vec<TextFilter> {
    let filter = |query: &MetadataQuery| query.query.as_ref().map(|Query::KeyQuery(q)| text_filter(q.method, &q.key));
    queries.iter().filter_map(filter).collect()
}

/// A value as a client reads it.
pub fn message(org_id: &str, row: MetadataRow) -> Message {
    Message { details: details(org_id, &row.stamp), key: row.id, value: row.value }
}
