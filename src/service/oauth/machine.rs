//! Authentication of machine users, by key (contract, `oauth.md` 3.2) or secret (3.3).

use super::assertion::{Assertion, Signed};
use super::{Credentials, OAuth, OAuthError, Outcome};
use crate::auth::can_name;
use crate::clock::Micros;
use crate::crypto::jws::Verifier;
use crate::crypto::secrets;
use crate::store::{self, MachineRow, UserState};

/// A machine that has proven itself.
pub struct Machine {
    /// The user.
    pub row: MachineRow,
    /// It did so with a secret.
    pub by_secret: bool,
}

impl OAuth {
    /// The machine that signed an assertion with a key of its own; in any state.
    pub(super) async fn machine_by_key(&self, token: &str, now: Micros) -> Outcome<Result<Machine, &'static str>> {
        let assertion = match Assertion::read(token, &self.parts.issuer, now) {
            Ok(assertion) => assertion,
            Err(reason) => return Ok(Err(reason)),
        };
        let row = self.parts.deps.store.machine_by_key(&assertion.kid, &assertion.subject).await?;
        let Some(row) = row else { return Ok(Err("the machine has no such key")) };
        if row.key_expires_at.is_none_or(|at| at <= now) {
            return Ok(Err("the key has expired"));
        }
        let verifier = row.public_key.as_deref().and_then(Verifier::new);
        if verifier.and_then(|v| v.verify::<Signed>(assertion.token)).is_none() {
            return Ok(Err("wrong signature"));
        }
        self.parts.usage.note(store::Credentials::MachineKey(assertion.kid), now);
        Ok(Ok(Machine { row, by_secret: false }))
    }

    /// The machine behind client credentials: secret or assertion; in any state.
    ///
    /// # Errors
    /// As contract, `oauth.md` 3.3 says.
    pub(super) async fn machine(&self, credentials: &Credentials, now: Micros) -> Outcome<Machine> {
        credentials.complete()?;
        if !credentials.assertion.is_empty() {
            let machine = self.machine_by_key(&credentials.assertion, now).await?;
            return machine.map_err(|reason| {
                tracing::info!(reason, "client authentication failed");
                OAuthError::invalid_client("client not found")
            });
        }
        let unknown = || OAuthError::invalid_client("client not found");
        if !can_name(&credentials.client_id) {
            return Err(unknown());
        }
        let row = self.parts.deps.store.machine_by_name(&credentials.client_id).await?.ok_or_else(unknown)?;
        let stored = row.secret_hash.as_deref();
        let stored = stored.ok_or_else(|| OAuthError::invalid_request("Errors.User.Machine.Secret.NotExisting"))?;
        if !secrets::matches(&secrets::hash(&credentials.client_secret), stored) {
            return Err(OAuthError::invalid_request("Errors.User.Machine.Secret.Invalid"));
        }
        self.parts.usage.note(store::Credentials::MachineSecret(row.id.clone()), now);
        Ok(Machine { row, by_secret: true })
    }
}

impl Machine {
    /// The machine, if it may have a token.
    ///
    /// # Errors
    /// `invalid_request`, it is deactivated or locked.
    pub fn active(self) -> Outcome<Self> {
        if self.row.state != UserState::Active {
            return Err(OAuthError::invalid_request("Errors.User.NotActive"));
        }
        Ok(self)
    }
}
