//! What tokens and introspection say of a user (contract, `oauth.md` 2.4 and 3.4).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::auth::scopes::Scopes;
use crate::clock::Micros;
use crate::store::names;

/// A JSON object of claims.
pub type Claims = Map<String, Value>;

/// Seconds since 1970, as tokens count.
pub fn seconds(at: Micros) -> i64 {
    at.div_euclid(1_000_000)
}

/// Claims of names: for introspection and userinfo.
pub fn profile(claims: &mut Claims, user_name: &str, name: &str, changed_at: Micros) {
    claims.insert("name".to_owned(), name.into());
    claims.insert("preferred_username".to_owned(), user_name.into());
    claims.insert("updated_at".to_owned(), seconds(changed_at).into());
}

/// The organization of a user.
pub struct Org<'a> {
    pub id: &'a str,
    pub name: &'a str,
    /// Primary domain.
    pub domain: &'a str,
}

/// Claims of the organization, as scopes ask for them.
pub fn org(claims: &mut Claims, scopes: Scopes<'_>, org: &Org<'_>) {
    if scopes.resource_owner() {
        claims.insert("urn:zitadel:iam:user:resourceowner:id".to_owned(), org.id.into());
        claims.insert("urn:zitadel:iam:user:resourceowner:name".to_owned(), org.name.into());
        claims.insert("urn:zitadel:iam:user:resourceowner:primary_domain".to_owned(), org.domain.into());
    }
    if let Some(id) = scopes.org() {
        claims.insert("urn:zitadel:iam:org:id".to_owned(), id.into());
    }
    if let Some(domain) = scopes.org_domain() {
        claims.insert("urn:zitadel:iam:org:domain:primary".to_owned(), domain.into());
    }
}

/// Roles in one project: key of the role → organization that grants it → its domain.
#[derive(Default)]
pub struct Roles(BTreeMap<String, BTreeMap<String, String>>);

impl Roles {
    /// Adds what one organization grants; `keys` is a JSON list. Only what the scopes ask for; without any, all.
    pub fn add(&mut self, scopes: Option<Scopes<'_>>, org_id: &str, domain: &str, keys: &str) {
        if scopes.is_some_and(|scopes| !scopes.wants_roles_of(org_id)) {
            return;
        }
        let wanted = |key: &String| scopes.is_none_or(|scopes| scopes.wants_role(key));
        for key in names(keys).unwrap_or_default().into_iter().filter(wanted) {
            self.0.entry(key).or_default().insert(org_id.to_owned(), domain.to_owned());
        }
    }

    /// The claim for a project; `own` adds the one without a project id.
    pub fn claim(&self, claims: &mut Claims, project_id: &str, own: bool) {
        if self.0.is_empty() {
            return;
        }
        let value = json!(self.0);
        if own {
            claims.insert("urn:zitadel:iam:org:project:roles".to_owned(), value.clone());
        }
        claims.insert(format!("urn:zitadel:iam:org:project:{project_id}:roles"), value);
    }
}
