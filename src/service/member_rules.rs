//! What tells the kinds of memberships apart: which roles they may have, and how their calls are refused. Who may be a
//! member, and what follows, is one rule for all of them.

use std::collections::HashSet;

use super::texts::USER_NOT_FOUND;
use super::{project_grants, projects};
use crate::auth::{org_gone, role_names};
use crate::error::{Code, Error, Result};

/// How something is refused.
type Refusal = fn() -> Error;

/// Roles and refusals of one kind of membership.
pub(super) struct Rules {
    /// Whether a membership of this kind may have a role of this name.
    pub fits: fn(&str) -> bool,
    /// A role of another kind that a new member may have, if it is the only one.
    pub alone: Option<&'static str>,
    /// A new member without roles; none where that is fine.
    pub none_added: Option<Refusal>,
    /// A new member with a role that does not fit.
    pub wrong_added: Refusal,
    /// There is no such user.
    pub no_user: Refusal,
    /// There is nothing that the user could be a member of.
    pub no_place: Refusal,
    /// The user is a member already.
    pub taken: Refusal,
    /// A member is to have no roles.
    pub none_changed: Refusal,
    /// A member is to have a role that does not fit.
    pub wrong_changed: Refusal,
    /// The user is no member.
    pub no_member: Refusal,
}

const PROJECT_INVALID: &str = "Project member is invalid";
const ORG_INVALID: &str = "Errors.Org.MemberInvalid";
const GRANT_INVALID: &str = "Errors.Project.Grant.Member.Invalid";
const INSTANCE_INVALID: &str = "Member is invalid";
/// Texts that the original does not translate are the keys themselves.
const NOT_FOUND: &str = "Errors.NotFound";

/// Members of a project.
pub(super) const PROJECT: Rules = Rules {
    fits: |role| role.starts_with("PROJECT"),
    alone: None,
    none_added: Some(|| Error::invalid("PROJECT-W8m4l", PROJECT_INVALID)),
    wrong_added: || Error::invalid("PROJECT-3m9ds", PROJECT_INVALID),
    no_user: || Error::precondition("COMMAND-uXHNj", USER_NOT_FOUND),
    no_place: projects::not_there,
    taken: || Error::new(Code::AlreadyExists, "PROJECT-PtXi1", "Project member already exists"),
    none_changed: || Error::invalid("PROJECT-LiaZi", PROJECT_INVALID),
    wrong_changed: || Error::invalid("PROJECT-3m9d", PROJECT_INVALID),
    no_member: || Error::not_found("PROJECT-D8JxR", NOT_FOUND),
};

/// Members of an organization.
pub(super) const ORG: Rules = Rules {
    fits: |role| role.starts_with("ORG"),
    alone: Some("SELF_MANAGEMENT_GLOBAL"),
    none_added: Some(|| Error::invalid("ORG-4Mlfs", "Errors.Invalid.Argument")),
    wrong_added: || Error::invalid("Org-4N8es", ORG_INVALID),
    no_user: || Error::precondition("ORG-GoXOn", USER_NOT_FOUND),
    no_place: org_gone,
    taken: || Error::new(Code::AlreadyExists, "ORG-poWwe", "Errors.Org.Member.AlreadyExists"),
    none_changed: || Error::invalid("Org-LiaZi", ORG_INVALID),
    wrong_changed: || Error::invalid("INST-m9fG8", ORG_INVALID),
    no_member: || Error::not_found("Org-D8JxR", NOT_FOUND),
};

/// Members of the instance, who may be without roles.
pub(super) const INSTANCE: Rules = Rules {
    fits: |role| role.starts_with("IAM"),
    alone: None,
    none_added: None,
    wrong_added: || Error::invalid("INSTANCE-4m0fS", INSTANCE_INVALID),
    no_user: || Error::precondition("INSTA-GSXOn", USER_NOT_FOUND),
    no_place: || Error::internal("the server has not been set up"),
    taken: || Error::new(Code::AlreadyExists, "INSTA-pFDwe", "Errors.Instance.Member.AlreadyExists"),
    none_changed: || Error::invalid("INSTANCE-LiaZi", INSTANCE_INVALID),
    wrong_changed: || Error::invalid("INSTANCE-3m9fs", INSTANCE_INVALID),
    no_member: || Error::not_found("INSTANCE-D8JxR", NOT_FOUND),
};

