//! Userinfo (OpenID Connect Core 1.0, section 5.3; contract, `oauth.md` 5.2).

use super::claims::Claims;
use super::introspection::user;
use super::{OAuth, OAuthError, OAuthResult};
use crate::auth::Presented;
use crate::auth::scopes::Scopes;
use crate::service::tokens::PAT_SCOPES;
use crate::store::{self, UserAt};

impl OAuth {
    /// What a token says of its user; no audience is asked for.
    ///
    /// # Errors
    /// 401 for a missing token and for any that is not good.
    pub async fn userinfo(&self, token: Option<&str>) -> OAuthResult<Claims> {
        let now = self.now();
        let missing = || OAuthError::unauthenticated("invalid_request", "access token missing");
        let bad = || OAuthError::unauthenticated("access_denied", "access token invalid");
        let token = token.filter(|t| !t.is_empty()).ok_or_else(missing)?;
        let presented = self.presented(token, now).await?.ok_or_else(bad)?;
        let rows = self.rows(&presented, "", "").await?;
        let row = rows.first().filter(|row| row.expires_at > now).ok_or_else(bad)?;
        if !presented.is(&row.user_id, row.token_hash.as_deref()) {
            return Err(bad());
        }
        if let Presented::Pat { hash } = presented {
            self.parts.usage.note(store::Credentials::Pat(hash), now);
        }
        let granted = row.scopes.clone().unwrap_or_else(|| PAT_SCOPES.join(" "));
        let scopes = Scopes(&granted);
        let mut claims = user(row, scopes);
        self.role_claims(&mut claims, UserAt { org_id: &row.org_id, id: &row.user_id }, scopes).await?;
        Ok(claims)
    }
}
