//! Lists of user grants.

use super::builder::QueryBuilder;
use super::filter::push_any_of;
use super::lists::{Source, newest_of_rows, paged};
use super::user_grants::base;
use super::{AggregateKind, GrantRow, Listed, Page, Result, Store, TextFilter, UserAt};

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
    /// Through this project grant; empty for none.
    ProjectGrant(String),
    /// Those in projects of the organization that other organizations give, too.
    WithGranted,
    /// On what no grant here has, such as an e-mail address of its user.
    Nothing,
}

impl Store {
    /// User grants of the organization that pass all filters.
    pub async fn grant_search(&self, org_id: &str, filters: &[GrantFilter], page: Page) -> Result<Listed<GrantRow>> {
        let mut query = self.builder(concat!("WITH f AS (SELECT * FROM (", base!()));
        query.push("(g.org_id = ").bind(org_id);
        if filters.iter().any(|filter| matches!(filter, GrantFilter::WithGranted)) {
            query.push(" OR g.project_org_id = ").bind(org_id);
        }
        query.push(")) b WHERE 1 = 1");
        for filter in filters {
            push(query.push(" AND "), filter);
        }
        paged(&mut query, Source { org_id, kind: AggregateKind::UserGrant, id: None }, "id", page);
        self.list(&query.build(filters.is_empty())).await
    }

    /// User grants of a user, in all organizations.
    pub async fn grants_of_user(&self, user: UserAt<'_>, page: Page) -> Result<Listed<GrantRow>> {
        let mut query = self.builder(concat!("WITH f AS (", base!(), "g.user_id = "));
        query.bind(user.id).push(" AND g.user_org_id = ").bind(user.org_id);
        newest_of_rows(&mut query, "id", page);
        self.list(&query.build(true)).await
    }
}

fn push<'a>(query: &mut QueryBuilder<'a>, filter: &'a GrantFilter) {
    match filter {
        GrantFilter::Project(id) => {
            query.push("project_id = ").bind(id);
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
        GrantFilter::ProjectGrant(id) if id.is_empty() => {
            query.push("project_grant_id IS NULL");
        }
        GrantFilter::ProjectGrant(id) => {
            query.push("project_grant_id = ").bind(id);
        }
        GrantFilter::WithGranted => {
            query.push("1 = 1");
        }
        GrantFilter::Nothing => {
            query.push("1 = 0");
        }
    }
}
