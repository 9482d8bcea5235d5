//! Organizations.

use super::Deps;
use super::outcome::{Created, changed, made};
use crate::auth::Admitted;
use crate::error::{Error, Result};
use crate::store::{AggregateKind, MemberAdded, OrgAdded, OrgRenamed, OrgRow, OrgTaken, Scope, Stamp, UserAt, Work};

/// Longest label of a domain in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

pub struct Orgs(pub(super) Deps);

impl Orgs {
    /// Adds an organization with the caller as its owner; it gets a domain below that of the issuer.
    ///
    /// # Errors
    /// `ORG-RrfXY` the name yields no domain, `EVENT-Mf9sd` blank name, code 6 name or domain taken.
    pub async fn add_org(&self, who: &Admitted, name: &str) -> Result<Created> {
        let name = checked(name)?;
        let domain = domain_of(name, &self.0.domain)?;
        let id = self.0.env.ids.next().await;
        let added = OrgAdded { id: &id, name, domain: &domain };
        let work = self.0.store.work(who.actor(), async |mut work| {
            // The owner must stay until its membership is written.
            let owner_org = work.user_kept(&who.user_id).await?;
            let owner_org = owner_org.ok_or_else(|| Error::unauthenticated("AUTH-7fs1e", "Errors.Token.Invalid"))?;
            free(&mut work, name, &domain, "").await?;
            let mut org = work.begin(AggregateKind::Org, &id, &id);
            org.record(&added).await?;
            let user = UserAt { org_id: &owner_org, id: &who.user_id };
            let event = org.record(&MemberAdded { scope: Scope::Org(&id), user, roles: &["ORG_OWNER"] }).await?;
            Ok(made(&event))
        });
        let stamp = work.await?;
        Ok(Created { id, stamp })
    }

    /// Gives the organization of the call another name, and the domain that follows from it; the old ones are free
    /// at once.
    ///
    /// # Errors
    /// `EVENT-Mf9sd` blank name, `ORG-1MRds` it has just gone, `ORG-4VSdf` name unchanged, `ORG-RrfXY` the name
    /// yields no domain, code 6 name or domain taken.
    pub async fn update_org(&self, who: &Admitted, name: &str) -> Result<Stamp> {
        let (id, name) = (&who.org_id, checked(name)?);
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut org = work.org_held(id).await?.ok_or_else(|| Error::not_found("ORG-1MRds", NOT_FOUND))?;
            if org.row.name == name {
                return Err(Error::precondition("ORG-4VSdf", "Organisation not changed"));
            }
            let domain = domain_of(name, &self.0.domain)?;
            free(org.work, name, &domain, id).await?;
            let (old_domain, created_at) = (org.row.primary_domain.clone(), org.row.stamp.created_at);
            let renamed = OrgRenamed { id, name, old_domain: &old_domain, domain: &domain };
            Ok(changed(&org.record(&renamed).await?, created_at))
        });
        work.await
    }

    /// The organization of the call.
    pub async fn org(&self, who: &Admitted) -> Result<Option<OrgRow>> {
        Ok(self.0.store.org_by_id(&who.org_id).await?)
    }
}

/// The name without surrounding blanks.
fn checked(name: &str) -> Result<&str> {
    match name.trim() {
        "" => Err(Error::invalid("EVENT-Mf9sd", "Organisation is invalid")),
        name => Ok(name),
    }
}

/// Whether no organization but `own` has that name or domain.
async fn free(work: &mut Work, name: &str, domain: &str, own: &str) -> Result<()> {
    match work.org_taken(name, domain, own).await? {
        Some(OrgTaken::Name) => Err(Error::already_exists(NAME_TAKEN)),
        Some(OrgTaken::Domain) => Err(Error::already_exists(DOMAIN_TAKEN)),
        None => Ok(()),
    }
}

const NOT_FOUND: &str = "Organisation not found";
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
