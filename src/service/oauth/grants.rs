//! The token endpoint (RFC 6749, RFC 7523; contract, `oauth.md` 3): tokens for machines.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};

use super::claims::{self, Claims, Org, Roles, seconds};
use super::machine::Machine;
use super::{Credentials, OAuth, OAuthError, OAuthResult};
use crate::auth::scopes::{self, Scopes};
use crate::clock::Micros;
use crate::crypto::jws::Use;
use crate::crypto::secrets;
use crate::store::{TokenInsert, UserAt};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLIENT_CREDENTIALS: &str = "client_credentials";
/// Number of `ACCESS_TOKEN_TYPE_JWT`.
const JWT: i64 = 1;

/// A request for a token; what is absent is empty.
#[derive(Default)]
pub struct TokenRequest {
    pub grant_type: String,
    pub assertion: String,
    /// `scope`, which may be empty but not absent where an assertion is presented.
    pub scope: Option<String>,
    /// How the client authenticates.
    pub credentials: Credentials,
}

/// The answer (RFC 6749, section 5.1).
#[derive(Serialize)]
pub struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

impl OAuth {
    /// Makes a token for a machine.
    ///
    /// # Errors
    /// Those of the specification.
    pub async fn token(&self, request: &TokenRequest) -> OAuthResult<TokenAnswer> {
        let now = self.now();
        let (machine, scope) = match request.grant_type.as_str() {
            "" => return Err(OAuthError::invalid_request("grant_type missing")),
            JWT_BEARER => {
                if request.assertion.is_empty() {
                    return Err(OAuthError::invalid_request("assertion missing"));
                }
                let machine = self.machine_by_key(&request.assertion, now).await?;
                let machine = machine.map_err(OAuthError::invalid_assertion)?;
                let scope = request.scope.as_deref().ok_or_else(|| {
                    OAuthError::invalid_request("scope missing; send the parameter, even if it is empty")
                })?;
                (machine, scope)
            }
            CLIENT_CREDENTIALS => {
                (self.machine(&request.credentials, now).await?, request.scope.as_deref().unwrap_or_default())
            }
            other => return Err(OAuthError::unsupported_grant(other)),
        };
        let machine = machine.active()?;
        let scopes = scopes::granted(scope, &machine.row.org_id, &machine.row.org_domain)
            .ok_or_else(|| OAuthError::invalid_scope("too many scopes: send at most 200, of 8192 characters in all"))?;
        self.mint(&machine, &scopes, now).await
    }

    async fn mint(&self, machine: &Machine, granted: &str, now: Micros) -> OAuthResult<TokenAnswer> {
        let user = &machine.row;
        let scopes = Scopes(granted);
        let env = &self.parts.deps.env;
        let id = env.ids.token();
        let lifetime = self.parts.access_lifetime;
        let asserted = self.asserted(machine, scopes).await?;
        let (access_token, hash) = if user.access_token_type == JWT {
            (self.access_jwt(machine, granted, id, now, &asserted).await?, None)
        } else {
            let token = secrets::access_token(&env.random, id);
            (token.to_string(), Some(secrets::hash(&token)))
        };
        let token = TokenInsert {
            id,
            org_id: &user.org_id,
            user_id: &user.id,
            epoch: user.token_epoch,
            hash: hash.as_ref().map(<[u8; 32]>::as_slice),
            scopes: granted,
            by_secret: machine.by_secret,
            created_at: now,
            expires_at: now + lifetime,
        };
        self.parts.deps.store.token_insert(&token).await?;
        let id_token = if scopes.openid() {
            Some(self.id_token(machine, scopes, now, &access_token, &asserted).await?)
        } else {
            None
        };
        Ok(TokenAnswer { access_token, token_type: "Bearer", expires_in: lifetime / 1_000_000, id_token })
    }

    /// Claims that both tokens share: organization, and roles where they are asked for.
    async fn asserted(&self, machine: &Machine, scopes: Scopes<'_>) -> OAuthResult<Claims> {
        let user = &machine.row;
        let mut claims = Claims::new();
        claims::org(&mut claims, scopes, &Org { id: &user.org_id, name: &user.org_name, domain: &user.org_domain });
        self.role_claims(&mut claims, UserAt { org_id: &user.org_id, id: &user.id }, scopes).await?;
        Ok(claims)
    }

    /// Roles in every project of the audience, if the scopes ask for roles.
    pub(super) async fn role_claims(
        &self,
        claims: &mut Claims,
        user: UserAt<'_>,
        scopes: Scopes<'_>,
    ) -> OAuthResult<()> {
        let audience = scopes.audience(&self.parts.project_id);
        if !scopes.roles() || audience.is_empty() {
            return Ok(());
        }
        let mut projects: BTreeMap<String, Roles> = BTreeMap::new();
        for row in self.parts.deps.store.roles_of_user(user).await? {
            if audience.contains(&row.project_id.as_str()) {
                let roles = projects.entry(row.project_id).or_default();
                roles.add(Some(scopes), &row.org_id, &row.org_domain, &row.role_keys);
            }
        }
        for (project_id, roles) in &projects {
            roles.claim(claims, project_id, false);
        }
        Ok(())
    }

    async fn access_jwt(
        &self,
        machine: &Machine,
        granted: &str,
        id: i64,
        now: Micros,
        asserted: &Claims,
    ) -> OAuthResult<String> {
        let user_name = machine.row.user_name.as_str();
        let mut audience = Scopes(granted).audience(&self.parts.project_id);
        if audience.is_empty() {
            audience.push(user_name);
        }
        let mut claims = self.registered_of(machine, &audience, now, self.parts.access_lifetime, asserted);
        claims.insert("nbf".to_owned(), seconds(now).into());
        claims.insert("jti".to_owned(), id.to_string().into());
        // RFC 9068 asks for it; the original leaves it out.
        claims.insert("scope".to_owned(), granted.into());
        Ok(self.parts.signing.ring().await?.sign(Use::Access, &claims)?)
    }

    async fn id_token(
        &self,
        machine: &Machine,
        scopes: Scopes<'_>,
        now: Micros,
        access_token: &str,
        asserted: &Claims,
    ) -> OAuthResult<String> {
        let user_name = machine.row.user_name.as_str();
        let mut audience = scopes.audience(&self.parts.project_id);
        audience.push(user_name);
        let mut claims = self.registered_of(machine, &audience, now, self.parts.id_lifetime, asserted);
        claims.insert("azp".to_owned(), user_name.into());
        claims.insert("auth_time".to_owned(), seconds(now).into());
        claims.insert("at_hash".to_owned(), at_hash(access_token).into());
        if machine.by_secret {
            claims.insert("amr".to_owned(), json!(["pwd"]));
        }
        Ok(self.parts.signing.ring().await?.sign(Use::Id, &claims)?)
    }

    fn registered_of(
        &self,
        machine: &Machine,
        audience: &[&str],
        now: Micros,
        lifetime: Micros,
        asserted: &Claims,
    ) -> Claims {
        let mut claims = asserted.clone();
        let registered: [(&str, Value); 6] = [
            ("iss", self.parts.issuer.name().into()),
            ("sub", machine.row.id.as_str().into()),
            ("aud", audience.into()),
            ("exp", seconds(now + lifetime).into()),
            ("iat", seconds(now).into()),
            ("client_id", machine.row.user_name.as_str().into()),
        ];
        claims.extend(registered.map(|(name, value)| (name.to_owned(), value)));
        claims
    }
}

/// Left half of the hash of the access token (OpenID Connect Core 1.0, section 3.1.3.6).
fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&secrets::hash(access_token)[..16])
}
