//! Configuration of an OpenID Connect client as it is stored: our own form, which no later contract changes.

use buffa::{EnumValue, Enumeration, MessageField};
use buffa_types::google::protobuf::Duration;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::proto::Part;
use crate::proto::zitadel::app::v1::__buffa::oneof::login_version::Version;
use crate::proto::zitadel::app::v1::{LoginV2, LoginVersion, OIDCConfig};

/// What is stored. Enums are the numbers of the contract.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own in the contract")]
pub struct OidcConfig {
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    additional_origins: Vec<String>,
    response_types: Vec<i32>,
    grant_types: Vec<i32>,
    app_type: i32,
    auth_method: i32,
    access_token_type: i32,
    version: i32,
    dev_mode: bool,
    roles_in_access_token: bool,
    roles_in_id_token: bool,
    userinfo_in_id_token: bool,
    skip_native_app_success_page: bool,
    /// Seconds and nanoseconds.
    clock_skew: (i64, i32),
    back_channel_logout_uri: String,
    login: Login,
}

/// Which login the application uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Login {
    /// The server's choice.
    #[default]
    Default,
    /// The older one.
    V1,
    /// The newer one, at an address of its own if it has one.
    V2(Option<String>),
}

impl OidcConfig {
    /// What is to be stored of a configuration: what its client has set.
    pub fn of(config: &OIDCConfig) -> Self {
        let skew = config.clock_skew.as_option().cloned().unwrap_or_default();
        Self {
            redirect_uris: config.redirect_uris.clone(),
            post_logout_redirect_uris: config.post_logout_redirect_uris.clone(),
            additional_origins: config.additional_origins.clone(),
            response_types: numbers(&config.response_types),
            grant_types: numbers(&config.grant_types),
            app_type: config.app_type.to_i32(),
            auth_method: config.auth_method_type.to_i32(),
            access_token_type: config.access_token_type.to_i32(),
            version: config.version.to_i32(),
            dev_mode: config.dev_mode,
            roles_in_access_token: config.access_token_role_assertion,
            roles_in_id_token: config.id_token_role_assertion,
            userinfo_in_id_token: config.id_token_userinfo_assertion,
            skip_native_app_success_page: config.skip_native_app_success_page,
            clock_skew: (skew.seconds, skew.nanos),
            back_channel_logout_uri: config.back_channel_logout_uri.clone(),
            login: login(config),
        }
    }

    /// Reads what is stored; the first releases stored the message of the contract.
    ///
    /// # Errors
    /// It is neither.
    pub fn read(stored: &str) -> Result<Self> {
        if let Ok(config) = serde_json::from_str(stored) {
            return Ok(config);
        }
        let config: OIDCConfig = serde_json::from_str(stored).map_err(Error::internal)?;
        Ok(Self::of(&config))
    }

    /// As it is stored.
    ///
    /// # Errors
    /// None that can happen.
    pub fn stored(&self) -> Result<String> {
        serde_json::to_string(self).map_err(Error::internal)
    }

    /// As clients read it, without what is computed on each read.
    pub fn message(self, client_id: String) -> OIDCConfig {
        let (seconds, nanos) = self.clock_skew;
        OIDCConfig {
            redirect_uris: self.redirect_uris,
            post_logout_redirect_uris: self.post_logout_redirect_uris,
            additional_origins: self.additional_origins,
            response_types: self.response_types.into_iter().map(EnumValue::from).collect(),
            grant_types: self.grant_types.into_iter().map(EnumValue::from).collect(),
            app_type: EnumValue::from(self.app_type),
            client_id,
            auth_method_type: EnumValue::from(self.auth_method),
            access_token_type: EnumValue::from(self.access_token_type),
            version: EnumValue::from(self.version),
            dev_mode: self.dev_mode,
            access_token_role_assertion: self.roles_in_access_token,
            id_token_role_assertion: self.roles_in_id_token,
            id_token_userinfo_assertion: self.userinfo_in_id_token,
            skip_native_app_success_page: self.skip_native_app_success_page,
            clock_skew: MessageField::some(Duration { seconds, nanos, ..Duration::default() }),
            back_channel_logout_uri: self.back_channel_logout_uri,
            login_version: version(self.login),
            ..OIDCConfig::default()
        }
    }
}

fn numbers<E: Enumeration>(values: &[EnumValue<E>]) -> Vec<i32> {
    values.iter().map(EnumValue::to_i32).collect()
}

fn login(config: &OIDCConfig) -> Login {
    match config.login_version.as_option().and_then(|login| login.version.as_ref()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_first_releases_stored_is_read_and_stored_anew() {
        let old = r#"{"redirectUris":["https://a.example/cb"],"responseTypes":["OIDC_RESPONSE_TYPE_ID_TOKEN"],
            "grantTypes":["OIDC_GRANT_TYPE_IMPLICIT"],"appType":"OIDC_APP_TYPE_NATIVE","clientId":"1",
            "authMethodType":"OIDC_AUTH_METHOD_TYPE_NONE","clockSkew":"1.500s","devMode":true,
            "loginVersion":{"loginV2":{"baseUri":"https://login.example"}}}"#;
        let read = OidcConfig::read(old).expect("the old form");
        assert_eq!((read.clock_skew, read.dev_mode, read.app_type), ((1, 500_000_000), true, 2));
        assert_eq!(read.login, Login::V2(Some("https://login.example".to_owned())));
        let stored = read.stored().expect("JSON");
        assert!(!stored.contains("clientId") && !stored.contains("OIDC_"), "{stored}");
        assert_eq!(OidcConfig::read(&stored).expect("the new form"), read);
        let message: OIDCConfig = serde_json::from_str(old).expect("the message");
        assert_eq!(read.message("1".to_owned()), message);
        assert!(OidcConfig::read("{\"redirectUris\": 1}").is_err());
    }
}
