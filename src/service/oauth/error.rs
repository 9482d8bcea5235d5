//! Errors of the OAuth endpoints (RFC 6749, section 5.2; contract, `oauth.md` 0.1).

use std::borrow::Cow;

use crate::error::Error;
use crate::store::StoreError;

/// Result of an OAuth endpoint.
pub type OAuthResult<T> = std::result::Result<T, OAuthError>;

/// An error as the client sees it.
#[derive(Debug)]
pub struct OAuthError {
    pub status: u16,
    /// Code of the specification.
    pub error: &'static str,
    /// Text for people; left out when empty.
    pub description: Cow<'static, str>,
    /// The client tried Basic and is told so by a `WWW-Authenticate` header (RFC 6749, section 5.2).
    pub challenge: bool,
    /// What really happened; logged, never sent.
    pub source: Option<Error>,
}

impl OAuthError {
    fn new(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self { status: 400, error, description: description.into(), challenge: false, source: None }
    }

    /// `invalid_request`: something is missing or malformed.
    pub fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_request", description)
    }

    /// `invalid_client`: the client is unknown or does not prove who it is.
    pub fn invalid_client(description: &'static str) -> Self {
        Self::new("invalid_client", description)
    }

    /// The same, for a client that tried Basic: 401 (RFC 6749, section 5.2).
    #[must_use]
    pub fn challenged(self) -> Self {
        if self.error == "invalid_client" { Self { status: 401, challenge: true, ..self } } else { self }
    }

    /// `unauthorized_client`: the same, as introspection answers it, without any reason.
    pub fn unauthorized_client(reason: &'static str) -> Self {
        tracing::info!(reason, "client authentication failed");
        Self::new("unauthorized_client", "")
    }

    /// `invalid_grant`: the assertion is not good; one text for every cause.
    pub fn invalid_assertion(reason: &'static str) -> Self {
        tracing::info!(reason, "assertion refused");
        Self::new("invalid_grant", "invalid assertion")
    }

    pub fn unsupported_grant(name: &str) -> Self {
        Self::new("unsupported_grant_type", format!("{name} not supported"))
    }

    pub fn invalid_scope(description: &'static str) -> Self {
        Self::new("invalid_scope", description)
    }

    /// An answer of a protected resource: 401 (contract, `oauth.md` 5.2).
    pub fn unauthenticated(error: &'static str, description: &'static str) -> Self {
        Self { status: 401, ..Self::new(error, description) }
    }
}

impl From<Error> for OAuthError {
    fn from(source: Error) -> Self {
        let status = source.code.http_status();
        let error = if status < 500 { "invalid_request" } else { "server_error" };
        let description = Cow::Owned(source.message.clone().into_owned());
        Self { status, error, description, challenge: false, source: Some(source) }
    }
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}
