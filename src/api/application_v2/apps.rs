//! Applications.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};
use buffa_types::google::protobuf::Timestamp;

use super::oidc;
use crate::api::adapter::details::{date, numbered};
use crate::api::adapter::routes::Resource;
use crate::auth::{Admitted, Caller, Denied, Owners, Target};
use crate::error::{Code, Error, Result};
use crate::proto::Call;
use crate::proto::zitadel::application::v2::__buffa::oneof::application::Configuration;
use crate::proto::zitadel::application::v2::__buffa::oneof::create_application_request::ApplicationType as New;
use crate::proto::zitadel::application::v2::__buffa::oneof::create_application_response::ApplicationType as Made;
use crate::proto::zitadel::application::v2::__buffa::oneof::update_application_request::ApplicationType as Changed;
use crate::proto::zitadel::application::v2::{
    APIAuthMethodType, APIConfiguration, Application, CreateAPIApplicationResponse, CreateApplicationRequest,
    CreateApplicationResponse, CreateOIDCApplicationResponse, DeactivateApplicationRequest,
    DeactivateApplicationResponse, DeleteApplicationRequest, DeleteApplicationResponse, GenerateClientSecretRequest,
    GenerateClientSecretResponse, GetApplicationRequest, GetApplicationResponse, ReactivateApplicationRequest,
    ReactivateApplicationResponse, UpdateApplicationRequest, UpdateApplicationResponse,
};
use crate::service::app_changes::{AppChange, ConfigChange, SecretOf};
use crate::service::apps::{
    ApiMethod, App, AppId, Apps, CreatedApp, NewApiApp, NewOidcApp, Own, PlacedApp, no_app, no_project,
};
use crate::service::oidc as rules;
use crate::service::oidc_config::OidcConfig;

/// 0001-01-01T00:00:00Z: when nothing happened (contract, UpdateApplication).
const YEAR_ONE: i64 = -62_135_596_800;

/// What the functions of this file work with.
pub struct Parts {
    /// Applications.
    pub apps: Arc<Apps>,
    /// Whose they are.
    pub owners: Owners,
}

/// RPCs of applications.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("CreateApplication", create_application)
        .rpc("UpdateApplication", update_application)
        .rpc("GetApplication", get_application)
        .rpc("DeleteApplication", delete_application)
        .rpc("DeactivateApplication", deactivate_application)
        .rpc("ReactivateApplication", reactivate_application)
        .rpc("GenerateClientSecret", generate_client_secret)
}

/// Lets a caller do something with an application of a project.
///
/// # Errors
/// `missing` there is no such application in that project, whoever asks; as [`Owners::admit`].
pub async fn admit<C: Call>(
    owners: &Owners,
    caller: Caller,
    request: &C,
    app: AppId<'_>,
    missing: impl FnOnce() -> Error,
) -> Result<Admitted> {
    let found = owners.find(request, Target::App(app.id)).await?;
    let found = found.filter(|found| found.project_id.as_deref() == Some(app.project_id)).ok_or_else(missing)?;
    owners.admit(caller, request, &found, Denied::Command).await
}

async fn create_application(
    parts: Arc<Parts>,
    caller: Caller,
    request: CreateApplicationRequest,
) -> Result<CreateApplicationResponse> {
    let found = parts.owners.find(&request, Target::Project(&request.project_id)).await?.ok_or_else(no_project)?;
    let who = parts.owners.admit(caller, &request, &found, Denied::Command).await?;
    let (project_id, name) = (request.project_id.as_str(), request.name.as_str());
    let id = Some(request.application_id.as_str()).filter(|id| !id.is_empty());
    match request.application_type {
        Some(New::ApiConfiguration(config)) => {
            let method = method(config.auth_method_type);
            let new = NewApiApp { project_id, id, name, method, own: Own::default() };
            let app = parts.apps.add_api_app(&who, new).await?;
            Ok(created(app, None))
        }
        Some(New::OidcConfiguration(config)) => {
            let config = oidc::config(*config)?;
            let new = NewOidcApp { project_id, id, name, config, own: Own::default() };
            let (app, config) = parts.apps.add_oidc_app(&who, new).await?;
            Ok(created(app, Some(&config)))
        }
        Some(New::SamlConfiguration(_)) | None => Err(no_saml()),
    }
}

async fn update_application(
    parts: Arc<Parts>,
    caller: Caller,
    request: UpdateApplicationRequest,
) -> Result<UpdateApplicationResponse> {
    let app = AppId { project_id: &request.project_id, id: &request.application_id };
    // Blank is the name that it has.
    let name = Some(request.name.as_str()).filter(|name| !name.trim().is_empty());
    let id = if name.is_some() || request.application_type.is_none() { "COMMAND-28di9" } else { "COMMAND-2n8uU" };
    let who = admit(&parts.owners, caller, &request, app, || no_app(id)).await?;
    let config = match &request.application_type {
        Some(Changed::ApiConfiguration(config)) => Some(ConfigChange::Api(method(config.auth_method_type))),
        Some(Changed::OidcConfiguration(config)) => {
            Some(ConfigChange::Oidc(Box::new(oidc::change(config.as_ref().clone())?)))
        }
        Some(Changed::SamlConfiguration(_)) => return Err(no_saml()),
        None => None,
    };
    if name.is_none() && config.is_none() {
        let never = Timestamp { seconds: YEAR_ONE, ..Timestamp::default() };
        return Ok(UpdateApplicationResponse { change_date: MessageField::some(never) });
    }
    let stamp = parts.apps.update(&who, app, &AppChange { name, config }).await?;
    Ok(UpdateApplicationResponse { change_date: date(stamp.changed_at) })
}

