//! User grants: the roles of a project that a user has.

use sqlx::{Database, Encode, QueryBuilder, Type};

use super::filter::{fold, push_any_of};
use super::lists::{ListRow, Source, paged};
use super::{
    AggregateKind, GrantRow, Listed, Page, ProjectAt, Recorded, Result, Store, StoreError, TextFilter, Tx, on,
};

/// A condition on a user grant.
#[derive(Debug, Clone)]
pub enum GrantFilter {
    /// Of this project.
    Project(String),
    /// Of one of these users.
    Users(Vec<String>),
    /// With a role whose key is so.
    RoleKey(TextFilter),
    /// On the login name of the user.
    UserName(TextFilter),
    /// On the display name of the user.
    DisplayName(TextFilter),
    /// On the name of the organization.
    OrgName(TextFilter),
    /// On the primary domain of the organization.
    OrgDomain(TextFilter),
    /// On the name of the project.
    ProjectName(TextFilter),
    /// On what no grant here has, such as an e-mail address of its user.
    Nothing,
}

/// A new user grant.
#[derive(Debug)]
pub struct GrantInsert<'a> {
    /// Organization.
    pub org_id: &'a str,
    /// Identifier.
    pub id: &'a str,
    /// The user, of whatever organization.
    pub user_id: &'a str,
    /// A project of the organization.
    pub project_id: &'a str,
    /// Keys of its roles.
    pub role_keys: &'a [String],
}

/// Which grants follow the removal of something.
#[derive(Debug, Clone, Copy)]
pub enum GrantsOf<'a> {
    /// Of a user, in all organizations.
    User(&'a str),
    /// Of a project.
    Project(ProjectAt<'a>),
}

macro_rules! base {
    () => {
        "SELECT g.id, g.org_id, g.user_id, g.project_id, g.role_keys, g.state, g.sequence, g.created_at, g.changed_at, \
         u.user_name, u.user_name_folded, u.name AS user_display, u.name_folded AS user_display_folded, \
         o.name AS org_name, o.name_folded AS org_name_folded, o.primary_domain AS org_domain, \
         o.primary_domain AS org_domain_folded, p.name AS project_name, p.name_folded AS project_name_folded, \
         w.id AS user_org_id, w.name AS user_org_name, w.primary_domain AS user_org_domain \
         FROM user_grants g JOIN users u ON u.id = g.user_id JOIN organizations o ON o.id = g.org_id \
         JOIN projects p ON p.org_id = g.org_id AND p.id = g.project_id \
         JOIN organizations w ON w.id = u.org_id WHERE g.org_id = "
    };
}

pub(super) const GRANT_BY_ID: &str = concat!(base!(), "$1 AND g.id = $2");
pub(super) const GRANT_INSERT: &str = "INSERT INTO user_grants \
     (org_id, id, user_id, project_id, role_keys, state, sequence, created_at, changed_at) \
     VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $7)";
pub(super) const GRANT_SET_KEYS: &str =
    "UPDATE user_grants SET role_keys = $3, sequence = $4, changed_at = $5 WHERE org_id = $1 AND id = $2";
pub(super) const GRANT_SET_STATE: &str =
    "UPDATE user_grants SET state = $3, sequence = $4, changed_at = $5 WHERE org_id = $1 AND id = $2";
pub(super) const GRANT_DELETE: &str = "DELETE FROM user_grants WHERE org_id = $1 AND id = $2";
pub(super) const GRANT_ROLE_INSERT: &str =
    "INSERT INTO user_grant_roles (org_id, grant_id, role_key, role_key_folded) VALUES ($1, $2, $3, $4)";
pub(super) const GRANT_ROLES_DELETE: &str = "DELETE FROM user_grant_roles WHERE org_id = $1 AND grant_id = $2";
// In one order everywhere, so that two removals never wait for each other.
pub(super) const GRANTS_OF_USER: &str =
    "SELECT org_id, id, role_keys FROM user_grants WHERE user_id = $1 ORDER BY org_id, id";
pub(super) const GRANTS_OF_PROJECT: &str =
    "SELECT org_id, id, role_keys FROM user_grants WHERE org_id = $1 AND project_id = $2 ORDER BY org_id, id";

/// Role keys as stored.
///
/// # Errors
/// The stored text is no list.
pub fn role_keys(stored: &str) -> Result<Vec<String>> {
    serde_json::from_str(stored).map_err(|_| StoreError::Inconsistent("role keys of a user grant"))
}

impl Store {
    /// A user grant of the organization.
    ///
    /// # Errors
    /// The store failed.
    pub async fn grant_by_id(&self, org_id: &str, id: &str) -> Result<Option<GrantRow>> {
        Ok(on!(&self.read, c => sqlx::query_as(GRANT_BY_ID).bind(org_id).bind(id).fetch_optional(c).await)?)
    }

    /// User grants of the organization that pass all filters.
    ///
    /// # Errors
    /// The store failed.
    pub async fn grant_search(&self, org_id: &str, filters: &[GrantFilter], page: Page) -> Result<Listed<GrantRow>> {
        let rows: Vec<ListRow<GrantRow>> =
            on!(&self.read, c => search(org_id, filters, page).build_query_as().fetch_all(c).await)?;
        Ok(rows.into())
    }
}

fn search<DB>(org_id: &str, filters: &[GrantFilter], page: Page) -> QueryBuilder<DB>
where
    DB: Database,
    DB::Arguments: Default,
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new(concat!("WITH f AS (SELECT * FROM (", base!()));
    query.push_bind(org_id.to_owned()).push(") b WHERE 1 = 1");
    for filter in filters {
        query.push(" AND ");
        push(&mut query, filter);
    }
    paged(&mut query, Source { org_id, kind: AggregateKind::UserGrant, id: None }, "id", page);
    query
}

