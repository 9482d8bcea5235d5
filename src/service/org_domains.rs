//! Domains of organizations.

use super::Deps;
use super::orgs::DOMAIN_TAKEN;
use super::outcome::{changed, made};
use crate::auth::{Admitted, org_gone};
use crate::error::{Error, Result};
use crate::store::{
    DomainAdded, DomainOrder, DomainRemoved, DomainRow, Held, Listed, OrgRow, Page, PrimaryDomainSet, Stamp, TextFilter,
};

/// Most domains of an organization: they go in one step when it is removed (ADR 4).
const MAX_DOMAINS: i64 = 100;
const NOT_THERE: &str = "Domain doesn't exist on organization";

/// Domains of the organization of the call.
pub struct OrgDomains(pub(super) Deps);

impl OrgDomains {
    /// Domains that pass all filters.
    pub async fn list_org_domains(
        &self,
        who: &Admitted,
        filters: &[TextFilter],
        order: DomainOrder,
        page: Page,
    ) -> Result<Listed<DomainRow>> {
        Ok(self.0.store.domain_search(&who.org_id, filters, order, page).await?)
    }

    /// Adds a domain, which counts as verified at once.
    ///
    /// # Errors
    /// `ORG-r3h4J` blank, `COMMAND-QXPGs` the organization has been removed, `V2-e1wse` the organization has it,
    /// code 6 another one has it, or it has it in another case, `ORG-Dm7c2` as many domains as may be.
    pub async fn add_org_domain(&self, who: &Admitted, domain: &str) -> Result<Stamp> {
        let domain = domain.trim();
        if domain.is_empty() {
            return Err(Error::invalid("ORG-r3h4J", "Errors.Invalid.Argument"));
        }
        let org_id = &who.org_id;
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut org = work.org_held(org_id).await?.ok_or_else(org_gone)?;
            if org.work.domain_by_name(org_id, domain).await?.is_some_and(|row| row.id == domain) {
                return Err(Error::new(crate::error::Code::AlreadyExists, "V2-e1wse", "Errors.Already.Exists"));
            }
            if org.work.domain_owner(domain).await?.is_some() {
                return Err(Error::already_exists(DOMAIN_TAKEN));
            }
            if org.work.domain_count(org_id).await? >= MAX_DOMAINS {
                return Err(Error::precondition("ORG-Dm7c2", "The organization has 100 domains already; remove one"));
            }
            Ok(made(&org.record(&DomainAdded { org_id, domain }).await?))
        });
        work.await
    }

    /// Removes a domain.
    ///
    /// # Errors
    /// `ORG-GDfA3` no such domain, `ORG-Sjdi3` it is the primary one.
    pub async fn remove_org_domain(&self, who: &Admitted, domain: &str) -> Result<Stamp> {
        let work = self.0.store.work(who.actor(), async |mut work| {
            let (mut org, row) = held(&mut work, who, domain, "ORG-GDfA3").await?;
            if row.is_primary {
                return Err(Error::precondition("ORG-Sjdi3", "Organization Domain must not be deleted"));
            }
            let event = org.record(&DomainRemoved { org_id: &who.org_id, domain: &row.id }).await?;
            Ok(changed(&event, row.stamp.created_at))
        });
        work.await
    }

    /// Makes a domain the primary one, also if it is that already.
    ///
    /// # Errors
    /// `ORG-GDfA3` no such domain.
    pub async fn set_primary_org_domain(&self, who: &Admitted, domain: &str) -> Result<Stamp> {
        let work = self.0.store.work(who.actor(), async |mut work| {
            let (mut org, row) = held(&mut work, who, domain, "ORG-GDfA3").await?;
            let event = org.record(&PrimaryDomainSet { org_id: &who.org_id, domain: &row.id }).await?;
            Ok(changed(&event, row.stamp.created_at))
        });
        work.await
    }

    /// Refuses to begin a validation: all domains are verified when they are added.
    ///
    /// # Errors
    /// `ORG-AGD31` no such domain, `ORG-HGw21` verified already.
    pub async fn generate_org_domain_validation(&self, who: &Admitted, domain: &str) -> Result<()> {
        self.verified_already(who, domain, "ORG-AGD31").await
    }

    /// Refuses to end a validation, as none can begin.
    ///
    /// # Errors
    /// `ORG-Sjdi3` no such domain, `ORG-HGw21` verified already.
    pub async fn validate_org_domain(&self, who: &Admitted, domain: &str) -> Result<()> {
        self.verified_already(who, domain, "ORG-Sjdi3").await
    }

    async fn verified_already(&self, who: &Admitted, domain: &str, missing: &'static str) -> Result<()> {
        let exact = [TextFilter::equal_in_any_case(domain)];
        let page = Page { offset: 0, limit: 1, ascending: true };
        if self.0.store.domain_search(&who.org_id, &exact, DomainOrder::Created, page).await?.rows.is_empty() {
            return Err(Error::not_found(missing, NOT_THERE));
        }
        Err(Error::precondition("ORG-HGw21", "Domain is already verified"))
    }
}

/// The organization of the call, locked, and a domain of it.
async fn held<'w>(
    work: &'w mut crate::store::Work,
    who: &Admitted,
    domain: &str,
    missing: &'static str,
) -> Result<(Held<'w, OrgRow>, DomainRow)> {
    let not_there = || Error::not_found(missing, NOT_THERE);
    let org = work.org_held(&who.org_id).await?.ok_or_else(not_there)?;
    let row = org.work.domain_by_name(&who.org_id, domain).await?.ok_or_else(not_there)?;
    Ok((org, row))
}
