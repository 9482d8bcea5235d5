//! Authentication of applications (contract, `oauth.md` 2.1). The method that is configured decides: a
//! secret never opens an application that has keys, and the other way round (design, section 4).

use std::sync::Arc;

use super::assertion::{self, Assertion, Signed};
use super::{Credentials, OAuth, OAuthError, Outcome};
use crate::clock::Micros;
use crate::crypto::jws::Verifier;
use crate::crypto::secrets::proves;
use crate::store::{self, ClientRow};

/// An application that may act, and one of its keys ready to verify.
pub struct Client {
    /// The application.
    pub row: ClientRow,
    verifier: Option<Verifier>,
}

impl Credentials {
    /// Whether there is anything to look up, before anything is.
    ///
    /// # Errors
    /// `invalid_request` or `invalid_client`, with what is missing.
    pub fn complete(&self) -> Outcome<()> {
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
    pub fn named(&self) -> Outcome<()> {
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

impl OAuth {
    /// The application behind credentials; an assertion wins over a secret.
    ///
    /// # Errors
    /// The reason, for the log; or the store failed.
    pub(super) async fn client(
        &self,
        credentials: &Credentials,
        now: Micros,
    ) -> Outcome<Result<Arc<Client>, &'static str>> {
        if credentials.assertion.is_empty() {
            self.client_by_secret(&credentials.client_id, &credentials.client_secret, now).await
        } else {
            match Assertion::read(&credentials.assertion, &self.parts.issuer, now) {
                Ok(assertion) => self.client_by_key(&assertion, now).await,
                Err(reason) => Ok(Err(reason)),
            }
        }
    }

    async fn client_by_key(
        &self,
        assertion: &Assertion<'_>,
        now: Micros,
    ) -> Outcome<Result<Arc<Client>, &'static str>> {
        let Some(client) = self.look_up(&assertion.subject, &assertion.kid).await? else {
            return Ok(Err("unknown or inactive client"));
        };
        if !client.row.takes_keys {
            return Ok(Err("the application authenticates with a secret"));
        }
        let Some(verifier) = &client.verifier else { return Ok(Err("the application has no such key")) };
        if client.row.key_expires_at.is_none_or(|at| at <= now) {
            return Ok(Err("the key has expired"));
        }
        if verifier.verify::<Signed>(assertion.token).is_none() {
            return Ok(Err("wrong signature"));
        }
        self.parts.usage.note(store::Credentials::AppKey(assertion.kid.clone()), now);
        Ok(Ok(client))
    }

    async fn client_by_secret(
        &self,
        client_id: &str,
        secret: &str,
        now: Micros,
    ) -> Outcome<Result<Arc<Client>, &'static str>> {
        let client = self.look_up(client_id, "").await?;
        let row = client.as_ref().map(|c| &c.row);
        // The same work for every client, also for none.
        let good = proves(
            secret,
            [
                row.and_then(|r| r.secret_hash.as_deref()),
                row.filter(|r| r.old_secret_until > now).and_then(|r| r.old_secret_hash.as_deref()),
            ],
        );
        let Some(client) = client else { return Ok(Err("unknown or inactive client")) };
        if client.row.takes_keys {
            return Ok(Err("the application authenticates with keys"));
        }
        if !good {
            return Ok(Err("wrong secret"));
        }
        self.parts.usage.note(store::Credentials::AppSecret(client_id.to_owned()), now);
        Ok(Ok(client))
    }

    async fn look_up(&self, client_id: &str, kid: &str) -> Outcome<Option<Arc<Client>>> {
        let read = async {
            let row = self.parts.deps.store.client_by_id(client_id, kid).await?;
            Ok::<_, OAuthError>(row.map(|row| {
                let verifier = row.public_key.as_deref().and_then(Verifier::new);
                Client { row, verifier }
            }))
        };
        self.clients.get((client_id.to_owned(), kid.to_owned()), read).await
    }
}
