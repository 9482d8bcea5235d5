//! Filters and order of lists.

use buffa::EnumValue;

use crate::api::adapter::filters::{Budget, text_filter};
use crate::api::adapter::times::time_filter;
use crate::error::Result;
use crate::proto::zitadel::user::v2::__buffa::oneof::keys_search_filter::Filter as KeyFilter;
use crate::proto::zitadel::user::v2::__buffa::oneof::personal_access_tokens_search_filter::Filter as TokenFilter;
use crate::proto::zitadel::user::v2::__buffa::oneof::search_query::Query;
use crate::proto::zitadel::user::v2::{KeysSearchFilter, PersonalAccessTokensSearchFilter, SearchQuery, UserFieldName};
use crate::store::{CredentialFilter, CredentialOrder, UserFilter, UserOrder};

/// The filters of a list of users.
///
/// # Errors
/// `USER-zsQ97` nested too deeply; code 3 for too many, or for a list of ids without any.
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
        Some(Query::OrganizationIdQuery(q)) => UserFilter::Org(q.organization_id.clone()),
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
            | Query::PhoneQuery(_)
            | Query::InUserEmailsQuery(_),
        )
        | None => UserFilter::Nothing,
    })
}

/// The order of a list of users; by id where nothing is said that machines have.
pub fn order(column: EnumValue<UserFieldName>) -> UserOrder {
    match column.as_known() {
        Some(UserFieldName::USER_FIELD_NAME_USER_NAME) => UserOrder::UserName,
        Some(UserFieldName::USER_FIELD_NAME_DISPLAY_NAME) => UserOrder::Name,
        Some(UserFieldName::USER_FIELD_NAME_STATE) => UserOrder::State,
        Some(UserFieldName::USER_FIELD_NAME_CREATION_DATE) => UserOrder::Created,
        _ => UserOrder::Id,
    }
}

/// A filter of a list of keys; the field rules want it to say something.
pub fn key_filter(filter: &KeysSearchFilter) -> Option<CredentialFilter> {
    Some(match filter.filter.as_ref()? {
        KeyFilter::KeyIdFilter(f) => CredentialFilter::Id(f.id.clone()),
        KeyFilter::UserIdFilter(f) => CredentialFilter::User(f.id.clone()),
        KeyFilter::OrganizationIdFilter(f) => CredentialFilter::Org(f.id.clone()),
        KeyFilter::CreatedDateFilter(f) => CredentialFilter::Created(time_filter(f)),
        KeyFilter::ExpirationDateFilter(f) => CredentialFilter::Expires(time_filter(f)),
    })
}

/// As [`key_filter`], of a list of tokens.
pub fn token_filter(filter: &PersonalAccessTokensSearchFilter) -> Option<CredentialFilter> {
    Some(match filter.filter.as_ref()? {
        TokenFilter::TokenIdFilter(f) => CredentialFilter::Id(f.id.clone()),
        TokenFilter::UserIdFilter(f) => CredentialFilter::User(f.id.clone()),
        TokenFilter::OrganizationIdFilter(f) => CredentialFilter::Org(f.id.clone()),
        TokenFilter::CreatedDateFilter(f) => CredentialFilter::Created(time_filter(f)),
        TokenFilter::ExpirationDateFilter(f) => CredentialFilter::Expires(time_filter(f)),
    })
}

/// The order of either list: `KeyFieldName` and `PersonalAccessTokenFieldName` have the same numbers.
pub fn credential_order(column: Option<i32>) -> CredentialOrder {
    match column {
        Some(2) => CredentialOrder::Id,
        Some(3) => CredentialOrder::User,
        Some(4) => CredentialOrder::Org,
        Some(5) => CredentialOrder::Expires,
        _ => CredentialOrder::Created,
    }
}
