//! Metadata of users.

use std::sync::Arc;

use super::parts::Parts;
use crate::api::adapter::details::date;
use crate::api::adapter::metadata::{filters, message, reader};
use crate::api::adapter::pages::{page, pagination};
use crate::api::adapter::routes::Resource;
use crate::auth::{Caller, Denied, Target};
use crate::error::Result;
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
    let who = parts.admit(caller, &request, &request.user_id, no_user).await?;
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
    let who = match parts.owners.find(&request, Target::User(&request.user_id)).await? {
        Some(found) => reader(parts.owners.admit_or_self(caller, &request, &found, Denied::Object).await.map(Some))?,
        None => None,
    };
    let list = match who {
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

async fn delete_user_metadata(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeleteUserMetadataRequest,
) -> Result<DeleteUserMetadataResponse> {
    let who = parts.admit(caller, &request, &request.user_id, no_user).await?;
    let keys: Vec<&str> = request.keys.iter().map(String::as_str).collect();
    let stamp = parts.metadata.bulk_remove(&who, Owner::User(&request.user_id), &keys).await?;
    Ok(DeleteUserMetadataResponse { deletion_date: date(stamp.changed_at) })
}

/// Keys and values as services take them.
pub fn values(metadata: &[Metadata]) -> Vec<(&str, &[u8])> {
    metadata.iter().map(|m| (m.key.as_str(), m.value.as_slice())).collect()
}
