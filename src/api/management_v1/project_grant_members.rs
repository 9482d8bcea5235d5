//! Members of project grants.

use std::sync::Arc;

use super::fields::page;
use super::members::{messages, only};
use crate::api::adapter::details::{counted, details, details_if_any, list_details};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::management::v1::{
    AddProjectGrantMemberRequest, AddProjectGrantMemberResponse, ListProjectGrantMemberRolesRequest,
    ListProjectGrantMemberRolesResponse, ListProjectGrantMembersRequest, ListProjectGrantMembersResponse,
    RemoveProjectGrantMemberRequest, RemoveProjectGrantMemberResponse, UpdateProjectGrantMemberRequest,
    UpdateProjectGrantMemberResponse,
};
use crate::service::members::{MemberList, Members, Place};
use crate::store::MemberOrder;

/// RPCs of members of project grants.
pub fn routes(table: Resource<Members>) -> Resource<Members> {
    table
        .rpc("ListProjectGrantMemberRoles", list_project_grant_member_roles)
        .rpc("ListProjectGrantMembers", list_project_grant_members)
        .rpc("AddProjectGrantMember", add_project_grant_member)
        .rpc("UpdateProjectGrantMember", update_project_grant_member)
        .rpc("RemoveProjectGrantMember", remove_project_grant_member)
}

async fn list_project_grant_member_roles(
    _: Arc<Members>,
    caller: Caller,
    request: ListProjectGrantMemberRolesRequest,
) -> Result<ListProjectGrantMemberRolesResponse> {
    let who = caller.admit(&request)?;
    let roles = Members::list_project_grant_member_roles(&who);
    let details = counted(roles.len(), who.now);
    Ok(ListProjectGrantMemberRolesResponse { details, result: roles.into_iter().map(str::to_owned).collect() })
}

async fn list_project_grant_members(
    members: Arc<Members>,
    caller: Caller,
    request: ListProjectGrantMembersRequest,
) -> Result<ListProjectGrantMembersResponse> {
    let who = caller.admit(&request)?;
    let only = only(&request.queries);
    let list = MemberList { only: only.as_deref(), order: MemberOrder::Created, page: page(&request.query) };
    let list = members.list_members(&who, place(&request.project_id, &request.grant_id), list).await?;
    Ok(ListProjectGrantMembersResponse { details: list_details(&list.value), result: messages(list)? })
}

async fn add_project_grant_member(
    members: Arc<Members>,
    caller: Caller,
    request: AddProjectGrantMemberRequest,
) -> Result<AddProjectGrantMemberResponse> {
    let who = caller.admit(&request)?;
    let place = place(&request.project_id, &request.grant_id);
    let done = members.add_member(&who, place, &request.user_id, &request.roles).await?;
    Ok(AddProjectGrantMemberResponse { details: details(&done.owner_id, &done.value) })
}

async fn update_project_grant_member(
    members: Arc<Members>,
    caller: Caller,
    request: UpdateProjectGrantMemberRequest,
) -> Result<UpdateProjectGrantMemberResponse> {
    let who = caller.admit(&request)?;
    let place = place(&request.project_id, &request.grant_id);
    let done = members.update_member(&who, place, &request.user_id, &request.roles).await?;
    Ok(UpdateProjectGrantMemberResponse { details: details(&done.owner_id, &done.value) })
}

async fn remove_project_grant_member(
    members: Arc<Members>,
    caller: Caller,
    request: RemoveProjectGrantMemberRequest,
) -> Result<RemoveProjectGrantMemberResponse> {
    let who = caller.admit(&request)?;
    let place = place(&request.project_id, &request.grant_id);
    let done = members.remove_member(&who, place, &request.user_id).await?;
    Ok(RemoveProjectGrantMemberResponse { details: details_if_any(&done.owner_id, done.value.as_ref()) })
}

fn place<'a>(project_id: &'a str, id: &'a str) -> Place<'a> {
    Place::Grant { project_id, id }
}
