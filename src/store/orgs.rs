//! Organizations.

use super::filter::fold;
use super::{OrgRow, Recorded, Result, Store, Tx, on};

pub(super) const ORG_BY_ID: &str = "SELECT o.id, o.name, o.primary_domain, o.state, o.created_at, g.sequence, g.changed_at \
     FROM organizations o JOIN aggregates g ON g.org_id = o.id AND g.kind = 'org' AND g.id = o.id WHERE o.id = $1";
pub(super) const ORG_NAME_TAKEN: &str = "SELECT id FROM organizations WHERE name_folded = $1";
pub(super) const ORG_INSERT: &str = "INSERT INTO organizations (id, name, name_folded, primary_domain, state, created_at) \
     VALUES ($1, $2, $3, $4, 1, $5)";
impl Store {
    /// An organization.
    ///
    /// # Errors
    /// The store failed.
    pub async fn org_by_id(&self, id: &str) -> Result<Option<OrgRow>> {
        Ok(on!(&self.read, c => sqlx::query_as(ORG_BY_ID).bind(id).fetch_optional(c).await)?)
    }
}

impl Tx {
    /// Whether an organization of that name exists, in whatever case.
    ///
    /// # Errors
    /// The store failed.
    pub async fn org_name_taken(&mut self, name: &str) -> Result<bool> {
        let found = on!(&mut self.0, c => sqlx::query_scalar::<_, String>(ORG_NAME_TAKEN)
            .bind(fold(name)).fetch_optional(&mut **c).await)?;
        Ok(found.is_some())
    }

    /// A new, active organization.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when its name or domain is taken.
    pub async fn org_insert(&mut self, id: &str, name: &str, domain: &str, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(ORG_INSERT)
            .bind(id).bind(name).bind(fold(name)).bind(domain).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}
