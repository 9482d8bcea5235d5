//! Domains of organizations.

use std::sync::Arc;

use buffa::EnumValue;

use super::admit::admit;
use crate::api::adapter::details::date;
use crate::api::adapter::filters::text_filter;
use crate::api::adapter::pages::{page, pagination};
use crate::api::adapter::routes::Resource;
use crate::auth::{Caller, Denied, Owners, org_gone};
use crate::error::{Error, Result};
use crate::proto::zitadel::org::v2::__buffa::oneof::domain_search_filter::Filter;
use crate::proto::zitadel::org::v2::{
    AddOrganizationDomainRequest, AddOrganizationDomainResponse, DeleteOrganizationDomainRequest,
    DeleteOrganizationDomainResponse, Domain, DomainFieldName, DomainSearchFilter,
    GenerateOrganizationDomainValidationRequest, GenerateOrganizationDomainValidationResponse,
    ListOrganizationDomainsRequest, ListOrganizationDomainsResponse, VerifyOrganizationDomainRequest,
    VerifyOrganizationDomainResponse,
};
use crate::service::org_domains::OrgDomains;
use crate::store::{DomainOrder, DomainRow, TextFilter};

/// What the functions of this file work with.
pub struct Parts {
    /// Domains.
    pub domains: Arc<OrgDomains>,
    /// Whose they are.
    pub owners: Owners,
}

/// RPCs of domains.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("AddOrganizationDomain", add_organization_domain)
        .rpc("ListOrganizationDomains", list_organization_domains)
        .rpc("DeleteOrganizationDomain", delete_organization_domain)
        .rpc("GenerateOrganizationDomainValidation", generate_organization_domain_validation)
        .rpc("VerifyOrganizationDomain", verify_organization_domain)
}

async fn add_organization_domain(
    parts: Arc<Parts>,
    caller: Caller,
    request: AddOrganizationDomainRequest,
) -> Result<AddOrganizationDomainResponse> {
    let who = admit(&parts.owners, caller, &request, &request.organization_id, Denied::Command).await?;
    let who = who.ok_or_else(org_gone)?;
    let stamp = parts.domains.add_org_domain(&who, &request.domain).await?;
    Ok(AddOrganizationDomainResponse { creation_date: date(stamp.created_at) })
}

async fn list_organization_domains(
    parts: Arc<Parts>,
    caller: Caller,
    request: ListOrganizationDomainsRequest,
) -> Result<ListOrganizationDomainsResponse> {
    let page = page(&request.pagination)?;
    let who = admit(&parts.owners, caller, &request, &request.organization_id, Denied::Command).await?;
    let who = who.ok_or_else(|| Error::not_found("QUERY-leq5Q", "Organisation not found"))?;
    let filters: Vec<TextFilter> = request.filters.iter().filter_map(filter).collect();
    let list = parts.domains.list_org_domains(&who, &filters, order(request.sorting_column), page).await?;
    Ok(ListOrganizationDomainsResponse {
        pagination: pagination(&list, page),
        domains: list.rows.into_iter().map(|row| message(&who.org_id, row)).collect(),
    })
}

/// The field rules want one to be set.
fn filter(filter: &DomainSearchFilter) -> Option<TextFilter> {
    filter.filter.as_ref().map(|Filter::DomainFilter(f)| text_filter(f.method, &f.domain))
}

/// Numbers that mean nothing sort as none does.
fn order(column: EnumValue<DomainFieldName>) -> DomainOrder {
    match column.as_known() {
        Some(DomainFieldName::DOMAIN_FIELD_NAME_NAME) => DomainOrder::Name,
        _ => DomainOrder::Created,
    }
}

fn message(org_id: &str, row: DomainRow) -> Domain {
    Domain {
        organization_id: org_id.to_owned(),
        domain: row.id,
        is_verified: true,
        is_primary: row.is_primary,
        ..Domain::default()
    }
}

async fn delete_organization_domain(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeleteOrganizationDomainRequest,
) -> Result<DeleteOrganizationDomainResponse> {
    let who = admit(&parts.owners, caller, &request, &request.organization_id, Denied::Command).await?;
    let who = who.ok_or_else(|| missing("ORG-GDfA3"))?;
    let stamp = parts.domains.remove_org_domain(&who, &request.domain).await?;
    Ok(DeleteOrganizationDomainResponse { deletion_date: date(stamp.changed_at) })
}

async fn generate_organization_domain_validation(
    parts: Arc<Parts>,
    caller: Caller,
    request: GenerateOrganizationDomainValidationRequest,
) -> Result<GenerateOrganizationDomainValidationResponse> {
    let who = admit(&parts.owners, caller, &request, &request.organization_id, Denied::Command).await?;
    let who = who.ok_or_else(|| missing("ORG-AGD31"))?;
    parts.domains.generate_org_domain_validation(&who, &request.domain).await?;
    Ok(GenerateOrganizationDomainValidationResponse::default())
}

async fn verify_organization_domain(
    parts: Arc<Parts>,
    caller: Caller,
    request: VerifyOrganizationDomainRequest,
) -> Result<VerifyOrganizationDomainResponse> {
    let who = admit(&parts.owners, caller, &request, &request.organization_id, Denied::Command).await?;
    let who = who.ok_or_else(|| missing("ORG-Sjdi3"))?;
    parts.domains.validate_org_domain(&who, &request.domain).await?;
    Ok(VerifyOrganizationDomainResponse::default())
}

fn missing(id: &'static str) -> Error {
    Error::not_found(id, "Domain doesn't exist on organization")
}
