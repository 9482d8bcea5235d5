//! Project grants: parts of projects that other organizations may use.

use sqlx::FromRow;

use super::builder::QueryBuilder;
use super::filter::push_any_of;
use super::lists::{Source, newest_of_rows, paged};
use super::sql::{ending, keeping, locking, query};
use super::texts::json;
use super::{
    AggregateKind, Listed, Page, ProjectAt, Result, RoleFilter, RoleRow, Sql, Stamp, State, Store, TextFilter, Within,
    Work,
};

/// A project grant with the names that belong to it.
#[derive(Debug, Clone, FromRow)]
pub struct ProjectGrantRow {
    /// Identifier.
    pub id: String,
    /// The organization that gives it: the one of the project.
    pub org_id: String,
    /// Its name.
    pub org_name: String,
    /// The project.
    pub project_id: String,
    /// Its name.
    pub project_name: String,
    /// The organization that it is given to.
    pub granted_org_id: String,
    /// Its name.
    pub granted_org_name: String,
    /// Keys of the roles as a JSON list.
    pub role_keys: String,
    /// Its state.
    pub state: State,
    /// Sequence in the project, and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

/// A project grant as it is before a change.
#[derive(Debug, FromRow)]
pub struct ProjectGrantHeld {
    /// Identifier.
    pub id: String,
    /// The organization that it is given to.
    pub granted_org_id: String,
    /// Keys of its roles as a JSON list.
    pub role_keys: String,
    /// Its state.
    pub state: State,
    /// Sequence and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

/// Where a project grant is.
#[derive(Debug, Clone, Copy)]
pub struct ProjectGrantAt<'a> {
    /// The organization that gives it.
    pub org_id: &'a str,
    /// Identifier.
    pub id: &'a str,
}

/// What a grant of a project is addressed by.
#[derive(Debug, Clone, Copy)]
pub enum ProjectGrantName<'a> {
    /// Its identifier.
    Id(&'a str),
    /// The organization that it is given to.
    To(&'a str),
}

/// A condition on a project grant.
#[derive(Debug, Clone)]
pub enum ProjectGrantFilter {
    /// One of these.
    Ids(Vec<String>),
    /// Of one of these projects.
    Projects(Vec<String>),
    /// On the name of the project.
    ProjectName(TextFilter),
    /// With a role of exactly this key.
    RoleKey(String),
    /// Given by this organization.
    From(String),
    /// Given to this organization.
    To(String),
}

/// Whose project grants to list.
#[derive(Debug, Clone, Copy)]
pub enum ProjectGrantsOf<'a> {
    /// Those that an organization gives.
    From(&'a str),
    /// Those that are given to an organization.
    To(&'a str),
    /// Those of what somebody may see, whether it gives or gets them; none for all.
    Within(Option<&'a Within>),
}

/// By what project grants are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectGrantOrder {
    /// Creation.
    Created,
    /// Last change.
    Changed,
    /// The project.
    Project,
}

impl ProjectGrantOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Changed => "changed_at",
            Self::Project => "project_id",
        }
    }
}

macro_rules! base {
    () => {
        "SELECT g.id, g.org_id, o.name AS org_name, g.project_id, p.name AS project_name, \
         p.name_folded AS project_name_folded, g.granted_org_id, w.name AS granted_org_name, g.role_keys, g.state, \
         g.sequence, g.created_at, g.changed_at FROM project_grants g \
         JOIN projects p ON p.org_id = g.org_id AND p.id = g.project_id JOIN organizations o ON o.id = g.org_id \
         JOIN organizations w ON w.id = g.granted_org_id WHERE "
    };
}
macro_rules! held {
    ($by:literal) => {
        concat!(
            "SELECT id, granted_org_id, role_keys, state, sequence, created_at, changed_at FROM project_grants \
             WHERE org_id = $1 AND project_id = $2 AND ",
            $by,
            " = $3"
        )
    };
}

pub(super) const PROJECT_GRANT_BY_ID: &str = concat!(base!(), "g.id = $1");
pub(super) const PROJECT_GRANT_LOCK: Sql = locking!(held!("id"));
pub(super) const PROJECT_GRANT_TO_LOCK: Sql = locking!(held!("granted_org_id"));
pub(super) const PROJECT_GRANT_LOCK_TO_END: Sql = ending!(held!("id"));
pub(super) const PROJECT_GRANT_TO_LOCK_TO_END: Sql = ending!(held!("granted_org_id"));
// The project first, as everybody locks it.
pub(super) const PROJECT_GRANT_KEPT: Sql = keeping!(
    "SELECT g.org_id, g.id FROM projects p JOIN project_grants g ON g.org_id = p.org_id AND g.project_id = p.id \
     WHERE g.project_id = $1 AND g.granted_org_id = $2"
);
pub(super) const PROJECT_GRANT_ROLES_KEPT: Sql = Sql {
    pg: "SELECT role_key FROM project_grant_roles WHERE org_id = $1 AND grant_id = $2 \
         AND role_key IN (SELECT value FROM json_array_elements_text(CAST($3 AS json))) \
         ORDER BY role_key FOR KEY SHARE",
    lite: "SELECT role_key FROM project_grant_roles WHERE org_id = $1 AND grant_id = $2 \
           AND role_key IN (SELECT value FROM json_each($3))",
};
pub(super) const PROJECT_GRANTS_WITH_ROLE: &str = "SELECT grant_id FROM project_grant_roles \
     WHERE org_id = $1 AND project_id = $2 AND role_key = $3 ORDER BY grant_id";

