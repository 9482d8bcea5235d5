//! Introspection (RFC 7662; contract, `oauth.md` 2): is a token good, for this application, now?

use bytes::Bytes;
use serde_json::{Value, json};

use super::active::Active;
use super::claims::{self, Claims, Org, Roles, seconds};
use super::client::Client;
use super::{Credentials, OAuth, OAuthError, OAuthResult};
use crate::auth::Presented;
use crate::auth::scopes::{self, Scopes};
use crate::clock::Micros;
use crate::crypto::secrets;
use crate::error::{Error, Result};
use crate::service::tokens::PAT_SCOPES;
use crate::store::{self, Answer, Found, TokenRow, Verdict, names};

pub enum Introspection {
    /// The token is good: the answer as JSON.
    Active(Bytes),
    /// It is not, and nothing is said of why.
    Inactive,
}

impl OAuth {
    /// Answers an application whether a token is good for it.
    ///
    /// # Errors
    /// What is missing, or `unauthorized_client` for any application that does not prove itself.
    pub async fn introspect(&self, credentials: &Credentials, token: &str) -> OAuthResult<Introspection> {
        credentials.complete()?;
        if token.is_empty() {
            return Err(OAuthError::invalid_request("token missing"));
        }
        let now = self.now();
        let client = self.client(credentials, now).await?.map_err(OAuthError::unauthorized_client)?;
        let hash = secrets::hash(token);
        let key = (hash, client.row.client_id.clone());
        let judge = |active: &Active| if active.expires_at > now { Verdict::Good } else { Verdict::No(()) };
        let found = self.answers.judged(key, judge, || self.active(&client, token, now)).await?;
        let Found::Good(active) = found else { return Ok(Introspection::Inactive) };
        if active.is_pat {
            self.parts.usage.note(store::Credentials::Pat(hash), now);
        }
        Ok(Introspection::Active(active.body.clone()))
    }

    async fn active(&self, client: &Answer<Client>, token: &str, now: Micros) -> Result<Option<Answer<Active>>> {
        let Some(presented) = self.presented(token, now).await? else { return Ok(None) };
        let rows = self.rows(&presented, &client.row.org_id, &client.row.project_id).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        if !presented.is(&first.user_id, first.token_hash.as_deref()) {
            return Ok(None);
        }
        let Some(claims) = self.answer(client, &rows).map_err(Error::from)? else { return Ok(None) };
        let body = serde_json::to_vec(&claims).map_err(Error::internal)?.into();
        let active = Active { body, expires_at: first.expires_at, is_pat: first.scopes.is_none() };
        let answer = Answer::new(active).from(client.asked()).from(presented.proven());
        let of = rows.iter().filter_map(|row| row.grant_org.as_deref());
        Ok(Some(of.chain([client.row.org_id.as_str(), first.org_id.as_str()]).fold(answer, Answer::of)))
    }

    /// What a text is as a token.
    pub(super) async fn presented(&self, token: &str, now: Micros) -> Result<Option<Presented>> {
        Presented::of(token, &self.parts.signing, self.parts.issuer.name(), now).await
    }

    pub(super) async fn rows(&self, presented: &Presented, org_id: &str, project_id: &str) -> Result<Vec<TokenRow>> {
        let store = &self.parts.deps.store;
        Ok(match presented {
            Presented::Pat { hash } => store.token_by_pat(hash, org_id, project_id).await?,
            Presented::Opaque { id, .. } | Presented::Jwt { id, .. } => store.token_by_id(*id, project_id).await?,
        })
    }

    /// The answer for a good token, if it is for this application.
    fn answer(&self, client: &Client, rows: &[TokenRow]) -> store::Result<Option<Claims>> {
        let Some(token) = rows.first() else { return Ok(None) };
        let (client_id, project_id) = (&client.row.client_id, &client.row.project_id);
        let granted = token.scopes.clone().map_or_else(|| pat_scopes(token), Ok)?;
        let scopes = Scopes(&granted);
        let audience: Vec<&str> = match token.scopes {
            Some(_) => scopes.audience(&self.parts.project_id),
            // A personal access token is for every application.
            None => vec![client_id, project_id],
        };
        if !audience.iter().any(|aud| aud == client_id || aud == project_id) {
            return Ok(None);
        }
        let mut claims = user(token, scopes);
        if let Some(name) = claims.get("preferred_username").cloned() {
            claims.insert("username".to_owned(), name);
        }
        self.registered(&mut claims, token);
        claims.insert("scope".to_owned(), granted.as_str().into());
        claims.insert("aud".to_owned(), audience.into());
        // A personal access token asks for all roles.
        let wanted = token.scopes.is_some().then_some(scopes);
        let mut roles = Roles::default();
        for row in rows {
            if let (Some(org), Some(domain), Some(keys)) = (&row.grant_org, &row.grant_domain, &row.role_keys) {
                roles.add(wanted, org, domain, keys);
            }
        }
        roles.claim(&mut claims, project_id, true);
        Ok(Some(claims))
    }

    fn registered(&self, claims: &mut Claims, token: &TokenRow) {
        let made_at = Value::from(seconds(token.created_at));
        if token.scopes.is_some() {
            claims.insert("client_id".to_owned(), token.user_name.as_str().into());
            claims.insert("auth_time".to_owned(), made_at.clone());
        }
        if token.by_secret {
            claims.insert("amr".to_owned(), json!(["pwd"]));
        }
        claims.insert("active".to_owned(), true.into());
        claims.insert("token_type".to_owned(), "Bearer".into());
        claims.insert("exp".to_owned(), seconds(token.expires_at).into());
        claims.insert("iat".to_owned(), made_at.clone());
        claims.insert("nbf".to_owned(), made_at);
        claims.insert("iss".to_owned(), self.parts.issuer.name().into());
        claims.insert("jti".to_owned(), token.id.as_str().into());
    }
}

/// What introspection and userinfo both say of the user.
pub(super) fn user(token: &TokenRow, scopes: Scopes<'_>) -> Claims {
    let mut claims = Claims::new();
    claims.insert("sub".to_owned(), token.user_id.as_str().into());
    if scopes.profile() {
        claims::profile(&mut claims, &token.user_name, &token.name, token.changed_at);
    }
    claims::org(&mut claims, scopes, &Org { id: &token.org_id, name: &token.org_name, domain: &token.org_domain });
    claims
}

/// Scopes of a personal access token: its own, and every role of the application's project.
fn pat_scopes(token: &TokenRow) -> store::Result<String> {
    let mut scopes = PAT_SCOPES.join(" ");
    let keys = token.project_roles.as_deref().map(names).transpose()?.unwrap_or_default();
    // A scope has no blanks (RFC 6749, section 3.3): such a role stands in the claim of roles only.
    for key in keys.iter().filter(|key| !key.contains(char::is_whitespace)) {
        scopes.push(' ');
        scopes.push_str(&scopes::role(key));
    }
    Ok(scopes)
}
