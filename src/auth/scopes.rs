//! Scopes: which are granted, and what they ask for (contract, `oauth.md` 3.4 and 3.7).

/// Scopes in one request at most.
const MOST: usize = 200;
/// Characters of all scopes of one request at most.
const LONGEST: usize = 8 << 10;

const PROJECT_AUDIENCE: &str = "urn:zitadel:iam:org:project:id:";
const ROLE: &str = "urn:zitadel:iam:org:project:role:";
const ROLES_OF_ORG: &str = "urn:zitadel:iam:org:roles:id:";
const ORG: &str = "urn:zitadel:iam:org:id:";
const DOMAIN: &str = "urn:zitadel:iam:org:domain:primary:";
const RESOURCE_OWNER: &str = "urn:zitadel:iam:user:resourceowner";
const ALL_ROLES: &str = "urn:zitadel:iam:org:projects:roles";
const PLAIN: &[&str] = &[
    "openid",
    "profile",
    "email",
    "phone",
    "address",
    "offline_access",
    "groups",
    ALL_ROLES,
    RESOURCE_OWNER,
    "urn:zitadel:iam:user:metadata",
    "urn:zitadel:iam:user:groups",
];

/// The scopes of a request that a machine of this organization gets: unknown ones are dropped, and
/// so are those that name another organization. None for a request with too many (200, or 8192
/// characters in all).
pub fn granted(requested: &str, org_id: &str, org_domain: &str) -> Option<String> {
    if requested.len() > LONGEST || requested.split_whitespace().count() > MOST {
        return None;
    }
    let mut out: Vec<&str> = Vec::new();
    for scope in requested.split_whitespace().filter(|s| known(s, org_id, org_domain)) {
        if !out.contains(&scope) {
            out.push(scope);
        }
    }
    Some(out.join(" "))
}

fn known(scope: &str, org_id: &str, org_domain: &str) -> bool {
    if let Some(id) = scope.strip_prefix(ORG) {
        return id == org_id;
    }
    if let Some(domain) = scope.strip_prefix(DOMAIN) {
        return domain == org_domain;
    }
    let names = |prefix: &str| scope.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    PLAIN.contains(&scope) || project(scope).is_some() || names(ROLE) || names(ROLES_OF_ORG)
}

/// The project that a scope puts into the audience.
fn project(scope: &str) -> Option<&str> {
    scope.strip_prefix(PROJECT_AUDIENCE)?.strip_suffix(":aud").filter(|id| !id.is_empty())
}

/// Granted scopes, as what they ask for.
#[derive(Clone, Copy)]
pub struct Scopes<'a>(pub &'a str);

impl<'a> Scopes<'a> {
    fn all(self) -> impl Iterator<Item = &'a str> {
        self.0.split(' ').filter(|s| !s.is_empty())
    }

    fn has(self, name: &str) -> bool {
        self.all().any(|s| s == name)
    }

    /// Projects in the audience; `zitadel` stands for the project of the management API.
    pub fn audience(self, zitadel: &'a str) -> Vec<&'a str> {
        let mut out = Vec::new();
        for id in self.all().filter_map(project) {
            let id = if id == "zitadel" { zitadel } else { id };
            if !out.contains(&id) {
                out.push(id);
            }
        }
        out
    }

    /// An ID token is asked for.
    pub fn openid(self) -> bool {
        self.has("openid")
    }

    /// Names are asked for.
    pub fn profile(self) -> bool {
        self.has("profile")
    }

    /// The organization of the user is asked for.
    pub fn resource_owner(self) -> bool {
        self.has(RESOURCE_OWNER) || self.org().is_some()
    }

    /// The organization that the token is bound to.
    pub fn org(self) -> Option<&'a str> {
        self.all().find_map(|s| s.strip_prefix(ORG))
    }

    /// The domain of the organization that the token is bound to.
    pub fn org_domain(self) -> Option<&'a str> {
        self.all().find_map(|s| s.strip_prefix(DOMAIN))
    }

    /// Roles in tokens are asked for.
    pub fn roles(self) -> bool {
        self.has(ALL_ROLES) || self.all().any(|s| s.starts_with(ROLE))
    }

    /// Whether a role is among those asked for; all are if none is named.
    pub fn wants_role(self, key: &str) -> bool {
        Self::wants(self.all().filter_map(|s| s.strip_prefix(ROLE)), key)
    }

    /// Whether roles granted by an organization are asked for; all are if none is named.
    pub fn wants_roles_of(self, org_id: &str) -> bool {
        Self::wants(self.all().filter_map(|s| s.strip_prefix(ROLES_OF_ORG)), org_id)
    }

    fn wants(named: impl Iterator<Item = &'a str>, one: &str) -> bool {
        let mut any = false;
        for name in named {
            if name == one {
                return true;
            }
            any = true;
        }
        !any
    }
}

/// The scope that asks for one role.
pub fn role(key: &str) -> String {
    format!("{ROLE}{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_scopes_and_other_organizations_are_dropped() {
        let asked = "openid foo  openid urn:zitadel:iam:org:id:1 urn:zitadel:iam:org:id:2 \
                     urn:zitadel:iam:org:domain:primary:a.b urn:zitadel:iam:org:project:id::aud \
                     urn:zitadel:iam:org:project:roles urn:zitadel:iam:org:project:id:7:aud";
        let got = granted(asked, "1", "x.y").expect("few");
        assert_eq!(got, "openid urn:zitadel:iam:org:id:1 urn:zitadel:iam:org:project:id:7:aud");
        assert_eq!(granted(&"a ".repeat(201), "1", "x.y"), None);
    }

    #[test]
    fn the_audience_names_each_project_once() {
        let scopes = Scopes(
            "urn:zitadel:iam:org:project:id:7:aud urn:zitadel:iam:org:project:id:zitadel:aud \
             urn:zitadel:iam:org:project:id:7:aud",
        );
        assert_eq!(scopes.audience("99"), ["7", "99"]);
    }

    #[test]
    fn named_roles_are_the_only_ones() {
        let scopes = Scopes("urn:zitadel:iam:org:project:role:reader");
        assert!(scopes.wants_role("reader") && !scopes.wants_role("writer"));
        assert!(Scopes("openid").wants_role("writer"));
        assert!(scopes.wants_roles_of("1"));
    }
}
