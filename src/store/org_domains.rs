//! Domains of organizations. Each counts as verified from the moment it is added, and is unique without regard to case.

use serde::Serialize;

use super::lists::{Source, paged};
use super::sql::{query, statement};
use super::texts::fold;
use super::{
    AggregateKind, Change, DomainRow, Event, EventKind, Listed, Page, Recorded, Result, Statement, Store, TextFilter,
    Work,
};
use crate::clock::Micros;

macro_rules! base {
    () => {
        "SELECT d.domain AS id, d.domain_folded, d.domain = o.primary_domain AS is_primary, d.sequence, d.created_at, \
         d.changed_at FROM org_domains d JOIN organizations o ON o.id = d.org_id WHERE d.org_id = "
    };
}

pub(super) const DOMAIN_BY_NAME: &str = concat!(base!(), "$1 AND d.domain_folded = $2");
pub(super) const DOMAIN_COUNT: &str = "SELECT count(*) FROM org_domains WHERE org_id = $1";
pub(super) const DOMAIN_INSERT: &str = "INSERT INTO org_domains \
     (org_id, domain, domain_folded, sequence, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $5)";
pub(super) const DOMAIN_TOUCH: &str =
    "UPDATE org_domains SET sequence = $3, changed_at = $4 WHERE org_id = $1 AND domain_folded = $2";
pub(super) const DOMAIN_DELETE: &str = "DELETE FROM org_domains WHERE org_id = $1 AND domain_folded = $2";
pub(super) const ORG_SET_PRIMARY: &str = "UPDATE organizations SET primary_domain = $2 WHERE id = $1";

/// By what a list of domains is sorted. An organization has few of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainOrder {
    /// Creation.
    Created,
    /// The domain, in whatever case.
    Name,
}

impl DomainOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Name => "domain_folded",
        }
    }
}

impl Store {
    /// Domains of an organization that pass all filters.
    pub async fn domain_search(
        &self,
        org_id: &str,
        filters: &[TextFilter],
        order: DomainOrder,
        page: Page,
    ) -> Result<Listed<DomainRow>> {
        let mut query = self.builder(concat!("WITH f AS (", base!()));
        query.bind(org_id).push(" AND o.state <> 3");
        for filter in filters {
            filter.push(query.push(" AND "), "d.domain");
        }
        paged(&mut query, Source { org_id, kind: AggregateKind::Org, id: Some(org_id) }, order.column(), page);
        self.list(&query.build(filters.is_empty())).await
    }
}

impl Work {
    /// A domain of an organization, in whatever case.
    pub async fn domain_by_name(&mut self, org_id: &str, domain: &str) -> Result<Option<DomainRow>> {
        self.row(&query!(DOMAIN_BY_NAME; org_id, fold(domain))).await
    }

    /// How many domains an organization has.
    pub async fn domain_count(&mut self, org_id: &str) -> Result<i64> {
        Ok(self.scalar(&query!(DOMAIN_COUNT; org_id)).await?.unwrap_or_default())
    }
}

/// What the events of a domain say.
#[derive(Serialize)]
pub(super) struct DomainSays<'a> {
    pub domain: &'a str,
}

/// The row of a new domain.
pub(super) fn domain_insert<'a>(org_id: &'a str, domain: &'a str, sequence: i64, at: Micros) -> Statement<'a> {
    statement!(DOMAIN_INSERT; org_id, domain, fold(domain), sequence, at)
}

fn event(kind: EventKind, domain: &str) -> Event {
    Event::new(kind, &DomainSays { domain })
}

/// Another domain takes the place of one that follows from the name.
#[derive(Debug)]
pub struct DomainMoved<'a> {
    /// It goes.
    pub old: &'a str,
    /// It comes.
    pub new: &'a str,
    /// Whether the old one is the primary one, as the new one is then.
    pub primary: bool,
}

impl DomainMoved<'_> {
    pub(super) fn events(&self) -> Vec<Event> {
        let mut events =
            vec![event(EventKind::OrgDomainAdded, self.new), event(EventKind::OrgDomainVerified, self.new)];
        events.extend(self.primary.then(|| event(EventKind::OrgDomainPrimarySet, self.new)));
        events.push(event(EventKind::OrgDomainRemoved, self.old));
        events
    }

    pub(super) fn rows<'s>(&'s self, org_id: &'s str, event: &Recorded) -> Vec<Statement<'s>> {
        // The last event tells of the old one.
        let mut rows = vec![
            domain_insert(org_id, self.new, event.sequence - 1, event.at),
            statement!(DOMAIN_DELETE; org_id, fold(self.old)),
        ];
        rows.extend(self.primary.then(|| statement!(ORG_SET_PRIMARY; org_id, self.new)));
        rows
    }
}

/// A new domain.
#[derive(Debug)]
pub struct DomainAdded<'a> {
    /// The organization.
    pub org_id: &'a str,
    /// The domain as given.
    pub domain: &'a str,
}

impl Change for DomainAdded<'_> {
    fn events(&self) -> Vec<Event> {
        vec![event(EventKind::OrgDomainAdded, self.domain), event(EventKind::OrgDomainVerified, self.domain)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        vec![domain_insert(self.org_id, self.domain, event.sequence, event.at)]
    }
}

/// A domain becomes the primary one.
#[derive(Debug)]
pub struct PrimaryDomainSet<'a> {
    /// The organization.
    pub org_id: &'a str,
    /// The domain as it is stored.
    pub domain: &'a str,
}

impl Change for PrimaryDomainSet<'_> {
    fn events(&self) -> Vec<Event> {
        vec![event(EventKind::OrgDomainPrimarySet, self.domain)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        vec![
            statement!(DOMAIN_TOUCH; self.org_id, fold(self.domain), event.sequence, event.at),
            statement!(ORG_SET_PRIMARY; self.org_id, self.domain),
        ]
    }
}

/// A domain goes.
#[derive(Debug)]
pub struct DomainRemoved<'a> {
    /// The organization.
    pub org_id: &'a str,
    /// The domain as it is stored.
    pub domain: &'a str,
}

impl Change for DomainRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        vec![event(EventKind::OrgDomainRemoved, self.domain)]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(DOMAIN_DELETE; self.org_id, fold(self.domain))]
    }
}
