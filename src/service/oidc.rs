//! OIDC applications: configuration only (contract, `oidc-apps.md`). Nothing here runs a login.

use buffa::{EnumValue, MessageField};

use super::oidc_config::OidcConfig;
use crate::error::{Error, Result};
use crate::proto::zitadel::app::v1::{
    OIDCAppType, OIDCAuthMethodType, OIDCConfig, OIDCGrantType, OIDCResponseType, OIDCVersion,
};
use crate::proto::zitadel::management::v1::AddOIDCAppRequest;
use crate::proto::zitadel::v1::LocalizedMessage;
use crate::store::AppMethod;

/// The configuration of a request as it is stored: texts without surrounding white space, and only
/// what a client may set.
pub fn config_of(request: &AddOIDCAppRequest, client_id: &str) -> OIDCConfig {
    let trimmed = |texts: &[String]| texts.iter().map(|t| t.trim().to_owned()).collect::<Vec<_>>();
    let mut config = OIDCConfig {
        redirect_uris: trimmed(&request.redirect_uris),
        response_types: request.response_types.clone(),
        grant_types: request.grant_types.clone(),
        app_type: request.app_type,
        client_id: client_id.to_owned(),
        auth_method_type: request.auth_method_type,
        post_logout_redirect_uris: trimmed(&request.post_logout_redirect_uris),
        version: request.version,
        dev_mode: request.dev_mode,
        access_token_type: request.access_token_type,
        access_token_role_assertion: request.access_token_role_assertion,
        id_token_role_assertion: request.id_token_role_assertion,
        id_token_userinfo_assertion: request.id_token_userinfo_assertion,
        clock_skew: MessageField::some(request.clock_skew.as_option().cloned().unwrap_or_default()),
        additional_origins: trimmed(&request.additional_origins),
        skip_native_app_success_page: request.skip_native_app_success_page,
        back_channel_logout_uri: request.back_channel_logout_uri.clone(),
        login_version: request.login_version.clone(),
        ..OIDCConfig::default()
    };
    if config.response_types.is_empty() {
        config.response_types.push(EnumValue::from(OIDCResponseType::OIDC_RESPONSE_TYPE_CODE));
    }
    if config.grant_types.is_empty() {
        config.grant_types.push(EnumValue::from(OIDCGrantType::OIDC_GRANT_TYPE_AUTHORIZATION_CODE));
    }
    config
}

/// A stored configuration as clients read it: with what is computed on each read.
///
/// # Errors
/// The stored text is not such a configuration.
pub fn read(stored: &str, client_id: String) -> Result<OIDCConfig> {
    let mut config = OidcConfig::read(stored)?.message(client_id);
    let problems = compliance(&config);
    config.none_compliant = problems.none_compliant;
    config.compliance_problems = problems.messages;
    let uris = config.redirect_uris.iter().chain(&config.additional_origins);
    let mut origins: Vec<String> = uris.filter_map(|uri| origin(uri)).collect();
    origins.sort();
    origins.dedup();
    config.allowed_origins = origins;
    Ok(config)
}

/// Whether the configuration can be stored.
///
/// # Errors
/// `PROJECT-1n8df`: clock skew out of range, an origin is none, or a response type lacks its grant.
pub fn check(config: &OIDCConfig) -> Result<()> {
    let skew = config.clock_skew.as_option().is_none_or(|d| {
        (0..=5).contains(&d.seconds) && (0..1_000_000_000).contains(&d.nanos) && (d.seconds < 5 || d.nanos == 0)
    });
    let origins =
        config.additional_origins.iter().all(|o| origin(o).is_some_and(|clean| clean == o.trim_end_matches('/')));
    let grants = config.response_types.iter().all(|response| match response.as_known() {
        Some(OIDCResponseType::OIDC_RESPONSE_TYPE_CODE) => {
            has(config, OIDCGrantType::OIDC_GRANT_TYPE_AUTHORIZATION_CODE)
        }
        Some(_) => has(config, OIDCGrantType::OIDC_GRANT_TYPE_IMPLICIT),
        None => false,
    });
    let known = config.grant_types.iter().all(EnumValue::is_known);
    let logout = config.back_channel_logout_uri.is_empty() || origin(&config.back_channel_logout_uri).is_some();
    if skew && origins && grants && known && logout {
        Ok(())
    } else {
        Err(Error::invalid("PROJECT-1n8df", "Application invalid"))
    }
}

