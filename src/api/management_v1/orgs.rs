//! Organizations.

use std::sync::Arc;

use buffa::MessageField;

use super::changes;
use super::fields::change_page;
use crate::api::adapter::details::{details, numbered};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddOrgRequest, AddOrgResponse, DeactivateOrgRequest, DeactivateOrgResponse, GetMyOrgRequest, GetMyOrgResponse,
    GetOrgByDomainGlobalRequest, GetOrgByDomainGlobalResponse, ListOrgChangesRequest, ListOrgChangesResponse,
    ReactivateOrgRequest, ReactivateOrgResponse, RemoveOrgRequest, RemoveOrgResponse, UpdateOrgRequest,
    UpdateOrgResponse,
};
use crate::proto::zitadel::org::v1::Org;
use crate::service::orgs::{NewOrg, Orgs, Owner};
use crate::service::removal::Removal;
use crate::store::{OrgRow, OrgState};

/// RPCs of organizations.
pub fn routes(table: Resource<Orgs>) -> Resource<Orgs> {
    table
        .rpc("AddOrg", add_org)
        .rpc("UpdateOrg", update_org)
        .rpc("DeactivateOrg", deactivate_org)
        .rpc("ReactivateOrg", reactivate_org)
        .rpc("GetMyOrg", get_my_org)
        .rpc("GetOrgByDomainGlobal", get_org_by_domain_global)
        .rpc("ListOrgChanges", list_org_changes)
}

/// RPCs that remove organizations.
pub fn removal_routes(table: Resource<Removal>) -> Resource<Removal> {
    table.rpc("RemoveOrg", remove_org)
}

async fn add_org(orgs: Arc<Orgs>, caller: Caller, request: AddOrgRequest) -> Result<AddOrgResponse> {
    let who = caller.admit(&request)?;
    // Who adds it becomes its owner; a user that has just gone is nobody any more.
    let owner = Owner { user_id: &who.user_id, roles: &[] };
    let new = NewOrg { id: None, name: &request.name, owners: &[owner] };
    let org = orgs.add_org(&who, new).await.map_err(gone)?;
    Ok(AddOrgResponse { details: details(&org.id, &org.stamp), id: org.id })
}

fn gone(error: Error) -> Error {
    match error.id {
        "ORG-GoXOn" => Error::unauthenticated("AUTH-7fs1e", "Errors.Token.Invalid"),
        _ => error,
    }
}

async fn update_org(orgs: Arc<Orgs>, caller: Caller, request: UpdateOrgRequest) -> Result<UpdateOrgResponse> {
    let who = caller.admit_anyway(&request)?;
    let stamp = orgs.update_org(&who, &request.name).await?;
    Ok(UpdateOrgResponse { details: details(&who.org_id, &stamp) })
}

/// The gate refuses calls for an organization that never was; one that has been removed is shown without a state.
async fn get_my_org(orgs: Arc<Orgs>, caller: Caller, request: GetMyOrgRequest) -> Result<GetMyOrgResponse> {
    let who = caller.admit_anyway(&request)?;
    let org = orgs.org(&who).await?;
    let org = org.ok_or_else(|| Error::not_found("QUERY-leq5Q", "Organisation not found"))?;
    Ok(GetMyOrgResponse { org: MessageField::some(message(org)) })
}

async fn deactivate_org(
    orgs: Arc<Orgs>,
    caller: Caller,
    request: DeactivateOrgRequest,
) -> Result<DeactivateOrgResponse> {
    let who = caller.admit_anyway(&request)?;
    let stamp = orgs.deactivate_org(&who).await?;
    Ok(DeactivateOrgResponse { details: details(&who.org_id, &stamp) })
}

async fn reactivate_org(
    orgs: Arc<Orgs>,
    caller: Caller,
    request: ReactivateOrgRequest,
) -> Result<ReactivateOrgResponse> {
    let who = caller.admit_anyway(&request)?;
    let stamp = orgs.reactivate_org(&who).await?;
    Ok(ReactivateOrgResponse { details: details(&who.org_id, &stamp) })
}

/// The server itself is told as the owner, for it owns the organizations.
async fn remove_org(removal: Arc<Removal>, caller: Caller, request: RemoveOrgRequest) -> Result<RemoveOrgResponse> {
    let who = caller.admit_anyway(&request)?;
    let removed = removal.remove_org(&who, &who.org_id).await?;
    Ok(RemoveOrgResponse { details: details(&removed.owner_id, &removed.value) })
}

async fn get_org_by_domain_global(
    orgs: Arc<Orgs>,
    caller: Caller,
    request: GetOrgByDomainGlobalRequest,
) -> Result<GetOrgByDomainGlobalResponse> {
    let who = caller.admit(&request)?;
    let org = orgs.org_by_domain(&who, &request.domain).await?;
    let org = org.ok_or_else(|| Error::not_found("QUERY-iTTGJ", "Organisation not found"))?;
    Ok(GetOrgByDomainGlobalResponse { org: MessageField::some(message(org)) })
}

async fn list_org_changes(
    orgs: Arc<Orgs>,
    caller: Caller,
    request: ListOrgChangesRequest,
) -> Result<ListOrgChangesResponse> {
    let who = caller.admit_anyway(&request)?;
    let rows = orgs.list_org_changes(&who, change_page(&request.query)).await?;
    Ok(ListOrgChangesResponse { result: changes::messages(&who.org_id, rows) })
}

/// A removed organization has no state (contract, messages: Org).
pub fn message(row: OrgRow) -> Org {
    let state = if row.state == OrgState::Removed { 0 } else { row.state.number() };
    Org {
        details: details(&row.id, &row.stamp),
        id: row.id,
        state: numbered(state),
        name: row.name,
        primary_domain: row.primary_domain,
    }
}
