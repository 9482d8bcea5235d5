//! Memberships of one user, in whatever places.

use sqlx::FromRow;

use super::builder::QueryBuilder;
use super::lists::newest_of_rows;
use super::{Listed, Page, Result, Stamp, Store};

/// A membership with what it is in.
#[derive(Debug, Clone, FromRow)]
pub struct MembershipRow {
    /// The user.
    pub user_id: String,
    /// 0 instance, 1 organization, 2 project, 3 project grant.
    pub scope: i64,
    /// The organization, project or project grant; empty for the instance.
    pub id: String,
    /// The organization that owns the membership: of a project grant the one that gives it; empty for the instance.
    pub owner_id: String,
    /// Name of the organization or project; empty for the instance.
    pub display_name: String,
    /// Role names as a JSON list.
    pub roles: String,
    /// Sequence and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

/// A condition on a membership.
#[derive(Debug, Clone)]
pub enum MembershipFilter {
    /// Of the instance.
    Instance,
    /// Of this organization.
    Org(String),
    /// Of this project.
    Project(String),
    /// Of this project grant.
    Grant(String),
}

/// Kind by kind: organizations, the instance, projects, project grants.
macro_rules! base {
    () => {
        "WITH f AS (SELECT m.user_id, m.scope, \
         CASE m.scope WHEN 1 THEN 0 WHEN 0 THEN 1 ELSE m.scope END AS kind_order, m.object_id AS id, \
         coalesce(g.org_id, m.org_id) AS owner_id, coalesce(p.name, o.name, '') AS display_name, m.roles, m.sequence, \
         m.created_at, m.changed_at FROM memberships m \
         LEFT JOIN organizations o ON m.scope = 1 AND o.id = m.org_id \
         LEFT JOIN project_grants g ON g.id = m.of_grant \
         LEFT JOIN projects p ON p.org_id = coalesce(g.org_id, m.org_id) AND p.id = coalesce(g.project_id, m.of_project) \
         WHERE m.user_id = "
    };
}

impl Store {
    /// Memberships of a user; with `owner`, only those that this organization or the instance owns.
    pub async fn memberships(
        &self,
        user_id: &str,
        owner: Option<&str>,
        filters: &[MembershipFilter],
        page: Page,
    ) -> Result<Listed<MembershipRow>> {
        let mut query = self.builder(base!());
        query.bind(user_id);
        if let Some(owner) = owner {
            query.push(" AND coalesce(g.org_id, m.org_id) IN ('', ").bind(owner).push(")");
        }
        for filter in filters {
            push(query.push(" AND "), filter);
        }
        newest_of_rows(&mut query, "kind_order", page);
        self.list(&query.build(filters.is_empty())).await
    }
}

fn push<'a>(query: &mut QueryBuilder<'a>, filter: &'a MembershipFilter) {
    match filter {
        MembershipFilter::Instance => query.push("m.scope = 0"),
        MembershipFilter::Org(id) => query.push("m.scope = 1 AND m.object_id = ").bind(id),
        MembershipFilter::Project(id) => query.push("m.scope = 2 AND m.object_id = ").bind(id),
        MembershipFilter::Grant(id) => query.push("m.scope = 3 AND m.object_id = ").bind(id),
    };
}
