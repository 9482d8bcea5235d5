//! Lists of projects and their roles over all organizations.

use sqlx::FromRow;

use super::builder::QueryBuilder;
use super::filter::push_any_of;
use super::lists::{living, other_half, paged_everywhere, paged_halves};
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
    /// What an organization has.
    Org(String, Having),
}

/// How an organization has a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Having {
    /// It is its own.
    Owned,
    /// It has been granted to it.
    Granted,
    /// Either.
    Any,
}

/// A project of a list, or what of it is granted to another organization.
#[derive(Debug, Clone, FromRow)]
pub struct ListedProjectRow {
    /// The project; of a grant with its dates.
    #[sqlx(flatten)]
    pub project: OwnedProjectRow,
    /// The organization that it is granted to; empty for the project itself.
    pub granted_org_id: String,
    /// Its name.
    pub granted_org_name: String,
    /// State of the grant, 0 for the project itself.
    pub granted_state: i64,
}

/// What of projects and their grants somebody may see; none for all.
#[derive(Debug, Clone, Copy)]
pub struct ProjectsSeen<'a> {
    /// Projects.
    pub projects: Option<&'a Within>,
    /// Their grants.
    pub grants: Option<&'a Within>,
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
    /// Projects of all organizations that pass all filters, and each of their grants beside them; only what is seen.
    pub async fn projects_everywhere(
        &self,
        seen: ProjectsSeen<'_>,
        filters: &[ProjectFilter],
        order: ProjectOrder,
        page: Page,
    ) -> Result<Listed<ListedProjectRow>> {
        let mut query = self.builder("WITH a AS NOT MATERIALIZED (");
        owned_projects(&mut query, seen.projects);
        narrow(&mut query, filters, Having::Owned);
        granted_projects(other_half(&mut query), seen.grants);
        narrow(&mut query, filters, Having::Granted);
        paged_halves(&mut query, &[order.column(), "id", "granted_org_id"], page);
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
        Within::push_if_any(within, &mut query, "p.org_id", "p.id");
        query.push(")");
        for filter in filters {
            push_role(query.push(" AND "), filter);
        }
        paged_everywhere(&mut query, order.column(), page);
        self.list(&query.build(filters.is_empty())).await
    }
}

fn owned_projects<'a>(query: &mut QueryBuilder<'a>, within: Option<&'a Within>) {
    query.push(concat!(
        "SELECT p.org_id, ",
        columns!(),
        ", CAST('' AS TEXT) AS granted_org_id, CAST('' AS TEXT) AS granted_org_name, CAST(0 AS BIGINT) AS granted_state FROM projects p WHERE ",
        living!("p"),
        " AND "
    ));
    Within::push_if_any(within, query, "p.org_id", "p.id");
}

/// Each grant has its project and its organization; what of them nobody asks for is not looked up.
fn granted_projects<'a>(query: &mut QueryBuilder<'a>, within: Option<&'a Within>) {
    query.push(concat!(
        "SELECT g.org_id, ",
        columns!("g.project_id", "g"),
        ", g.granted_org_id, w.name AS granted_org_name, g.state AS granted_state FROM project_grants g \
         LEFT JOIN projects p ON p.org_id = g.org_id AND p.id = g.project_id \
         LEFT JOIN organizations w ON w.id = g.granted_org_id WHERE ",
    ));
    Within::push_grant(within, query);
}

/// Appends the filters to one half of the list: what organizations have as their own, or what has been granted to them.
fn narrow<'a>(query: &mut QueryBuilder<'a>, filters: &'a [ProjectFilter], half: Having) {
    let (whose, id) = if half == Having::Owned { ("p.org_id", "p.id") } else { ("g.granted_org_id", "g.project_id") };
    for filter in filters {
        query.push(" AND ");
        match filter {
            ProjectFilter::Name(text) => text.push(query, "p.name"),
            ProjectFilter::Ids(ids) => push_any_of(query, id, ids),
            ProjectFilter::Org(org_id, having) if [half, Having::Any].contains(having) => {
                query.push(whose).push(" = ").bind(org_id);
            }
            ProjectFilter::Org(..) => drop(query.push("1 = 0")),
        }
    }
}
