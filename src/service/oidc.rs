//! Rules on OpenID Connect clients: configuration only (contract, `oidc-apps.md`). Nothing here runs a login.

use super::oidc_config::{ClientMethod, ClientType, GrantType, OidcConfig, ResponseType};
use crate::store::AppMethod;

/// Where browsers may call from: the origins of the redirect URIs and the additional ones, in order.
pub fn origins(config: &OidcConfig) -> Vec<String> {
    let uris = config.redirect_uris.iter().chain(&config.additional_origins);
    let mut origins: Vec<String> = uris.filter_map(|uri| origin(uri)).collect();
    origins.sort();
    origins.dedup();
    origins
}

/// Whether the configuration can be stored: the clock skew is in range, origins are some, and each response type has the
/// grant that it needs.
pub fn is_valid(config: &OidcConfig) -> bool {
    is_skew(config.clock_skew) && are_origins(&config.additional_origins) && fit(&config.response_types, config)
}

/// Whether clocks may differ by so many seconds and nanoseconds.
pub fn is_skew((seconds, nanos): (i64, i32)) -> bool {
    (0..=5).contains(&seconds) && (0..1_000_000_000).contains(&nanos) && (seconds < 5 || nanos == 0)
}

/// Whether each of them is an origin and nothing more.
pub fn are_origins(uris: &[String]) -> bool {
    uris.iter().all(|uri| origin(uri).is_some_and(|clean| clean == uri.trim_end_matches('/')))
}

/// Whether each response type has the grant that it needs.
fn fit(responses: &[ResponseType], config: &OidcConfig) -> bool {
    responses.iter().all(|response| match *response {
        // Where the device gets the code, nothing else need ask for one.
        ResponseType::CODE => has(config, GrantType::AUTHORIZATION_CODE) || has(config, GrantType::DEVICE_CODE),
        _ => has(config, GrantType::IMPLICIT),
    })
}

/// How the application authenticates.
pub fn method(config: &OidcConfig) -> AppMethod {
    AppMethod {
        number: i64::from(config.auth_method.0),
        takes_keys: config.auth_method == ClientMethod::PRIVATE_KEY_JWT,
    }
}

/// Whether the application gets a client secret.
pub fn needs_secret(config: &OidcConfig) -> bool {
    matches!(config.auth_method, ClientMethod::BASIC | ClientMethod::POST)
}

/// What does not follow OIDC 1.0. It informs and never refuses.
pub struct Compliance {
    /// Something breaks the standard.
    pub none_compliant: bool,
    /// What.
    pub problems: Vec<Problem>,
}

/// Something that breaks the standard, or is not checked.
#[derive(Debug, Clone, Copy)]
pub struct Problem {
    /// Its key below `Application.OIDC.`.
    pub key: &'static str,
    pub text: &'static str,
}

/// Keys below `Application.OIDC.` and their English texts.
const TEXTS: &[(&str, &str)] = &[
    ("V1.NotCompliant", "Your configuration is not compliant and differs from OIDC 1.0 standard."),
    ("V1.NoRedirectUris", "At least one redirect uri must be registered."),
    ("V1.GrantType.Refresh.NoAuthCode", "Refresh Token only allowed in combination with Authorization Code."),
    ("V1.Code.RedirectUris.HttpOnlyForWeb", "Grant type \"code\" only allows http redirect uris for apptype \"web\"."),
    (
        "V1.Code.RedirectUris.CustomOnlyForNative",
        "Grant type \"code\" only allows custom redirect uris for apptype \"native\"  (e.g appname:// )",
    ),
    ("V1.Implicit.RedirectUris.CustomNotAllowed", "Grant type implicit doesn't allow custom redirect uris"),
    ("V1.Implicit.RedirectUris.HttpNotAllowed", "Grant type implicit doesn't allow http redirect uris"),
    (
        "V1.Native.RedirectUris.MustBeHttpLocalhost",
        "Redirect URIs must begin with your own protocol, http://127.0.0.1, http://[::1] or http://localhost.",
    ),
    ("V1.Native.AuthMethodType.NotNone", "Native applications should have authmethodtype none."),
    ("V1.UserAgent.AuthMethodType.NotNone", "User agent application should have authmethodtype none."),
    ("V1.NotAllCombinationsAreAllowed", "Configuration is compliant, but not all possible combinations are allowed."),
];

/// Compares a configuration with the standard (contract, `oidc-apps.md`, compliance).
pub fn compliance(config: &OidcConfig) -> Compliance {
    if config.version != 0 {
        let unsupported = Problem { key: "UnsupportedVersion", text: "Your OIDC version is not supported" };
        return Compliance { none_compliant: true, problems: vec![unsupported] };
    }
    let mut problems = Vec::new();
    grants(config, &mut problems);
    if !config.redirect_uris.iter().all(|uri| uri.starts_with("https://")) {
        redirects(config, &mut problems);
    }
    methods(config, &mut problems);
    if !problems.is_empty() {
        // The original says it twice for these two kinds (recording 183).
        let repeat = if is(config, ClientType::WEB) { 1 } else { 2 };
        let first = std::iter::repeat_n("NotCompliant", repeat);
        return Compliance { none_compliant: true, problems: first.chain(problems).map(problem).collect() };
    }
    let mixed = has(config, GrantType::IMPLICIT) && has(config, GrantType::AUTHORIZATION_CODE);
    let https = config.redirect_uris.iter().all(|uri| uri.starts_with("https://"));
    let hint = (mixed && !https).then(|| problem("NotAllCombinationsAreAllowed"));
    Compliance { none_compliant: false, problems: hint.into_iter().collect() }
}

fn grants(config: &OidcConfig, problems: &mut Vec<&'static str>) {
    let code = has(config, GrantType::AUTHORIZATION_CODE);
    let device = has(config, GrantType::DEVICE_CODE);
    if config.redirect_uris.is_empty() && (code || !device) {
        problems.push("NoRedirectUris");
    }
    if has(config, GrantType::REFRESH_TOKEN) && !code && !device {
        problems.push("GrantType.Refresh.NoAuthCode");
    }
}

fn redirects(config: &OidcConfig, problems: &mut Vec<&'static str>) {
    let code = has(config, GrantType::AUTHORIZATION_CODE);
    let implicit = has(config, GrantType::IMPLICIT);
    let native = is(config, ClientType::NATIVE);
    let http = config.redirect_uris.iter().any(|uri| uri.starts_with("http://"));
    let custom = config.redirect_uris.iter().any(|uri| !uri.starts_with("http://") && !uri.starts_with("https://"));
    if code && http && is(config, ClientType::USER_AGENT) {
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

fn methods(config: &OidcConfig, problems: &mut Vec<&'static str>) {
    if config.auth_method == ClientMethod::NONE {
        return;
    }
    match config.app_type {
        ClientType::NATIVE => problems.push("Native.AuthMethodType.NotNone"),
        ClientType::USER_AGENT => problems.push("UserAgent.AuthMethodType.NotNone"),
        _ => {}
    }
}

fn problem(key: &'static str) -> Problem {
    let (key, text) =
        TEXTS.iter().find(|(known, _)| known.strip_prefix("V1.") == Some(key)).copied().unwrap_or((key, ""));
    Problem { key, text }
}

fn has(config: &OidcConfig, grant: GrantType) -> bool {
    config.grant_types.contains(&grant)
}

fn is(config: &OidcConfig, kind: ClientType) -> bool {
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
