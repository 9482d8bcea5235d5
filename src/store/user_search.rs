//! Lists of users, with filters that may be nested.

use super::builder::QueryBuilder;
use super::filter::push_any_of;
use super::lists::{Source, living, paged, paged_everywhere};
use super::users::columns;
use super::{AggregateKind, Listed, Page, Result, SeenBy, Store, TextFilter, UserRow};

/// A condition on a user.
#[derive(Debug, Clone)]
pub enum UserFilter {
    /// On the login name.
    UserName(TextFilter),
    /// On the display name.
    Name(TextFilter),
    /// The number of its `UserState`.
    State(i64),
    /// The number of its `Type`.
    Kind(i64),
    /// One of these ids.
    Ids(Vec<String>),
    /// Its organization.
    Org(String),
    /// On what machine users do not have, such as an e-mail address.
    Nothing,
    /// One of these holds.
    Or(Vec<UserFilter>),
    /// All of these hold.
    And(Vec<UserFilter>),
    /// This does not hold.
    Not(Box<UserFilter>),
}

/// By what a list of users is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserOrder {
    /// Creation.
    Created,
    /// Identifier.
    Id,
    /// Login name.
    UserName,
    /// Display name.
    Name,
    /// State.
    State,
}

impl UserOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Id => "id",
            Self::UserName => "user_name",
            Self::Name => "name",
            Self::State => "state",
        }
    }
}

impl Store {
    /// Users of the organization that pass all filters.
    pub async fn user_search(
        &self,
        org_id: &str,
        filters: &[UserFilter],
        order: UserOrder,
        page: Page,
    ) -> Result<Listed<UserRow>> {
        let mut query = self.builder(concat!("WITH f AS (SELECT ", columns!(), " FROM users u WHERE org_id = "));
        query.bind(org_id);
        for filter in filters {
            push(query.push(" AND "), filter);
        }
        paged(&mut query, Source { org_id, kind: AggregateKind::User, id: None }, order.column(), page);
        self.list(&query.build(filters.is_empty())).await
    }

    /// Users of all organizations that pass all filters.
    pub async fn users_everywhere(
        &self,
        by: SeenBy<'_>,
        filters: &[UserFilter],
        order: UserOrder,
        page: Page,
    ) -> Result<Listed<UserRow>> {
        let begin =
            concat!("WITH f AS NOT MATERIALIZED (SELECT ", columns!(), " FROM users u WHERE ", living!("u"), " AND ");
        let mut query = self.builder(begin);
        by.push(&mut query, "org_id", "id");
        for filter in filters {
            push(query.push(" AND "), filter);
        }
        paged_everywhere(&mut query, order.column(), page);
        self.list(&query.build(filters.is_empty())).await
    }
}

fn push<'a>(query: &mut QueryBuilder<'a>, filter: &'a UserFilter) {
    match filter {
        UserFilter::UserName(text) => text.push(query, "user_name"),
        UserFilter::Name(text) => text.push(query, "name"),
        UserFilter::State(state) => {
            query.push("state = ").bind(*state);
        }
        UserFilter::Kind(kind) => {
            query.push("kind = ").bind(*kind);
        }
        UserFilter::Ids(ids) => push_any_of(query, "id", ids),
        UserFilter::Org(id) => {
            query.push("org_id = ").bind(id);
        }
        UserFilter::Nothing => {
            query.push("1 = 0");
        }
        UserFilter::Or(inner) => join(query, inner, " OR ", "1 = 0"),
        UserFilter::And(inner) => join(query, inner, " AND ", "1 = 1"),
        UserFilter::Not(inner) => {
            push(query.push("NOT ("), inner);
            query.push(")");
        }
    }
}

fn join<'a>(query: &mut QueryBuilder<'a>, filters: &'a [UserFilter], between: &'static str, none: &'static str) {
    query.push("(");
    if filters.is_empty() {
        query.push(none);
    }
    for (at, filter) in filters.iter().enumerate() {
        if at > 0 {
            query.push(between);
        }
        push(query, filter);
    }
    query.push(")");
}