/// Members of a project grant.
pub(super) const GRANT: Rules = Rules {
    fits: |role| role.starts_with("PROJECT_GRANT"),
    alone: None,
    none_added: Some(|| Error::invalid("PROJECT-8fi7G", GRANT_INVALID)),
    wrong_added: || Error::invalid("PROJECT-m9gKK", GRANT_INVALID),
    no_user: || Error::precondition("COMMAND-uXHNj", USER_NOT_FOUND),
    no_place: project_grants::missing,
    taken: || Error::already_exists("Project member already exists"),
    none_changed: || Error::invalid("PROJECT-109fs", GRANT_INVALID),
    wrong_changed: || Error::invalid("PROJECT-m0sDf", GRANT_INVALID),
    no_member: || Error::not_found("PROJECT-37fug", NOT_FOUND),
};

impl Rules {
    /// The roles of a new member.
    pub fn added<'a>(&self, roles: &'a [String]) -> Result<Vec<&'a str>> {
        if let (true, Some(none)) = (roles.is_empty(), self.none_added) {
            return Err(none());
        }
        if let ([one], Some(alone)) = (roles, self.alone)
            && one == alone
        {
            return Ok(vec![one]);
        }
        self.known(roles).ok_or_else(self.wrong_added)
    }

    /// The roles that a member is to have instead of its own.
    pub fn changed<'a>(&self, roles: &'a [String]) -> Result<Vec<&'a str>> {
        if roles.is_empty() {
            return Err((self.none_changed)());
        }
        self.known(roles).ok_or_else(self.wrong_changed)
    }

    /// The roles, if each is a built-in one that fits, and named once.
    pub fn known<'a>(&self, roles: &'a [String]) -> Option<Vec<&'a str>> {
        // Taken out as they are named, so none counts twice.
        let mut left: HashSet<&str> = role_names().filter(|name| (self.fits)(name)).collect();
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        roles.iter().all(|role| left.remove(role)).then_some(roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(roles: &[&str]) -> Vec<String> {
        roles.iter().map(|r| (*r).to_owned()).collect()
    }

    #[test]
    fn roles_of_a_membership_are_known_ones_of_its_kind_and_named_once() {
        let added = |rules: &Rules, roles: &[&str]| rules.added(&owned(roles)).map(|r| r.len()).map_err(|e| e.id);
        assert_eq!(added(&PROJECT, &["PROJECT_OWNER", "PROJECT_OWNER_VIEWER"]), Ok(2));
        assert_eq!(added(&PROJECT, &[]), Err("PROJECT-W8m4l"));
        for wrong in [&["PROJECT_OWNER", "PROJECT_OWNER"][..], &["ORG_OWNER"], &["x"], &[""]] {
            assert_eq!(added(&PROJECT, wrong), Err("PROJECT-3m9ds"), "{wrong:?}");
        }
        assert_eq!(added(&INSTANCE, &[]), Ok(0), "a member without roles");
        assert_eq!(added(&INSTANCE, &["SYSTEM_OWNER"]), Err("INSTANCE-4m0fS"));
        assert_eq!(added(&ORG, &["SELF_MANAGEMENT_GLOBAL"]), Ok(1));
        assert_eq!(added(&ORG, &["ORG_OWNER", "SELF_MANAGEMENT_GLOBAL"]), Err("Org-4N8es"));
    }

    #[test]
    fn a_member_cannot_be_left_without_roles() {
        for (rules, id) in [(&PROJECT, "PROJECT-LiaZi"), (&ORG, "Org-LiaZi"), (&INSTANCE, "INSTANCE-LiaZi")] {
            assert_eq!(rules.changed(&[]).expect_err("no roles").id, id);
        }
        let alone = owned(&["SELF_MANAGEMENT_GLOBAL"]);
        assert_eq!(ORG.changed(&alone).expect_err("only for new members").id, "INST-m9fG8");
    }
}
