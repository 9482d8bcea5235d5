//! Applications.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::changes;
use super::fields::{change_page, length_of_time, page, text_filter};
use super::oidc;
use crate::api::adapter::details::{details, list_details, numbered, optional_timestamp};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::app::v1::__buffa::oneof::app::Config;
use crate::proto::zitadel::app::v1::__buffa::oneof::app_query::Query;
use crate::proto::zitadel::app::v1::{APIAuthMethodType, APIConfig, App as AppMessage};
use crate::proto::zitadel::management::v1::{
    AddAPIAppRequest, AddAPIAppResponse, AddOIDCAppRequest, AddOIDCAppResponse, DeactivateAppRequest,
    DeactivateAppResponse, GetAppByIDRequest, GetAppByIDResponse, ListAppChangesRequest, ListAppChangesResponse,
    ListAppsRequest, ListAppsResponse, ReactivateAppRequest, ReactivateAppResponse, RegenerateAPIClientSecretRequest,
    RegenerateAPIClientSecretResponse, RegenerateOIDCClientSecretRequest, RegenerateOIDCClientSecretResponse,
    RemoveAppRequest, RemoveAppResponse, UpdateAPIAppConfigRequest, UpdateAPIAppConfigResponse, UpdateAppRequest,
    UpdateAppResponse, UpdateOIDCAppConfigRequest, UpdateOIDCAppConfigResponse,
};
use crate::service::app_changes::{AppChange, ConfigChange, SecretOf};
use crate::service::apps::{ApiMethod, App, AppId, Apps, NewApiApp, NewOidcApp, Own};

/// RPCs of applications.
pub fn routes(table: Resource<Apps>) -> Resource<Apps> {
    table
        .rpc("AddAPIApp", add_api_app)
        .rpc("AddOIDCApp", add_oidc_app)
        .rpc("UpdateApp", update_app)
        .rpc("UpdateAPIAppConfig", update_api_app_config)
        .rpc("UpdateOIDCAppConfig", update_oidc_app_config)
        .rpc("RegenerateAPIClientSecret", regenerate_api_client_secret)
        .rpc("RegenerateOIDCClientSecret", regenerate_oidc_client_secret)
        .rpc("DeactivateApp", deactivate_app)
        .rpc("ReactivateApp", reactivate_app)
        .rpc("RemoveApp", remove_app)
        .rpc("GetAppByID", get_app_by_id)
        .rpc("ListApps", list_apps)
        .rpc("ListAppChanges", list_app_changes)
}

async fn add_api_app(apps: Arc<Apps>, caller: Caller, request: AddAPIAppRequest) -> Result<AddAPIAppResponse> {
    let who = caller.admit(&request)?;
    let method = method(request.auth_method_type);
    let new = NewApiApp { project_id: &request.project_id, id: None, name: &request.name, method, own: Own::default() };
    let app = apps.add_api_app(&who, new).await?;
    Ok(AddAPIAppResponse {
        details: details(&who.org_id, &app.stamp),
        client_secret: app.secret.map(|s| s.to_string()).unwrap_or_default(),
        app_id: app.id,
        client_id: app.client_id,
    })
}

async fn add_oidc_app(apps: Arc<Apps>, caller: Caller, request: AddOIDCAppRequest) -> Result<AddOIDCAppResponse> {
    let who = caller.admit(&request)?;
    let config = oidc::config(&request)?;
    let new =
        NewOidcApp { project_id: &request.project_id, id: None, name: &request.name, config, own: Own::default() };
    let (app, config) = apps.add_oidc_app(&who, new).await?;
    let (none_compliant, compliance_problems) = oidc::compliance(&config);
    Ok(AddOIDCAppResponse {
        details: details(&who.org_id, &app.stamp),
        client_secret: app.secret.map(|s| s.to_string()).unwrap_or_default(),
        app_id: app.id,
        client_id: app.client_id,
        none_compliant,
        compliance_problems,
    })
}

async fn update_app(apps: Arc<Apps>, caller: Caller, request: UpdateAppRequest) -> Result<UpdateAppResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let change = AppChange { name: Some(&request.name), config: None };
    let stamp = apps.update(&who, app, &change).await?;
    Ok(UpdateAppResponse { details: details(&who.org_id, &stamp) })
}

async fn update_api_app_config(
    apps: Arc<Apps>,
    caller: Caller,
    request: UpdateAPIAppConfigRequest,
) -> Result<UpdateAPIAppConfigResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let config = Some(ConfigChange::Api(method(request.auth_method_type)));
    let stamp = apps.update(&who, app, &AppChange { name: None, config }).await?;
    Ok(UpdateAPIAppConfigResponse { details: details(&who.org_id, &stamp) })
}