/// How the application authenticates.
pub fn method(config: &OIDCConfig) -> AppMethod {
    AppMethod {
        number: i64::from(config.auth_method_type.to_i32()),
        takes_keys: config.auth_method_type == OIDCAuthMethodType::OIDC_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT,
    }
}

/// Whether the application gets a client secret.
pub fn needs_secret(config: &OIDCConfig) -> bool {
    config.auth_method_type == OIDCAuthMethodType::OIDC_AUTH_METHOD_TYPE_BASIC
        || config.auth_method_type == OIDCAuthMethodType::OIDC_AUTH_METHOD_TYPE_POST
}

/// What does not follow OIDC 1.0. It informs and never refuses.
pub struct Compliance {
    /// Something breaks the standard.
    pub none_compliant: bool,
    /// What, with English texts.
    pub messages: Vec<LocalizedMessage>,
}

/// Keys below `Application.OIDC.V1.` and their English texts.
const TEXTS: &[(&str, &str)] = &[
    ("NotCompliant", "Your configuration is not compliant and differs from OIDC 1.0 standard."),
    ("NoRedirectUris", "At least one redirect uri must be registered."),
    ("GrantType.Refresh.NoAuthCode", "Refresh Token only allowed in combination with Authorization Code."),
    ("Code.RedirectUris.HttpOnlyForWeb", "Grant type \"code\" only allows http redirect uris for apptype \"web\"."),
    (
        "Code.RedirectUris.CustomOnlyForNative",
        "Grant type \"code\" only allows custom redirect uris for apptype \"native\"  (e.g appname:// )",
    ),
    ("Implicit.RedirectUris.CustomNotAllowed", "Grant type implicit doesn't allow custom redirect uris"),
    ("Implicit.RedirectUris.HttpNotAllowed", "Grant type implicit doesn't allow http redirect uris"),
    (
        "Native.RedirectUris.MustBeHttpLocalhost",
        "Redirect URIs must begin with your own protocol, http://127.0.0.1, http://[::1] or http://localhost.",
    ),
    ("Native.AuthMethodType.NotNone", "Native applications should have authmethodtype none."),
    ("UserAgent.AuthMethodType.NotNone", "User agent application should have authmethodtype none."),
    ("NotAllCombinationsAreAllowed", "Configuration is compliant, but not all possible combinations are allowed."),
];

/// Compares a configuration with the standard (contract, `oidc-apps.md`, compliance).
pub fn compliance(config: &OIDCConfig) -> Compliance {
    if config.version != OIDCVersion::OIDC_VERSION_1_0 {
        let unsupported = LocalizedMessage {
            key: "Application.OIDC.UnsupportedVersion".to_owned(),
            localized_message: "Your OIDC version is not supported".to_owned(),
        };
        return Compliance { none_compliant: true, messages: vec![unsupported] };
    }
    let mut problems = Vec::new();
    grants(config, &mut problems);
    if !config.redirect_uris.iter().all(|uri| uri.starts_with("https://")) {
        redirects(config, &mut problems);
    }
    methods(config, &mut problems);
    if !problems.is_empty() {
        // The original says it twice for these two kinds (recording 183).
        let repeat = if is(config, OIDCAppType::OIDC_APP_TYPE_WEB) { 1 } else { 2 };
        let first = std::iter::repeat_n("NotCompliant", repeat);
        return Compliance { none_compliant: true, messages: first.chain(problems).map(problem).collect() };
    }
    let mixed = has(config, OIDCGrantType::OIDC_GRANT_TYPE_IMPLICIT)
        && has(config, OIDCGrantType::OIDC_GRANT_TYPE_AUTHORIZATION_CODE);
    let https = config.redirect_uris.iter().all(|uri| uri.starts_with("https://"));
    let hint = (mixed && !https).then(|| problem("NotAllCombinationsAreAllowed"));
    Compliance { none_compliant: false, messages: hint.into_iter().collect() }
}

