//! Built-in roles and how they are evaluated (contract, `permissions.md` section 1).

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::error::{Code, Error, Result};
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
    /// The organization in which they count; empty for the instance. That of a project grant is the one that it is
    /// given to.
    pub org_id: String,
    /// What in the organization they are limited to, if anything.
    pub limit: Option<Limit>,
    /// Role names.
    pub roles: Vec<String>,
}

/// What roles are limited to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// A project of the organization.
    Project(String),
    /// A project grant that the organization gets.
    Grant(String),
}

impl Limit {
    /// The limit of a membership, by the number of its scope.
    pub fn of(scope: i64, object_id: String) -> Option<Self> {
        match scope {
            2 => Some(Self::Project(object_id)),
            3 => Some(Self::Grant(object_id)),
            _ => None,
        }
    }

    /// Identifier of the project or grant. No two things have the same.
    pub fn id(&self) -> &String {
        match self {
            Self::Project(id) | Self::Grant(id) => id,
        }
    }
}

/// Where a permission holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// In the whole organization.
    Everywhere,
    /// Only in these projects and project grants.
    Projects(Vec<String>),
}

impl Granted {
    /// Whether it holds for a project of the organization, or for a project grant.
    pub fn covers(&self, wanted: &str) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Projects(ids) => ids.iter().any(|id| id == wanted),
        }
    }

    /// That it holds for a project or project grant.
    ///
    /// # Errors
    /// `AUTH-Swrgg2` it does not.
    pub fn require(&self, wanted: &str) -> Result<()> {
        if self.covers(wanted) { Ok(()) } else { Err(for_others_only()) }
    }
}

impl TryFrom<HeldRolesRow> for Membership {
    type Error = Error;

    fn try_from(row: HeldRolesRow) -> Result<Self> {
        let limit = Limit::of(row.scope, row.object_id);
        Ok(Self { org_id: row.org_id, limit, roles: names(&row.roles)? })
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
                match &membership.limit {
                    None => return Ok(Granted::Everywhere),
                    Some(limit) => projects.push(limit.id().clone()),
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

/// Looks a permission up again, in the organization that is to say so and for what it is about: `memberships` are those
/// of the caller there.
///
/// # Errors
/// `AUTHZ-cdgFk` no role there, `AUTH-AWfge` none with the permission, `AUTH-Swrgg2` for other things only.
pub fn permitted(memberships: &[Membership], org_id: &str, permission: &str, wanted: &str) -> Result<()> {
    let refused = |error: Error| match error.code {
        Code::PermissionDenied => no_permission(),
        _ => error,
    };
    evaluate(memberships, org_id, permission).map_err(refused)?.require(wanted)
}

/// The caller has roles there, and none with the permission.
pub(super) fn no_permission() -> Error {
    Error::denied("AUTH-AWfge", "No matching permissions found")
}

/// The caller has the permission, but not for this thing.
pub(super) fn for_others_only() -> Error {
    Error::denied("AUTH-Swrgg2", "No matching permissions found")
}

/// Where `memberships` give `permission`, in whichever organization; none for everywhere.
pub(super) fn reached(memberships: &[Membership], permission: &str) -> Option<Within> {
    let mut within = Within::default();
    for membership in memberships.iter().filter(|m| m.roles.iter().any(|role| carries(role, permission))) {
        match (membership.org_id.as_str(), &membership.limit) {
            ("", _) => return None,
            (org_id, None) => within.orgs.push(org_id.to_owned()),
            (_, Some(Limit::Project(id))) => within.projects.push(id.clone()),
            // Neither an organization nor a project of it is seen with that.
            (_, Some(Limit::Grant(_))) => {}
        }
    }
    Some(within)
}

/// Whether the roles that somebody holds allow to give a membership like this one to others.
pub fn may_give(own: &[Membership], given: &Membership) -> bool {
    let permission = match (given.org_id.is_empty(), &given.limit) {
        (true, _) => "iam.member.write",
        (false, None) => "org.member.write",
        (false, Some(Limit::Project(_))) => "project.member.write",
        (false, Some(Limit::Grant(_))) => "project.grant.member.write",
    };
    own.iter()
        .filter(|m| m.org_id.is_empty() || m.org_id == given.org_id)
        .filter(|m| m.limit.is_none() || m.limit == given.limit)
        .flat_map(|m| &m.roles)
        .any(|role| carries(role, permission))
}

/// Everything that memberships in one organization give, in the order of the memberships, their roles, and the
/// permissions of each: plain, or with a colon and what it is limited to. Each once.
pub fn permissions(memberships: &[Membership]) -> Vec<String> {
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    for membership in memberships {
        for role in &membership.roles {
            for permission in lines().filter(|(name, _)| name == role).flat_map(|(_, all)| all.split_whitespace()) {
                let permission = match &membership.limit {
                    None => permission.to_owned(),
                    Some(limit) => format!("{permission}:{}", limit.id()),
                };
                if seen.insert(permission.clone()) {
                    all.push(permission);
                }
            }
        }
    }
    all
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
            limit: project.map(|id| Limit::Project(id.to_owned())),
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
    fn roles_for_a_project_grant_are_limited_to_it() {
        let limit = Some(Limit::Grant("g".to_owned()));
        let member = Membership { org_id: "b".to_owned(), limit, roles: vec!["PROJECT_GRANT_OWNER".to_owned()] };
        let members = [member.clone()];
        let granted = evaluate(&members, "b", "project.grant.member.write").expect("owner of the grant");
        assert!(granted.covers("g") && !granted.covers("p"));
        assert_eq!(evaluate(&members, "a", "project.grant.read").expect_err("who gives it").id, "AUTHZ-cdgFk");
        assert_eq!(reached(&members, "project.read"), Some(Within::default()));
        assert!(may_give(&members, &member));
        let other = Membership { limit: Some(Limit::Grant("h".to_owned())), ..member.clone() };
        assert!(!may_give(&members, &other) && !may_give(&members, &Membership { limit: None, ..member }));
    }

    #[test]
    fn permissions_are_listed_once_and_with_what_they_are_limited_to() {
        let members =
            [member("a", None, &["ORG_PROJECT_CREATOR"]), member("a", Some("p"), &["PROJECT_GRANT_OWNER_VIEWER"])];
        let listed = permissions(&[members[0].clone(), members[0].clone(), members[1].clone()]);
        assert_eq!(listed[..4], ["user.global.read", "policy.read", "project.read:self", "project.create"]);
        assert_eq!(listed[4..6], ["policy.read:p", "project.read:p"]);
        assert_eq!(listed.iter().collect::<HashSet<_>>().len(), listed.len());
    }

    #[test]
    fn a_self_permission_admits_no_project() {
        let members = [member("a", None, &["ORG_PROJECT_CREATOR"])];
        assert_eq!(evaluate(&members, "a", "project.read").expect("self"), Granted::Projects(vec![]));
        assert_eq!(evaluate(&members, "a", "project.create").expect("creator"), Granted::Everywhere);
    }
}
