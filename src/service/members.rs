//! Members of projects: users with built-in roles that hold for one project.

use std::collections::HashSet;
use std::sync::Arc;

use buffa::EnumValue;

use super::users::NOT_FOUND;
use super::{Deps, projects, validate};
use crate::auth::{Ctx, role_names};
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddProjectMemberRequest, AddProjectMemberResponse, ListProjectMemberRolesRequest, ListProjectMemberRolesResponse,
    ListProjectMembersRequest, ListProjectMembersResponse, RemoveProjectMemberRequest, RemoveProjectMemberResponse,
    UpdateProjectMemberRequest, UpdateProjectMemberResponse,
};
use crate::proto::zitadel::member::v1::__buffa::oneof::search_query::Query;
use crate::proto::zitadel::member::v1::Member;
use crate::proto::zitadel::user::v1::Type;
use crate::proto::{change_details, full_details, list_details, owner_details};
use crate::store::{MemberAdded, MemberChanged, MemberRemoved, MemberRow, ProjectAt, Scope, UserAt, names};

const INVALID: &str = "Project member is invalid";
/// Most memberships of a user in one organization: each call of the user reads them. They are counted for
/// each organization, so that one cannot use up what another one needs.
const MAX_MEMBERSHIPS: i64 = 1000;
const TOO_MANY: &str = "The user is a member in 1000 places of this organization already. Remove one, or give a role \
     for the whole organization";

/// Members of projects.
pub struct Members(pub(super) Deps);

impl Members {
    /// `ListProjectMemberRoles`: the built-in roles for projects; in the first organization of the
    /// server only the global ones.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_project_member_roles(
        self: Arc<Self>,
        cx: Ctx,
        request: ListProjectMemberRolesRequest,
    ) -> Result<ListProjectMemberRolesResponse> {
        cx.admit(&request)?;
        let first = self.0.store.instance().await?.is_some_and(|i| i.default_org_id == cx.org_id);
        let fits = |role: &str| {
            role.starts_with("PROJECT") && !role.starts_with("PROJECT_GRANT") && (!first || role.ends_with("GLOBAL"))
        };
        let roles = role_names().filter(|role| fits(role)).map(str::to_owned).collect();
        Ok(ListProjectMemberRolesResponse { result: roles, ..ListProjectMemberRolesResponse::default() })
    }

    /// `ListProjectMembers`: an unknown project has none.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_project_members(
        self: Arc<Self>,
        cx: Ctx,
        request: ListProjectMembersRequest,
    ) -> Result<ListProjectMembersResponse> {
        cx.admit(&request)?;
        let mut only: Option<Vec<String>> = None;
        for query in request.queries.iter().filter_map(|q| q.query.as_ref()) {
            let wanted = match query {
                Query::UserIdQuery(q) => vec![q.user_id.clone()],
                // What only people have.
                Query::FirstNameQuery(_) | Query::LastNameQuery(_) | Query::EmailQuery(_) => Vec::new(),
            };
            only = Some(match only {
                None => wanted,
                Some(before) => before.into_iter().filter(|id| wanted.contains(id)).collect(),
            });
        }
        let at = ProjectAt { org_id: &cx.org_id, id: &request.project_id };
        let list = self.0.store.project_members(at, only.as_deref(), validate::page(&request.query)).await?;
        Ok(ListProjectMembersResponse {
            details: list_details(list.total, list.seen.as_ref()),
            result: list.rows.into_iter().map(|row| message(&cx.org_id, row)).collect::<Result<_>>()?,
        })
    }

    /// `AddProjectMember`: a user of any organization.
    ///
    /// # Errors
    /// `PROJECT-W8m4l` no roles, `PROJECT-3m9ds` a role is not for projects, `COMMAND-uXHNj` no such
    /// user, `COMMAND-EbFMN` no such project, `PROJECT-PtXi1` a member already, `PROJECT-Mb1k8` a member
    /// in as many places of the organization as may be.
    pub async fn add_project_member(
        self: Arc<Self>,
        cx: Ctx,
        request: AddProjectMemberRequest,
    ) -> Result<AddProjectMemberResponse> {
        cx.admit(&request)?;
        let roles = checked(&request.roles, "PROJECT-W8m4l", "PROJECT-3m9ds")?;
        let no_user = || Error::precondition("COMMAND-uXHNj", NOT_FOUND);
        let at = ProjectAt { org_id: &cx.org_id, id: &request.project_id };
        let scope = Scope::Project(at);
        let details = self.0.store.work(cx.actor(), async |mut work| {
            // A missing user is told before a missing project.
            work.user_org(&request.user_id).await?.ok_or_else(no_user)?;
            let mut project = work.project_lock(at).await?.ok_or_else(projects::not_there)?;
            // Kept only now: who waits for a project keeps nobody from changing the user.
            let user_org = project.work.user_kept(&request.user_id).await?.ok_or_else(no_user)?;
            if project.work.member_lock(scope, &request.user_id).await?.is_some() {
                let text = "Project member already exists";
                return Err(Error::new(crate::error::Code::AlreadyExists, "PROJECT-PtXi1", text));
            }
            if project.work.memberships_of(&request.user_id, at.org_id).await? >= MAX_MEMBERSHIPS {
                return Err(Error::precondition("PROJECT-Mb1k8", TOO_MANY));
            }
            let user = UserAt { org_id: &user_org, id: &request.user_id };
            let event = project.record(&MemberAdded { scope, user, roles: &roles }).await?;
            Ok(change_details(at.org_id, &event, event.at))
        });
        Ok(AddProjectMemberResponse { details: details.await? })
    }

    /// `UpdateProjectMember`: the same roles in the same order are answered without an event.
    ///
    /// # Errors
    /// `PROJECT-LiaZi` no roles, `PROJECT-3m9d` a role is not for projects, `PROJECT-D8JxR` no member.
    pub async fn update_project_member(
        self: Arc<Self>,
        cx: Ctx,
        request: UpdateProjectMemberRequest,
    ) -> Result<UpdateProjectMemberResponse> {
        cx.admit(&request)?;
        let roles = checked(&request.roles, "PROJECT-LiaZi", "PROJECT-3m9d")?;
        let no_member = || Error::not_found("PROJECT-D8JxR", "Errors.NotFound");
        let at = ProjectAt { org_id: &cx.org_id, id: &request.project_id };
        let scope = Scope::Project(at);
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut project = work.project_lock(at).await?.ok_or_else(no_member)?;
            let row = project.work.member_lock(scope, &request.user_id).await?.ok_or_else(no_member)?;
            if names(&row.roles)? == roles {
                return Ok(full_details(at.org_id, &row.stamp));
            }
            let event = project.record(&MemberChanged { scope, user_id: &request.user_id, roles: &roles }).await?;
            Ok(change_details(at.org_id, &event, row.stamp.created_at))
        });
        Ok(UpdateProjectMemberResponse { details: details.await? })
    }

    /// `RemoveProjectMember`: who is no member is answered as removed.
    ///
    /// # Errors
    /// None of its own.
    pub async fn remove_project_member(
        self: Arc<Self>,
        cx: Ctx,
        request: RemoveProjectMemberRequest,
    ) -> Result<RemoveProjectMemberResponse> {
        cx.admit(&request)?;
        let at = ProjectAt { org_id: &cx.org_id, id: &request.project_id };
        let scope = Scope::Project(at);
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let Some(mut project) = work.project_lock(at).await? else { return Ok(owner_details(at.org_id)) };
            let Some(row) = project.work.member_lock(scope, &request.user_id).await? else {
                return Ok(projects::newest_details(at.org_id, &project));
            };
            let event = project.record(&MemberRemoved { scope, user_id: &row.id }).await?;
            Ok(change_details(at.org_id, &event, row.stamp.created_at))
        });
        Ok(RemoveProjectMemberResponse { details: details.await? })
    }
}

