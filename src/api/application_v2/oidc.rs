//! OpenID Connect clients as messages.

use buffa::{EnumValue, MessageField};
use buffa_types::google::protobuf::Duration;

use crate::api::adapter::skew::clock_skew;
use crate::error::Result;
use crate::proto::Part;
use crate::proto::zitadel::application::v2::__buffa::oneof::login_version::Version;
use crate::proto::zitadel::application::v2::{
    CreateOIDCApplicationRequest, LoginV2, LoginVersion, OIDCConfiguration, OIDCGrantType, OIDCLocalizedMessage,
    OIDCResponseType, UpdateOIDCApplicationConfigurationRequest,
};
use crate::service::oidc as rules;
use crate::service::oidc_change::OidcChange;
use crate::service::oidc_config::{ClientMethod, ClientType, GrantType, Login, OidcConfig, ResponseType};

/// What a request asks a client to be registered with.
///
/// # Errors
/// Code 3: clocks may differ too far.
pub fn config(request: CreateOIDCApplicationRequest) -> Result<OidcConfig> {
    let place = "CreateApplicationRequest.OidcConfiguration: embedded message failed validation | caused by: invalid \
                 CreateOIDCApplicationRequest";
    let clock_skew = clock_skew(&request.clock_skew, place)?;
    Ok(OidcConfig {
        clock_skew,
        response_types: responses(&request.response_types),
        grant_types: grants(&request.grant_types),
        app_type: ClientType(request.application_type.to_i32()),
        auth_method: ClientMethod(request.auth_method_type.to_i32()),
        access_token_type: request.access_token_type.to_i32(),
        version: request.version.to_i32(),
        dev_mode: request.development_mode,
        roles_in_access_token: request.access_token_role_assertion,
        roles_in_id_token: request.id_token_role_assertion,
        userinfo_in_id_token: request.id_token_userinfo_assertion,
        skip_native_app_success_page: request.skip_native_app_success_page,
        login: login(&request.login_version),
        redirect_uris: request.redirect_uris,
        post_logout_redirect_uris: request.post_logout_redirect_uris,
        additional_origins: request.additional_origins,
        back_channel_logout_uri: request.back_channel_logout_uri,
    })
}

/// What a request changes of a client.
///
/// # Errors
/// Code 3: clocks may differ too far.
pub fn change(request: UpdateOIDCApplicationConfigurationRequest) -> Result<OidcChange> {
    let place = "UpdateApplicationRequest.OidcConfiguration: embedded message failed validation | caused by: invalid \
                 UpdateOIDCApplicationConfigurationRequest";
    let skew = clock_skew(&request.clock_skew, place)?;
    let given = |list: Vec<String>| (!list.is_empty()).then_some(list);
    Ok(OidcChange {
        clock_skew: request.clock_skew.is_set().then_some(skew),
        response_types: (!request.response_types.is_empty()).then(|| responses(&request.response_types)),
        grant_types: (!request.grant_types.is_empty()).then(|| grants(&request.grant_types)),
        app_type: request.application_type.map(|v| ClientType(v.to_i32())),
        auth_method: request.auth_method_type.map(|v| ClientMethod(v.to_i32())),
        access_token_type: request.access_token_type.map(|v| v.to_i32()),
        version: request.version.map(|v| v.to_i32()),
        dev_mode: request.development_mode,
        roles_in_access_token: request.access_token_role_assertion,
        roles_in_id_token: request.id_token_role_assertion,
        userinfo_in_id_token: request.id_token_userinfo_assertion,
        skip_native_app_success_page: request.skip_native_app_success_page,
        login: request.login_version.is_set().then(|| login(&request.login_version)),
        redirect_uris: given(request.redirect_uris),
        post_logout_redirect_uris: given(request.post_logout_redirect_uris),
        additional_origins: given(request.additional_origins),
        back_channel_logout_uri: request.back_channel_logout_uri,
    })
}

/// This version has a number for nothing said.
fn responses(types: &[EnumValue<OIDCResponseType>]) -> Vec<ResponseType> {
    types.iter().map(|v| ResponseType(v.to_i32().saturating_sub(1))).collect()
}

fn grants(types: &[EnumValue<OIDCGrantType>]) -> Vec<GrantType> {
    types.iter().map(|v| GrantType(v.to_i32())).collect()
}

fn login(version: &Part<LoginVersion>) -> Login {
    match version.as_option().and_then(|login| login.version.as_ref()) {
        None => Login::Default,
        Some(Version::LoginV1(_)) => Login::V1,
        Some(Version::LoginV2(v2)) => Login::V2(v2.base_uri.clone()),
    }
}

/// As clients read it, with what is computed on each read.
pub fn message(config: OidcConfig, client_id: String) -> OIDCConfiguration {
    let compliance = rules::compliance(&config);
    let allowed_origins = rules::origins(&config);
    let (seconds, nanos) = config.clock_skew;
    OIDCConfiguration {
        redirect_uris: config.redirect_uris,
        // This version has a number for nothing said.
        response_types: config.response_types.into_iter().map(|v| EnumValue::from(v.0 + 1)).collect(),
        grant_types: config.grant_types.into_iter().map(|v| EnumValue::from(v.0)).collect(),
        application_type: EnumValue::from(config.app_type.0),
        client_id,
        auth_method_type: EnumValue::from(config.auth_method.0),
        post_logout_redirect_uris: config.post_logout_redirect_uris,
        version: EnumValue::from(config.version),
        non_compliant: compliance.none_compliant,
        compliance_problems: compliance.problems.into_iter().map(problem).collect(),
        development_mode: config.dev_mode,
        access_token_type: EnumValue::from(config.access_token_type),
        access_token_role_assertion: config.roles_in_access_token,
        id_token_role_assertion: config.roles_in_id_token,
        id_token_userinfo_assertion: config.userinfo_in_id_token,
        clock_skew: MessageField::some(Duration { seconds, nanos, ..Duration::default() }),
        additional_origins: config.additional_origins,
        allowed_origins,
        skip_native_app_success_page: config.skip_native_app_success_page,
        back_channel_logout_uri: config.back_channel_logout_uri,
        login_version: version(config.login),
    }
}

/// Only the key; the text is version 1's.
pub fn problem(problem: rules::Problem) -> OIDCLocalizedMessage {
    OIDCLocalizedMessage { key: format!("Application.OIDC.{}", problem.key), ..OIDCLocalizedMessage::default() }
}

fn version(login: Login) -> Part<LoginVersion> {
    let version = match login {
        Login::Default => return MessageField::none(),
        Login::V1 => Version::LoginV1(Box::default()),
        Login::V2(base_uri) => Version::LoginV2(Box::new(LoginV2 { base_uri })),
    };
    MessageField::some(LoginVersion { version: Some(version) })
}
