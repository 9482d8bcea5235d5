//! Revocation (RFC 7009; contract, `oauth.md` 5.3): a machine ends its own tokens.

use super::{Credentials, OAuth, OAuthError, OAuthResult};
use crate::auth::{Admitted, Presented};
use crate::clock::Micros;
use crate::error::Code;
use crate::service::credentials;
use crate::service::tokens::no_token;
use crate::store::{Credential, TokenRow};

impl OAuth {
    /// Revokes a token. One that is unknown or dead already is no error.
    ///
    /// # Errors
    /// The client does not prove itself, or the token belongs to another one.
    pub async fn revoke(&self, credentials: &Credentials, token: &str) -> OAuthResult<()> {
        let now = self.now();
        let caller = self.caller(credentials, now).await?;
        if token.is_empty() {
            return Err(OAuthError::invalid_request("token missing"));
        }
        let Some(presented) = self.presented(token, now).await? else { return Ok(()) };
        let rows = self.rows(&presented, "", "").await?;
        let Some(row) = rows.first() else { return Ok(()) };
        if !presented.is(&row.user_id, row.token_hash.as_deref()) {
            return Ok(());
        }
        if caller.as_ref() != Some(&row.user_id) {
            return Err(OAuthError::unauthenticated("invalid_client", "token was not issued for this client"));
        }
        match presented {
            Presented::Opaque { id, .. } | Presented::Jwt { id, .. } => {
                self.parts.deps.store.token_delete(&row.org_id, id).await?;
            }
            Presented::Pat { .. } => self.remove_pat(row, now).await?,
        }
        Ok(())
    }

    /// The machine that asks; none for an application, which has no tokens of its own.
    async fn caller(&self, credentials: &Credentials, now: Micros) -> OAuthResult<Option<String>> {
        credentials.named()?;
        let refused = match self.machine(credentials, now).await {
            Ok(machine) => return Ok(Some(machine.active()?.row.id)),
            Err(error) if error.status >= 500 => return Err(error),
            Err(error) => error,
        };
        match self.client(credentials, now).await? {
            Ok(_) => Ok(None),
            Err(_) => Err(refused),
        }
    }

    /// One that somebody else has just removed is no error either.
    async fn remove_pat(&self, token: &TokenRow, now: Micros) -> OAuthResult<()> {
        let who = Admitted::own(&token.user_id, &token.org_id, now);
        let pat = (Credential::Pat, token.user_id.as_str(), token.id.as_str());
        match credentials::remove(&self.parts.deps, &who, pat, no_token).await {
            Err(error) if error.code != Code::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
