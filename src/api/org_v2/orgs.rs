//! Organizations.

use std::sync::Arc;

use buffa::MessageField;
use buffa_types::google::protobuf::Timestamp;

use super::admit::admit;
use crate::api::adapter::details::{date, numbered, timestamp};
use crate::api::adapter::filters::text_filter;
use crate::api::adapter::pages::{details, list_details, list_page};
use crate::api::adapter::routes::Resource;
use crate::auth::{Caller, Denied, Owners};
use crate::error::{Code, Error, Result};
use crate::proto::zitadel::org::v2::__buffa::oneof::add_organization_request::admin::UserType;
use crate::proto::zitadel::org::v2::__buffa::oneof::search_query::Query;
use crate::proto::zitadel::org::v2::add_organization_request::Admin;
use crate::proto::zitadel::org::v2::{
    ActivateOrganizationRequest, ActivateOrganizationResponse, AddOrganizationRequest, AddOrganizationResponse,
    DeactivateOrganizationRequest, DeactivateOrganizationResponse, DeleteOrganizationRequest,
    DeleteOrganizationResponse, ListOrganizationsRequest, ListOrganizationsResponse, Organization,
    OrganizationFieldName, SearchQuery, UpdateOrganizationRequest, UpdateOrganizationResponse,
};
use crate::service::instance::Instance;
use crate::service::orgs::{NewOrg, Orgs, Owner};
use crate::service::removal::Removal;
use crate::store::{OrgFilter, OrgOrder, OrgRow, Page};

/// What the functions of this file work with.
pub struct Parts {
    /// Organizations.
    pub orgs: Arc<Orgs>,
    /// Removes them.
    pub removal: Arc<Removal>,
    /// Lists them.
    pub instance: Arc<Instance>,
    /// Which of them there are.
    pub owners: Owners,
}

/// RPCs of organizations.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("AddOrganization", add_organization)
        .rpc("UpdateOrganization", update_organization)
        .rpc("ListOrganizations", list_organizations)
        .rpc("DeleteOrganization", delete_organization)
        .rpc("DeactivateOrganization", deactivate_organization)
        .rpc("ActivateOrganization", activate_organization)
}

async fn add_organization(
    parts: Arc<Parts>,
    caller: Caller,
    request: AddOrganizationRequest,
) -> Result<AddOrganizationResponse> {
    let who = caller.admit(&request)?;
    let owners = request.admins.iter().map(owner).collect::<Result<Vec<_>>>()?;
    let id = request.organization_id.as_deref().or(request.org_id.as_deref());
    let new = NewOrg { id, name: &request.name, owners: &owners };
    let org = parts.orgs.add_org(&who, new).await.map_err(blank)?;
    Ok(AddOrganizationResponse {
        details: details(&org.id, &org.stamp),
        organization_id: org.id,
        ..AddOrganizationResponse::default()
    })
}

/// What this version calls a blank name.
fn blank(error: Error) -> Error {
    match error.id {
        "EVENT-Mf9sd" => Error::invalid("ORG-mruNY", "Errors.Invalid.Argument"),
        _ => error,
    }
}

fn owner(admin: &Admin) -> Result<Owner<'_>> {
    match &admin.user_type {
        Some(UserType::Human(_)) => {
            let text = "admins.human makes a person, and this server has none: name a machine user in admins.userId";
            Err(Error::native(Code::Unimplemented, text))
        }
        Some(UserType::UserId(id)) => Ok(Owner { user_id: id, roles: &admin.roles }),
        None => Ok(Owner { user_id: "", roles: &admin.roles }),
    }
}

async fn update_organization(
    parts: Arc<Parts>,
    caller: Caller,
    request: UpdateOrganizationRequest,
) -> Result<UpdateOrganizationResponse> {
    let who = admit(&parts.owners, caller, &request, &request.organization_id, Denied::Object).await?;
    let who = who.ok_or_else(|| missing("ORG-1MRds"))?;
    let stamp = parts.orgs.update_org(&who, &request.name).await?;
    Ok(UpdateOrganizationResponse { change_date: date(stamp.changed_at) })
}

async fn list_organizations(
    parts: Arc<Parts>,
    caller: Caller,
    request: ListOrganizationsRequest,
) -> Result<ListOrganizationsResponse> {
    let reach = parts.owners.reach(caller, &request).await?;
    let filters: Vec<OrgFilter> = request.queries.iter().filter_map(filter).collect();
    let page = list_page(&request.query);
    let (order, page) = match request.sorting_column.as_known() {
        Some(OrganizationFieldName::ORGANIZATION_FIELD_NAME_NAME) => (OrgOrder::Name, page),
        Some(OrganizationFieldName::ORGANIZATION_FIELD_NAME_CREATION_DATE) => (OrgOrder::Created, page),
        _ => (OrgOrder::Created, Page { ascending: true, ..page }),
    };
    let list = parts.instance.search_orgs(&reach, &filters, order, page).await?;
    Ok(ListOrganizationsResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(message).collect(),
        ..ListOrganizationsResponse::default()
    })
}

/// The field rules want one to be set.
fn filter(query: &SearchQuery) -> Option<OrgFilter> {
    Some(match query.query.as_ref()? {
        Query::NameQuery(q) => OrgFilter::Name(text_filter(q.method, &q.name)),
        Query::DomainQuery(q) => OrgFilter::Domain(text_filter(q.method, &q.domain)),
        Query::StateQuery(q) => OrgFilter::State(i64::from(q.state.to_i32())),
        Query::IdQuery(q) => OrgFilter::Id(q.id.clone()),
        Query::DefaultQuery(_) => OrgFilter::Default,
    })
}

fn message(row: OrgRow) -> Organization {
    Organization {
        details: details(&row.id, &row.stamp),
        id: row.id,
        state: numbered(row.state.number()),
        name: row.name,
        primary_domain: row.primary_domain,
    }
}

/// An organization that is not there, or not any more, is removed already.
async fn delete_organization(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeleteOrganizationRequest,
) -> Result<DeleteOrganizationResponse> {
    let never = Timestamp { seconds: -62_135_596_800, ..Timestamp::default() };
    let date = match admit(&parts.owners, caller, &request, &request.organization_id, Denied::Object).await? {
        None => never,
        Some(who) => match parts.removal.remove_org(&who, &who.org_id).await {
            Ok(removed) => timestamp(removed.value.changed_at),
            Err(error) if error.code == Code::NotFound => never,
            Err(error) => return Err(error),
        },
    };
    Ok(DeleteOrganizationResponse { deletion_date: MessageField::some(date) })
}

async fn deactivate_organization(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeactivateOrganizationRequest,
) -> Result<DeactivateOrganizationResponse> {
    let who = admit(&parts.owners, caller, &request, &request.organization_id, Denied::Object).await?;
    let who = who.ok_or_else(|| missing("ORG-oL9nT"))?;
    let stamp = parts.orgs.deactivate_org(&who).await?;
    Ok(DeactivateOrganizationResponse { change_date: date(stamp.changed_at) })
}

async fn activate_organization(
    parts: Arc<Parts>,
    caller: Caller,
    request: ActivateOrganizationRequest,
) -> Result<ActivateOrganizationResponse> {
    let who = admit(&parts.owners, caller, &request, &request.organization_id, Denied::Object).await?;
    let who = who.ok_or_else(|| missing("ORG-Dgf3g"))?;
    let stamp = parts.orgs.reactivate_org(&who).await?;
    Ok(ActivateOrganizationResponse { change_date: date(stamp.changed_at) })
}

fn missing(id: &'static str) -> Error {
    Error::not_found(id, "Organisation not found")
}
