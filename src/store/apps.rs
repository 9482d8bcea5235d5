//! Applications of a project.

use sqlx::{Database, Encode, QueryBuilder, Type};

use super::filter::fold;
use super::lists::{ListRow, Source, paged};
use super::{AggregateKind, AppRow, Listed, Page, Recorded, Result, Store, TextFilter, Tx, on};
use crate::clock::Micros;

/// A new application.
#[derive(Debug)]
pub struct AppInsert<'a> {
    /// Organization.
    pub org_id: &'a str,
    /// Project.
    pub project_id: &'a str,
    /// Identifier.
    pub id: &'a str,
    /// 1 API, 2 OIDC.
    pub kind: i64,
    /// Name as given.
    pub name: &'a str,
    /// Client id.
    pub client_id: &'a str,
    /// How it authenticates.
    pub method: AppMethod,
    /// SHA-256 of the client secret, if it has one.
    pub secret_hash: Option<&'a [u8]>,
    /// Configuration of an OIDC application as protobuf JSON.
    pub oidc_config: Option<String>,
}

/// How an application authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppMethod {
    /// Number of the kind's own enum.
    pub number: i64,
    /// Whether it is a private key JWT.
    pub takes_keys: bool,
}

macro_rules! columns {
    () => {
        "id, kind, name, state, client_id, auth_method, takes_keys, oidc_config, secret_used_at, sequence, created_at, changed_at"
    };
}

pub(super) const APP_BY_ID: &str =
    concat!("SELECT ", columns!(), " FROM apps WHERE org_id = $1 AND project_id = $2 AND id = $3");
pub(super) const APP_INSERT: &str = "INSERT INTO apps (org_id, project_id, id, kind, name, name_folded, state, client_id, \
     auth_method, takes_keys, secret_hash, oidc_config, key_count, switched_sequence, sequence, created_at, changed_at) \
     VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, 0, 0, $12, $13, $13)";
pub(super) const APP_RENAME: &str = "UPDATE apps SET name = $4, name_folded = $5, sequence = $6, changed_at = $7 \
     WHERE org_id = $1 AND project_id = $2 AND id = $3";
pub(super) const APP_SET_METHOD: &str = "UPDATE apps SET auth_method = $4, takes_keys = $5, switched_sequence = $6, \
     sequence = $6, changed_at = $7 WHERE org_id = $1 AND project_id = $2 AND id = $3";
pub(super) const APP_SET_SECRET: &str = "UPDATE apps SET old_secret_hash = secret_hash, old_secret_until = $5, \
     secret_hash = $4, sequence = $6, changed_at = $7 WHERE org_id = $1 AND project_id = $2 AND id = $3";
pub(super) const APP_SET_STATE: &str = "UPDATE apps SET state = $4, sequence = $5, changed_at = $6 \
     WHERE org_id = $1 AND project_id = $2 AND id = $3";
pub(super) const APP_DELETE_KEYS: &str = "DELETE FROM app_keys WHERE org_id = $1 AND project_id = $2 AND app_id = $3";
pub(super) const APP_DELETE: &str = "DELETE FROM apps WHERE org_id = $1 AND project_id = $2 AND id = $3";

impl Store {
    /// An application of the project.
    ///
    /// # Errors
    /// The store failed.
    pub async fn app_by_id(&self, org_id: &str, project_id: &str, id: &str) -> Result<Option<AppRow>> {
        Ok(on!(&self.read, c => sqlx::query_as(APP_BY_ID)
            .bind(org_id).bind(project_id).bind(id).fetch_optional(c).await)?)
    }

    /// Applications of a project.
    ///
    /// # Errors
    /// The store failed.
    pub async fn app_search(
        &self,
        org_id: &str,
        project_id: &str,
        filters: &[TextFilter],
        page: Page,
    ) -> Result<Listed<AppRow>> {
        let rows: Vec<ListRow<AppRow>> =
            on!(&self.read, c => search(org_id, project_id, filters, page).build_query_as().fetch_all(c).await)?;
        Ok(rows.into())
    }
}

fn search<DB>(org_id: &str, project_id: &str, filters: &[TextFilter], page: Page) -> QueryBuilder<DB>
where
    DB: Database,
    DB::Arguments: Default,
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new(concat!("WITH f AS (SELECT ", columns!(), " FROM apps WHERE org_id = "));
    query.push_bind(org_id.to_owned()).push(" AND project_id = ").push_bind(project_id.to_owned());
    for filter in filters {
        query.push(" AND ");
        filter.push(&mut query, "name");
    }
    paged(&mut query, Source { org_id, kind: AggregateKind::Project, id: Some(project_id) }, "id", page);
    query
}

impl Tx {
    /// An application as the transaction sees it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn app_by_id(&mut self, org_id: &str, project_id: &str, id: &str) -> Result<Option<AppRow>> {
        Ok(on!(&mut self.0, c => sqlx::query_as(APP_BY_ID)
            .bind(org_id).bind(project_id).bind(id).fetch_optional(&mut **c).await)?)
    }

    /// A new, active application.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when the project has one of that name.
    pub async fn app_insert(&mut self, app: &AppInsert<'_>, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(APP_INSERT)
            .bind(app.org_id).bind(app.project_id).bind(app.id).bind(app.kind)
            .bind(app.name).bind(fold(app.name)).bind(app.client_id)
            .bind(app.method.number).bind(app.method.takes_keys)
            .bind(app.secret_hash).bind(app.oidc_config.as_deref())
            .bind(event.sequence).bind(event.at)
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Gives an application another name.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when the project has another one of that name.
    pub async fn app_rename(&mut self, at: AppAt<'_>, name: &str, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(APP_RENAME)
            .bind(at.org_id).bind(at.project_id).bind(at.id).bind(name).bind(fold(name))
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Switches how an application authenticates. Its keys sleep while the method takes none.
    ///
    /// # Errors
    /// The store failed.
    pub async fn app_set_method(&mut self, at: AppAt<'_>, method: AppMethod, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(APP_SET_METHOD)
            .bind(at.org_id).bind(at.project_id).bind(at.id).bind(method.number).bind(method.takes_keys)
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Replaces the hash of the client secret; the old secret is good until `old_until`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn app_set_secret(
        &mut self,
        at: AppAt<'_>,
        hash: &[u8],
        old_until: Micros,
        event: &Recorded,
    ) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(APP_SET_SECRET)
            .bind(at.org_id).bind(at.project_id).bind(at.id).bind(hash).bind(old_until)
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Sets the state of an application.
    ///
    /// # Errors
    /// The store failed.
    pub async fn app_set_state(&mut self, at: AppAt<'_>, state: i64, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(APP_SET_STATE)
            .bind(at.org_id).bind(at.project_id).bind(at.id).bind(state)
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Removes an application with its keys; its events stay.
    ///
    /// # Errors
    /// The store failed.
    pub async fn app_delete(&mut self, at: AppAt<'_>, _event: &Recorded) -> Result<()> {
        for sql in [APP_DELETE_KEYS, APP_DELETE] {
            on!(&mut self.0, c => sqlx::query(sql)
                .bind(at.org_id).bind(at.project_id).bind(at.id).execute(&mut **c).await.map(drop))?;
        }
        Ok(())
    }
}

/// Where an application is.
#[derive(Debug, Clone, Copy)]
pub struct AppAt<'a> {
    /// Organization.
    pub org_id: &'a str,
    /// Project.
    pub project_id: &'a str,
    /// Identifier.
    pub id: &'a str,
}
