//! Organizations of the server.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use crate::api::adapter::details::{details, list_details};
use crate::api::adapter::routes::Resource;
use crate::api::management_v1::fields::{page, text_filter};
use crate::api::management_v1::orgs::message;
use crate::auth::Caller;
use crate::error::{Code, Error, Result};
use crate::proto::Part;
use crate::proto::zitadel::admin::v1::{
    GetDefaultOrgRequest, GetDefaultOrgResponse, GetOrgByIDRequest, GetOrgByIDResponse, IsOrgUniqueRequest,
    IsOrgUniqueResponse, ListOrgsRequest, ListOrgsResponse, RemoveOrgRequest, RemoveOrgResponse, SetUpOrgRequest,
    SetUpOrgResponse,
};
use crate::proto::zitadel::org::v1::__buffa::oneof::org_query::Query;
use crate::proto::zitadel::org::v1::{OrgFieldName, OrgQuery};
use crate::proto::zitadel::v1::ListQuery;
use crate::service::instance::Instance;
use crate::service::removal::Removal;
use crate::store::{OrgFilter, OrgOrder, Page};

/// RPCs of organizations.
pub fn routes(table: Resource<Instance>) -> Resource<Instance> {
    table
        .rpc("GetOrgByID", get_org_by_id)
        .rpc("GetDefaultOrg", get_default_org)
        .rpc("IsOrgUnique", is_org_unique)
        .rpc("ListOrgs", list_orgs)
        .rpc("SetUpOrg", set_up_org)
}

/// RPCs that remove organizations.
pub fn removal_routes(table: Resource<Removal>) -> Resource<Removal> {
    table.rpc("RemoveOrg", remove_org)
}

async fn get_org_by_id(
    instance: Arc<Instance>,
    caller: Caller,
    request: GetOrgByIDRequest,
) -> Result<GetOrgByIDResponse> {
    let who = caller.admit(&request)?;
    let org = instance.org_by_id(&who, &request.id).await?;
    Ok(GetOrgByIDResponse { org: MessageField::some(message(org)) })
}

async fn get_default_org(
    instance: Arc<Instance>,
    caller: Caller,
    request: GetDefaultOrgRequest,
) -> Result<GetDefaultOrgResponse> {
    let who = caller.admit(&request)?;
    let org = instance.default_org(&who).await?;
    Ok(GetDefaultOrgResponse { org: MessageField::some(message(org)) })
}

async fn is_org_unique(
    instance: Arc<Instance>,
    caller: Caller,
    request: IsOrgUniqueRequest,
) -> Result<IsOrgUniqueResponse> {
    let who = caller.admit(&request)?;
    let is_unique = instance.is_org_unique(&who, &request.name, &request.domain).await?;
    Ok(IsOrgUniqueResponse { is_unique })
}

async fn list_orgs(instance: Arc<Instance>, caller: Caller, request: ListOrgsRequest) -> Result<ListOrgsResponse> {
    let who = caller.admit(&request)?;
    let filters: Vec<OrgFilter> = request.queries.iter().filter_map(filter).collect();
    let (order, page) = order(request.sorting_column, &request.query);
    let list = instance.list_orgs(&who, &filters, order, page).await?;
    Ok(ListOrgsResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(message).collect(),
        ..ListOrgsResponse::default()
    })
}

/// The field rules want one to be set.
fn filter(query: &OrgQuery) -> Option<OrgFilter> {
    Some(match query.query.as_ref()? {
        Query::NameQuery(q) => OrgFilter::Name(text_filter(q.method, &q.name)),
        Query::DomainQuery(q) => OrgFilter::Domain(text_filter(q.method, &q.domain)),
        Query::StateQuery(q) => OrgFilter::State(i64::from(q.state.to_i32())),
        Query::IdQuery(q) => OrgFilter::Id(q.id.clone()),
    })
}

/// Names come in descending order unless `asc`; what is sorted by nothing comes in order of creation.
fn order(column: EnumValue<OrgFieldName>, query: &Part<ListQuery>) -> (OrgOrder, Page) {
    let page = page(query);
    if column.as_known() != Some(OrgFieldName::ORG_FIELD_NAME_NAME) {
        return (OrgOrder::Created, page);
    }
    let ascending = query.as_option().and_then(|q| q.asc).unwrap_or(false);
    (OrgOrder::Name, Page { ascending, ..page })
}

async fn set_up_org(_: Arc<Instance>, caller: Caller, request: SetUpOrgRequest) -> Result<SetUpOrgResponse> {
    caller.admit(&request)?;
    let text = "SetUpOrg makes a person, and this server has none: add the organization with \
                zitadel.management.v1.ManagementService/AddOrg, and a machine user with AddMachineUser";
    Err(Error::native(Code::Unimplemented, text))
}

/// The server itself is told as the owner, for it owns the organizations.
async fn remove_org(removal: Arc<Removal>, caller: Caller, request: RemoveOrgRequest) -> Result<RemoveOrgResponse> {
    let who = caller.admit(&request)?;
    let removed = removal.remove_org(&who, &request.org_id).await?;
    Ok(RemoveOrgResponse { details: details(&removed.owner_id, &removed.value) })
}
