//! Members: users with built-in roles in the instance, an organization or a project.

use sqlx::{Database, Encode, QueryBuilder, Type};

use super::filter::push_any_of;
use super::lists::{ListRow, Source, paged};
use super::{AggregateKind, Listed, MemberRow, Page, ProjectAt, Recorded, Result, Store, Tx, on};

/// For what a membership gives roles.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// The whole server.
    Instance,
    /// An organization.
    Org(&'a str),
    /// A project of an organization.
    Project(ProjectAt<'a>),
}

impl<'a> Scope<'a> {
    /// Owner, number and object as the table has them.
    fn key(self) -> (&'a str, i64, &'a str) {
        match self {
            Self::Instance => ("", 0, ""),
            Self::Org(id) => (id, 1, id),
            Self::Project(project) => (project.org_id, 2, project.id),
        }
    }
}

macro_rules! base {
    () => {
        "SELECT m.user_id AS id, m.roles, m.sequence, m.created_at, m.changed_at, u.org_id AS user_org_id, \
         u.user_name, u.name FROM memberships m JOIN users u ON u.id = m.user_id WHERE "
    };
}

pub(super) const MEMBER_BY_ID: &str =
    concat!(base!(), "m.org_id = $1 AND m.scope = $2 AND m.object_id = $3 AND m.user_id = $4");
pub(super) const MEMBER_INSERT: &str = "INSERT INTO memberships \
     (org_id, scope, object_id, user_id, roles, sequence, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
pub(super) const MEMBER_UPDATE: &str = "UPDATE memberships SET roles = $5, sequence = $6, changed_at = $7 \
     WHERE org_id = $1 AND scope = $2 AND object_id = $3 AND user_id = $4";
pub(super) const MEMBER_DELETE: &str =
    "DELETE FROM memberships WHERE org_id = $1 AND scope = $2 AND object_id = $3 AND user_id = $4";
pub(super) const MEMBERSHIPS_OF: &str = "SELECT COUNT(*) FROM memberships WHERE user_id = $1 AND org_id = $2";
pub(super) const USER_EXISTS: &str = "SELECT org_id FROM users WHERE id = $1";

impl Store {
    /// Whether any organization has this user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_exists(&self, id: &str) -> Result<bool> {
        let found =
            on!(&self.read, c => sqlx::query_scalar::<_, String>(USER_EXISTS).bind(id).fetch_optional(c).await)?;
        Ok(found.is_some())
    }

    /// Members of a project; with `user_ids`, only these.
    ///
    /// # Errors
    /// The store failed.
    pub async fn project_members(
        &self,
        project: ProjectAt<'_>,
        user_ids: Option<&[String]>,
        page: Page,
    ) -> Result<Listed<MemberRow>> {
        let rows: Vec<ListRow<MemberRow>> =
            on!(&self.read, c => search(project, user_ids, page).build_query_as().fetch_all(c).await)?;
        Ok(rows.into())
    }
}

fn search<DB>(project: ProjectAt<'_>, user_ids: Option<&[String]>, page: Page) -> QueryBuilder<DB>
where
    DB: Database,
    DB::Arguments: Default,
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new(concat!("WITH f AS (", base!(), "m.scope = 2 AND m.org_id = "));
    query.push_bind(project.org_id.to_owned()).push(" AND m.object_id = ").push_bind(project.id.to_owned());
    if let Some(user_ids) = user_ids {
        query.push(" AND ");
        push_any_of(&mut query, "m.user_id", user_ids);
    }
    let source = Source { org_id: project.org_id, kind: AggregateKind::Project, id: Some(project.id) };
    paged(&mut query, source, "created_at", page);
    query
}

impl Tx {
    /// Whether any organization has this user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_exists(&mut self, id: &str) -> Result<bool> {
        let found = on!(&mut self.0, c => sqlx::query_scalar::<_, String>(USER_EXISTS)
            .bind(id).fetch_optional(&mut **c).await)?;
        Ok(found.is_some())
    }

    /// A member as the transaction sees it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn member_by_id(&mut self, scope: Scope<'_>, user_id: &str) -> Result<Option<MemberRow>> {
        let (org_id, number, object_id) = scope.key();
        Ok(on!(&mut self.0, c => sqlx::query_as(MEMBER_BY_ID)
            .bind(org_id).bind(number).bind(object_id).bind(user_id).fetch_optional(&mut **c).await)?)
    }

    /// How many memberships a user has in an organization and its projects.
    ///
    /// # Errors
    /// The store failed.
    pub async fn memberships_of(&mut self, user_id: &str, org_id: &str) -> Result<i64> {
        Ok(on!(&mut self.0, c => sqlx::query_scalar(MEMBERSHIPS_OF)
            .bind(user_id).bind(org_id).fetch_one(&mut **c).await)?)
    }

    /// Gives a user roles.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when it is a member there already.
    pub async fn member_insert(
        &mut self,
        scope: Scope<'_>,
        user_id: &str,
        roles: &[&str],
        event: &Recorded,
    ) -> Result<()> {
        self.member_write(MEMBER_INSERT, scope, user_id, roles, event).await
    }

    /// Replaces the roles of a member.
    ///
    /// # Errors
    /// The store failed.
    pub async fn member_update(
        &mut self,
        scope: Scope<'_>,
        user_id: &str,
        roles: &[&str],
        event: &Recorded,
    ) -> Result<()> {
        self.member_write(MEMBER_UPDATE, scope, user_id, roles, event).await
    }

    async fn member_write(
        &mut self,
        sql: &'static str,
        scope: Scope<'_>,
        user_id: &str,
        roles: &[&str],
        event: &Recorded,
    ) -> Result<()> {
        let (org_id, number, object_id) = scope.key();
        on!(&mut self.0, c => sqlx::query(sql)
            .bind(org_id).bind(number).bind(object_id).bind(user_id).bind(roles.join(" "))
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Ends a membership.
    ///
    /// # Errors
    /// The store failed.
    pub async fn member_delete(&mut self, scope: Scope<'_>, user_id: &str, _event: &Recorded) -> Result<()> {
        let (org_id, number, object_id) = scope.key();
        on!(&mut self.0, c => sqlx::query(MEMBER_DELETE)
            .bind(org_id).bind(number).bind(object_id).bind(user_id).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}
