//! Members of organizations and projects.

use std::sync::Arc;

use buffa::EnumValue;

use super::fields::page;
use crate::api::adapter::details::{details, details_if_any, list_details};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddOrgMemberRequest, AddOrgMemberResponse, AddProjectMemberRequest, AddProjectMemberResponse,
    ListOrgMemberRolesRequest, ListOrgMemberRolesResponse, ListOrgMembersRequest, ListOrgMembersResponse,
    ListProjectMemberRolesRequest, ListProjectMemberRolesResponse, ListProjectMembersRequest,
    ListProjectMembersResponse, RemoveOrgMemberRequest, RemoveOrgMemberResponse, RemoveProjectMemberRequest,
    RemoveProjectMemberResponse, UpdateOrgMemberRequest, UpdateOrgMemberResponse, UpdateProjectMemberRequest,
    UpdateProjectMemberResponse,
};
use crate::proto::zitadel::member::v1::__buffa::oneof::search_query::Query;
use crate::proto::zitadel::member::v1::{Member, SearchQuery};
use crate::proto::zitadel::user::v1::Type;
use crate::service::members::{MemberList, Members, Place};
use crate::service::outcome::Owned;
use crate::store::{Listed, MemberOrder, MemberRow, names};

/// RPCs of members.
pub fn routes(table: Resource<Members>) -> Resource<Members> {
    table
        .rpc("ListOrgMemberRoles", list_org_member_roles)
        .rpc("ListOrgMembers", list_org_members)
        .rpc("AddOrgMember", add_org_member)
        .rpc("UpdateOrgMember", update_org_member)
        .rpc("RemoveOrgMember", remove_org_member)
        .rpc("ListProjectMemberRoles", list_project_member_roles)
        .rpc("ListProjectMembers", list_project_members)
        .rpc("AddProjectMember", add_project_member)
        .rpc("UpdateProjectMember", update_project_member)
        .rpc("RemoveProjectMember", remove_project_member)
}

async fn list_org_member_roles(
    members: Arc<Members>,
    caller: Caller,
    request: ListOrgMemberRolesRequest,
) -> Result<ListOrgMemberRolesResponse> {
    let who = caller.admit(&request)?;
    let roles = members.list_org_member_roles(&who).await?;
    Ok(ListOrgMemberRolesResponse { result: roles.into_iter().map(str::to_owned).collect() })
}

async fn list_org_members(
    members: Arc<Members>,
    caller: Caller,
    request: ListOrgMembersRequest,
) -> Result<ListOrgMembersResponse> {
    let who = caller.admit(&request)?;
    let only = only(&request.queries);
    let list = MemberList { only: only.as_deref(), order: MemberOrder::Created, page: page(&request.query) };
    let list = members.list_members(&who, Place::Org, list).await?;
    Ok(ListOrgMembersResponse { details: list_details(&list.value), result: messages(list)? })
}

async fn add_org_member(
    members: Arc<Members>,
    caller: Caller,
    request: AddOrgMemberRequest,
) -> Result<AddOrgMemberResponse> {
    let who = caller.admit(&request)?;
    let done = members.add_member(&who, Place::Org, &request.user_id, &request.roles).await?;
    Ok(AddOrgMemberResponse { details: details(&done.owner_id, &done.value) })
}

async fn update_org_member(
    members: Arc<Members>,
    caller: Caller,
    request: UpdateOrgMemberRequest,
) -> Result<UpdateOrgMemberResponse> {
    // A removed organization has no members.
    let gone = |error: Error| match error.id {
        "COMMAND-QXPGs" => Error::not_found("Org-D8JxR", "Errors.NotFound"),
        _ => error,
    };
    let who = caller.admit(&request).map_err(gone)?;
    let done = members.update_member(&who, Place::Org, &request.user_id, &request.roles).await?;
    Ok(UpdateOrgMemberResponse { details: details(&done.owner_id, &done.value) })
}

