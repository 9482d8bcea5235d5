//! Filters of user grant lists.

use super::validate::{Budget, text_filter};
use crate::error::Result;
use crate::proto::zitadel::user::v1::__buffa::oneof::user_grant_query::Query;
use crate::proto::zitadel::user::v1::{Type, UserGrantQuery};
use crate::store::GrantFilter;

/// The filters of a request.
///
/// # Errors
/// Code 3 for too many.
pub fn filters(queries: &[UserGrantQuery]) -> Result<Vec<GrantFilter>> {
    let mut budget = Budget::default();
    // The field rules want each of them to be set.
    queries.iter().filter_map(|q| q.query.as_ref()).filter_map(|q| filter(q, &mut budget).transpose()).collect()
}

/// None for a query that every grant passes.
fn filter(query: &Query, budget: &mut Budget) -> Result<Option<GrantFilter>> {
    budget.query()?;
    Ok(Some(match query {
        Query::ProjectIdQuery(q) => GrantFilter::Project(q.project_id.clone()),
        Query::UserIdQuery(q) => GrantFilter::Users(vec![q.user_id.clone()]),
        Query::InUserIdsQuery(q) => {
            budget.values(q.in_user_ids.len())?;
            GrantFilter::Users(q.in_user_ids.clone())
        }
        Query::RoleKeyQuery(q) => GrantFilter::RoleKey(text_filter(q.method, &q.role_key)),
        Query::UserNameQuery(q) => GrantFilter::UserName(text_filter(q.method, &q.user_name)),
        Query::DisplayNameQuery(q) => GrantFilter::DisplayName(text_filter(q.method, &q.display_name)),
        Query::OrgNameQuery(q) => GrantFilter::OrgName(text_filter(q.method, &q.org_name)),
        Query::OrgDomainQuery(q) => GrantFilter::OrgDomain(text_filter(q.method, &q.org_domain)),
        Query::ProjectNameQuery(q) => GrantFilter::ProjectName(text_filter(q.method, &q.project_name)),
        // Projects are not granted to other organizations here, so no grant has such an id, and those
        // of the organization are all there are.
        Query::ProjectGrantIdQuery(q) if q.project_grant_id.is_empty() => return Ok(None),
        Query::WithGrantedQuery(_) => return Ok(None),
        Query::UserTypeQuery(q) if q.r#type == Type::TYPE_MACHINE => return Ok(None),
        Query::ProjectGrantIdQuery(_)
        | Query::UserTypeQuery(_)
        | Query::FirstNameQuery(_)
        | Query::LastNameQuery(_)
        | Query::EmailQuery(_) => GrantFilter::Nothing,
    }))
}
