//! Filters and order of user lists.

use buffa::EnumValue;

use super::fields::text_filter;
use crate::api::adapter::filters::Budget;
use crate::error::Result;
use crate::proto::zitadel::user::v1::__buffa::oneof::search_query::Query;
use crate::proto::zitadel::user::v1::{SearchQuery, UserFieldName};
use crate::store::{UserFilter, UserOrder};

/// The filters of a request.
///
/// # Errors
/// `USER-zsQ97` nested too deeply; code 3 for too many.
pub fn filters(queries: &[SearchQuery]) -> Result<Vec<UserFilter>> {
    let mut budget = Budget::default();
    queries.iter().map(|query| filter(query, 1, &mut budget)).collect()
}

fn filter(query: &SearchQuery, depth: usize, budget: &mut Budget) -> Result<UserFilter> {
    budget.nested(depth)?;
    let mut all = |queries: &[SearchQuery]| queries.iter().map(|q| filter(q, depth + 1, budget)).collect::<Result<_>>();
    // The field rules want one of them to be set.
    Ok(match query.query.as_ref() {
        Some(Query::UserNameQuery(q)) => UserFilter::UserName(text_filter(q.method, &q.user_name)),
        // Without a domain policy the login name is the user name.
        Some(Query::LoginNameQuery(q)) => UserFilter::UserName(text_filter(q.method, &q.login_name)),
        Some(Query::DisplayNameQuery(q)) => UserFilter::Name(text_filter(q.method, &q.display_name)),
        Some(Query::StateQuery(q)) => UserFilter::State(i64::from(q.state.to_i32())),
        Some(Query::TypeQuery(q)) => UserFilter::Kind(i64::from(q.r#type.to_i32())),
        Some(Query::InUserIdsQuery(q)) => {
            budget.values(q.user_ids.len())?;
            UserFilter::Ids(q.user_ids.clone())
        }
        Some(Query::OrQuery(q)) => UserFilter::Or(all(&q.queries)?),
        Some(Query::AndQuery(q)) => UserFilter::And(all(&q.queries)?),
        Some(Query::NotQuery(q)) => match q.query.as_option() {
            Some(inner) => UserFilter::Not(Box::new(filter(inner, depth + 1, budget)?)),
            None => UserFilter::And(Vec::new()),
        },
        // What only people have.
        Some(
            Query::FirstNameQuery(_)
            | Query::LastNameQuery(_)
            | Query::NickNameQuery(_)
            | Query::EmailQuery(_)
            | Query::InUserEmailsQuery(_),
        )
        | None => UserFilter::Nothing,
    })
}

/// The order of a request; what machines do not have sorts as creation does.
pub fn order(column: EnumValue<UserFieldName>) -> UserOrder {
    match column.as_known() {
        Some(UserFieldName::USER_FIELD_NAME_USER_NAME) => UserOrder::UserName,
        Some(UserFieldName::USER_FIELD_NAME_DISPLAY_NAME) => UserOrder::Name,
        Some(UserFieldName::USER_FIELD_NAME_STATE) => UserOrder::State,
        _ => UserOrder::Created,
    }
}
