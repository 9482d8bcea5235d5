//! User grants.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::fields::{page, text_filter};
use crate::api::adapter::details::{details, list_details, numbered};
use crate::api::adapter::filters::Budget;
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddUserGrantRequest, AddUserGrantResponse, BulkRemoveUserGrantRequest, BulkRemoveUserGrantResponse,
    DeactivateUserGrantRequest, DeactivateUserGrantResponse, GetUserGrantByIDRequest, GetUserGrantByIDResponse,
    ListUserGrantRequest, ListUserGrantResponse, ReactivateUserGrantRequest, ReactivateUserGrantResponse,
    RemoveUserGrantRequest, RemoveUserGrantResponse, UpdateUserGrantRequest, UpdateUserGrantResponse,
};
use crate::proto::zitadel::user::v1::__buffa::oneof::user_grant_query::Query;
use crate::proto::zitadel::user::v1::{Type, UserGrant, UserGrantQuery};
use crate::service::user_grants::{NewUserGrant, UserGrants};
use crate::store::{GrantFilter, GrantRow, names};

/// RPCs of user grants.
pub fn routes(table: Resource<UserGrants>) -> Resource<UserGrants> {
    table
        .rpc("AddUserGrant", add_user_grant)
        .rpc("GetUserGrantByID", get_user_grant_by_id)
        .rpc("ListUserGrants", list_user_grants)
        .rpc("UpdateUserGrant", update_user_grant)
        .rpc("DeactivateUserGrant", deactivate_user_grant)
        .rpc("ReactivateUserGrant", reactivate_user_grant)
        .rpc("RemoveUserGrant", remove_user_grant)
        .rpc("BulkRemoveUserGrant", bulk_remove_user_grant)
}

async fn add_user_grant(
    grants: Arc<UserGrants>,
    caller: Caller,
    request: AddUserGrantRequest,
) -> Result<AddUserGrantResponse> {
    let who = caller.admit(&request)?;
    let new = NewUserGrant {
        user_id: &request.user_id,
        project_id: &request.project_id,
        project_grant_id: &request.project_grant_id,
        role_keys: &request.role_keys,
    };
    let grant = grants.add_user_grant(&who, new).await?;
    Ok(AddUserGrantResponse { details: details(&who.org_id, &grant.stamp), user_grant_id: grant.id })
}

/// The user in the path is not compared.
async fn get_user_grant_by_id(
    grants: Arc<UserGrants>,
    caller: Caller,
    request: GetUserGrantByIDRequest,
) -> Result<GetUserGrantByIDResponse> {
    let who = caller.admit(&request)?;
    let row = grants.user_grant(&who, &request.grant_id).await?;
    let row = row.ok_or_else(|| Error::not_found("QUERY-wIPkA", "User grant not found"))?;
    Ok(GetUserGrantByIDResponse { user_grant: MessageField::some(message(row)?) })
}

async fn list_user_grants(
    grants: Arc<UserGrants>,
    caller: Caller,
    request: ListUserGrantRequest,
) -> Result<ListUserGrantResponse> {
    let who = caller.admit(&request)?;
    let filters = filters(&request.queries)?;
    let list = grants.list_user_grants(&who, &filters, page(&request.query)).await?;
    Ok(ListUserGrantResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(message).collect::<Result<_>>()?,
    })
}

async fn update_user_grant(
    grants: Arc<UserGrants>,
    caller: Caller,
    request: UpdateUserGrantRequest,
) -> Result<UpdateUserGrantResponse> {
    let who = caller.admit(&request)?;
    let stamp = grants.update_user_grant(&who, &request.grant_id, &request.role_keys).await?;
    Ok(UpdateUserGrantResponse { details: details(&who.org_id, &stamp) })
}

async fn deactivate_user_grant(
    grants: Arc<UserGrants>,
    caller: Caller,
    request: DeactivateUserGrantRequest,
) -> Result<DeactivateUserGrantResponse> {
    let who = caller.admit(&request)?;
    let stamp = grants.deactivate_user_grant(&who, &request.grant_id).await?;
    Ok(DeactivateUserGrantResponse { details: details(&who.org_id, &stamp) })
}

async fn reactivate_user_grant(
    grants: Arc<UserGrants>,
    caller: Caller,
    request: ReactivateUserGrantRequest,
) -> Result<ReactivateUserGrantResponse> {
    let who = caller.admit(&request)?;
    let stamp = grants.reactivate_user_grant(&who, &request.grant_id).await?;
    Ok(ReactivateUserGrantResponse { details: details(&who.org_id, &stamp) })
}

async fn remove_user_grant(
    grants: Arc<UserGrants>,
    caller: Caller,
    request: RemoveUserGrantRequest,
) -> Result<RemoveUserGrantResponse> {
    let who = caller.admit(&request)?;
    let stamp = grants.remove_user_grant(&who, &request.grant_id).await?;
    Ok(RemoveUserGrantResponse { details: details(&who.org_id, &stamp) })
}

async fn bulk_remove_user_grant(
    grants: Arc<UserGrants>,
    caller: Caller,
    request: BulkRemoveUserGrantRequest,
) -> Result<BulkRemoveUserGrantResponse> {
    let who = caller.admit(&request)?;
    grants.bulk_remove(&who, &request.grant_id).await?;
    Ok(BulkRemoveUserGrantResponse {})
}

/// The filters of a request; code 3 for too many.
fn filters(queries: &[UserGrantQuery]) -> Result<Vec<GrantFilter>> {
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
        Query::ProjectGrantIdQuery(q) => GrantFilter::ProjectGrant(q.project_grant_id.clone()),
        Query::WithGrantedQuery(_) => GrantFilter::WithGranted,
        Query::UserTypeQuery(q) if q.r#type == Type::TYPE_MACHINE => return Ok(None),
        Query::UserTypeQuery(_) | Query::FirstNameQuery(_) | Query::LastNameQuery(_) | Query::EmailQuery(_) => {
            GrantFilter::Nothing
        }
    }))
}

/// A user grant as clients read it.
fn message(row: GrantRow) -> Result<UserGrant> {
    Ok(UserGrant {
        details: details(&row.org_id, &row.stamp),
        id: row.id,
        role_keys: names(&row.role_keys)?,
        state: numbered(row.state.number()),
        user_id: row.user_id,
        preferred_login_name: row.user_name.clone(),
        user_name: row.user_name,
        display_name: row.user_display,
        org_id: row.org_id,
        org_name: row.org_name,
        org_domain: row.org_domain,
        project_id: row.project_id,
        project_name: row.project_name,
        project_grant_id: row.project_grant_id.unwrap_or_default(),
        user_type: EnumValue::from(Type::TYPE_MACHINE),
        granted_org_id: row.user_org_id,
        granted_org_name: row.user_org_name,
        granted_org_domain: row.user_org_domain,
        ..UserGrant::default()
    })
}