async fn get_application(
    parts: Arc<Parts>,
    caller: Caller,
    request: GetApplicationRequest,
) -> Result<GetApplicationResponse> {
    let missing = || Error::not_found("QUERY-pCP8P", "Errors.App.NotExisting");
    let (found, app) = parts.owners.find_app(&request, &request.application_id).await?.ok_or_else(missing)?;
    let who = parts.owners.admit(caller, &request, &found, Denied::Object).await?;
    let app = Apps::found(&who, app)?;
    Ok(GetApplicationResponse { application: MessageField::some(message(app)) })
}

async fn delete_application(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeleteApplicationRequest,
) -> Result<DeleteApplicationResponse> {
    let app = AppId { project_id: &request.project_id, id: &request.application_id };
    let who = admit(&parts.owners, caller, &request, app, || no_app("COMMAND-0po9s")).await?;
    let stamp = parts.apps.remove_app(&who, app).await?;
    Ok(DeleteApplicationResponse { deletion_date: date(stamp.changed_at) })
}

async fn deactivate_application(
    parts: Arc<Parts>,
    caller: Caller,
    request: DeactivateApplicationRequest,
) -> Result<DeactivateApplicationResponse> {
    let app = AppId { project_id: &request.project_id, id: &request.application_id };
    let who = admit(&parts.owners, caller, &request, app, || no_app("COMMAND-ov9d3")).await?;
    let stamp = parts.apps.deactivate_app(&who, app).await?;
    Ok(DeactivateApplicationResponse { deactivation_date: date(stamp.changed_at) })
}

async fn reactivate_application(
    parts: Arc<Parts>,
    caller: Caller,
    request: ReactivateApplicationRequest,
) -> Result<ReactivateApplicationResponse> {
    let app = AppId { project_id: &request.project_id, id: &request.application_id };
    let who = admit(&parts.owners, caller, &request, app, || no_app("COMMAND-ov9d3")).await?;
    let stamp = parts.apps.reactivate_app(&who, app).await?;
    Ok(ReactivateApplicationResponse { reactivation_date: date(stamp.changed_at) })
}

async fn generate_client_secret(
    parts: Arc<Parts>,
    caller: Caller,
    request: GenerateClientSecretRequest,
) -> Result<GenerateClientSecretResponse> {
    let app = AppId { project_id: &request.project_id, id: &request.application_id };
    let who = admit(&parts.owners, caller, &request, app, || SecretOf::Any.missing()).await?;
    let (secret, stamp) = parts.apps.regenerate_client_secret(&who, app, SecretOf::Any, 0, None).await?;
    Ok(GenerateClientSecretResponse { client_secret: secret.to_string(), creation_date: date(stamp.changed_at) })
}

/// The method a request names; the field rules have refused unknown numbers.
fn method(method: EnumValue<APIAuthMethodType>) -> ApiMethod {
    if method == APIAuthMethodType::API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT {
        ApiMethod::PrivateKeyJwt
    } else {
        ApiMethod::Basic
    }
}

fn no_saml() -> Error {
    let text = "SAML applications are not served here: send apiConfiguration or oidcConfiguration";
    Error::native(Code::Unimplemented, text)
}

/// What is told of a new application; of an OpenID Connect client, how it stands to the standard.
fn created(app: CreatedApp, config: Option<&OidcConfig>) -> CreateApplicationResponse {
    let CreatedApp { id, client_id, secret, stamp } = app;
    let client_secret = secret.map(|s| s.to_string()).unwrap_or_default();
    let made = match config.map(rules::compliance) {
        None => Made::ApiConfiguration(Box::new(CreateAPIApplicationResponse { client_id, client_secret })),
        Some(compliance) => Made::OidcConfiguration(Box::new(CreateOIDCApplicationResponse {
            client_id,
            client_secret,
            non_compliant: compliance.none_compliant,
            compliance_problems: compliance.problems.into_iter().map(oidc::problem).collect(),
        })),
    };
    CreateApplicationResponse {
        application_id: id,
        creation_date: date(stamp.created_at),
        application_type: Some(made),
    }
}

/// An application as clients of this version read it.
pub fn message(app: PlacedApp) -> Application {
    let PlacedApp { project_id, app: App { row, oidc } } = app;
    let configuration = match oidc {
        Some(config) => Configuration::OidcConfiguration(Box::new(oidc::message(config, row.client_id))),
        None => Configuration::ApiConfiguration(Box::new(APIConfiguration {
            client_id: row.client_id,
            auth_method_type: numbered(row.auth_method),
        })),
    };
    Application {
        application_id: row.id,
        creation_date: date(row.stamp.created_at),
        change_date: date(row.stamp.changed_at),
        state: numbered(row.state.number()),
        name: row.name,
        configuration: Some(configuration),
        project_id,
    }
}
