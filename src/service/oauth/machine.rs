//! Authentication of machine users, by key (contract, `oauth.md` 3.2) or secret (3.3).

use super::assertion::{Assertion, Signed};
use super::{Credentials, OAuth, OAuthError, OAuthResult};
use crate::auth::can_name;
use crate::clock::Micros;
use crate::crypto::jws::Verifier;
use crate::crypto::secrets;
use crate::store::{self, MachineRow, UserState};

/// A machine that has proven itself.
pub struct Machine {
    pub row: MachineRow,
    /// It did so with a secret.
    pub by_secret: bool,
}

impl OAuth {
    /// The machine that signed an assertion with a key of its own; in any state.
    pub(super) async fn machine_by_key(&self, token: &str, now: Micros) -> OAuthResult<Result<Machine, &'static str>> {
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
    /// `invalid_request` when no client is named; else one answer whatever is wrong, after the same work,
    /// so that nobody learns which names exist or have secrets (RFC 6749, section 5.2).
    pub(super) async fn machine(&self, credentials: &Credentials, now: Micros) -> OAuthResult<Machine> {
        credentials.named()?;
        let found = if credentials.assertion.is_empty() {
            // Nobody has such a name: that needs no look-up.
            let row = if can_name(&credentials.client_id) {
                self.parts.deps.store.machine_by_name(&credentials.client_id).await?
            } else {
                None
            };
            let machine = by_secret(row, &credentials.client_secret);
            if let Ok(machine) = &machine {
                self.parts.usage.note(store::Credentials::MachineSecret(machine.row.id.clone()), now);
            }
            machine
        } else {
            self.machine_by_key(&credentials.assertion, now).await?
        };
        found.map_err(|reason| {
            tracing::info!(reason, "client authentication failed");
            credentials.refused()
        })
    }
}

/// The machine that was looked up, if this is its secret; the reason is for the log alone.
fn by_secret(row: Option<MachineRow>, secret: &str) -> Result<Machine, &'static str> {
    let stored = row.as_ref().and_then(|r| r.secret_hash.as_deref());
    let (good, has_secret) = (secrets::proves(secret, [stored]), stored.is_some());
    match row {
        Some(row) if good => Ok(Machine { row, by_secret: true }),
        Some(_) if has_secret => Err("wrong secret"),
        Some(_) => Err("the machine has no secret"),
        None => Err("unknown client"),
    }
}

impl Machine {
    /// The machine, if it may have a token.
    ///
    /// # Errors
    /// `invalid_request`, it is deactivated or locked.
    pub fn active(self) -> OAuthResult<Self> {
        if self.row.state != UserState::Active {
            return Err(OAuthError::invalid_request("Errors.User.NotActive"));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secrets::tests::COMPARED;

    fn row(secret: Option<&str>) -> MachineRow {
        MachineRow {
            id: "1".to_owned(),
            org_id: "2".to_owned(),
            user_name: "bot".to_owned(),
            state: UserState::Active,
            access_token_type: 0,
            token_epoch: 0,
            org_name: String::new(),
            org_domain: String::new(),
            secret_hash: secret.map(|s| secrets::hash(s).to_vec()),
            public_key: None,
            key_expires_at: None,
        }
    }

    /// Whoever asks with a secret costs one look-up, made before, and one comparison, whatever is wrong.
    #[test]
    fn every_refusal_costs_as_much_as_a_success() {
        for (found, secret, reason) in [
            (None, "good", Some("unknown client")),
            (None, "", Some("unknown client")),
            (Some(row(None)), "good", Some("the machine has no secret")),
            (Some(row(Some("good"))), "bad", Some("wrong secret")),
            (Some(row(Some("good"))), "", Some("wrong secret")),
            (Some(row(Some("good"))), "good", None),
        ] {
            let before = COMPARED.get();
            assert_eq!(by_secret(found, secret).err(), reason);
            assert_eq!(COMPARED.get() - before, 1, "{reason:?}");
        }
    }
}
