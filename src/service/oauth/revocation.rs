//! Revocation (RFC 7009; contract, `oauth.md` 5.3): a machine ends its own tokens.

use serde_json::json;

use super::{Credentials, OAuth, OAuthError, Outcome};
use crate::auth::Presented;
use crate::clock::Micros;
use crate::store::{AggregateKind, Credential, Event, TokenRow, UserAt};

impl OAuth {
    /// Revokes a token. One that is unknown or dead already is no error.
    ///
    /// # Errors
    /// The client does not prove itself, or the token belongs to another one.
    pub async fn revoke(&self, credentials: &Credentials, token: &str) -> Outcome<()> {
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
            Presented::Opaque { id, .. } | Presented::Jwt { id, .. } => self.parts.deps.store.token_delete(id).await?,
            Presented::Pat { .. } => self.remove_pat(row, now).await?,
        }
        Ok(())
    }

    /// The machine that asks; none for an application, which has no tokens of its own.
    async fn caller(&self, credentials: &Credentials, now: Micros) -> Outcome<Option<String>> {
        credentials.complete()?;
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

    async fn remove_pat(&self, token: &TokenRow, now: Micros) -> Outcome<()> {
        let user = UserAt { org_id: &token.org_id, id: &token.user_id };
        let mut tx = self.parts.deps.store.write().await?;
        let Some(mut aggregate) = tx.aggregate_lock(AggregateKind::User, user.org_id, user.id).await? else {
            return Ok(());
        };
        if tx.credential_by_id(Credential::Pat, user, &token.id).await?.is_none() {
            return Ok(());
        }
        let event = Event::new("user.pat.removed", json!({"tokenId": token.id}));
        let event = tx.events_append(&mut aggregate, user.id, now, &[event]).await?;
        tx.credential_delete(Credential::Pat, user, &token.id, &event).await?;
        tx.commit().await?;
        Ok(())
    }
}
