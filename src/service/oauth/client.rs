//! Authentication of applications (contract, `oauth.md` 2.1). The method that is configured decides: a
//! secret never opens an application that has keys, and the other way round (design, section 4).

use std::sync::Arc;

use super::assertion::{self, Assertion, Signed};
use super::{Credentials, OAuth, OAuthError, Outcome};
use crate::auth::can_name;
use crate::clock::Micros;
use crate::crypto::jws::Verifier;
use crate::crypto::secrets;
use crate::store::{self, Answer, ClientRow, Found, Heap, Verdict};

/// An application that may act, and one of its keys ready to verify.
pub struct Client {
    /// The application.
    pub row: ClientRow,
    verifier: Option<Verifier>,
}

/// An application that has proven itself, or the reason for the log why it has not.
pub(super) type Proof = Result<Arc<Answer<Client>>, &'static str>;

impl Heap for Client {
    fn heap(&self) -> usize {
        let row = &self.row;
        let texts = row.org_id.heap() + row.project_id.heap() + row.client_id.heap();
        // The verifier holds the public key once more.
        texts + row.secret_hash.heap() + row.old_secret_hash.heap() + 2 * row.public_key.heap()
    }
}

impl Client {
    /// Whether it signed an assertion.
    fn judge_key(&self, assertion: &Assertion<'_>, now: Micros) -> Verdict<&'static str> {
        if !self.row.takes_keys {
            return Verdict::Doubt("the application authenticates with a secret");
        }
        let Some(verifier) = &self.verifier else { return Verdict::Doubt("the application has no such key") };
        // The key of an id never changes, nor does its end.
        if self.row.key_expires_at.is_none_or(|at| at <= now) {
            return Verdict::No("the key has expired");
        }
        match verifier.verify::<Signed>(assertion.token) {
            Some(Signed {}) => Verdict::Good,
            None => Verdict::No("wrong signature"),
        }
    }

    /// Whether a secret is its own.
    fn judge_secret(&self, secret: &str, now: Micros) -> Verdict<&'static str> {
        let row = &self.row;
        let old = row.old_secret_hash.as_deref().filter(|_| row.old_secret_until > now);
        let good = secrets::proves(secret, [row.secret_hash.as_deref(), old]);
        if row.takes_keys {
            return Verdict::Doubt("the application authenticates with keys");
        }
        if good { Verdict::Good } else { Verdict::Doubt("wrong secret") }
    }
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
    pub(super) async fn client(&self, credentials: &Credentials, now: Micros) -> Outcome<Proof> {
        if credentials.assertion.is_empty() {
            self.client_by_secret(&credentials.client_id, &credentials.client_secret, now).await
        } else {
            match Assertion::read(&credentials.assertion, &self.parts.issuer, now) {
                Ok(assertion) => self.client_by_key(&assertion, now).await,
                Err(reason) => Ok(Err(reason)),
            }
        }
    }

    async fn client_by_key(&self, assertion: &Assertion<'_>, now: Micros) -> Outcome<Proof> {
        let client =
            self.look_up(&assertion.subject, &assertion.kid, |client| client.judge_key(assertion, now)).await?;
        if client.is_ok() {
            self.parts.usage.note(store::Credentials::AppKey(assertion.kid.clone()), now);
        }
        Ok(client)
    }

    async fn client_by_secret(&self, client_id: &str, secret: &str, now: Micros) -> Outcome<Proof> {
        let mut judged = false;
        let judge = |client: &Client| {
            judged = true;
            client.judge_secret(secret, now)
        };
        let client = self.look_up(client_id, "", judge).await?;
        if !judged {
            // The same work for every client, also for none.
            secrets::proves(secret, [None, None]);
        }
        if client.is_ok() {
            self.parts.usage.note(store::Credentials::AppSecret(client_id.to_owned()), now);
        }
        Ok(client)
    }

    async fn look_up(
        &self,
        client_id: &str,
        kid: &str,
        judge: impl FnMut(&Client) -> Verdict<&'static str>,
    ) -> Outcome<Proof> {
        const UNKNOWN: &str = "unknown or inactive client";
        if !can_name(client_id) {
            return Ok(Err(UNKNOWN));
        }
        let read = || async {
            let row = self.parts.deps.store.client_by_id(client_id, kid).await?;
            Ok(row.map(|row| {
                let verifier = row.public_key.as_deref().and_then(Verifier::new);
                let org_id = row.org_id.clone();
                Answer::new(Client { row, verifier }).of(&org_id)
            }))
        };
        Ok(match self.clients.judged((client_id.to_owned(), kid.to_owned()), judge, read).await? {
            Found::Good(client) => Ok(client),
            Found::No(reason, _) => Err(reason),
            Found::Unknown => Err(UNKNOWN),
        })
    }
}