pub(super) const PROJECT_GRANTS_TO: &str =
    "SELECT granted_org_id FROM project_grants WHERE org_id = $1 AND project_id = $2 ORDER BY granted_org_id";

impl Store {
    /// A project grant, whosever it is.
    pub async fn project_grant_by_id(&self, id: &str) -> Result<Option<ProjectGrantRow>> {
        self.row(&query!(PROJECT_GRANT_BY_ID; id)).await
    }

    /// Project grants that pass all filters.
    pub async fn project_grant_search(
        &self,
        of: ProjectGrantsOf<'_>,
        filters: &[ProjectGrantFilter],
        order: ProjectGrantOrder,
        page: Page,
    ) -> Result<Listed<ProjectGrantRow>> {
        let mut query = self.builder(concat!("WITH f AS (SELECT * FROM (", base!()));
        match of {
            ProjectGrantsOf::From(org_id) => query.push("g.org_id = ").bind(org_id),
            ProjectGrantsOf::To(org_id) => query.push("g.granted_org_id = ").bind(org_id),
            ProjectGrantsOf::Within(within) => {
                Within::push_grant(within, &mut query);
                &mut query
            }
        };
        query.push(") b WHERE 1 = 1");
        for filter in filters {
            push(query.push(" AND "), filter);
        }
        match of {
            ProjectGrantsOf::From(org_id) => {
                let source = Source { org_id, kind: AggregateKind::Project, id: None };
                paged(&mut query, source, order.column(), page);
            }
            _ => newest_of_rows(&mut query, order.column(), page),
        }
        self.list(&query.build(filters.is_empty())).await
    }

    /// Roles of a project that one of its grants gives.
    pub async fn project_grant_roles(
        &self,
        grant: &ProjectGrantRow,
        filters: &[RoleFilter],
        page: Page,
    ) -> Result<Listed<RoleRow>> {
        let at = ProjectAt { org_id: &grant.org_id, id: &grant.project_id };
        let mut query = self.role_builder(at);
        query.push(" AND EXISTS (SELECT 1 FROM project_grant_roles x WHERE x.org_id = r.org_id AND x.grant_id = ");
        query.bind(grant.id.as_str()).push(" AND x.role_key = r.role_key)");
        self.role_page(query, at, filters, page).await
    }
}

fn push<'a>(query: &mut QueryBuilder<'a>, filter: &'a ProjectGrantFilter) {
    match filter {
        ProjectGrantFilter::Ids(ids) => push_any_of(query, "id", ids),
        ProjectGrantFilter::Projects(ids) => push_any_of(query, "project_id", ids),
        ProjectGrantFilter::ProjectName(text) => text.push(query, "project_name"),
        ProjectGrantFilter::RoleKey(key) => {
            query.push("EXISTS (SELECT 1 FROM project_grant_roles r WHERE r.org_id = b.org_id AND r.grant_id = b.id");
            query.push(" AND r.role_key = ").bind(key).push(")");
        }
        ProjectGrantFilter::From(id) => {
            query.push("org_id = ").bind(id);
        }
        ProjectGrantFilter::To(id) => {
            query.push("granted_org_id = ").bind(id);
        }
    }
}

impl Work {
    /// Locks a grant of a project that is locked already; none if there is no such grant.
    pub async fn project_grant_held(
        &mut self,
        project: ProjectAt<'_>,
        name: ProjectGrantName<'_>,
    ) -> Result<Option<ProjectGrantHeld>> {
        self.row(&match name {
            ProjectGrantName::Id(id) => query!(PROJECT_GRANT_LOCK; project.org_id, project.id, id),
            ProjectGrantName::To(org) => query!(PROJECT_GRANT_TO_LOCK; project.org_id, project.id, org),
        })
        .await
    }

    /// As [`Work::project_grant_held`], for a grant that is going to be removed.
    pub async fn project_grant_held_to_end(
        &mut self,
        project: ProjectAt<'_>,
        name: ProjectGrantName<'_>,
    ) -> Result<Option<ProjectGrantHeld>> {
        self.row(&match name {
            ProjectGrantName::Id(id) => query!(PROJECT_GRANT_LOCK_TO_END; project.org_id, project.id, id),
            ProjectGrantName::To(org) => query!(PROJECT_GRANT_TO_LOCK_TO_END; project.org_id, project.id, org),
        })
        .await
    }

    /// The organization that grants a project to another one, and the grant; both stay until the unit of work ends.
    pub async fn project_grant_kept(&mut self, project_id: &str, org_id: &str) -> Result<Option<(String, String)>> {
        self.row(&query!(PROJECT_GRANT_KEPT; project_id, org_id)).await
    }

    /// Whether a project grant has all of these roles, each named once; they stay until the unit of work ends.
    pub async fn project_grant_roles_kept(&mut self, at: ProjectGrantAt<'_>, keys: &[String]) -> Result<bool> {
        if keys.is_empty() {
            return Ok(true);
        }
        let found = self.rows::<(String,)>(&query!(PROJECT_GRANT_ROLES_KEPT; at.org_id, at.id, json(keys))).await?;
        Ok(found.len() == keys.len())
    }

    /// Organizations that a project is granted to.
    pub async fn project_granted_to(&mut self, project: ProjectAt<'_>) -> Result<Vec<(String,)>> {
        self.rows(&query!(PROJECT_GRANTS_TO; project.org_id, project.id)).await
    }

    /// Grants of a project that have a role.
    pub async fn project_grants_with(&mut self, project: ProjectAt<'_>, key: &str) -> Result<Vec<(String,)>> {
        self.rows(&query!(PROJECT_GRANTS_WITH_ROLE; project.org_id, project.id, key)).await
    }
}
