//! OpenID Connect clients as messages.

use buffa::{EnumValue, MessageField};
use buffa_types::google::protobuf::Duration;

use crate::api::adapter::skew::clock_skew;
use crate::error::Result;
use crate::proto::Part;
use crate::proto::zitadel::app::v1::__buffa::oneof::login_version::Version;
use crate::proto::zitadel::app::v1::{LoginV2, LoginVersion, OIDCConfig};
use crate::proto::zitadel::management::v1::{AddOIDCAppRequest, UpdateOIDCAppConfigRequest};
use crate::proto::zitadel::v1::LocalizedMessage;
use crate::service::oidc as rules;
use crate::service::oidc_change::OidcChange;
use crate::service::oidc_config::{ClientMethod, ClientType, GrantType, Login, OidcConfig, ResponseType};

/// What a request asks an application to be registered with.
///
/// # Errors
/// Code 3: clocks may differ too far.
pub fn config(request: &AddOIDCAppRequest) -> Result<OidcConfig> {
    Ok(OidcConfig {
        redirect_uris: request.redirect_uris.clone(),
        post_logout_redirect_uris: request.post_logout_redirect_uris.clone(),
        additional_origins: request.additional_origins.clone(),
        response_types: request.response_types.iter().map(|v| ResponseType(v.to_i32())).collect(),
        grant_types: request.grant_types.iter().map(|v| GrantType(v.to_i32())).collect(),
        app_type: ClientType(request.app_type.to_i32()),
        auth_method: ClientMethod(request.auth_method_type.to_i32()),
        access_token_type: request.access_token_type.to_i32(),
        version: request.version.to_i32(),
        dev_mode: request.dev_mode,
        roles_in_access_token: request.access_token_role_assertion,
        roles_in_id_token: request.id_token_role_assertion,
        userinfo_in_id_token: request.id_token_userinfo_assertion,
        skip_native_app_success_page: request.skip_native_app_success_page,
        clock_skew: clock_skew(&request.clock_skew, "AddOIDCAppRequest")?,
        back_channel_logout_uri: request.back_channel_logout_uri.clone(),
        login: login(&request.login_version),
    })
}

/// What a request makes of an application: everything that it does not say is as in a new one, but for the lists of URIs
/// and origins, which stay (contract, `management-v1-wider.md`, section 6).
///
/// # Errors
/// Code 3: clocks may differ too far.
pub fn change(request: &UpdateOIDCAppConfigRequest) -> Result<OidcChange> {
    let given = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    Ok(OidcChange {
        redirect_uris: given(&request.redirect_uris),
        post_logout_redirect_uris: given(&request.post_logout_redirect_uris),
        additional_origins: given(&request.additional_origins),
        response_types: Some(request.response_types.iter().map(|v| ResponseType(v.to_i32())).collect()),
        grant_types: Some(request.grant_types.iter().map(|v| GrantType(v.to_i32())).collect()),
        app_type: Some(ClientType(request.app_type.to_i32())),
        auth_method: Some(ClientMethod(request.auth_method_type.to_i32())),
        access_token_type: Some(request.access_token_type.to_i32()),
        version: None,
        dev_mode: Some(request.dev_mode),
        roles_in_access_token: Some(request.access_token_role_assertion),
        roles_in_id_token: Some(request.id_token_role_assertion),
        userinfo_in_id_token: Some(request.id_token_userinfo_assertion),
        skip_native_app_success_page: Some(request.skip_native_app_success_page),
        clock_skew: Some(clock_skew(&request.clock_skew, "UpdateOIDCAppConfigRequest")?),
        back_channel_logout_uri: Some(request.back_channel_logout_uri.clone()),
        login: Some(login(&request.login_version)),
    })
}

/// As clients read it, with what is computed on each read.
pub fn message(config: OidcConfig, client_id: String) -> OIDCConfig {
    let (none_compliant, compliance_problems) = compliance(&config);
    let allowed_origins = rules::origins(&config);
    let (seconds, nanos) = config.clock_skew;
    OIDCConfig {
        redirect_uris: config.redirect_uris,
        post_logout_redirect_uris: config.post_logout_redirect_uris,
        additional_origins: config.additional_origins,
        response_types: config.response_types.into_iter().map(|v| EnumValue::from(v.0)).collect(),
        grant_types: config.grant_types.into_iter().map(|v| EnumValue::from(v.0)).collect(),
        app_type: EnumValue::from(config.app_type.0),
        client_id,
        auth_method_type: EnumValue::from(config.auth_method.0),
        access_token_type: EnumValue::from(config.access_token_type),
        version: EnumValue::from(config.version),
        dev_mode: config.dev_mode,
        access_token_role_assertion: config.roles_in_access_token,
        id_token_role_assertion: config.roles_in_id_token,
        id_token_userinfo_assertion: config.userinfo_in_id_token,
        skip_native_app_success_page: config.skip_native_app_success_page,
        clock_skew: MessageField::some(Duration { seconds, nanos, ..Duration::default() }),
        back_channel_logout_uri: config.back_channel_logout_uri,
        login_version: version(config.login),
        none_compliant,
        compliance_problems,
        allowed_origins,
        ..OIDCConfig::default()
    }
}

/// Whether a configuration breaks the standard, and what there is to say of it.
pub fn compliance(config: &OidcConfig) -> (bool, Vec<LocalizedMessage>) {
    let found = rules::compliance(config);
    let message = |problem: rules::Problem| LocalizedMessage {
        key: format!("Application.OIDC.{}", problem.key),
        localized_message: problem.text.to_owned(),
    };
    (found.none_compliant, found.problems.into_iter().map(message).collect())
}

fn login(version: &Part<LoginVersion>) -> Login {
    match version.as_option().and_then(|login| login.version.as_ref()) {
        None => Login::Default,
        Some(Version::LoginV1(_)) => Login::V1,
        Some(Version::LoginV2(v2)) => Login::V2(v2.base_uri.clone()),
    }
}

fn version(login: Login) -> Part<LoginVersion> {
    let version = match login {
        Login::Default => return MessageField::none(),
        Login::V1 => Version::LoginV1(Box::default()),
        Login::V2(base_uri) => Version::LoginV2(Box::new(LoginV2 { base_uri })),
    };
    MessageField::some(LoginVersion { version: Some(version) })
}
