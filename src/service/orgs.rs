//! Organizations.

use super::Deps;
use super::outcome::{Created, made};
use crate::auth::Admitted;
use crate::error::{Error, Result};
use crate::store::{AggregateKind, MemberAdded, OrgAdded, OrgRow, OrgTaken, Scope, UserAt};

/// Longest label of a domain in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

pub struct Orgs(pub(super) Deps);

impl Orgs {
    /// Adds an organization with the caller as its owner; it gets a domain below that of the issuer.
    ///
    /// # Errors
    /// `ORG-RrfXY` the name yields no domain, `EVENT-Mf9sd` blank name, code 6 name or domain taken.
    pub async fn add_org(&self, who: &Admitted, name: &str) -> Result<Created> {
        let name = name.trim();
        if name.is_empty() {
            return Err(Error::invalid("EVENT-Mf9sd", "Organisation is invalid"));
        }
        let domain = domain_of(name, &self.0.domain)?;
        let id = self.0.ids.next().await;
        let added = OrgAdded { id: &id, name, domain: &domain };
        let work = self.0.store.work(who.actor(), async |mut work| {
            // The owner must stay until its membership is written.
            let owner_org = work.user_kept(&who.user_id).await?;
            let owner_org = owner_org.ok_or_else(|| Error::unauthenticated("AUTH-7fs1e", "Errors.Token.Invalid"))?;
            match work.org_taken(name, &domain).await? {
                Some(OrgTaken::Name) => return Err(Error::already_exists(NAME_TAKEN)),
                Some(OrgTaken::Domain) => return Err(Error::already_exists(DOMAIN_TAKEN)),
                None => {}
            }
            let mut org = work.begin(AggregateKind::Org, &id, &id);
            org.record(&added).await?;
            let user = UserAt { org_id: &owner_org, id: &who.user_id };
            let event = org.record(&MemberAdded { scope: Scope::Org(&id), user, roles: &["ORG_OWNER"] }).await?;
            Ok(made(&event))
        });
        let stamp = work.await?;
        Ok(Created { id, stamp })
    }

    /// The organization of the call.
    pub async fn org(&self, who: &Admitted) -> Result<Option<OrgRow>> {
        Ok(self.0.store.org_by_id(&who.org_id).await?)
    }
}

const NAME_TAKEN: &str = "Organisation's name or id already taken";
const DOMAIN_TAKEN: &str = "Domain already exists";

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
