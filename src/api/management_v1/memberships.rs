//! Memberships of a user, in whatever places.

use std::sync::Arc;

use super::fields::page;
use crate::api::adapter::details::{details, list_details};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::management::v1::{ListUserMembershipsRequest, ListUserMembershipsResponse};
use crate::proto::zitadel::user::v1::__buffa::oneof::membership::Type;
use crate::proto::zitadel::user::v1::__buffa::oneof::membership_query::Query;
use crate::proto::zitadel::user::v1::{Membership, MembershipQuery};
use crate::service::memberships::{MembershipList, Memberships};
use crate::store::{MembershipFilter, MembershipRow, names};

/// Name of the instance.
const INSTANCE: &str = "ZITADEL";

/// RPCs of memberships.
pub fn routes(table: Resource<Memberships>) -> Resource<Memberships> {
    table.rpc("ListUserMemberships", list_user_memberships)
}

async fn list_user_memberships(
    memberships: Arc<Memberships>,
    caller: Caller,
    request: ListUserMembershipsRequest,
) -> Result<ListUserMembershipsResponse> {
    let who = caller.admit(&request)?;
    let (filters, page) = (filters(&request.queries), page(&request.query));
    let found = memberships.list_user_memberships(&who, &request.user_id, &filters, page).await?;
    Ok(ListUserMembershipsResponse { details: list_details(&found.list), result: messages(found)? })
}

/// The filters of a request. What the query of the instance says of it does not matter.
pub fn filters(queries: &[MembershipQuery]) -> Vec<MembershipFilter> {
    let queries = queries.iter().filter_map(|q| q.query.as_ref());
    queries
        .map(|query| match query {
            Query::OrgQuery(q) => MembershipFilter::Org(q.org_id.clone()),
            Query::ProjectQuery(q) => MembershipFilter::Project(q.project_id.clone()),
            Query::ProjectGrantQuery(q) => MembershipFilter::Grant(q.project_grant_id.clone()),
            Query::IamQuery(_) => MembershipFilter::Instance,
        })
        .collect()
}

/// Memberships as clients read them.
pub fn messages(found: MembershipList) -> Result<Vec<Membership>> {
    let instance = found.instance_id;
    found.list.rows.into_iter().map(|row| message(&instance, row)).collect()
}

/// A membership as clients read it.
fn message(instance: &str, row: MembershipRow) -> Result<Membership> {
    let (kind, name, owner) = match row.scope {
        0 => (Type::Iam(true), INSTANCE, instance),
        1 => (Type::OrgId(row.id), row.display_name.as_str(), row.owner_id.as_str()),
        2 => (Type::ProjectId(row.id), row.display_name.as_str(), row.owner_id.as_str()),
        _ => (Type::ProjectGrantId(row.id), row.display_name.as_str(), row.owner_id.as_str()),
    };
    Ok(Membership {
        user_id: row.user_id,
        details: details(owner, &row.stamp),
        roles: names(&row.roles)?,
        display_name: name.to_owned(),
        r#type: Some(kind),
    })
}
