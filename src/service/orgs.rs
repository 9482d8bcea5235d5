//! Organizations.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};
use serde_json::json;

use super::Deps;
use crate::auth::Ctx;
use crate::clock::Micros;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{AddOrgRequest, AddOrgResponse, GetMyOrgRequest, GetMyOrgResponse};
use crate::proto::zitadel::org::v1::{Org, OrgState};
use crate::proto::{change_details, full_details};
use crate::store::{Aggregate, AggregateKind, Event, Recorded, Scope, Tx};

/// Longest label of a domain in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

/// Organizations.
pub struct Orgs(pub(super) Deps);

/// A new organization and the user that will own it.
pub(super) struct NewOrg<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub domain: &'a str,
    pub owner: &'a str,
}

impl Orgs {
    /// `AddOrg`: the caller becomes its owner; it gets a domain below that of the issuer.
    ///
    /// # Errors
    /// `ORG-RrfXY` the name yields no domain, `EVENT-Mf9sd` blank name, code 6 name or domain taken.
    pub async fn add_org(self: Arc<Self>, cx: Ctx, request: AddOrgRequest) -> Result<AddOrgResponse> {
        cx.admit(&request)?;
        let name = request.name.trim();
        if name.is_empty() {
            return Err(Error::invalid("EVENT-Mf9sd", "Organisation is invalid"));
        }
        let domain = domain_of(name, &self.0.domain)?;
        let id = self.0.ids.next();
        let mut tx = self.0.store.write(&id).await?;
        if tx.org_name_taken(name).await? {
            return Err(Error::already_exists(NAME_TAKEN));
        }
        let org = NewOrg { id: &id, name, domain: &domain, owner: &cx.user_id };
        let event = insert(&mut tx, &org, cx.now).await?;
        tx.commit().await?;
        Ok(AddOrgResponse { details: change_details(&id, &event, event.at), id })
    }

    /// `GetMyOrg`: the organization of the call.
    ///
    /// # Errors
    /// `QUERY-leq5Q` unknown; the gate has refused such a call already.
    pub async fn get_my_org(self: Arc<Self>, cx: Ctx, request: GetMyOrgRequest) -> Result<GetMyOrgResponse> {
        cx.admit(&request)?;
        let row = self.0.store.org_by_id(&cx.org_id).await?;
        let row = row.ok_or_else(|| Error::not_found("QUERY-leq5Q", "Organisation not found"))?;
        let org = Org {
            details: full_details(&row.id, &row.stamp),
            id: row.id,
            state: EnumValue::<OrgState>::from(i32::try_from(row.state).unwrap_or_default()),
            name: row.name,
            primary_domain: row.primary_domain,
        };
        Ok(GetMyOrgResponse { org: MessageField::some(org) })
    }
}

const NAME_TAKEN: &str = "Organisation's name or id already taken";
const DOMAIN_TAKEN: &str = "Domain already exists";

/// Writes an organization with its domain and owner.
pub(super) async fn insert(tx: &mut Tx, org: &NewOrg<'_>, now: Micros) -> Result<Recorded> {
    let mut aggregate = Aggregate::new(AggregateKind::Org, org.id, org.id);
    let domain = || json!({"domain": org.domain});
    let events = [
        Event::new("org.added", json!({"name": org.name})),
        Event::new("org.domain.added", domain()),
        Event::new("org.domain.verified", domain()),
        Event::new("org.domain.primary.set", domain()),
        Event::new("org.member.added", json!({"userId": org.owner, "roles": ["ORG_OWNER"]})),
    ];
    let event = tx.events_append(&mut aggregate, org.owner, now, &events).await?;
    // The name was looked at before, so what is taken here is the domain.
    tx.org_insert(org.id, org.name, org.domain, &event).await.map_err(|e| e.taken(DOMAIN_TAKEN))?;
    tx.member_insert(Scope::Org(org.id), org.owner, &["ORG_OWNER"], &event).await?;
    Ok(event)
}

/// `<label>.<domain of the server>`: letters, marks, digits and `-` of the name, blanks as `-`.
pub(super) fn domain_of(name: &str, server: &str) -> Result<String> {
    let kept: String = name
        .chars()
        .map(|c| if c == ' ' { '-' } else { c })
        .filter(|c| c.is_alphanumeric() || is_mark(*c) || *c == '-')
        .collect();
    let mut label = kept.as_str();
    while label.len() > MAX_LABEL {
        let cut = label.char_indices().next_back().map_or(0, |(at, _)| at);
        label = &label[..cut];
    }
    let label = label.strip_prefix('-').unwrap_or(label);
    let label = label.strip_suffix('-').unwrap_or(label).to_lowercase();
    if label.is_empty() {
        return Err(Error::invalid(
            "ORG-RrfXY",
            "Invalid non numeric and alphabetical characters were replaced with empty spaces and resulting domain is an empty string",
        ));
    }
    Ok(format!("{label}.{server}"))
}

/// The combining marks of the Latin, Greek and Cyrillic scripts.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_follow_from_names() {
        for (name, label) in
            [("ZITADEL", "zitadel"), ("Acme & Co. KG", "acme--co-kg"), ("-x-", "x"), ("Ünïcode 42", "ünïcode-42")]
        {
            assert_eq!(domain_of(name, "localhost").expect(name), format!("{label}.localhost"));
        }
        assert_eq!(domain_of(&"a".repeat(200), "x").expect("long").len(), 63 + 2);
        assert_eq!(domain_of("!?", "x").expect_err("nothing left").id, "ORG-RrfXY");
    }
}
