//! Organizations.

use serde::Serialize;

use super::held::lock;
use super::sql::{keeping, query, statement};
use super::texts::fold;
use super::{AggregateKind, Change, Event, EventKind, Held, OrgRow, Recorded, Result, Sql, Statement, Store, Work};

pub(super) const ORG_BY_ID: &str = "SELECT o.id, o.name, o.primary_domain, o.state, o.created_at, g.sequence, \
     g.changed_at FROM organizations o JOIN aggregates g ON g.org_id = o.id AND g.kind = 'org' AND g.id = o.id \
     WHERE o.id = $1";
pub(super) const ORG_TAKEN: &str = "SELECT name_folded, primary_domain FROM organizations WHERE (name_folded = $1 OR primary_domain = $2) AND id <> $3";
pub(super) const ORG_INSERT: &str = "INSERT INTO organizations (id, name, name_folded, primary_domain, state, \
     created_at) VALUES ($1, $2, $3, $4, 1, $5)";

pub(super) const ORG_RENAME: &str =
    "UPDATE organizations SET name = $2, name_folded = $3, primary_domain = $4 WHERE id = $1";
pub(super) const ORG_LOCK: Sql = lock!(
    ", o.id, o.name, o.primary_domain, o.state, o.created_at, g.sequence, g.changed_at",
    "JOIN organizations o ON o.id = g.id WHERE 1 = 1"
);

// 3: removed, though what was in it may still be there.
pub(super) const ORG_KEPT: Sql = keeping!("SELECT id FROM organizations WHERE id = $1 AND state <> 3");

impl Store {
    /// An organization.
    pub async fn org_by_id(&self, id: &str) -> Result<Option<OrgRow>> {
        self.row(&query!(ORG_BY_ID; id)).await
    }
}

impl Work {
    /// Whether there is such an organization; it stays until the unit of work ends.
    pub async fn org_kept(&mut self, id: &str) -> Result<bool> {
        Ok(self.scalar::<String>(&query!(ORG_KEPT; id)).await?.is_some())
    }

    /// Locks an organization; none if there is no such organization.
    pub async fn org_held(&mut self, id: &str) -> Result<Option<Held<'_, OrgRow>>> {
        self.hold(ORG_LOCK, AggregateKind::Org, [id, id], None).await
    }

    /// Whether an organization other than `own` has that name, in whatever case, or that domain.
    pub async fn org_taken(&mut self, name: &str, domain: &str, own: &str) -> Result<Option<OrgTaken>> {
        let found: Vec<(String, String)> = self.rows(&query!(ORG_TAKEN; fold(name), domain, own)).await?;
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

/// An organization gets another name, and the domain that follows from it.
#[derive(Debug)]
pub struct OrgRenamed<'a> {
    /// Identifier.
    pub id: &'a str,
    /// Its name from now on.
    pub name: &'a str,
    /// Its primary domain until now.
    pub old_domain: &'a str,
    /// Its primary domain from now on.
    pub domain: &'a str,
}

impl Change for OrgRenamed<'_> {
    fn events(&self) -> Vec<Event> {
        let mut events = vec![Event::new(EventKind::OrgChanged, &NameSays { name: self.name })];
        if self.domain != self.old_domain {
            for kind in [EventKind::OrgDomainAdded, EventKind::OrgDomainVerified, EventKind::OrgDomainPrimarySet] {
                events.push(Event::new(kind, &DomainSays { domain: self.domain }));
            }
            events.push(Event::new(EventKind::OrgDomainRemoved, &DomainSays { domain: self.old_domain }));
        }
        events
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(ORG_RENAME; self.id, self.name, fold(self.name), self.domain)]
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
