//! Lists of projects and their roles over all organizations.

use super::builder::QueryBuilder;
use super::filter::push_any_of;
use super::lists::{living, paged_everywhere};
use super::projects::columns;
use super::roles::push as push_role;
use super::{Listed, OwnedProjectRow, Page, Result, RoleFilter, RoleRow, Store, TextFilter, Within};

/// A condition on a project.
#[derive(Debug, Clone)]
pub enum ProjectFilter {
    /// On the name.
    Name(TextFilter),
    /// One of these ids.
    Ids(Vec<String>),
    /// Its organization.
    Org(String),
}

/// By what a list of projects is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectOrder {
    /// Creation.
    Created,
    /// Last change.
    Changed,
    /// Identifier.
    Id,
    /// Name.
    Name,
}

impl ProjectOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Changed => "changed_at",
            Self::Id => "id",
            Self::Name => "name",
        }
    }
}

/// By what a list of roles is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleOrder {
    /// Creation.
    Created,
    /// Last change.
    Changed,
    /// Key.
    Key,
}

impl RoleOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Changed => "changed_at",
            Self::Key => "id",
        }
    }
}

impl Store {
    /// Projects of all organizations that pass all filters, only those `within`; none for all.
    pub async fn projects_everywhere(
        &self,
        within: Option<&Within>,
        filters: &[ProjectFilter],
        order: ProjectOrder,
        page: Page,
    ) -> Result<Listed<OwnedProjectRow>> {
        let begin = concat!(
            "WITH f AS NOT MATERIALIZED (SELECT p.org_id, ",
            columns!(),
            " FROM projects p WHERE ",
            living!("p"),
            " AND "
        );
        let mut query = self.builder(begin);
        seen(&mut query, within);
        for filter in filters {
            query.push(" AND ");
            match filter {
                ProjectFilter::Name(text) => text.push(&mut query, "name"),
                ProjectFilter::Ids(ids) => push_any_of(&mut query, "id", ids),
                ProjectFilter::Org(id) => {
                    query.push("org_id = ").bind(id);
                }
            }
        }
        paged_everywhere(&mut query, order.column(), page);
        self.list(&query.build(filters.is_empty())).await
    }

    /// Roles of a project of whatever organization, if it is `within`.
    pub async fn roles_everywhere(
        &self,
        within: Option<&Within>,
        project_id: &str,
        filters: &[RoleFilter],
        (order, page): (RoleOrder, Page),
    ) -> Result<Listed<RoleRow>> {
        let mut query = self.builder(
            "WITH f AS NOT MATERIALIZED (SELECT role_key AS id, display_name, group_name, sequence, created_at, \
             changed_at FROM project_roles WHERE (org_id, project_id) IN (SELECT p.org_id, p.id FROM projects p \
             WHERE p.id = ",
        );
        query.bind(project_id).push(concat!(" AND ", living!("p"), " AND "));
        seen(&mut query, within);
        query.push(")");
        for filter in filters {
            push_role(query.push(" AND "), filter);
        }
        paged_everywhere(&mut query, order.column(), page);
        self.list(&query.build(filters.is_empty())).await
    }
}

/// Appends the condition that a project `p` may be seen.
fn seen<'a>(query: &mut QueryBuilder<'a>, within: Option<&'a Within>) {
    match within {
        Some(within) => within.push(query, "p.org_id", Some("p.id")),
        None => {
            query.push("1 = 1");
        }
    }
}