fn grants(config: &OIDCConfig, problems: &mut Vec<&'static str>) {
    let code = has(config, OIDCGrantType::OIDC_GRANT_TYPE_AUTHORIZATION_CODE);
    let device = has(config, OIDCGrantType::OIDC_GRANT_TYPE_DEVICE_CODE);
    if config.redirect_uris.is_empty() && (code || !device) {
        problems.push("NoRedirectUris");
    }
    if has(config, OIDCGrantType::OIDC_GRANT_TYPE_REFRESH_TOKEN) && !code && !device {
        problems.push("GrantType.Refresh.NoAuthCode");
    }
}

fn redirects(config: &OIDCConfig, problems: &mut Vec<&'static str>) {
    let code = has(config, OIDCGrantType::OIDC_GRANT_TYPE_AUTHORIZATION_CODE);
    let implicit = has(config, OIDCGrantType::OIDC_GRANT_TYPE_IMPLICIT);
    let native = is(config, OIDCAppType::OIDC_APP_TYPE_NATIVE);
    let http = config.redirect_uris.iter().any(|uri| uri.starts_with("http://"));
    let custom = config.redirect_uris.iter().any(|uri| !uri.starts_with("http://") && !uri.starts_with("https://"));
    if code && http && is(config, OIDCAppType::OIDC_APP_TYPE_USER_AGENT) {
        problems.push("Code.RedirectUris.HttpOnlyForWeb");
    }
    if code && !implicit && custom && !native {
        problems.push("Code.RedirectUris.CustomOnlyForNative");
    }
    if implicit && custom && (!code || !native) {
        problems.push("Implicit.RedirectUris.CustomNotAllowed");
    }
    if implicit && !code && http && !native {
        problems.push("Implicit.RedirectUris.HttpNotAllowed");
    }
    if native && config.redirect_uris.iter().any(|uri| uri.starts_with("http://") && !is_loopback(uri)) {
        problems.push("Native.RedirectUris.MustBeHttpLocalhost");
    }
}

fn methods(config: &OIDCConfig, problems: &mut Vec<&'static str>) {
    if config.auth_method_type == OIDCAuthMethodType::OIDC_AUTH_METHOD_TYPE_NONE {
        return;
    }
    match config.app_type.as_known() {
        Some(OIDCAppType::OIDC_APP_TYPE_NATIVE) => problems.push("Native.AuthMethodType.NotNone"),
        Some(OIDCAppType::OIDC_APP_TYPE_USER_AGENT) => problems.push("UserAgent.AuthMethodType.NotNone"),
        _ => {}
    }
}

fn problem(key: &'static str) -> LocalizedMessage {
    LocalizedMessage {
        key: format!("Application.OIDC.V1.{key}"),
        localized_message: TEXTS.iter().find(|(k, _)| *k == key).map_or("", |(_, text)| text).to_owned(),
    }
}

fn has(config: &OIDCConfig, grant: OIDCGrantType) -> bool {
    config.grant_types.iter().any(|g| *g == grant)
}

fn is(config: &OIDCConfig, kind: OIDCAppType) -> bool {
    config.app_type == kind
}

fn is_loopback(uri: &str) -> bool {
    let rest = uri.strip_prefix("http://").unwrap_or_default();
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|host| rest.strip_prefix(host).is_some_and(|after| after.is_empty() || after.starts_with([':', '/'])))
}

/// `scheme://host[:port]` of an absolute URI with a host.
fn origin(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let fine = !host.is_empty()
        && !host.contains(['@', ' ', '\\'])
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    fine.then(|| format!("{scheme}://{host}"))
}
