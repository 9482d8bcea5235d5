//! Authentication of applications (contract, `oauth.md` 2.1).

use std::sync::Arc;

use super::assertion::Assertion;
use super::client::Client;
use super::{Credentials, OAuth, OAuthResult};
use crate::auth::can_name;
use crate::clock::Micros;
use crate::crypto::secrets;
use crate::store::{self, Answer, Found, Verdict};

/// An application that has proven itself, or the reason for the log why it has not.
type Proof = Result<Arc<Answer<Client>>, &'static str>;

impl OAuth {
    /// The application behind credentials; an assertion wins over a secret.
    ///
    /// # Errors
    /// The reason, for the log; or the store failed.
    pub(super) async fn client(&self, credentials: &Credentials, now: Micros) -> OAuthResult<Proof> {
        if credentials.assertion.is_empty() {
            self.client_by_secret(&credentials.client_id, &credentials.client_secret, now).await
        } else {
            match Assertion::read(&credentials.assertion, &self.parts.issuer, now) {
                Ok(assertion) => self.client_by_key(&assertion, now).await,
                Err(reason) => Ok(Err(reason)),
            }
        }
    }

    async fn client_by_key(&self, assertion: &Assertion<'_>, now: Micros) -> OAuthResult<Proof> {
        let client =
            self.look_up(&assertion.subject, &assertion.kid, |client| client.judge_key(assertion, now)).await?;
        if client.is_ok() {
            self.parts.usage.note(store::Credentials::AppKey(assertion.kid.clone()), now);
        }
        Ok(client)
    }

    async fn client_by_secret(&self, client_id: &str, secret: &str, now: Micros) -> OAuthResult<Proof> {
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
    ) -> OAuthResult<Proof> {
        const UNKNOWN: &str = "unknown or inactive client";
        if !can_name(client_id) {
            return Ok(Err(UNKNOWN));
        }
        let read = || async {
            let row = self.parts.deps.store.client_by_id(client_id, kid).await?;
            Ok(row.map(|row| {
                let org_id = row.org_id.clone();
                Answer::new(Client::new(row)).of(&org_id)
            }))
        };
        Ok(match self.clients.judged((client_id.to_owned(), kid.to_owned()), judge, read).await? {
            Found::Good(client) => Ok(client),
            Found::No(reason, _) => Err(reason),
            Found::Unknown => Err(UNKNOWN),
        })
    }
}
