//! Roles of projects.

use serde::Serialize;

use super::builder::QueryBuilder;
use super::lists::{Source, paged};
use super::sql::{ending, query, statement};
use super::texts::{fold, json};
use super::{
    AggregateKind, Change, Event, EventKind, Listed, Page, Recorded, Result, RoleRow, Sql, Statement, Store,
    TextFilter, Work,
};

/// Where a project is.
#[derive(Debug, Clone, Copy)]
pub struct ProjectAt<'a> {
    /// Organization.
    pub org_id: &'a str,
    /// Identifier.
    pub id: &'a str,
}

/// What a role says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleValues {
    /// Key, as it appears in tokens.
    pub key: String,
    /// Name for people.
    pub display_name: String,
    /// Group for people.
    pub group: String,
}

/// A condition on a role.
#[derive(Debug, Clone)]
pub enum RoleFilter {
    /// On its key.
    Key(TextFilter),
    /// On its display name.
    DisplayName(TextFilter),
}

macro_rules! base {
    () => {
        "SELECT role_key AS id, display_name, group_name, sequence, created_at, changed_at FROM project_roles r WHERE "
    };
}

pub(super) const ROLE_BY_KEY: &str = concat!(base!(), "org_id = $1 AND project_id = $2 AND role_key = $3");
pub(super) const ROLE_LOCK_TO_END: Sql = ending!(base!(), "org_id = $1 AND project_id = $2 AND role_key = $3");
pub(super) const ROLES_KEPT: Sql = Sql {
    pg: "SELECT role_key FROM project_roles WHERE org_id = $1 AND project_id = $2 \
         AND role_key IN (SELECT value FROM json_array_elements_text(CAST($3 AS json))) \
         ORDER BY role_key FOR KEY SHARE",
    lite: "SELECT role_key FROM project_roles WHERE org_id = $1 AND project_id = $2 \
           AND role_key IN (SELECT value FROM json_each($3))",
};
pub(super) const ROLE_INSERT: &str = "INSERT INTO project_roles (org_id, project_id, role_key, role_key_folded, \
     display_name, display_name_folded, group_name, sequence, created_at, changed_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";
pub(super) const ROLE_UPDATE: &str = "UPDATE project_roles SET display_name = $4, display_name_folded = $5, \
     group_name = $6, sequence = $7, changed_at = $8 WHERE org_id = $1 AND project_id = $2 AND role_key = $3";
pub(super) const ROLE_DELETE: &str =
    "DELETE FROM project_roles WHERE org_id = $1 AND project_id = $2 AND role_key = $3";

impl Store {
    /// Roles of a project that pass all filters; an unknown project has none.
    pub async fn role_search(
        &self,
        project: ProjectAt<'_>,
        filters: &[RoleFilter],
        page: Page,
    ) -> Result<Listed<RoleRow>> {
        let query = self.role_builder(project);
        self.role_page(query, project, filters, page).await
    }

    /// The beginning of a list of roles `r` of a project, to which further conditions may be appended.
    pub(super) fn role_builder<'a>(&self, project: ProjectAt<'a>) -> QueryBuilder<'a> {
        let mut query = self.builder(concat!("WITH f AS (", base!(), "org_id = "));
        query.bind(project.org_id).push(" AND project_id = ").bind(project.id);
        query
    }

    /// The page of roles that such a list finds.
    pub(super) async fn role_page<'a>(
        &self,
        mut query: QueryBuilder<'a>,
        project: ProjectAt<'a>,
        filters: &'a [RoleFilter],
        page: Page,
    ) -> Result<Listed<RoleRow>> {
        for filter in filters {
            push(query.push(" AND "), filter);
        }
        let source = Source { org_id: project.org_id, kind: AggregateKind::Project, id: Some(project.id) };
        // Roles have no numbers as ids; those of one call share a moment and follow by key.
        paged(&mut query, source, "created_at", page);
        self.list(&query.build(filters.is_empty())).await
    }
}

/// Appends a condition on a role.
pub(super) fn push<'a>(query: &mut QueryBuilder<'a>, filter: &'a RoleFilter) {
    match filter {
        RoleFilter::Key(text) => text.push(query, "role_key"),
        RoleFilter::DisplayName(text) => text.push(query, "display_name"),
    }
}

impl Work {
    /// A role as the unit of work sees it.
    pub async fn role_by_key(&mut self, project: ProjectAt<'_>, key: &str) -> Result<Option<RoleRow>> {
        self.row(&query!(ROLE_BY_KEY; project.org_id, project.id, key)).await
    }

    /// A role that is going to be removed: nobody can grant it any more.
    pub async fn role_held_to_end(&mut self, project: ProjectAt<'_>, key: &str) -> Result<Option<RoleRow>> {
        self.row(&query!(ROLE_LOCK_TO_END; project.org_id, project.id, key)).await
    }

    /// Takes the row of a role whose removal is recorded and that nothing refers to any more.
    pub async fn role_gone(&mut self, _removed: &Recorded, project: ProjectAt<'_>, key: &str) -> Result<()> {
        self.execute(&statement!(ROLE_DELETE; project.org_id, project.id, key)).await.map(drop)
    }

    /// Whether a project has all of these roles, each named once; they stay until the unit of work ends.
    pub async fn roles_kept(&mut self, project: ProjectAt<'_>, keys: &[String]) -> Result<bool> {
        if keys.is_empty() {
            return Ok(true);
        }
        let found = self.rows::<(String,)>(&query!(ROLES_KEPT; project.org_id, project.id, json(keys))).await?;
        Ok(found.len() == keys.len())
    }
}

/// A new role of a project.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct RoleAdded<'a> {
    /// The project.
    #[serde(skip)]
    pub at: ProjectAt<'a>,
    /// What it says.
    pub role: &'a RoleValues,
}

impl Change for RoleAdded<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::RoleAdded, self)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let role = self.role;
        vec![statement!(
            ROLE_INSERT; self.at.org_id, self.at.id, &role.key, fold(&role.key), &role.display_name,
            fold(&role.display_name), &role.group, event.sequence, event.at,
        )]
    }
}

/// A role says something else.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct RoleChanged<'a> {
    /// The project.
    #[serde(skip)]
    pub at: ProjectAt<'a>,
    /// What the role with this key says from now on.
    pub role: &'a RoleValues,
}

impl Change for RoleChanged<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::RoleChanged, self)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let role = self.role;
        vec![statement!(
            ROLE_UPDATE; self.at.org_id, self.at.id, &role.key, &role.display_name, fold(&role.display_name),
            &role.group, event.sequence, event.at,
        )]
    }
}

/// A role goes. It must have been taken out of all user grants before. Project grants lose it next, with events of their
/// own; then [`Work::role_gone`] takes its row.
#[derive(Debug, Serialize)]
pub struct RoleRemoved<'a> {
    /// The project.
    #[serde(skip)]
    pub at: ProjectAt<'a>,
    /// Its key.
    pub key: &'a str,
}

impl Change for RoleRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::RoleRemoved, self)]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        Vec::new()
    }
}
