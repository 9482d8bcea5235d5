//! Configuration of an OpenID Connect client, in plain types that no contract changes.

use serde::{Deserialize, Serialize};

/// Values that a contract numbers. A number that is not known yet is kept, and refused where it matters.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $value:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i32);

        impl $name {
            $($(#[$of])* pub const $value: Self = Self($number);)+

            /// Whether the number stands for something.
            pub fn is_known(self) -> bool {
                [$($number),+].contains(&self.0)
            }
        }
    };
}

open_enum! {
    /// What the authorization endpoint answers with.
    ResponseType {
        /// A code.
        CODE = 0,
        /// An ID token.
        ID_TOKEN = 1,
        /// An ID token and an access token.
        ID_TOKEN_TOKEN = 2,
    }
}

open_enum! {
    /// What a client trades for tokens.
    GrantType {
        /// A code.
        AUTHORIZATION_CODE = 0,
        /// Nothing: the tokens come from the authorization endpoint.
        IMPLICIT = 1,
        /// A refresh token.
        REFRESH_TOKEN = 2,
        /// A device code.
        DEVICE_CODE = 3,
        /// Another token.
        TOKEN_EXCHANGE = 4,
    }
}

open_enum! {
    /// Where a client runs.
    ClientType {
        /// On a server.
        WEB = 0,
        /// In a browser.
        USER_AGENT = 1,
        /// On a device of its user.
        NATIVE = 2,
    }
}

open_enum! {
    /// How a client authenticates.
    ClientMethod {
        /// With its secret in a header.
        BASIC = 0,
        /// With its secret in the form.
        POST = 1,
        /// Not at all.
        NONE = 2,
        /// With a signed assertion.
        PRIVATE_KEY_JWT = 3,
    }
}

/// What a client is registered with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own in the contract")]
pub struct OidcConfig {
    /// Where answers may be sent.
    pub redirect_uris: Vec<String>,
    /// Where browsers may be sent after a sign-out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Origins that may call, beside those of the redirect URIs.
    pub additional_origins: Vec<String>,
    /// What it may ask for.
    pub response_types: Vec<ResponseType>,
    /// What it may trade.
    pub grant_types: Vec<GrantType>,
    /// Where it runs.
    pub app_type: ClientType,
    /// How it authenticates.
    pub auth_method: ClientMethod,
    /// Number of `OIDCTokenType`: opaque or JWT.
    pub access_token_type: i32,
    /// Version of the standard; 0 is OpenID Connect 1.0.
    pub version: i32,
    /// Rules on redirect URIs are not enforced.
    pub dev_mode: bool,
    /// Roles are put into access tokens.
    pub roles_in_access_token: bool,
    /// Roles are put into ID tokens.
    pub roles_in_id_token: bool,
    /// Claims of userinfo are put into ID tokens.
    pub userinfo_in_id_token: bool,
    /// Native clients get their answer without a page in between.
    pub skip_native_app_success_page: bool,
    /// How far clocks may differ: seconds and nanoseconds.
    pub clock_skew: (i64, i32),
    /// Who is told of a sign-out.
    pub back_channel_logout_uri: String,
    /// Which login it uses.
    pub login: Login,
}

/// Which login the application uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Login {
    /// The server's choice.
    #[default]
    Default,
    /// The older one.
    V1,
    /// The newer one, at an address of its own if it has one.
    V2(Option<String>),
}

impl OidcConfig {
    /// As a client asks for it: texts without surrounding white space, and what it leaves out, or names by a number that
    /// means nothing, filled in.
    #[must_use]
    pub fn completed(mut self) -> Self {
        for texts in [&mut self.redirect_uris, &mut self.post_logout_redirect_uris, &mut self.additional_origins] {
            for text in texts.iter_mut().filter(|text| text.trim().len() < text.len()) {
                *text = text.trim().to_owned();
            }
        }
        for response in self.response_types.iter_mut().filter(|response| !response.is_known()) {
            *response = ResponseType::CODE;
        }
        for grant in self.grant_types.iter_mut().filter(|grant| !grant.is_known()) {
            *grant = GrantType::AUTHORIZATION_CODE;
        }
        if self.response_types.is_empty() {
            self.response_types.push(ResponseType::CODE);
        }
        if self.grant_types.is_empty() {
            self.grant_types.push(GrantType::AUTHORIZATION_CODE);
        }
        self
    }
}
