//! The server as a whole, and its organizations.

use super::Deps;
use super::orgs::NOT_FOUND;
use super::outcome::{Owned, changed};
use crate::auth::{Admitted, Reach};
use crate::error::{Error, Result};
use crate::store::{
    AggregateKind, DefaultOrgSet, InstanceRow, Listed, OrgFilter, OrgOrder, OrgRow, OrgState, Page, Recorded, Stamp,
};

/// What concerns the server as a whole.
pub struct Instance(pub(super) Deps);

/// The server itself.
#[derive(Debug)]
pub struct Shown {
    /// Identifier.
    pub id: String,
    /// The host of the issuer.
    pub domain: String,
    /// Its first and its newest event.
    pub stamp: Stamp,
}

impl Instance {
    /// Its default organization and its own project.
    pub async fn ids(&self, _who: &Admitted) -> Result<InstanceRow> {
        self.row().await
    }

    /// The server itself.
    pub async fn instance(&self, _who: &Admitted) -> Result<Shown> {
        let row = self.row().await?;
        let newest = self.0.store.instance_newest().await?;
        let at = row.created_at;
        let (sequence, changed_at) = newest.map_or((1, at), |seen| (seen.sequence, seen.changed_at));
        let stamp = Stamp { sequence, created_at: at, changed_at };
        Ok(Shown { id: row.instance_id, domain: self.0.domain.to_string(), stamp })
    }

    /// An organization, also one that has been removed.
    ///
    /// # Errors
    /// `QUERY-leq5Q` there is and was no such organization.
    pub async fn org_by_id(&self, _who: &Admitted, id: &str) -> Result<OrgRow> {
        let org = self.0.store.org_seen(id).await?;
        org.ok_or_else(|| Error::not_found("QUERY-leq5Q", NOT_FOUND))
    }

    /// The default organization.
    ///
    /// # Errors
    /// As [`Instance::org_by_id`].
    pub async fn default_org(&self, who: &Admitted) -> Result<OrgRow> {
        let id = self.row().await?.default_org_id;
        self.org_by_id(who, &id).await
    }

    /// Organizations that pass all filters.
    pub async fn list_orgs(
        &self,
        _who: &Admitted,
        filters: &[OrgFilter],
        order: OrgOrder,
        page: Page,
    ) -> Result<Listed<OrgRow>> {
        Ok(self.0.store.org_search(filters, None, order, page).await?)
    }

    /// Organizations that pass all filters and that the caller may see.
    pub async fn search_orgs(
        &self,
        reach: &Reach,
        filters: &[OrgFilter],
        order: OrgOrder,
        page: Page,
    ) -> Result<Listed<OrgRow>> {
        Ok(self.0.store.org_search(filters, reach.within.as_ref(), order, page).await?)
    }

    /// Whether no organization has this name or this domain, in whatever case; what is empty is not compared.
    ///
    /// # Errors
    /// `QUERY-DGqfd` both are empty.
    pub async fn is_org_unique(&self, _who: &Admitted, name: &str, domain: &str) -> Result<bool> {
        if name.is_empty() && domain.is_empty() {
            return Err(Error::invalid("QUERY-DGqfd", "Request is invalid"));
        }
        Ok(!self.0.store.org_named(name, domain).await?)
    }

    /// Makes an active organization the default one.
    ///
    /// # Errors
    /// `INST-SDfw2` it is that already, `INSTA-Wfe21` there is no such organization, or it is not active.
    pub async fn set_default_org(&self, who: &Admitted, id: &str) -> Result<Owned<Stamp>> {
        let work = self.0.store.work(who.actor(), async |mut work| {
            let server = work.aggregate_held(AggregateKind::Instance, "", "").await?;
            let mut server = server.ok_or_else(not_set_up)?;
            let row = server.work.instance_held().await?.ok_or_else(not_set_up)?;
            if row.default_org_id == id {
                return Err(Error::precondition("INST-SDfw2", "Instance not changed"));
            }
            let org = server.work.org_held(id).await?;
            if org.is_none_or(|org| org.row.state != OrgState::Active) {
                return Err(Error::precondition("INSTA-Wfe21", NOT_FOUND));
            }
            let event: Recorded = server.record(&DefaultOrgSet { org_id: id }).await?;
            Ok(Owned { owner_id: row.instance_id, value: changed(&event, row.created_at) })
        });
        work.await
    }

    async fn row(&self) -> Result<InstanceRow> {
        self.0.store.instance().await?.ok_or_else(not_set_up)
    }
}

fn not_set_up() -> Error {
    Error::internal("the server has not been set up")
}