async fn update_oidc_app_config(
    apps: Arc<Apps>,
    caller: Caller,
    request: UpdateOIDCAppConfigRequest,
) -> Result<UpdateOIDCAppConfigResponse> {
    let who = caller.admit(&request)?;
    let config = Some(ConfigChange::Oidc(Box::new(oidc::change(&request)?)));
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let stamp = apps.update(&who, app, &AppChange { name: None, config }).await?;
    Ok(UpdateOIDCAppConfigResponse { details: details(&who.org_id, &stamp) })
}

async fn regenerate_api_client_secret(
    apps: Arc<Apps>,
    caller: Caller,
    request: RegenerateAPIClientSecretRequest,
) -> Result<RegenerateAPIClientSecretResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let grace = length_of_time(&request.old_secret_lifetime);
    let (secret, stamp) = apps.regenerate_client_secret(&who, app, SecretOf::Api, grace, None).await?;
    let details = details(&who.org_id, &stamp);
    Ok(RegenerateAPIClientSecretResponse { client_secret: secret.to_string(), details })
}

async fn regenerate_oidc_client_secret(
    apps: Arc<Apps>,
    caller: Caller,
    request: RegenerateOIDCClientSecretRequest,
) -> Result<RegenerateOIDCClientSecretResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let (secret, stamp) = apps.regenerate_client_secret(&who, app, SecretOf::Oidc, 0, None).await?;
    let details = details(&who.org_id, &stamp);
    Ok(RegenerateOIDCClientSecretResponse { client_secret: secret.to_string(), details })
}

async fn deactivate_app(
    apps: Arc<Apps>,
    caller: Caller,
    request: DeactivateAppRequest,
) -> Result<DeactivateAppResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let stamp = apps.deactivate_app(&who, app).await?;
    Ok(DeactivateAppResponse { details: details(&who.org_id, &stamp) })
}

async fn reactivate_app(
    apps: Arc<Apps>,
    caller: Caller,
    request: ReactivateAppRequest,
) -> Result<ReactivateAppResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let stamp = apps.reactivate_app(&who, app).await?;
    Ok(ReactivateAppResponse { details: details(&who.org_id, &stamp) })
}

async fn remove_app(apps: Arc<Apps>, caller: Caller, request: RemoveAppRequest) -> Result<RemoveAppResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let stamp = apps.remove_app(&who, app).await?;
    Ok(RemoveAppResponse { details: details(&who.org_id, &stamp) })
}

/// `QUERY-pCP8P` is also the answer for an application of another organization.
async fn get_app_by_id(apps: Arc<Apps>, caller: Caller, request: GetAppByIDRequest) -> Result<GetAppByIDResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let app = apps.app(&who, app).await?;
    let app = app.ok_or_else(|| Error::not_found("QUERY-pCP8P", "Errors.App.NotExisting"))?;
    Ok(GetAppByIDResponse { app: MessageField::some(message(&who.org_id, app)) })
}

async fn list_apps(apps: Arc<Apps>, caller: Caller, request: ListAppsRequest) -> Result<ListAppsResponse> {
    let who = caller.admit(&request)?;
    let queries = request.queries.iter().filter_map(|q| q.query.as_ref());
    let filters: Vec<_> = queries.map(|Query::NameQuery(q)| text_filter(q.method, &q.name)).collect();
    let list = apps.list_apps(&who, &request.project_id, &filters, page(&request.query)).await?;
    Ok(ListAppsResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(|app| message(&who.org_id, app)).collect(),
    })
}

async fn list_app_changes(
    apps: Arc<Apps>,
    caller: Caller,
    request: ListAppChangesRequest,
) -> Result<ListAppChangesResponse> {
    let who = caller.admit(&request)?;
    let app = AppId { project_id: &request.project_id, id: &request.app_id };
    let rows = apps.list_app_changes(&who, app, change_page(&request.query)).await?;
    Ok(ListAppChangesResponse { result: changes::messages(&who.org_id, rows) })
}

/// The method a request names; the field rules have refused unknown numbers.
fn method(method: EnumValue<APIAuthMethodType>) -> ApiMethod {
    if method == APIAuthMethodType::API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT {
        ApiMethod::PrivateKeyJwt
    } else {
        ApiMethod::Basic
    }
}

/// An application as clients read it.
fn message(org_id: &str, app: App) -> AppMessage {
    let App { row, oidc } = app;
    let secret_last_used = optional_timestamp(row.secret_used_at);
    let config = match oidc {
        Some(config) => {
            let config = oidc::message(config, row.client_id);
            Config::OidcConfig(Box::new(crate::proto::zitadel::app::v1::OIDCConfig { secret_last_used, ..config }))
        }
        None => Config::ApiConfig(Box::new(APIConfig {
            client_id: row.client_id,
            auth_method_type: numbered(row.auth_method),
            secret_last_used,
        })),
    };
    AppMessage {
        id: row.id,
        details: details(org_id, &row.stamp),
        state: numbered(row.state.number()),
        name: row.name,
        config: Some(config),
    }
}
