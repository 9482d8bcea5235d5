//! Organizations.

use std::sync::Arc;

use buffa::MessageField;

use crate::api::adapter::details::{details, numbered};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddOrgRequest, AddOrgResponse, GetMyOrgRequest, GetMyOrgResponse, UpdateOrgRequest, UpdateOrgResponse,
};
use crate::proto::zitadel::org::v1::Org;
use crate::service::orgs::Orgs;
use crate::store::OrgRow;

/// RPCs of organizations.
pub fn routes(table: Resource<Orgs>) -> Resource<Orgs> {
    table.rpc("AddOrg", add_org).rpc("UpdateOrg", update_org).rpc("GetMyOrg", get_my_org)
}

async fn add_org(orgs: Arc<Orgs>, caller: Caller, request: AddOrgRequest) -> Result<AddOrgResponse> {
    let who = caller.admit(&request)?;
    let org = orgs.add_org(&who, &request.name).await?;
    Ok(AddOrgResponse { details: details(&org.id, &org.stamp), id: org.id })
}

async fn update_org(orgs: Arc<Orgs>, caller: Caller, request: UpdateOrgRequest) -> Result<UpdateOrgResponse> {
    let who = caller.admit(&request)?;
    let stamp = orgs.update_org(&who, &request.name).await?;
    Ok(UpdateOrgResponse { details: details(&who.org_id, &stamp) })
}

/// The gate refuses calls for an unknown organization; this one has just gone.
async fn get_my_org(orgs: Arc<Orgs>, caller: Caller, request: GetMyOrgRequest) -> Result<GetMyOrgResponse> {
    let who = caller.admit(&request)?;
    let org = orgs.org(&who).await?;
    let org = org.ok_or_else(|| Error::not_found("QUERY-leq5Q", "Organisation not found"))?;
    Ok(GetMyOrgResponse { org: MessageField::some(message(org)) })
}

fn message(row: OrgRow) -> Org {
    Org {
        details: details(&row.id, &row.stamp),
        id: row.id,
        state: numbered(row.state),
        name: row.name,
        primary_domain: row.primary_domain,
    }
}
