//! Projects.

use sqlx::{Database, Encode, QueryBuilder, Type};

use super::filter::fold;
use super::lists::{ListRow, Source, paged};
use super::{AggregateKind, Listed, Page, ProjectRow, Recorded, Result, Store, TextFilter, Tx, on};

/// What a caller can set on a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectValues {
    /// Name as given.
    pub name: String,
    /// Roles are put into tokens.
    pub role_assertion: bool,
    /// Users need a role to use it.
    pub role_check: bool,
    /// Organizations need a grant to use it.
    pub has_project_check: bool,
    /// Number of `PrivateLabelingSetting`.
    pub private_labeling: i64,
}

macro_rules! columns {
    () => {
        "id, name, state, role_assertion, role_check, has_project_check, private_labeling, sequence, created_at, changed_at"
    };
}

pub(super) const PROJECT_BY_ID: &str = concat!("SELECT ", columns!(), " FROM projects WHERE org_id = $1 AND id = $2");
pub(super) const PROJECT_EXISTS: &str = "SELECT org_id FROM projects WHERE id = $1";
pub(super) const PROJECT_INSERT: &str = "INSERT INTO projects (org_id, id, name, name_folded, state, role_assertion, \
     role_check, has_project_check, private_labeling, sequence, created_at, changed_at) \
     VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, $10)";
pub(super) const PROJECT_UPDATE: &str = "UPDATE projects SET name = $3, name_folded = $4, role_assertion = $5, \
     role_check = $6, has_project_check = $7, private_labeling = $8, sequence = $9, changed_at = $10 \
     WHERE org_id = $1 AND id = $2";
pub(super) const PROJECT_SET_STATE: &str =
    "UPDATE projects SET state = $3, sequence = $4, changed_at = $5 WHERE org_id = $1 AND id = $2";
pub(super) const PROJECT_DELETE: &str = "DELETE FROM projects WHERE org_id = $1 AND id = $2";
pub(super) const PROJECT_DELETE_APPS: &str = "DELETE FROM apps WHERE org_id = $1 AND project_id = $2";
pub(super) const PROJECT_DELETE_KEYS: &str = "DELETE FROM app_keys WHERE org_id = $1 AND project_id = $2";
pub(super) const PROJECT_DELETE_ROLES: &str = "DELETE FROM project_roles WHERE org_id = $1 AND project_id = $2";
pub(super) const PROJECT_DELETE_MEMBERS: &str =
    "DELETE FROM memberships WHERE org_id = $1 AND scope = 2 AND object_id = $2";

impl Store {
    /// A project of the organization.
    ///
    /// # Errors
    /// The store failed.
    pub async fn project_by_id(&self, org_id: &str, id: &str) -> Result<Option<ProjectRow>> {
        Ok(on!(&self.read, c => sqlx::query_as(PROJECT_BY_ID).bind(org_id).bind(id).fetch_optional(c).await)?)
    }

    /// Projects of the organization; with `only`, no others than these.
    ///
    /// # Errors
    /// The store failed.
    pub async fn project_search(
        &self,
        org_id: &str,
        filters: &[TextFilter],
        owner: Option<&str>,
        only: Option<&[String]>,
        page: Page,
    ) -> Result<Listed<ProjectRow>> {
        let rows: Vec<ListRow<ProjectRow>> =
            on!(&self.read, c => search(org_id, filters, owner, only, page).build_query_as().fetch_all(c).await)?;
        Ok(rows.into())
    }
}

fn search<DB>(
    org_id: &str,
    filters: &[TextFilter],
    owner: Option<&str>,
    only: Option<&[String]>,
    page: Page,
) -> QueryBuilder<DB>
where
    DB: Database,
    DB::Arguments: Default,
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new(concat!("WITH f AS (SELECT ", columns!(), " FROM projects WHERE org_id = "));
    query.push_bind(org_id.to_owned());
    for filter in filters {
        query.push(" AND ");
        filter.push(&mut query, "name");
    }
    if let Some(owner) = owner {
        query.push(" AND org_id = ").push_bind(owner.to_owned());
    }
    if let Some(only) = only {
        query.push(" AND id IN (''");
        for id in only {
            query.push(", ").push_bind(id.clone());
        }
        query.push(")");
    }
    paged(&mut query, Source { org_id, kind: AggregateKind::Project, id: None }, "id", page);
    query
}

impl Tx {
    /// A project as the transaction sees it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn project_by_id(&mut self, org_id: &str, id: &str) -> Result<Option<ProjectRow>> {
        Ok(on!(&mut self.0, c => sqlx::query_as(PROJECT_BY_ID).bind(org_id).bind(id).fetch_optional(&mut **c).await)?)
    }

    /// Whether any organization has this project.
    ///
    /// # Errors
    /// The store failed.
    pub async fn project_exists(&mut self, id: &str) -> Result<bool> {
        let found = on!(&mut self.0, c => sqlx::query_scalar::<_, String>(PROJECT_EXISTS)
            .bind(id).fetch_optional(&mut **c).await)?;
        Ok(found.is_some())
    }

    /// A new, active project.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when the organization has one of that name.
    pub async fn project_insert(
        &mut self,
        org_id: &str,
        id: &str,
        values: &ProjectValues,
        event: &Recorded,
    ) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(PROJECT_INSERT)
            .bind(org_id).bind(id).bind(&values.name).bind(fold(&values.name))
            .bind(values.role_assertion).bind(values.role_check).bind(values.has_project_check)
            .bind(values.private_labeling).bind(event.sequence).bind(event.at)
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Replaces all values of a project.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when the organization has another one of that name.
    pub async fn project_update(
        &mut self,
        org_id: &str,
        id: &str,
        values: &ProjectValues,
        event: &Recorded,
    ) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(PROJECT_UPDATE)
            .bind(org_id).bind(id).bind(&values.name).bind(fold(&values.name))
            .bind(values.role_assertion).bind(values.role_check).bind(values.has_project_check)
            .bind(values.private_labeling).bind(event.sequence).bind(event.at)
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Sets the state of a project.
    ///
    /// # Errors
    /// The store failed.
    pub async fn project_set_state(&mut self, org_id: &str, id: &str, state: i64, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(PROJECT_SET_STATE)
            .bind(org_id).bind(id).bind(state).bind(event.sequence).bind(event.at)
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Removes a project with all that lives in it; its events stay.
    ///
    /// # Errors
    /// The store failed.
    pub async fn project_delete(&mut self, org_id: &str, id: &str, _event: &Recorded) -> Result<()> {
        for sql in
            [PROJECT_DELETE_KEYS, PROJECT_DELETE_APPS, PROJECT_DELETE_MEMBERS, PROJECT_DELETE_ROLES, PROJECT_DELETE]
        {
            on!(&mut self.0, c => sqlx::query(sql).bind(org_id).bind(id).execute(&mut **c).await.map(drop))?;
        }
        Ok(())
    }
}
