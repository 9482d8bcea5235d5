//! How a client authenticates.

use super::{OAuthError, OAuthResult, assertion};

/// How a client authenticates, as it stands in the request; what is absent is empty.
#[derive(Default)]
pub struct Credentials {
    /// `client_id`, or the first half of Basic.
    pub client_id: String,
    /// `client_secret`, or the second half of Basic.
    pub client_secret: String,
    pub assertion_type: String,
    pub assertion: String,
    /// Name and secret came by Basic.
    pub basic: bool,
}

impl Credentials {
    /// The one answer to a client that does not prove itself at the token and revocation endpoints.
    pub(super) fn refused(&self) -> OAuthError {
        let error =
            OAuthError::invalid_client("client authentication failed: unknown client, or wrong or missing secret");
        if self.basic { error.challenged() } else { error }
    }

    /// Whether there is anything to look up, before anything is.
    ///
    /// # Errors
    /// `invalid_request` or `invalid_client`, with what is missing.
    pub fn complete(&self) -> OAuthResult<()> {
        self.named()?;
        if self.assertion.is_empty() && self.client_secret.is_empty() {
            return Err(OAuthError::invalid_client("client must be authenticated"));
        }
        Ok(())
    }

    /// Whether a client is named at all. A missing secret is left to be found wrong.
    ///
    /// # Errors
    /// `invalid_request`, with what is missing.
    pub fn named(&self) -> OAuthResult<()> {
        if !self.assertion.is_empty() {
            if self.assertion_type != assertion::TYPE {
                let text = format!("invalid client_assertion_type {}", self.assertion_type);
                return Err(OAuthError::invalid_request(text));
            }
        } else if self.client_id.is_empty() {
            return Err(OAuthError::invalid_request("client_id or client_assertion must be provided"));
        }
        Ok(())
    }
}
