//! Members of projects.

use std::sync::Arc;

use buffa::EnumValue;

use super::fields::page;
use crate::api::adapter::details::{details, details_if_any, list_details};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::management::v1::{
    AddProjectMemberRequest, AddProjectMemberResponse, ListProjectMemberRolesRequest, ListProjectMemberRolesResponse,
    ListProjectMembersRequest, ListProjectMembersResponse, RemoveProjectMemberRequest, RemoveProjectMemberResponse,
    UpdateProjectMemberRequest, UpdateProjectMemberResponse,
};
use crate::proto::zitadel::member::v1::__buffa::oneof::search_query::Query;
use crate::proto::zitadel::member::v1::{Member, SearchQuery};
use crate::proto::zitadel::user::v1::Type;
use crate::service::members::{MemberId, Members};
use crate::store::{MemberRow, names};

/// RPCs of members.
pub fn routes(table: Resource<Members>) -> Resource<Members> {
    table
        .rpc("ListProjectMemberRoles", list_project_member_roles)
        .rpc("ListProjectMembers", list_project_members)
        .rpc("AddProjectMember", add_project_member)
        .rpc("UpdateProjectMember", update_project_member)
        .rpc("RemoveProjectMember", remove_project_member)
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
    let page = page(&request.query);
    let list = members.list_project_members(&who, &request.project_id, only.as_deref(), page).await?;
    Ok(ListProjectMembersResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(|row| message(&who.org_id, row)).collect::<Result<_>>()?,
    })
}

async fn add_project_member(
    members: Arc<Members>,
    caller: Caller,
    request: AddProjectMemberRequest,
) -> Result<AddProjectMemberResponse> {
    let who = caller.admit(&request)?;
    let member = MemberId { project_id: &request.project_id, user_id: &request.user_id };
    let stamp = members.add_project_member(&who, member, &request.roles).await?;
    Ok(AddProjectMemberResponse { details: details(&who.org_id, &stamp) })
}

async fn update_project_member(
    members: Arc<Members>,
    caller: Caller,
    request: UpdateProjectMemberRequest,
) -> Result<UpdateProjectMemberResponse> {
    let who = caller.admit(&request)?;
    let member = MemberId { project_id: &request.project_id, user_id: &request.user_id };
    let stamp = members.update_project_member(&who, member, &request.roles).await?;
    Ok(UpdateProjectMemberResponse { details: details(&who.org_id, &stamp) })
}

async fn remove_project_member(
    members: Arc<Members>,
    caller: Caller,
    request: RemoveProjectMemberRequest,
) -> Result<RemoveProjectMemberResponse> {
    let who = caller.admit(&request)?;
    let member = MemberId { project_id: &request.project_id, user_id: &request.user_id };
    let stamp = members.remove_project_member(&who, member).await?;
    Ok(RemoveProjectMemberResponse { details: details_if_any(&who.org_id, stamp.as_ref()) })
}

/// The users that all filters let through; `None` if there is no filter.
fn only(queries: &[SearchQuery]) -> Option<Vec<String>> {
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

/// A member as clients read it.
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
