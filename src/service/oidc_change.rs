//! Changes of what an OpenID Connect client is registered with.

use super::oidc_config::{ClientMethod, ClientType, GrantType, Login, OidcConfig, ResponseType};
use super::{back_channel, oidc};
use crate::error::{Error, Result};

/// What changes of a client; what is not given stays as it is.
#[derive(Debug, Default)]
pub struct OidcChange {
    pub redirect_uris: Option<Vec<String>>,
    pub post_logout_redirect_uris: Option<Vec<String>>,
    pub additional_origins: Option<Vec<String>>,
    /// None left is the code.
    pub response_types: Option<Vec<ResponseType>>,
    /// None left is the authorization code.
    pub grant_types: Option<Vec<GrantType>>,
    pub app_type: Option<ClientType>,
    pub auth_method: Option<ClientMethod>,
    /// Number of `OIDCTokenType`.
    pub access_token_type: Option<i32>,
    pub version: Option<i32>,
    pub dev_mode: Option<bool>,
    pub roles_in_access_token: Option<bool>,
    pub roles_in_id_token: Option<bool>,
    pub userinfo_in_id_token: Option<bool>,
    pub skip_native_app_success_page: Option<bool>,
    /// Seconds and nanoseconds.
    pub clock_skew: Option<(i64, i32)>,
    pub back_channel_logout_uri: Option<String>,
    pub login: Option<Login>,
}

impl OidcChange {
    /// What can be refused whatever the client was registered with.
    ///
    /// # Errors
    /// `COMMAND-5m9fs` it is not valid.
    pub fn check(&self) -> Result<()> {
        let origins = self.additional_origins.iter().flatten().map(|origin| origin.trim().to_owned());
        let mut fine = self.clock_skew.is_none_or(oidc::is_skew) && oidc::are_origins(&origins.collect::<Vec<_>>());
        if let (Some(response_types), Some(grant_types)) = (&self.response_types, &self.grant_types) {
            let (response_types, grant_types) = (response_types.clone(), grant_types.clone());
            fine &= oidc::is_valid(&OidcConfig { response_types, grant_types, ..OidcConfig::default() }.completed());
        }
        if fine { Ok(()) } else { Err(invalid()) }
    }

    /// What the client will be registered with, which is checked.
    ///
    /// # Errors
    /// `COMMAND-5m9fs` not valid, `PROJECT-iZL2Ac` and `PROJECT-msNebo` the address to tell of a sign-out.
    pub fn of(&self, old: &OidcConfig) -> Result<OidcConfig> {
        let new = self.on(old.clone()).completed();
        if !oidc::is_valid(&new) {
            return Err(invalid());
        }
        back_channel::check(&new.back_channel_logout_uri)?;
        Ok(new)
    }

    fn on(&self, mut config: OidcConfig) -> OidcConfig {
        put(&mut config.redirect_uris, self.redirect_uris.as_ref());
        put(&mut config.post_logout_redirect_uris, self.post_logout_redirect_uris.as_ref());
        put(&mut config.additional_origins, self.additional_origins.as_ref());
        put(&mut config.response_types, self.response_types.as_ref());
        put(&mut config.grant_types, self.grant_types.as_ref());
        put(&mut config.app_type, self.app_type.as_ref());
        put(&mut config.auth_method, self.auth_method.as_ref());
        put(&mut config.access_token_type, self.access_token_type.as_ref());
        put(&mut config.version, self.version.as_ref());
        put(&mut config.dev_mode, self.dev_mode.as_ref());
        put(&mut config.roles_in_access_token, self.roles_in_access_token.as_ref());
        put(&mut config.roles_in_id_token, self.roles_in_id_token.as_ref());
        put(&mut config.userinfo_in_id_token, self.userinfo_in_id_token.as_ref());
        put(&mut config.skip_native_app_success_page, self.skip_native_app_success_page.as_ref());
        put(&mut config.clock_skew, self.clock_skew.as_ref());
        put(&mut config.back_channel_logout_uri, self.back_channel_logout_uri.as_ref());
        put(&mut config.login, self.login.as_ref());
        config
    }
}

fn put<T: Clone>(place: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}

fn invalid() -> Error {
    Error::invalid("COMMAND-5m9fs", "OIDC configuration is invalid")
}