/// The roles of a request, each a built-in one for projects and named once.
fn checked<'a>(roles: &'a [String], none: &'static str, wrong: &'static str) -> Result<Vec<&'a str>> {
    if roles.is_empty() {
        return Err(Error::invalid(none, INVALID));
    }
    // Taken out as they are named, so none counts twice.
    let mut left: HashSet<&str> = role_names().filter(|name| name.starts_with("PROJECT")).collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    if !roles.iter().all(|role| left.remove(role)) {
        return Err(Error::invalid(wrong, INVALID));
    }
    Ok(roles)
}

fn message(org_id: &str, row: MemberRow) -> Result<Member> {
    Ok(Member {
        user_id: row.id,
        details: full_details(org_id, &row.stamp),
        roles: names(&row.roles)?,
        preferred_login_name: row.user_name,
        display_name: row.name,
        user_type: EnumValue::from(Type::TYPE_MACHINE),
        user_resource_owner: row.user_org_id,
        ..Member::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_of_a_membership_are_known_ones_for_projects_and_named_once() {
        let checked = |roles: &[&str]| {
            let roles: Vec<String> = roles.iter().map(|r| (*r).to_owned()).collect();
            checked(&roles, "none", "wrong").map(|roles| roles.len()).map_err(|e| e.id)
        };
        assert_eq!(checked(&["PROJECT_OWNER", "PROJECT_OWNER_VIEWER"]), Ok(2));
        assert_eq!(checked(&[]), Err("none"));
        for wrong in [&["PROJECT_OWNER", "PROJECT_OWNER"][..], &["ORG_OWNER"], &["x"], &[""]] {
            assert_eq!(checked(wrong), Err("wrong"), "{wrong:?}");
        }
    }
}
