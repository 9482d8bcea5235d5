//! Personal access tokens and client secrets of machine users.

use zeroize::Zeroizing;

use super::credentials::{NewCredential, may_speak_for};
use super::outcome::changed;
use super::texts::USER_NOT_FOUND;
use super::{Deps, credentials, validate};
use crate::auth::{Admitted, Reach};
use crate::clock::Micros;
use crate::crypto::secrets;
use crate::error::{Code, Error, Result};
use crate::store::{
    Credential, CredentialFilter, CredentialOrder, CredentialRow, Listed, MachineSecretSet, OwnedCredentialRow, Page,
    Stamp, UserAt,
};

/// Scopes of every personal access token (contract, AddPersonalAccessToken).
pub const PAT_SCOPES: [&str; 4] =
    ["openid", "profile", "urn:zitadel:iam:user:metadata", "urn:zitadel:iam:user:resourceowner"];

/// Tokens and secrets of machine users.
pub struct Tokens(pub(super) Deps);

/// A new personal access token. Its text is here and nowhere else.
pub struct CreatedToken {
    pub id: String,
    /// Its text.
    pub token: Zeroizing<String>,
    /// Its first event.
    pub stamp: Stamp,
}

/// A personal access token that somebody has made before: so it can be kept where it belongs first.
#[derive(Clone, Copy)]
pub struct OwnToken<'a> {
    /// Its identifier.
    pub id: &'a str,
    /// Its text.
    pub token: &'a Zeroizing<String>,
}

/// A new client secret of a machine user. It is here and nowhere else.
pub struct MachineSecret {
    /// The client id that goes with it.
    pub client_id: String,
    pub secret: Zeroizing<String>,
    /// The user's last event.
    pub stamp: Stamp,
}

impl Tokens {
    /// Makes a personal access token, or keeps the one that the caller has made, which gives its identifier too.
    ///
    /// # Errors
    /// `DOMAIN-dv3t5` expiration in the past, `COMMAND-Dggw2` no such user, `COMMAND-8gK2d` the user has roles that
    /// the caller may not give, code 6 the chosen id is used, or looks like one of the server; code 3 the own
    /// token has another form than tokens have.
    pub async fn add_personal_access_token(
        &self,
        who: &Admitted,
        user_id: &str,
        expires_at: Option<Micros>,
        own: Option<OwnToken<'_>>,
    ) -> Result<CreatedToken> {
        let expires_at = validate::expiration(expires_at, who.now)?;
        let user = UserAt { org_id: &who.org_id, id: user_id };
        let token = match own {
            Some(own) if !secrets::is_personal_access_token(own.token) => return Err(no_form()),
            Some(own) => own.token.clone(),
            None => secrets::personal_access_token(&self.0.env.random),
        };
        let hash = secrets::hash(&token);
        let new = NewCredential { kind: Credential::Pat, user, id: own.map(|own| own.id), material: &hash, expires_at };
        let (id, stamp) = credentials::add(&self.0, who, new, no_user).await?;
        Ok(CreatedToken { id, token, stamp })
    }

    /// A personal access token of a user, without its text.
    pub async fn personal_access_token(
        &self,
        who: &Admitted,
        user_id: &str,
        token_id: &str,
    ) -> Result<Option<CredentialRow>> {
        let user = UserAt { org_id: &who.org_id, id: user_id };
        Ok(self.0.store.credential_by_id(Credential::Pat, user, token_id).await?)
    }

    /// Personal access tokens of a user, expired ones included; an unknown user has none.
    pub async fn list_personal_access_tokens(
        &self,
        who: &Admitted,
        user_id: &str,
        page: Page,
    ) -> Result<Listed<CredentialRow>> {
        let user = UserAt { org_id: &who.org_id, id: user_id };
        Ok(self.0.store.credential_list(Credential::Pat, user, page).await?)
    }

    /// Personal access tokens of all users that the caller may see, expired ones included.
    pub async fn list_all_personal_access_tokens(
        &self,
        reach: &Reach,
        filters: &[CredentialFilter],
        order: CredentialOrder,
        page: Page,
    ) -> Result<Listed<OwnedCredentialRow>> {
        Ok(self.0.store.credentials_everywhere(Credential::Pat, reach.users(), filters, order, page).await?)
    }

    /// Removes a personal access token; it is void at once.
    ///
    /// # Errors
    /// `COMMAND-4m77G` no such token.
    pub async fn remove_personal_access_token(&self, who: &Admitted, user_id: &str, token_id: &str) -> Result<Stamp> {
        credentials::remove(&self.0, who, (Credential::Pat, user_id, token_id), no_token).await
    }

    /// Gives a user the client secret that the caller chooses, or a new one; its login name is the client id. An old
    /// secret is void at once.
    ///
    /// # Errors
    /// `no_user` no such user, `COMMAND-8gK2d` the user has roles that the caller may not give.
    pub async fn generate_machine_secret(
        &self,
        who: &Admitted,
        user_id: &str,
        own: Option<&Zeroizing<String>>,
        no_user: fn() -> Error,
    ) -> Result<MachineSecret> {
        let user = UserAt { org_id: &who.org_id, id: user_id };
        let secret = own.cloned().unwrap_or_else(|| secrets::client_secret(&self.0.env.random));
        let hash = secrets::hash(&secret);
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut found = work.user_held(user).await?.ok_or_else(no_user)?;
            may_speak_for(who, found.work, user.id).await?;
            let event = found.record(&MachineSecretSet { at: user, hash: Some(&hash) }).await?;
            Ok((found.row.user_name.clone(), changed(&event, found.row.stamp.created_at)))
        });
        let (client_id, stamp) = work.await?;
        Ok(MachineSecret { client_id, secret, stamp })
    }

    /// Removes the client secret of a user.
    ///
    /// # Errors
    /// `COMMAND-x7s802` no such user, `COMMAND-coi82n` it has no secret.
    pub async fn remove_machine_secret(&self, who: &Admitted, user_id: &str) -> Result<Stamp> {
        let user = UserAt { org_id: &who.org_id, id: user_id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut found = work.user_held(user).await?.ok_or_else(no_owner_of_secret)?;
            if !found.row.has_secret {
                return Err(Error::precondition("COMMAND-coi82n", "Secret doesn't exist"));
            }
            let event = found.record(&MachineSecretSet { at: user, hash: None }).await?;
            Ok(changed(&event, found.row.stamp.created_at))
        });
        work.await
    }
}

fn no_form() -> Error {
    Error::native(Code::InvalidArgument, "invalid token: it has another form than tokens of this server")
}

/// There is no user for whom a token could be made.
pub fn no_user() -> Error {
    Error::precondition("COMMAND-Dggw2", USER_NOT_FOUND)
}

/// There is no token that could be removed.
pub fn no_token() -> Error {
    Error::not_found("COMMAND-4m77G", "Personal Access Token not found")
}

/// There is no user whose secret could be removed.
pub fn no_owner_of_secret() -> Error {
    Error::precondition("COMMAND-x7s802", "Errors.User.NotExisting")
}