fn push<DB>(query: &mut QueryBuilder<DB>, filter: &GrantFilter)
where
    DB: Database,
    String: for<'q> Encode<'q, DB> + Type<DB>,
{
    match filter {
        GrantFilter::Project(id) => {
            query.push("project_id = ").push_bind(id.clone());
        }
        GrantFilter::Users(ids) => push_any_of(query, "user_id", ids),
        GrantFilter::RoleKey(text) => {
            query.push("EXISTS (SELECT 1 FROM user_grant_roles r WHERE r.org_id = b.org_id AND r.grant_id = b.id AND ");
            text.push(query, "r.role_key");
            query.push(")");
        }
        GrantFilter::UserName(text) => text.push(query, "user_name"),
        GrantFilter::DisplayName(text) => text.push(query, "user_display"),
        GrantFilter::OrgName(text) => text.push(query, "org_name"),
        GrantFilter::OrgDomain(text) => text.push(query, "org_domain"),
        GrantFilter::ProjectName(text) => text.push(query, "project_name"),
        GrantFilter::Nothing => {
            query.push("1 = 0");
        }
    }
}

impl Tx {
    /// A user grant as the transaction sees it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn grant_by_id(&mut self, org_id: &str, id: &str) -> Result<Option<GrantRow>> {
        Ok(on!(&mut self.0, c => sqlx::query_as(GRANT_BY_ID).bind(org_id).bind(id).fetch_optional(&mut **c).await)?)
    }

    /// A new, active user grant.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the user has one in this project.
    pub async fn grant_insert(&mut self, grant: &GrantInsert<'_>, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(GRANT_INSERT)
            .bind(grant.org_id).bind(grant.id).bind(grant.user_id).bind(grant.project_id)
            .bind(json(grant.role_keys)).bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        self.grant_roles(grant.org_id, grant.id, grant.role_keys).await
    }

    /// Replaces the role keys of a grant.
    ///
    /// # Errors
    /// The store failed.
    pub async fn grant_set_keys(&mut self, org_id: &str, id: &str, keys: &[String], event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(GRANT_SET_KEYS)
            .bind(org_id).bind(id).bind(json(keys)).bind(event.sequence).bind(event.at)
            .execute(&mut **c).await.map(drop))?;
        self.grant_roles(org_id, id, keys).await
    }

    /// Sets the state of a grant.
    ///
    /// # Errors
    /// The store failed.
    pub async fn grant_set_state(&mut self, org_id: &str, id: &str, state: i64, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(GRANT_SET_STATE)
            .bind(org_id).bind(id).bind(state).bind(event.sequence).bind(event.at)
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Removes a grant.
    ///
    /// # Errors
    /// The store failed.
    pub async fn grant_delete(&mut self, org_id: &str, id: &str, _event: &Recorded) -> Result<()> {
        for sql in [GRANT_ROLES_DELETE, GRANT_DELETE] {
            on!(&mut self.0, c => sqlx::query(sql).bind(org_id).bind(id).execute(&mut **c).await.map(drop))?;
        }
        Ok(())
    }

    /// Grants that follow a removal: organization, id and role keys of each.
    ///
    /// # Errors
    /// The store failed.
    pub async fn grants_of(&mut self, whose: GrantsOf<'_>) -> Result<Vec<(String, String, String)>> {
        Ok(on!(&mut self.0, c => match whose {
            GrantsOf::User(id) => sqlx::query_as(GRANTS_OF_USER).bind(id).fetch_all(&mut **c).await,
            GrantsOf::Project(at) => {
                sqlx::query_as(GRANTS_OF_PROJECT).bind(at.org_id).bind(at.id).fetch_all(&mut **c).await
            }
        })?)
    }

    async fn grant_roles(&mut self, org_id: &str, id: &str, keys: &[String]) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(GRANT_ROLES_DELETE).bind(org_id).bind(id).execute(&mut **c).await.map(drop))?;
        for key in keys {
            on!(&mut self.0, c => sqlx::query(GRANT_ROLE_INSERT)
                .bind(org_id).bind(id).bind(key).bind(fold(key)).execute(&mut **c).await.map(drop))?;
        }
        Ok(())
    }
}

fn json(keys: &[String]) -> String {
    serde_json::Value::from(keys).to_string()
}
