//! Organizations.

use serde::Serialize;

use super::events::Nothing;
use super::held::lock;
use super::org_domains::{DomainMoved, DomainSays, domain_insert};
use super::sql::{keeping, query, statement};
use super::texts::fold;
use super::{
    AggregateKind, Change, Event, EventKind, Held, OrgRow, OrgState, Recorded, Result, Sql, Statement, Store, Work,
};

macro_rules! base {
    () => {
        "SELECT o.id, o.name, o.primary_domain, o.state, o.created_at, g.sequence, g.changed_at FROM organizations o \
         JOIN aggregates g ON g.org_id = o.id AND g.kind = 'org' AND g.id = o.id "
    };
}

pub(super) const ORG_BY_ID: &str = concat!(base!(), "WHERE o.id = $1 AND o.state <> 3");
pub(super) const ORG_BY_DOMAIN: &str = concat!(base!(), "WHERE o.primary_domain = $1 AND o.state = 1");
pub(super) const NAME_TAKEN: &str = "SELECT id FROM organizations WHERE name_folded = $1 AND id <> $2";
pub(super) const ORG_ID_USED: &str =
    "SELECT id FROM organizations WHERE id = $1 UNION ALL SELECT id FROM removed_organizations WHERE id = $1";
pub(super) const DOMAIN_TAKEN: &str = "SELECT org_id FROM org_domains WHERE domain_folded = $1";
pub(super) const ORG_INSERT: &str = "INSERT INTO organizations (id, name, name_folded, primary_domain, state, \
     created_at) VALUES ($1, $2, $3, $4, 1, $5)";

pub(super) const ORG_RENAME: &str = "UPDATE organizations SET name = $2, name_folded = $3 WHERE id = $1";
pub(super) const ORG_SET_STATE: &str = "UPDATE organizations SET state = $2 WHERE id = $1";
pub(super) const ORG_LOCK: Sql = lock!(
    ", o.id, o.name, o.primary_domain, o.state, o.created_at, g.sequence, g.changed_at",
    "JOIN organizations o ON o.id = g.id WHERE o.state <> 3"
);

// 3: removed, though what was in it may still be there.
pub(super) const ORG_KEPT: Sql = keeping!("SELECT id FROM organizations WHERE id = $1 AND state <> 3");

impl Store {
    /// An organization that has not been removed.
    pub async fn org_by_id(&self, id: &str) -> Result<Option<OrgRow>> {
        self.row(&query!(ORG_BY_ID; id)).await
    }

    /// The active organization with this primary domain, in this case of letters.
    pub async fn org_by_domain(&self, domain: &str) -> Result<Option<OrgRow>> {
        self.row(&query!(ORG_BY_DOMAIN; domain)).await
    }
}

impl Work {
    /// Whether there is such an organization; it stays until the unit of work ends.
    pub async fn org_kept(&mut self, id: &str) -> Result<bool> {
        Ok(self.scalar::<String>(&query!(ORG_KEPT; id)).await?.is_some())
    }

    /// Locks an organization; none if there is no such organization, or it has been removed.
    pub async fn org_held(&mut self, id: &str) -> Result<Option<Held<'_, OrgRow>>> {
        self.hold(ORG_LOCK, AggregateKind::Org, [id, id], None).await
    }

    /// Whether an organization other than `own` has that name, or any one that domain, in whatever case.
    pub async fn org_taken(&mut self, name: &str, own: &str, domain: Option<&str>) -> Result<Option<OrgTaken>> {
        if self.scalar::<String>(&query!(NAME_TAKEN; fold(name), own)).await?.is_some() {
            return Ok(Some(OrgTaken::Name));
        }
        let Some(domain) = domain else { return Ok(None) };
        Ok(self.domain_owner(domain).await?.map(|_| OrgTaken::Domain))
    }

    /// Whether there is or was an organization with this id.
    pub async fn org_id_used(&mut self, id: &str) -> Result<bool> {
        Ok(self.scalar::<String>(&query!(ORG_ID_USED; id)).await?.is_some())
    }

    /// The organization that has a domain, in whatever case.
    pub async fn domain_owner(&mut self, domain: &str) -> Result<Option<String>> {
        self.scalar(&query!(DOMAIN_TAKEN; fold(domain))).await
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
        vec![
            statement!(ORG_INSERT; self.id, self.name, fold(self.name), self.domain, event.at),
            domain_insert(self.id, self.domain, event.sequence, event.at),
        ]
    }
}

/// An organization gets another name, and the domain that follows from it.
#[derive(Debug)]
pub struct OrgRenamed<'a> {
    /// Identifier.
    pub id: &'a str,
    /// Its name from now on.
    pub name: &'a str,
    /// The domain that follows from the name, if it has the old one and that changes.
    pub moved: Option<DomainMoved<'a>>,
}

impl Change for OrgRenamed<'_> {
    fn events(&self) -> Vec<Event> {
        let mut events = vec![Event::new(EventKind::OrgChanged, &NameSays { name: self.name })];
        events.extend(self.moved.iter().flat_map(DomainMoved::events));
        events
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let mut rows = vec![statement!(ORG_RENAME; self.id, self.name, fold(self.name))];
        rows.extend(self.moved.iter().flat_map(|moved| moved.rows(self.id, event)));
        rows
    }
}

/// An organization is switched on or off.
#[derive(Debug)]
pub struct OrgSwitched<'a> {
    /// Identifier.
    pub id: &'a str,
    /// Whether it is active from now on.
    pub active: bool,
}

impl Change for OrgSwitched<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = if self.active { EventKind::OrgReactivated } else { EventKind::OrgDeactivated };
        vec![Event::new(kind, &Nothing {})]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        let state = if self.active { OrgState::Active } else { OrgState::Inactive };
        vec![statement!(ORG_SET_STATE; self.id, state.number())]
    }
}

#[derive(Serialize)]
struct NameSays<'a> {
    name: &'a str,
}
