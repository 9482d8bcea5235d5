//! Built-in roles and how they are evaluated (contract, `permissions.md` section 1).

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::error::{Error, Result};
use crate::store::{HeldRolesRow, Within, names};

static ROLES: LazyLock<HashMap<&'static str, HashSet<&'static str>>> =
    LazyLock::new(|| lines().map(|(role, permissions)| (role, permissions.split_whitespace().collect())).collect());

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("roles.txt").lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(':'))
}

/// Names of all built-in roles in configuration order.
pub fn role_names() -> impl Iterator<Item = &'static str> {
    lines().map(|(role, _)| role)
}

/// Roles of a user in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Owner of the membership; empty for the instance.
    pub org_id: String,
    /// The project it is limited to, if any.
    pub project_id: Option<String>,
    /// Role names.
    pub roles: Vec<String>,
}

/// Where a permission holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// In the whole organization.
    Everywhere,
    /// Only in these projects.
    Projects(Vec<String>),
}

impl Granted {
    /// Whether it holds for a project of the organization.
    pub fn covers(&self, project_id: &str) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Projects(ids) => ids.iter().any(|id| id == project_id),
        }
    }
}

impl TryFrom<HeldRolesRow> for Membership {
    type Error = Error;

    fn try_from(row: HeldRolesRow) -> Result<Self> {
        let project_id = (row.scope == 2).then_some(row.object_id);
        Ok(Self { org_id: row.org_id, project_id, roles: names(&row.roles)? })
    }
}

/// What `memberships` give of `permission` in the organization `org_id`.
///
/// # Errors
/// Code 5 without any membership there, code 7 without the permission.
pub(super) fn evaluate(memberships: &[Membership], org_id: &str, permission: &str) -> Result<Granted> {
    let here = || memberships.iter().filter(|m| m.org_id.is_empty() || m.org_id == org_id);
    if here().next().is_none() {
        return Err(Error::not_found("AUTHZ-cdgFk", "membership not found"));
    }
    let mut projects = Vec::new();
    let mut limited = false;
    for membership in here() {
        for role in &membership.roles {
            let Some(permissions) = ROLES.get(role.as_str()) else { continue };
            if permissions.contains(permission) {
                match &membership.project_id {
                    None => return Ok(Granted::Everywhere),
                    Some(id) => projects.push(id.clone()),
                }
            }
            // `project.read:self` counts as the permission, for a project that does not exist.
            limited |= permissions.iter().any(|p| p.strip_suffix(":self") == Some(permission));
        }
    }
    if projects.is_empty() && !limited {
        return Err(Error::denied("AUTH-5mWD2", "No matching permissions found"));
    }
    Ok(Granted::Projects(projects))
}

/// Where `memberships` give `permission`, in whichever organization; none for everywhere.
pub(super) fn reached(memberships: &[Membership], permission: &str) -> Option<Within> {
    let mut within = Within::default();
    for membership in memberships.iter().filter(|m| m.roles.iter().any(|role| carries(role, permission))) {
        match (membership.org_id.as_str(), &membership.project_id) {
            ("", _) => return None,
            (org_id, None) => within.orgs.push(org_id.to_owned()),
            (_, Some(project_id)) => within.projects.push(project_id.clone()),
        }
    }
    Some(within)
}

/// Whether the roles that somebody holds allow to give a membership like this one to others.
pub fn may_give(own: &[Membership], given: &Membership) -> bool {
    let permission = match (given.org_id.is_empty(), &given.project_id) {
        (true, _) => "iam.member.write",
        (false, None) => "org.member.write",
        (false, Some(_)) => "project.member.write",
    };
    own.iter()
        .filter(|m| m.org_id.is_empty() || m.org_id == given.org_id)
        .filter(|m| m.project_id.is_none() || m.project_id == given.project_id)
        .flat_map(|m| &m.roles)
        .any(|role| carries(role, permission))
}

/// Whether a role has a permission; an unknown one has none.
fn carries(role: &str, permission: &str) -> bool {
    ROLES.get(role).is_some_and(|permissions| permissions.contains(permission))
}

/// Whether `memberships` give anything of `permission` in the organization `org_id`.
pub(super) fn permits(memberships: &[Membership], org_id: &str, permission: &str) -> bool {
    let here = memberships.iter().filter(|m| m.org_id.is_empty() || m.org_id == org_id);
    here.flat_map(|m| &m.roles).any(|role| carries(role, permission))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(org: &str, project: Option<&str>, roles: &[&str]) -> Membership {
        Membership {
            org_id: org.to_owned(),
            project_id: project.map(str::to_owned),
            roles: roles.iter().map(|r| (*r).to_owned()).collect(),
        }
    }

    #[test]
    fn the_role_table_is_whole() {
        assert_eq!(role_names().count(), 26, "as many roles as the contract lists");
        assert_eq!(role_names().next(), Some("SYSTEM_OWNER"));
        assert!(ROLES["IAM_OWNER"].contains("project.app.write"));
        assert!(ROLES["ORG_OWNER"].contains("project.app.delete"), "an intended difference");
        assert!(!ROLES["ORG_OWNER_VIEWER"].contains("project.app.write"));
    }

    #[test]
    fn memberships_of_other_organizations_do_not_count() {
        let members = [member("a", None, &["ORG_OWNER"])];
        assert_eq!(evaluate(&members, "a", "project.read").expect("owner"), Granted::Everywhere);
        assert_eq!(evaluate(&members, "b", "project.read").expect_err("stranger").id, "AUTHZ-cdgFk");
        assert!(permits(&members, "a", "project.read") && !permits(&members, "b", "project.read"));
    }

    #[test]
    fn project_roles_are_limited_to_their_project() {
        let members = [member("a", Some("p"), &["PROJECT_OWNER_VIEWER"])];
        assert_eq!(evaluate(&members, "a", "project.read").expect("viewer"), Granted::Projects(vec!["p".into()]));
        assert_eq!(evaluate(&members, "a", "project.write").expect_err("viewer").id, "AUTH-5mWD2");
    }

    #[test]
    fn what_is_seen_of_all_organizations_follows_from_the_roles_in_each() {
        let members = [member("a", None, &["ORG_OWNER"]), member("b", Some("p"), &["PROJECT_OWNER"])];
        let within = Within { orgs: vec!["a".into()], projects: vec!["p".into()] };
        assert_eq!(reached(&members, "project.read"), Some(within));
        assert_eq!(reached(&members, "iam.read"), Some(Within::default()));
        assert_eq!(reached(&[member("", None, &["IAM_OWNER"])], "project.read"), None);
    }

    #[test]
    fn a_self_permission_admits_no_project() {
        let members = [member("a", None, &["ORG_PROJECT_CREATOR"])];
        assert_eq!(evaluate(&members, "a", "project.read").expect("self"), Granted::Projects(vec![]));
        assert_eq!(evaluate(&members, "a", "project.create").expect("creator"), Granted::Everywhere);
    }
}
