//! Domains of organizations.

use std::sync::Arc;

use super::fields::{page, text_filter};
use crate::api::adapter::details::{details, list_details};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::management::v1::{
    AddOrgDomainRequest, AddOrgDomainResponse, GenerateOrgDomainValidationRequest, GenerateOrgDomainValidationResponse,
    ListOrgDomainsRequest, ListOrgDomainsResponse, RemoveOrgDomainRequest, RemoveOrgDomainResponse,
    SetPrimaryOrgDomainRequest, SetPrimaryOrgDomainResponse, ValidateOrgDomainRequest, ValidateOrgDomainResponse,
};
use crate::proto::zitadel::org::v1::__buffa::oneof::domain_search_query::Query;
use crate::proto::zitadel::org::v1::{Domain, DomainSearchQuery};
use crate::service::org_domains::OrgDomains;
use crate::store::{DomainOrder, DomainRow, TextFilter};

/// RPCs of domains.
pub fn routes(table: Resource<OrgDomains>) -> Resource<OrgDomains> {
    table
        .rpc("ListOrgDomains", list_org_domains)
        .rpc("AddOrgDomain", add_org_domain)
        .rpc("RemoveOrgDomain", remove_org_domain)
        .rpc("GenerateOrgDomainValidation", generate_org_domain_validation)
        .rpc("ValidateOrgDomain", validate_org_domain)
        .rpc("SetPrimaryOrgDomain", set_primary_org_domain)
}

async fn list_org_domains(
    domains: Arc<OrgDomains>,
    caller: Caller,
    request: ListOrgDomainsRequest,
) -> Result<ListOrgDomainsResponse> {
    let who = caller.admit(&request)?;
    let filters: Vec<TextFilter> = request.queries.iter().filter_map(filter).collect();
    let list = domains.list_org_domains(&who, &filters, DomainOrder::Created, page(&request.query)).await?;
    Ok(ListOrgDomainsResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(|row| message(&who.org_id, row)).collect(),
    })
}

/// The field rules want one to be set.
fn filter(query: &DomainSearchQuery) -> Option<TextFilter> {
    query.query.as_ref().map(|Query::DomainNameQuery(q)| text_filter(q.method, &q.name))
}

fn message(org_id: &str, row: DomainRow) -> Domain {
    Domain {
        org_id: org_id.to_owned(),
        details: details(org_id, &row.stamp),
        domain_name: row.id,
        is_verified: true,
        is_primary: row.is_primary,
        ..Domain::default()
    }
}

async fn add_org_domain(
    domains: Arc<OrgDomains>,
    caller: Caller,
    request: AddOrgDomainRequest,
) -> Result<AddOrgDomainResponse> {
    let who = caller.admit(&request)?;
    let stamp = domains.add_org_domain(&who, &request.domain).await?;
    Ok(AddOrgDomainResponse { details: details(&who.org_id, &stamp) })
}

async fn remove_org_domain(
    domains: Arc<OrgDomains>,
    caller: Caller,
    request: RemoveOrgDomainRequest,
) -> Result<RemoveOrgDomainResponse> {
    let who = caller.admit(&request)?;
    let stamp = domains.remove_org_domain(&who, &request.domain).await?;
    Ok(RemoveOrgDomainResponse { details: details(&who.org_id, &stamp) })
}

async fn generate_org_domain_validation(
    domains: Arc<OrgDomains>,
    caller: Caller,
    request: GenerateOrgDomainValidationRequest,
) -> Result<GenerateOrgDomainValidationResponse> {
    let who = caller.admit(&request)?;
    domains.generate_org_domain_validation(&who, &request.domain).await?;
    Ok(GenerateOrgDomainValidationResponse::default())
}

async fn validate_org_domain(
    domains: Arc<OrgDomains>,
    caller: Caller,
    request: ValidateOrgDomainRequest,
) -> Result<ValidateOrgDomainResponse> {
    let who = caller.admit(&request)?;
    domains.validate_org_domain(&who, &request.domain).await?;
    Ok(ValidateOrgDomainResponse::default())
}

async fn set_primary_org_domain(
    domains: Arc<OrgDomains>,
    caller: Caller,
    request: SetPrimaryOrgDomainRequest,
) -> Result<SetPrimaryOrgDomainResponse> {
    let who = caller.admit(&request)?;
    let stamp = domains.set_primary_org_domain(&who, &request.domain).await?;
    Ok(SetPrimaryOrgDomainResponse { details: details(&who.org_id, &stamp) })
}
