//! How the configuration of an OpenID Connect client is stored: as the JSON of [`OidcConfig`]. The first releases stored
//! the JSON of a message of the contract, which is only read.

use serde::Deserialize;
use serde::de::Error as _;

use super::oidc_config::{ClientMethod, ClientType, GrantType, Login, OidcConfig, ResponseType};
use crate::error::{Error, Result};

impl OidcConfig {
    /// Reads what is stored, in either form.
    ///
    /// # Errors
    /// It is neither.
    pub fn read(stored: &str) -> Result<Self> {
        if let Ok(config) = serde_json::from_str(stored) {
            return Ok(config);
        }
        first_form(stored).map_err(Error::internal)
    }

    /// As it is stored.
    pub fn stored(&self) -> Result<String> {
        serde_json::to_string(self).map_err(Error::internal)
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "the form is what it is")]
struct FirstForm {
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    additional_origins: Vec<String>,
    response_types: Vec<Named>,
    grant_types: Vec<Named>,
    app_type: Named,
    auth_method_type: Named,
    access_token_type: Named,
    version: Named,
    dev_mode: bool,
    access_token_role_assertion: bool,
    id_token_role_assertion: bool,
    id_token_userinfo_assertion: bool,
    skip_native_app_success_page: bool,
    clock_skew: Option<String>,
    back_channel_logout_uri: String,
    login_version: Option<LoginVersion>,
}

/// A value by its name; one without a name by its number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Name(String),
    Number(i32),
}

impl Default for Named {
    fn default() -> Self {
        Self::Number(0)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum LoginVersion {
    LoginV1(serde::de::IgnoredAny),
    LoginV2(LoginV2),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoginV2 {
    base_uri: Option<String>,
}

const RESPONSE_TYPES: &[&str] =
    &["OIDC_RESPONSE_TYPE_CODE", "OIDC_RESPONSE_TYPE_ID_TOKEN", "OIDC_RESPONSE_TYPE_ID_TOKEN_TOKEN"];
const GRANT_TYPES: &[&str] = &[
    "OIDC_GRANT_TYPE_AUTHORIZATION_CODE",
    "OIDC_GRANT_TYPE_IMPLICIT",
    "OIDC_GRANT_TYPE_REFRESH_TOKEN",
    "OIDC_GRANT_TYPE_DEVICE_CODE",
    "OIDC_GRANT_TYPE_TOKEN_EXCHANGE",
];
const APP_TYPES: &[&str] = &["OIDC_APP_TYPE_WEB", "OIDC_APP_TYPE_USER_AGENT", "OIDC_APP_TYPE_NATIVE"];
const METHODS: &[&str] = &[
    "OIDC_AUTH_METHOD_TYPE_BASIC",
    "OIDC_AUTH_METHOD_TYPE_POST",
    "OIDC_AUTH_METHOD_TYPE_NONE",
    "OIDC_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT",
];
const TOKEN_TYPES: &[&str] = &["OIDC_TOKEN_TYPE_BEARER", "OIDC_TOKEN_TYPE_JWT"];
const VERSIONS: &[&str] = &["OIDC_VERSION_1_0"];

/// The configuration that a text of the first form holds.
fn first_form(stored: &str) -> serde_json::Result<OidcConfig> {
    let form: FirstForm = serde_json::from_str(stored)?;
    let response_types = form.response_types.iter().map(|v| Ok(ResponseType(v.number(RESPONSE_TYPES)?)));
    let grant_types = form.grant_types.iter().map(|v| Ok(GrantType(v.number(GRANT_TYPES)?)));
    Ok(OidcConfig {
        response_types: response_types.collect::<serde_json::Result<_>>()?,
        grant_types: grant_types.collect::<serde_json::Result<_>>()?,
        app_type: ClientType(form.app_type.number(APP_TYPES)?),
        auth_method: ClientMethod(form.auth_method_type.number(METHODS)?),
        access_token_type: form.access_token_type.number(TOKEN_TYPES)?,
        version: form.version.number(VERSIONS)?,
        redirect_uris: form.redirect_uris,
        post_logout_redirect_uris: form.post_logout_redirect_uris,
        additional_origins: form.additional_origins,
        dev_mode: form.dev_mode,
        roles_in_access_token: form.access_token_role_assertion,
        roles_in_id_token: form.id_token_role_assertion,
        userinfo_in_id_token: form.id_token_userinfo_assertion,
        skip_native_app_success_page: form.skip_native_app_success_page,
        clock_skew: form.clock_skew.as_deref().map_or(Ok((0, 0)), skew)?,
        back_channel_logout_uri: form.back_channel_logout_uri,
        login: match form.login_version {
            None => Login::Default,
            Some(LoginVersion::LoginV1(_)) => Login::V1,
            Some(LoginVersion::LoginV2(v2)) => Login::V2(v2.base_uri),
        },
    })
}

impl Named {
    fn number(&self, names: &[&str]) -> serde_json::Result<i32> {
        let name = match self {
            Self::Number(number) => return Ok(*number),
            Self::Name(name) => name,
        };
        let at = names.iter().position(|known| known == name);
        at.and_then(|at| i32::try_from(at).ok()).ok_or_else(|| serde_json::Error::custom("an unknown name"))
    }
}

/// `1.500s` as seconds and nanoseconds.
fn skew(text: &str) -> serde_json::Result<(i64, i32)> {
    let wrong = || serde_json::Error::custom("no length of time");
    let text = text.strip_suffix('s').ok_or_else(wrong)?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let nanos: i32 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    Ok((seconds.parse().map_err(|_| wrong())?, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_first_releases_stored_is_read_and_stored_anew() {
        let old = r#"{"redirectUris":["https://a.example/cb"],"responseTypes":["OIDC_RESPONSE_TYPE_ID_TOKEN"],
            "grantTypes":["OIDC_GRANT_TYPE_IMPLICIT"],"appType":"OIDC_APP_TYPE_NATIVE","clientId":"1",
            "authMethodType":"OIDC_AUTH_METHOD_TYPE_NONE","clockSkew":"1.500s","devMode":true,
            "loginVersion":{"loginV2":{"baseUri":"https://login.example"}}}"#;
        let read = OidcConfig::read(old).expect("the first form");
        assert_eq!((read.clock_skew, read.dev_mode), ((1, 500_000_000), true));
        assert_eq!((read.app_type, read.auth_method), (ClientType::NATIVE, ClientMethod::NONE));
        assert_eq!(
            (&read.response_types[..], &read.grant_types[..]),
            (&[ResponseType::ID_TOKEN][..], &[GrantType::IMPLICIT][..])
        );
        assert_eq!(read.login, Login::V2(Some("https://login.example".to_owned())));
        let stored = read.stored().expect("JSON");
        assert!(!stored.contains("clientId") && !stored.contains("OIDC_"), "{stored}");
        assert_eq!(OidcConfig::read(&stored).expect("the present form"), read);
        assert!(OidcConfig::read("{\"redirectUris\": 1}").is_err());
        assert!(OidcConfig::read(r#"{"appType":"OIDC_APP_TYPE_WATCH"}"#).is_err());
    }
}
