//! Members of projects: users with built-in roles that hold for one project.

use std::collections::HashSet;

use super::outcome::{changed, made};
use super::texts::USER_NOT_FOUND;
use super::{Deps, projects};
use crate::auth::{Admitted, role_names};
use crate::error::{Code, Error, Result};
use crate::store::{
    Listed, MemberAdded, MemberChanged, MemberRemoved, MemberRow, Page, ProjectAt, Scope, Stamp, UserAt, Work, names,
};

const INVALID: &str = "Project member is invalid";
/// Most memberships of a user in one organization: each call of the user reads them. They are counted for
/// each organization, so that one cannot use up what another one needs.
const MAX_MEMBERSHIPS: i64 = 1000;
const TOO_MANY: &str = "The user is a member in 1000 places of this organization already. Remove one, or give a role \
     for the whole organization";

pub struct Members(pub(super) Deps);

/// Which member: a user in a project of the organization.
#[derive(Debug, Clone, Copy)]
pub struct MemberId<'a> {
    pub project_id: &'a str,
    pub user_id: &'a str,
}

impl Members {
    /// The built-in roles for projects; in the first organization of the server only the global ones.
    pub async fn list_project_member_roles(&self, who: &Admitted) -> Result<Vec<&'static str>> {
        let first = self.0.store.instance().await?.is_some_and(|i| i.default_org_id == who.org_id);
        let fits = |role: &str| {
            role.starts_with("PROJECT") && !role.starts_with("PROJECT_GRANT") && (!first || role.ends_with("GLOBAL"))
        };
        Ok(role_names().filter(|role| fits(role)).collect())
    }

    /// Members of a project, with `only` no other users than these; an unknown project has none.
    pub async fn list_project_members(
        &self,
        who: &Admitted,
        project_id: &str,
        only: Option<&[String]>,
        page: Page,
    ) -> Result<Listed<MemberRow>> {
        let at = ProjectAt { org_id: &who.org_id, id: project_id };
        Ok(self.0.store.project_members(at, only, page).await?)
    }

    /// Makes a user of any organization a member.
    ///
    /// # Errors
    /// `PROJECT-W8m4l` no roles, `PROJECT-3m9ds` a role is not for projects, `COMMAND-uXHNj` no such
    /// user, `COMMAND-EbFMN` no such project, `PROJECT-PtXi1` a member already, `PROJECT-Mb1k8` a member
    /// in as many places of the organization as may be.
    pub async fn add_project_member(&self, who: &Admitted, member: MemberId<'_>, roles: &[String]) -> Result<Stamp> {
        let roles = checked(roles, "PROJECT-W8m4l", "PROJECT-3m9ds")?;
        let no_user = || Error::precondition("COMMAND-uXHNj", USER_NOT_FOUND);
        let MemberId { project_id, user_id } = member;
        let at = ProjectAt { org_id: &who.org_id, id: project_id };
        let scope = Scope::Project(at);
        let work = self.0.store.work(who.actor(), async |mut work| {
            // A missing user is told before a missing project.
            work.user_org(user_id).await?.ok_or_else(no_user)?;
            let mut project = work.project_held(at).await?.ok_or_else(projects::not_there)?;
            // Kept only now: who waits for a project keeps nobody from changing the user.
            let user_org = project.work.user_kept(user_id).await?.ok_or_else(no_user)?;
            may_join(project.work, at, user_id).await?;
            let user = UserAt { org_id: &user_org, id: user_id };
            let event = project.record(&MemberAdded { scope, user, roles: &roles }).await?;
            Ok(made(&event))
        });
        work.await
    }

    /// Replaces the roles of a member; the same ones in the same order give the last state.
    ///
    /// # Errors
    /// `PROJECT-LiaZi` no roles, `PROJECT-3m9d` a role is not for projects, `PROJECT-D8JxR` no member.
    pub async fn update_project_member(&self, who: &Admitted, member: MemberId<'_>, roles: &[String]) -> Result<Stamp> {
        let roles = checked(roles, "PROJECT-LiaZi", "PROJECT-3m9d")?;
        let no_member = || Error::not_found("PROJECT-D8JxR", "Errors.NotFound");
        let MemberId { project_id, user_id } = member;
        let at = ProjectAt { org_id: &who.org_id, id: project_id };
        let scope = Scope::Project(at);
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut project = work.project_held(at).await?.ok_or_else(no_member)?;
            let row = project.work.member_held(scope, user_id).await?.ok_or_else(no_member)?;
            if names(&row.roles)? == roles {
                return Ok(row.stamp);
            }
            let event = project.record(&MemberChanged { scope, user_id, roles: &roles }).await?;
            Ok(changed(&event, row.stamp.created_at))
        });
        work.await
    }

    /// Takes a member out of a project. Who is no member counts as taken out: the project gives its newest event,
    /// no project gives none.
    pub async fn remove_project_member(&self, who: &Admitted, member: MemberId<'_>) -> Result<Option<Stamp>> {
        let at = ProjectAt { org_id: &who.org_id, id: member.project_id };
        let scope = Scope::Project(at);
        let work = self.0.store.work(who.actor(), async |mut work| {
            let Some(mut project) = work.project_held(at).await? else { return Ok(None) };
            let Some(row) = project.work.member_held(scope, member.user_id).await? else {
                return Ok(Some(projects::newest(&project)));
            };
            let event = project.record(&MemberRemoved { scope, user_id: &row.id }).await?;
            Ok(Some(changed(&event, row.stamp.created_at)))
        });
        work.await
    }
}

/// Whether a user is no member of the project yet, and not one in too many places.
async fn may_join(work: &mut Work, at: ProjectAt<'_>, user_id: &str) -> Result<()> {
    if work.member_held(Scope::Project(at), user_id).await?.is_some() {
        return Err(Error::new(Code::AlreadyExists, "PROJECT-PtXi1", "Project member already exists"));
    }
    if work.memberships_of(user_id, at.org_id).await? >= MAX_MEMBERSHIPS {
        return Err(Error::precondition("PROJECT-Mb1k8", TOO_MANY));
    }
    Ok(())
}

/// The roles asked for, each a built-in one for projects and named once.
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
