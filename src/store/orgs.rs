//! Organizations.

use serde::Serialize;

use super::sql::{query, statement};
use super::texts::fold;
use super::{Change, Event, EventKind, OrgRow, Recorded, Result, Statement, Store, Work};

pub(super) const ORG_BY_ID: &str = "SELECT o.id, o.name, o.primary_domain, o.state, o.created_at, g.sequence, \
     g.changed_at FROM organizations o JOIN aggregates g ON g.org_id = o.id AND g.kind = 'org' AND g.id = o.id \
     WHERE o.id = $1";
pub(super) const ORG_TAKEN: &str =
    "SELECT name_folded, primary_domain FROM organizations WHERE name_folded = $1 OR primary_domain = $2";
pub(super) const ORG_INSERT: &str = "INSERT INTO organizations (id, name, name_folded, primary_domain, state, \
     created_at) VALUES ($1, $2, $3, $4, 1, $5)";

impl Store {
    /// An organization.
    pub async fn org_by_id(&self, id: &str) -> Result<Option<OrgRow>> {
        self.row(&query!(ORG_BY_ID; id)).await
    }
}

impl Work {
    /// Whether an organization has that name, in whatever case, or that domain.
    pub async fn org_taken(&mut self, name: &str, domain: &str) -> Result<Option<OrgTaken>> {
        let found: Vec<(String, String)> = self.rows(&query!(ORG_TAKEN; fold(name), domain)).await?;
        let name = found.iter().any(|(folded, _)| *folded == fold(name));
        Ok((!found.is_empty()).then_some(if name { OrgTaken::Name } else { OrgTaken::Domain }))
    }
}

/// What another organization has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgTaken {
    /// The name.
    Name,
    /// Only the domain.
    Domain,
}

/// A new, active organization with its domain.
#[derive(Debug)]
pub struct OrgAdded<'a> {
    /// Identifier.
    pub id: &'a str,
    /// Name as given.
    pub name: &'a str,
    /// Its primary domain, which counts as verified.
    pub domain: &'a str,
}

impl Change for OrgAdded<'_> {
    fn events(&self) -> Vec<Event> {
        let domain = || DomainSays { domain: self.domain };
        vec![
            Event::new(EventKind::OrgAdded, &NameSays { name: self.name }),
            Event::new(EventKind::OrgDomainAdded, &domain()),
            Event::new(EventKind::OrgDomainVerified, &domain()),
            Event::new(EventKind::OrgDomainPrimarySet, &domain()),
        ]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(ORG_INSERT; self.id, self.name, fold(self.name), self.domain, event.at)]
    }
}

#[derive(Serialize)]
struct NameSays<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct DomainSays<'a> {
    domain: &'a str,
}