async fn remove_org_member(
    members: Arc<Members>,
    caller: Caller,
    request: RemoveOrgMemberRequest,
) -> Result<RemoveOrgMemberResponse> {
    let who = caller.admit(&request)?;
    let done = members.remove_member(&who, Place::Org, &request.user_id).await?;
    Ok(RemoveOrgMemberResponse { details: details_if_any(&done.owner_id, done.value.as_ref()) })
}

async fn list_project_member_roles(
    members: Arc<Members>,
    caller: Caller,
    request: ListProjectMemberRolesRequest,
) -> Result<ListProjectMemberRolesResponse> {
    let who = caller.admit(&request)?;
    let roles = members.list_project_member_roles(&who).await?;
    let result = roles.into_iter().map(str::to_owned).collect();
    Ok(ListProjectMemberRolesResponse { result, ..ListProjectMemberRolesResponse::default() })
}

async fn list_project_members(
    members: Arc<Members>,
    caller: Caller,
    request: ListProjectMembersRequest,
) -> Result<ListProjectMembersResponse> {
    let who = caller.admit(&request)?;
    let only = only(&request.queries);
    let list = MemberList { only: only.as_deref(), order: MemberOrder::Created, page: page(&request.query) };
    let list = members.list_members(&who, Place::Project(&request.project_id), list).await?;
    Ok(ListProjectMembersResponse { details: list_details(&list.value), result: messages(list)? })
}

async fn add_project_member(
    members: Arc<Members>,
    caller: Caller,
    request: AddProjectMemberRequest,
) -> Result<AddProjectMemberResponse> {
    let who = caller.admit(&request)?;
    let place = Place::Project(&request.project_id);
    let done = members.add_member(&who, place, &request.user_id, &request.roles).await?;
    Ok(AddProjectMemberResponse { details: details(&done.owner_id, &done.value) })
}

async fn update_project_member(
    members: Arc<Members>,
    caller: Caller,
    request: UpdateProjectMemberRequest,
) -> Result<UpdateProjectMemberResponse> {
    let who = caller.admit(&request)?;
    let place = Place::Project(&request.project_id);
    let done = members.update_member(&who, place, &request.user_id, &request.roles).await?;
    Ok(UpdateProjectMemberResponse { details: details(&done.owner_id, &done.value) })
}

async fn remove_project_member(
    members: Arc<Members>,
    caller: Caller,
    request: RemoveProjectMemberRequest,
) -> Result<RemoveProjectMemberResponse> {
    let who = caller.admit(&request)?;
    let done = members.remove_member(&who, Place::Project(&request.project_id), &request.user_id).await?;
    Ok(RemoveProjectMemberResponse { details: details_if_any(&done.owner_id, done.value.as_ref()) })
}

/// The users that all filters let through; `None` if there is no filter.
pub fn only(queries: &[SearchQuery]) -> Option<Vec<String>> {
    let wanted = queries.iter().filter_map(|q| q.query.as_ref()).map(users);
    wanted.reduce(|before, wanted| before.into_iter().filter(|id| wanted.contains(id)).collect())
}

/// The users that a filter lets through.
fn users(query: &Query) -> Vec<String> {
    match query {
        Query::UserIdQuery(q) => vec![q.user_id.clone()],
        // What only people have.
        Query::FirstNameQuery(_) | Query::LastNameQuery(_) | Query::EmailQuery(_) => Vec::new(),
    }
}

/// Members as clients read them.
pub fn messages(list: Owned<Listed<MemberRow>>) -> Result<Vec<Member>> {
    let owner = list.owner_id;
    list.value.rows.into_iter().map(|row| message(&owner, row)).collect()
}

/// A member as clients read it, by the organization or instance that owns the membership.
fn message(org_id: &str, row: MemberRow) -> Result<Member> {
    Ok(Member {
        user_id: row.id,
        details: details(org_id, &row.stamp),
        roles: names(&row.roles)?,
        preferred_login_name: row.user_name,
        display_name: row.name,
        user_type: EnumValue::from(Type::TYPE_MACHINE),
        user_resource_owner: row.user_org_id,
        ..Member::default()
    })
}
