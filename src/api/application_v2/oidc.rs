//! OpenID Connect clients as messages.

use buffa::{EnumValue, MessageField};
use buffa_types::google::protobuf::Duration;

use crate::proto::Part;
use crate::proto::zitadel::application::v2::__buffa::oneof::login_version::Version;
use crate::proto::zitadel::application::v2::{LoginV2, LoginVersion, OIDCConfiguration, OIDCLocalizedMessage};
use crate::service::oidc as rules;
use crate::service::oidc_config::{Login, OidcConfig};

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
fn problem(problem: rules::Problem) -> OIDCLocalizedMessage {
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
