//! Members of the instance.

use std::sync::Arc;

use buffa::EnumValue;

use crate::api::adapter::details::{counted, details, details_if_any, list_details};
use crate::api::adapter::routes::Resource;
use crate::api::management_v1::fields::page;
use crate::api::management_v1::members::{messages, only};
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::admin::v1::{
    AddIAMMemberRequest, AddIAMMemberResponse, ListIAMMemberRolesRequest, ListIAMMemberRolesResponse,
    ListIAMMembersRequest, ListIAMMembersResponse, RemoveIAMMemberRequest, RemoveIAMMemberResponse,
    UpdateIAMMemberRequest, UpdateIAMMemberResponse,
};
use crate::proto::zitadel::member::v1::MemberFieldColumnName;
use crate::service::members::{MemberList, Members, Place};
use crate::store::MemberOrder;

/// RPCs of members of the instance.
pub fn routes(table: Resource<Members>) -> Resource<Members> {
    table
        .rpc("ListIAMMemberRoles", list_iam_member_roles)
        .rpc("ListIAMMembers", list_iam_members)
        .rpc("AddIAMMember", add_iam_member)
        .rpc("UpdateIAMMember", update_iam_member)
        .rpc("RemoveIAMMember", remove_iam_member)
}

async fn list_iam_member_roles(
    _: Arc<Members>,
    caller: Caller,
    request: ListIAMMemberRolesRequest,
) -> Result<ListIAMMemberRolesResponse> {
    let who = caller.admit(&request)?;
    let roles = Members::list_instance_member_roles(&who);
    let details = counted(roles.len(), who.now);
    let roles = roles.into_iter().map(str::to_owned).collect();
    Ok(ListIAMMemberRolesResponse { details, roles })
}

async fn list_iam_members(
    members: Arc<Members>,
    caller: Caller,
    request: ListIAMMembersRequest,
) -> Result<ListIAMMembersResponse> {
    let who = caller.admit(&request)?;
    let only = only(&request.queries);
    let order = order(request.sorting_column);
    let list = MemberList { only: only.as_deref(), order, page: page(&request.query) };
    let list = members.list_members(&who, Place::Instance, list).await?;
    Ok(ListIAMMembersResponse { details: list_details(&list.value), result: messages(list)? })
}

async fn add_iam_member(
    members: Arc<Members>,
    caller: Caller,
    request: AddIAMMemberRequest,
) -> Result<AddIAMMemberResponse> {
    let who = caller.admit(&request)?;
    let done = members.add_member(&who, Place::Instance, &request.user_id, &request.roles).await?;
    Ok(AddIAMMemberResponse { details: details(&done.owner_id, &done.value) })
}

async fn update_iam_member(
    members: Arc<Members>,
    caller: Caller,
    request: UpdateIAMMemberRequest,
) -> Result<UpdateIAMMemberResponse> {
    let who = caller.admit(&request)?;
    let done = members.update_member(&who, Place::Instance, &request.user_id, &request.roles).await?;
    Ok(UpdateIAMMemberResponse { details: details(&done.owner_id, &done.value) })
}

async fn remove_iam_member(
    members: Arc<Members>,
    caller: Caller,
    request: RemoveIAMMemberRequest,
) -> Result<RemoveIAMMemberResponse> {
    let who = caller.admit(&request)?;
    let done = members.remove_member(&who, Place::Instance, &request.user_id).await?;
    Ok(RemoveIAMMemberResponse { details: details_if_any(&done.owner_id, done.value.as_ref()) })
}

/// What asks for no order gets that of creation.
fn order(column: EnumValue<MemberFieldColumnName>) -> MemberOrder {
    match column.as_known() {
        Some(MemberFieldColumnName::MEMBER_FIELD_NAME_USER_ID) => MemberOrder::User,
        Some(MemberFieldColumnName::MEMBER_FIELD_NAME_CHANGE_DATE) => MemberOrder::Changed,
        _ => MemberOrder::Created,
    }
}
