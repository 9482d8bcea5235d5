//! Lists of organizations.

use super::lists::{Source, paged};
use super::sql::query;
use super::texts::fold;
use super::{AggregateKind, Listed, OrgRow, Page, Result, Seen, Store, TextFilter, Within};
use crate::clock::Micros;

/// Whether an organization that has not been removed has a name, or a domain; what is empty nobody has.
pub(super) const ORG_NAMED: &str = "SELECT id FROM organizations WHERE name_folded = $1 AND $1 <> '' \
     UNION ALL SELECT org_id FROM org_domains WHERE domain_folded = $2 AND $2 <> ''";
pub(super) const INSTANCE_NEWEST: &str =
    "SELECT sequence, changed_at FROM aggregates WHERE org_id = '' AND kind = 'instance' AND id = ''";

/// A condition on an organization.
#[derive(Debug, Clone)]
pub enum OrgFilter {
    /// On the name.
    Name(TextFilter),
    /// On any of its domains.
    Domain(TextFilter),
    /// The number of its `OrgState`.
    State(i64),
    /// This one.
    Id(String),
    /// The default one.
    Default,
}

/// By what a list of organizations is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgOrder {
    /// Creation.
    Created,
    /// Name, in whatever case.
    Name,
}

impl OrgOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Name => "name_folded",
        }
    }
}

impl Store {
    /// Organizations that pass all filters, and are `within`, if that is given; none that has been removed.
    pub async fn org_search(
        &self,
        filters: &[OrgFilter],
        within: Option<&Within>,
        order: OrgOrder,
        page: Page,
    ) -> Result<Listed<OrgRow>> {
        let mut query = self.builder(
            "WITH f AS (SELECT o.id, o.name, o.name_folded, o.primary_domain, o.state, o.created_at, g.sequence, \
             g.changed_at FROM organizations o JOIN aggregates g ON g.org_id = o.id AND g.kind = 'org' AND g.id = o.id \
             WHERE o.state <> 3",
        );
        for filter in filters {
            query.push(" AND ");
            match filter {
                OrgFilter::Name(text) => text.push(&mut query, "o.name"),
                OrgFilter::Domain(text) => {
                    query.push("EXISTS (SELECT 1 FROM org_domains d WHERE d.org_id = o.id AND ");
                    text.push(&mut query, "d.domain");
                    query.push(")");
                }
                OrgFilter::State(state) => drop(query.push("o.state = ").bind(*state)),
                OrgFilter::Id(id) => drop(query.push("o.id = ").bind(id)),
                OrgFilter::Default => drop(query.push("o.id = (SELECT default_org_id FROM instance WHERE id = 1)")),
            }
        }
        if let Some(within) = within {
            within.push(query.push(" AND "), "o.id", None);
        }
        paged(&mut query, Source { org_id: "", kind: AggregateKind::Instance, id: Some("") }, order.column(), page);
        self.list(&query.build(filters.is_empty())).await
    }

    /// Whether an organization has this name, or this domain, in whatever case; what is empty is not compared.
    pub async fn org_named(&self, name: &str, domain: &str) -> Result<bool> {
        Ok(self.scalar::<String>(&query!(ORG_NAMED; fold(name), fold(domain))).await?.is_some())
    }

    /// The newest event of the server itself.
    pub async fn instance_newest(&self) -> Result<Option<Seen>> {
        let found: Option<(i64, Micros)> = self.row(&query!(INSTANCE_NEWEST)).await?;
        Ok(found.map(|(sequence, changed_at)| Seen { sequence, changed_at }))
    }
}
