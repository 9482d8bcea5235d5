//! Lists of users, with filters that may be nested.

use sqlx::{Database, Encode, QueryBuilder, Type};

use super::filter::push_any_of;
use super::lists::{ListRow, Source, paged};
use super::users::columns;
use super::{AggregateKind, Listed, Page, Result, Store, TextFilter, UserRow, on};

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
            Self::UserName => "user_name",
            Self::Name => "name",
            Self::State => "state",
        }
    }
}

impl Store {
    /// Users of the organization that pass all filters.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_search(
        &self,
        org_id: &str,
        filters: &[UserFilter],
        order: UserOrder,
        page: Page,
    ) -> Result<Listed<UserRow>> {
        let rows: Vec<ListRow<UserRow>> = on!(&self.read, c => search(org_id, filters, order, page)
            .build_query_as().persistent(filters.is_empty()).fetch_all(c).await)?;
        Ok(rows.into())
    }
}

fn search<DB>(org_id: &str, filters: &[UserFilter], order: UserOrder, page: Page) -> QueryBuilder<DB>
where
    DB: Database,
    DB::Arguments: Default,
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new(concat!("WITH f AS (SELECT ", columns!(), " FROM users WHERE org_id = "));
    query.push_bind(org_id.to_owned());
    for filter in filters {
        query.push(" AND ");
        push(&mut query, filter);
    }
    let source = Source { org_id, kind: AggregateKind::User, id: None };
    paged(&mut query, source, order.column(), page);
    query
}

fn push<DB>(query: &mut QueryBuilder<DB>, filter: &UserFilter)
where
    DB: Database,
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
    match filter {
        UserFilter::UserName(text) => text.push(query, "user_name"),
        UserFilter::Name(text) => text.push(query, "name"),
        UserFilter::State(state) => {
            query.push("state = ").push_bind(*state);
        }
        UserFilter::Kind(kind) => {
            query.push("kind = ").push_bind(*kind);
        }
        UserFilter::Ids(ids) => push_any_of(query, "id", ids),
        UserFilter::Nothing => {
            query.push("1 = 0");
        }
        UserFilter::Or(inner) => join(query, inner, " OR ", "1 = 0"),
        UserFilter::And(inner) => join(query, inner, " AND ", "1 = 1"),
        UserFilter::Not(inner) => {
            query.push("NOT (");
            push(query, inner);
            query.push(")");
        }
    }
}

fn join<DB>(query: &mut QueryBuilder<DB>, filters: &[UserFilter], between: &str, none: &str)
where
    DB: Database,
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
{
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
