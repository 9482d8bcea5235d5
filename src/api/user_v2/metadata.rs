//! Metadata of users.

use std::sync::Arc;

use super::parts::Parts;
use crate::api::adapter::details::date;
use crate::api::adapter::metadata::{filters, message};
use crate::api::adapter::pages::{page, pagination};
use crate::api::adapter::routes::Resource;
use crate::auth::{Admitted, Caller, Denied, Target};
use crate::error::{Code, Result};
use crate::proto::Call;
use crate::proto::zitadel::user::v2::{
    DeleteUserMetadataRequest, DeleteUserMetadataResponse, ListUserMetadataRequest, ListUserMetadataResponse, Metadata,
    SetUserMetadataRequest, SetUserMetadataResponse,
};
use crate::service::metadata::{Owner, no_user};
use crate::store::Listed;

/// RPCs of metadata.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("SetUserMetadata", set_user_metadata)
        .rpc("ListUserMetadata", list_user_metadata)
        .rpc("DeleteUserMetadata", delete_user_metadata)
}

async fn set_user_metadata(
    parts: Arc<Parts>,
    caller: Caller,
    request: SetUserMetadataRequest,
) -> Result<SetUserMetadataResponse> {
    let who = admit(&parts, caller, &request, &request.user_id).await?;
    let user = Owner::User(&request.user_id);
    let stamp = parts.metadata.bulk_set(&who, user, &values(&request.metadata)).await?;
    Ok(SetUserMetadataResponse { set_date: date(stamp.changed_at) })
}

/// Users read their own. Who may not read a user is told of no values, as if it had none or were not there.
async fn list_user_metadata(
    parts: Arc<Parts>,
    caller: Caller,
    request: ListUserMetadataRequest,
) -> Result<ListUserMetadataResponse> {
    let page = page(&request.pagination)?;
    let list = match reader(&parts, caller, &request).await? {
        Some(who) => {
            let user = Owner::User(&request.user_id);
            parts.metadata.list(&who, user, &filters(&request.filters), page).await?
        }
        None => Listed { total: 0, seen: None, rows: Vec::new() },
    };
    Ok(ListUserMetadataResponse {
        pagination: pagination(&list, page),
        metadata: list.rows.into_iter().map(message).collect(),
    })
}

/// The caller, if it may read the user.
async fn reader(parts: &Parts, caller: Caller, request: &ListUserMetadataRequest) -> Result<Option<Admitted>> {
    let Some(found) = parts.owners.find(request, Target::User(&request.user_id)).await? else { return Ok(None) };
    match parts.owners.admit_or_self(caller, request, &found, Denied::Object).await {
        Err(error) if matches!(error.code, Code::NotFound | Code::PermissionDenied) => Ok(None),
        other => other.map(Some),
    }
}

async fn delete_user_metadata(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeleteUserMetadataRequest,
) -> Result<DeleteUserMetadataResponse> {
    let who = admit(&parts, caller, &request, &request.user_id).await?;
    let keys: Vec<&str> = request.keys.iter().map(String::as_str).collect();
    let stamp = parts.metadata.bulk_remove(&who, Owner::User(&request.user_id), &keys).await?;
    Ok(DeleteUserMetadataResponse { deletion_date: date(stamp.changed_at) })
}

async fn admit<C: Call + Sync>(parts: &Parts, caller: Caller, request: &C, user_id: &str) -> Result<Admitted> {
    let found = parts.owners.find(request, Target::User(user_id)).await?;
    let found = found.ok_or_else(no_user)?;
    parts.owners.admit(caller, request, &found, Denied::Command).await
}

/// Keys and values as services take them.
pub fn values(metadata: &[Metadata]) -> Vec<(&str, &[u8])> {
    metadata.iter().map(|m| (m.key.as_str(), m.value.as_slice())).collect()
}
