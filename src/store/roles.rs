//! Roles of projects.

use sqlx::{Database, Encode, QueryBuilder, Type};

use super::filter::fold;
use super::lists::{ListRow, Source, paged};
use super::{AggregateKind, Listed, Page, Recorded, Result, RoleRow, Store, TextFilter, Tx, on};

/// Where a project is.
#[derive(Debug, Clone, Copy)]
pub struct ProjectAt<'a> {
    /// Organization.
    pub org_id: &'a str,
    /// Identifier.
    pub id: &'a str,
}

/// What a role says.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        "SELECT role_key AS id, display_name, group_name, sequence, created_at, changed_at FROM project_roles WHERE "
    };
}

pub(super) const ROLE_BY_KEY: &str = concat!(base!(), "org_id = $1 AND project_id = $2 AND role_key = $3");
pub(super) const ROLE_INSERT: &str = "INSERT INTO project_roles (org_id, project_id, role_key, role_key_folded, \
     display_name, display_name_folded, group_name, sequence, created_at, changed_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";
pub(super) const ROLE_UPDATE: &str = "UPDATE project_roles SET display_name = $4, display_name_folded = $5, \
     group_name = $6, sequence = $7, changed_at = $8 WHERE org_id = $1 AND project_id = $2 AND role_key = $3";
pub(super) const ROLE_DELETE: &str =
    "DELETE FROM project_roles WHERE org_id = $1 AND project_id = $2 AND role_key = $3";

impl Store {
    /// Roles of a project that pass all filters; an unknown project has none.
    ///
    /// # Errors
    /// The store failed.
    pub async fn role_search(
        &self,
        project: ProjectAt<'_>,
        filters: &[RoleFilter],
        page: Page,
    ) -> Result<Listed<RoleRow>> {
        let rows: Vec<ListRow<RoleRow>> =
            on!(&self.read, c => search(project, filters, page).build_query_as().fetch_all(c).await)?;
        Ok(rows.into())
    }
}

fn search<DB>(project: ProjectAt<'_>, filters: &[RoleFilter], page: Page) -> QueryBuilder<DB>
where
    DB: Database,
    DB::Arguments: Default,
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new(concat!("WITH f AS (", base!(), "org_id = "));
    query.push_bind(project.org_id.to_owned()).push(" AND project_id = ").push_bind(project.id.to_owned());
    for filter in filters {
        query.push(" AND ");
        match filter {
            RoleFilter::Key(text) => text.push(&mut query, "role_key"),
            RoleFilter::DisplayName(text) => text.push(&mut query, "display_name"),
        }
    }
    let source = Source { org_id: project.org_id, kind: AggregateKind::Project, id: Some(project.id) };
    // Roles have no numbers as ids; those of one call share a moment and follow by key.
    paged(&mut query, source, "created_at", page);
    query
}

impl Tx {
    /// A role as the transaction sees it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn role_by_key(&mut self, project: ProjectAt<'_>, key: &str) -> Result<Option<RoleRow>> {
        Ok(on!(&mut self.0, c => sqlx::query_as(ROLE_BY_KEY)
            .bind(project.org_id).bind(project.id).bind(key).fetch_optional(&mut **c).await)?)
    }

    /// A new role.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when the project has one of that key.
    pub async fn role_insert(&mut self, project: ProjectAt<'_>, role: &RoleValues, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(ROLE_INSERT)
            .bind(project.org_id).bind(project.id).bind(&role.key).bind(fold(&role.key))
            .bind(&role.display_name).bind(fold(&role.display_name)).bind(&role.group)
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Replaces the texts of a role.
    ///
    /// # Errors
    /// The store failed.
    pub async fn role_update(&mut self, project: ProjectAt<'_>, role: &RoleValues, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(ROLE_UPDATE)
            .bind(project.org_id).bind(project.id).bind(&role.key)
            .bind(&role.display_name).bind(fold(&role.display_name)).bind(&role.group)
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Removes a role.
    ///
    /// # Errors
    /// The store failed.
    pub async fn role_delete(&mut self, project: ProjectAt<'_>, key: &str, _event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(ROLE_DELETE)
            .bind(project.org_id).bind(project.id).bind(key).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}
