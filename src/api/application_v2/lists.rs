//! Lists of applications and their keys, over all organizations.

use std::sync::Arc;

use buffa::EnumValue;

use super::apps::message;
use super::{apps, keys};
use crate::api::adapter::details::date;
use crate::api::adapter::filters::text_filter;
use crate::api::adapter::pages::{page, pagination};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::application::v2::__buffa::oneof::application_key_search_filter::Filter as KeyFilter;
use crate::proto::zitadel::application::v2::__buffa::oneof::application_search_filter::Filter;
use crate::proto::zitadel::application::v2::{
    ApplicationKey, ApplicationKeySearchFilter, ApplicationKeysSorting, ApplicationSearchFilter, ApplicationSorting,
    ApplicationType, ListApplicationKeysRequest, ListApplicationKeysResponse, ListApplicationsRequest,
    ListApplicationsResponse,
};
use crate::store::{AppFilter, AppKeyFilter, AppKeyOrder, AppKeyRow, AppKind, AppOrder, Placed};

/// The list of applications.
pub fn apps(table: Resource<apps::Parts>) -> Resource<apps::Parts> {
    table.rpc("ListApplications", list_applications)
}

/// The list of keys.
pub fn keys(table: Resource<keys::Parts>) -> Resource<keys::Parts> {
    table.rpc("ListApplicationKeys", list_application_keys)
}

async fn list_applications(
    parts: Arc<apps::Parts>,
    caller: Caller,
    request: ListApplicationsRequest,
) -> Result<ListApplicationsResponse> {
    let reach = parts.owners.reach(caller, &request).await?;
    let page = page(&request.pagination)?;
    let filters: Vec<_> = request.filters.iter().map(filter).collect();
    let list = parts.apps.list_all_apps(&reach, &filters, order(request.sorting_column), page).await?;
    let pagination = pagination(&list, page);
    Ok(ListApplicationsResponse { applications: list.rows.into_iter().map(message).collect(), pagination })
}

async fn list_application_keys(
    parts: Arc<keys::Parts>,
    caller: Caller,
    request: ListApplicationKeysRequest,
) -> Result<ListApplicationKeysResponse> {
    let reach = parts.owners.reach(caller, &request).await?;
    let page = page(&request.pagination)?;
    let filters: Vec<_> = request.filters.iter().filter_map(key_filter).collect();
    let list = parts.keys.list_all_app_keys(&reach, &filters, key_order(request.sorting_column), page).await?;
    let pagination = pagination(&list, page);
    Ok(ListApplicationKeysResponse { keys: list.rows.into_iter().map(key).collect(), pagination })
}

/// The field rules want each filter to say something.
fn filter(filter: &ApplicationSearchFilter) -> AppFilter {
    match &filter.filter {
        Some(Filter::ProjectIdFilter(filter)) => AppFilter::Project(filter.project_id.clone()),
        Some(Filter::NameFilter(filter)) => AppFilter::Name(text_filter(filter.method, &filter.name)),
        Some(Filter::StateFilter(state)) => AppFilter::State(i64::from(state.to_i32())),
        Some(Filter::TypeFilter(kind)) => match kind.as_known() {
            Some(ApplicationType::APPLICATION_TYPE_API) => AppFilter::Kind(AppKind::Api),
            Some(ApplicationType::APPLICATION_TYPE_OIDC) => AppFilter::Kind(AppKind::Oidc),
            _ => AppFilter::Nothing,
        },
        Some(Filter::ClientIdFilter(filter)) => AppFilter::Client(filter.client_id.clone()),
        Some(Filter::EntityIdFilter(_)) | None => AppFilter::Nothing,
    }
}

/// Numbers that mean nothing sort as none does.
fn order(column: EnumValue<ApplicationSorting>) -> AppOrder {
    match column.as_known() {
        Some(ApplicationSorting::APPLICATION_SORT_BY_NAME) => AppOrder::Name,
        Some(ApplicationSorting::APPLICATION_SORT_BY_STATE) => AppOrder::State,
        Some(ApplicationSorting::APPLICATION_SORT_BY_CREATION_DATE) => AppOrder::Created,
        Some(ApplicationSorting::APPLICATION_SORT_BY_CHANGE_DATE) => AppOrder::Changed,
        _ => AppOrder::Id,
    }
}

fn key_filter(filter: &ApplicationKeySearchFilter) -> Option<AppKeyFilter> {
    Some(match filter.filter.as_ref()? {
        KeyFilter::ApplicationIdFilter(filter) => AppKeyFilter::App(filter.application_id.clone()),
        KeyFilter::ProjectIdFilter(filter) => AppKeyFilter::Project(filter.project_id.clone()),
        KeyFilter::OrganizationIdFilter(filter) => AppKeyFilter::Org(filter.organization_id.clone()),
    })
}

/// All keys are of one type, so that they sort by it as by none.
fn key_order(column: EnumValue<ApplicationKeysSorting>) -> AppKeyOrder {
    match column.as_known() {
        Some(ApplicationKeysSorting::APPLICATION_KEYS_SORT_BY_PROJECT_ID) => AppKeyOrder::Project,
        Some(ApplicationKeysSorting::APPLICATION_KEYS_SORT_BY_APPLICATION_ID) => AppKeyOrder::App,
        Some(ApplicationKeysSorting::APPLICATION_KEYS_SORT_BY_CREATION_DATE) => AppKeyOrder::Created,
        Some(ApplicationKeysSorting::APPLICATION_KEYS_SORT_BY_ORGANIZATION_ID) => AppKeyOrder::Org,
        Some(ApplicationKeysSorting::APPLICATION_KEYS_SORT_BY_EXPIRATION) => AppKeyOrder::Expires,
        _ => AppKeyOrder::Id,
    }
}

fn key(row: Placed<AppKeyRow>) -> ApplicationKey {
    let Placed { org_id, project_id, row: AppKeyRow { app_id, key } } = row;
    ApplicationKey {
        key_id: key.id,
        application_id: app_id,
        project_id,
        creation_date: date(key.created_at),
        organization_id: org_id,
        expiration_date: date(key.expires_at),
    }
}
