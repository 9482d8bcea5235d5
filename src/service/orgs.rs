//! Organizations.

use std::collections::HashSet;

use super::member_rules::ORG;
use super::outcome::{Created, changed, made};
use super::{Deps, chosen};
use crate::auth::Admitted;
use crate::error::{Code, Error, Result};
use crate::store::{
    AggregateKind, ChangePage, ChangeRow, DomainMoved, Held, MemberAdded, OrgAdded, OrgRenamed, OrgRow, OrgState,
    OrgSwitched, OrgTaken, Scope, Stamp, UserAt, Work,
};

/// Longest label of a domain in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

pub struct Orgs(pub(super) Deps);

/// A new organization.
#[derive(Debug)]
pub struct NewOrg<'a> {
    /// The identifier that the caller chooses; one is made if there is none.
    pub id: Option<&'a str>,
    pub name: &'a str,
    /// Its first members.
    pub owners: &'a [Owner<'a>],
}

/// A first member of an organization.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// A user of any organization.
    pub user_id: &'a str,
    /// Its roles; the owner's if there are none.
    pub roles: &'a [String],
}

impl<'a> Owner<'a> {
    /// The user with its roles, all of which are for organizations.
    fn checked(&self) -> Result<(&'a str, Vec<&'a str>)> {
        if self.roles.is_empty() {
            return Ok((self.user_id, vec![OWNER]));
        }
        let roles = ORG.known(self.roles).ok_or_else(ORG.wrong_added)?;
        Ok((self.user_id, roles))
    }
}

const OWNER: &str = "ORG_OWNER";

impl Orgs {
    /// Adds an organization, which gets a domain below that of the issuer.
    ///
    /// # Errors
    /// `ORG-RrfXY` the name yields no domain, `EVENT-Mf9sd` blank name, `Org-4N8es` a role is not for organizations, or
    /// a role or an owner is named twice, code 3 the chosen id has other signs than ids may have, `ORG-laho2n` it is
    /// used or was, `ORG-GoXOn` an owner is not there, code 6 name or domain taken.
    pub async fn add_org(&self, who: &Admitted, new: NewOrg<'_>) -> Result<Created> {
        let name = checked(new.name)?;
        let domain = domain_of(name, &self.0.domain)?;
        let owners = new.owners.iter().map(Owner::checked).collect::<Result<Vec<_>>>()?;
        let mut named = HashSet::new();
        if !owners.iter().all(|(user_id, _)| named.insert(*user_id)) {
            return Err((ORG.wrong_added)());
        }
        let id = match new.id {
            Some(id) => {
                let refused = |text| Error::native(Code::InvalidArgument, text);
                chosen::check(&self.0, id, "organization id", refused).await?;
                id.to_owned()
            }
            None => self.0.env.ids.next().await,
        };
        let added = OrgAdded { id: &id, name, domain: &domain };
        let work = self.0.store.work(who.actor(), async |mut work| {
            if new.id.is_some() && work.org_id_used(&id).await? {
                return Err(Error::new(Code::AlreadyExists, "ORG-laho2n", "Errors.Org.AlreadyExisting"));
            }
            // Owners must stay until their memberships are written.
            let mut places = Vec::with_capacity(owners.len());
            for (user_id, _) in &owners {
                places.push(work.user_kept(user_id).await?.ok_or_else(ORG.no_user)?);
            }
            free(&mut work, name, "", Some(&domain)).await?;
            let mut org = work.begin(AggregateKind::Org, &id, &id);
            let mut event = org.record(&added).await?;
            for (org_id, (user_id, roles)) in places.iter().zip(&owners) {
                let user = UserAt { org_id, id: user_id };
                event = org.record(&MemberAdded { scope: Scope::Org(&id), user, roles }).await?;
            }
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
            let old = self.derived(&mut org).await?.filter(|old| *old != domain);
            free(org.work, name, id, old.as_ref().map(|_| domain.as_str())).await?;
            let primary = old.as_ref() == Some(&org.row.primary_domain);
            let moved = old.as_deref().map(|old| DomainMoved { old, new: &domain, primary });
            let event = org.record(&OrgRenamed { id, name, moved }).await?;
            Ok(changed(&event, org.row.stamp.created_at))
        });
        work.await
    }

    /// The domain that follows from the present name, if the organization has it still.
    async fn derived(&self, org: &mut Held<'_, OrgRow>) -> Result<Option<String>> {
        let Ok(domain) = domain_of(&org.row.name, &self.0.domain) else { return Ok(None) };
        Ok(org.work.domain_by_name(&org.row.id, &domain).await?.map(|row| row.id))
    }

    /// Switches the organization of the call off; nothing in it changes by that.
    ///
    /// # Errors
    /// `ORG-oL9nT` it has been removed, `EVENT-Dbs2g` inactive already.
    pub async fn deactivate_org(&self, who: &Admitted) -> Result<Stamp> {
        let already = || Error::precondition("EVENT-Dbs2g", "Organisation is already deactivated");
        self.switch(who, false, "ORG-oL9nT", already).await
    }

    /// Switches the organization of the call on.
    ///
    /// # Errors
    /// `ORG-Dgf3g` it has been removed, `EVENT-bfnrh` active already.
    pub async fn reactivate_org(&self, who: &Admitted) -> Result<Stamp> {
        let already = || Error::precondition("EVENT-bfnrh", "Organisation is already active");
        self.switch(who, true, "ORG-Dgf3g", already).await
    }

    async fn switch(
        &self,
        who: &Admitted,
        active: bool,
        missing: &'static str,
        already: fn() -> Error,
    ) -> Result<Stamp> {
        let id = &who.org_id;
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut org = work.org_held(id).await?.ok_or_else(|| Error::not_found(missing, NOT_FOUND))?;
            if (org.row.state == OrgState::Active) == active {
                return Err(already());
            }
            let event = org.record(&OrgSwitched { id, active }).await?;
            Ok(changed(&event, org.row.stamp.created_at))
        });
        work.await
    }

    /// The organization of the call, also one that has been removed.
    pub async fn org(&self, who: &Admitted) -> Result<Option<OrgRow>> {
        Ok(self.0.store.org_seen(&who.org_id).await?)
    }

    /// The active organization with this primary domain, whoever asks.
    pub async fn org_by_domain(&self, _who: &Admitted, domain: &str) -> Result<Option<OrgRow>> {
        Ok(self.0.store.org_by_domain(domain).await?)
    }

    /// What happened to the organization, its domains, members and metadata.
    pub async fn list_org_changes(&self, who: &Admitted, page: ChangePage) -> Result<Vec<ChangeRow>> {
        Ok(self.0.store.changes(AggregateKind::Org, &who.org_id, &who.org_id, None, page).await?)
    }
}

/// The name without surrounding blanks.
fn checked(name: &str) -> Result<&str> {
    match name.trim() {
        "" => Err(Error::invalid("EVENT-Mf9sd", "Organisation is invalid")),
        name => Ok(name),
    }
}

/// Whether no organization but `own` has that name, and none the domain.
async fn free(work: &mut Work, name: &str, own: &str, domain: Option<&str>) -> Result<()> {
    match work.org_taken(name, own, domain).await? {
        Some(OrgTaken::Name) => Err(Error::already_exists(NAME_TAKEN)),
        Some(OrgTaken::Domain) => Err(Error::already_exists(DOMAIN_TAKEN)),
        None => Ok(()),
    }
}

pub(super) const NOT_FOUND: &str = "Organisation not found";
const NAME_TAKEN: &str = "Organisation's name or id already taken";
pub(super) const DOMAIN_TAKEN: &str = "Domain already exists";

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
