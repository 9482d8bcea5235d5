//! Metadata of organizations.

use std::sync::Arc;

use buffa::MessageField;

use super::admit::admit;
use crate::api::adapter::details::{count, date};
use crate::api::adapter::metadata::{filters, message, reader};
use crate::api::adapter::pages::page;
use crate::api::adapter::routes::Resource;
use crate::auth::{Caller, Denied, Owners, org_gone};
use crate::error::Result;
use crate::proto::zitadel::filter::v2::PaginationResponse;
use crate::proto::zitadel::org::v2::{
    DeleteOrganizationMetadataRequest, DeleteOrganizationMetadataResponse, ListOrganizationMetadataRequest,
    ListOrganizationMetadataResponse, SetOrganizationMetadataRequest, SetOrganizationMetadataResponse,
};
use crate::service::metadata::{Metadata, Owner};
use crate::store::{MetadataRow, Page};

/// What the functions of this file work with.
pub struct Parts {
    /// The values.
    pub metadata: Arc<Metadata>,
    /// Whose they are.
    pub owners: Owners,
}

/// RPCs of metadata.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("SetOrganizationMetadata", set_organization_metadata)
        .rpc("ListOrganizationMetadata", list_organization_metadata)
        .rpc("DeleteOrganizationMetadata", delete_organization_metadata)
}

async fn set_organization_metadata(
    parts: Arc<Parts>,
    caller: Caller,
    request: SetOrganizationMetadataRequest,
) -> Result<SetOrganizationMetadataResponse> {
    let who = admit(&parts.owners, caller, &request, &request.organization_id, Denied::Command)
        .await?
        .ok_or_else(org_gone)?;
    let values: Vec<_> = request.metadata.iter().map(|m| (m.key.as_str(), m.value.as_slice())).collect();
    let stamp = parts.metadata.bulk_set(&who, Owner::Org, &values).await?;
    Ok(SetOrganizationMetadataResponse { set_date: date(stamp.changed_at) })
}

/// Who may not read it is told of none, and nobody is told which organizations there are.
async fn list_organization_metadata(
    parts: Arc<Parts>,
    caller: Caller,
    request: ListOrganizationMetadataRequest,
) -> Result<ListOrganizationMetadataResponse> {
    // Whatever `asc` says: values have no order of their own, and the oldest come first.
    let page = Page { ascending: true, ..page(&request.pagination)? };
    let who = admit(&parts.owners, caller, &request, &request.organization_id, Denied::Command).await;
    let Some(who) = reader(who)? else { return Ok(answer(0, Vec::new())) };
    let list = parts.metadata.list(&who, Owner::Org, &filters(&request.filters), page).await?;
    Ok(answer(list.total, list.rows))
}

fn answer(total: i64, rows: Vec<MetadataRow>) -> ListOrganizationMetadataResponse {
    let total_result = count(total);
    let pagination = PaginationResponse { total_result, ..PaginationResponse::default() };
    ListOrganizationMetadataResponse {
        pagination: MessageField::some(pagination),
        metadata: rows.into_iter().map(message).collect(),
    }
}

async fn delete_organization_metadata(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeleteOrganizationMetadataRequest,
) -> Result<DeleteOrganizationMetadataResponse> {
    let who = admit(&parts.owners, caller, &request, &request.organization_id, Denied::Command)
        .await?
        .ok_or_else(org_gone)?;
    let keys: Vec<&str> = request.keys.iter().map(String::as_str).collect();
    let stamp = parts.metadata.bulk_remove(&who, Owner::Org, &keys).await?;
    Ok(DeleteOrganizationMetadataResponse { deletion_date: date(stamp.changed_at) })
}
