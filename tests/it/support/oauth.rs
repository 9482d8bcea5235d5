//! What the OAuth tests share: forms, assertions, applications and machines ready to use.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::tokens::key_file;
use super::{TestServer, text};

pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A key file, and what an assertion made with it claims.
#[derive(Clone)]
pub struct Signer {
    pub kid: String,
    pub subject: String,
    pub audience: String,
    pub pem: String,
    /// Seconds since 1970.
    pub now: i64,
}

impl Signer {
    /// A signer with the key file of an answer, for a server.
    pub fn new(server: &TestServer, answer: &Value) -> Self {
        Self::of(answer, server.issuer(), server.now())
    }

    /// A signer with the key file of an answer, for an issuer at a time.
    pub fn of(answer: &Value, audience: String, now: i64) -> Self {
        let file = key_file(answer);
        Self {
            kid: text(&file, "/keyId"),
            subject: ["/clientId", "/userId"].map(|p| text(&file, p)).concat(),
            audience,
            pem: text(&file, "/key"),
            now,
        }
    }

    /// The usual claims.
    pub fn claims(&self) -> Map<String, Value> {
        let claims = json!({
            "iss": self.subject, "sub": self.subject, "aud": self.audience, "iat": self.now, "exp": self.now + 600
        });
        claims.as_object().expect("an object").clone()
    }

    /// A good assertion.
    pub fn assertion(&self) -> String {
        self.sign(&self.claims(), Algorithm::RS256)
    }

    /// An assertion whose claims were changed.
    pub fn changed(&self, change: impl FnOnce(&mut Map<String, Value>)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.sign(&claims, Algorithm::RS256)
    }

    /// Claims signed with the key.
    pub fn sign(&self, claims: &Map<String, Value>, algorithm: Algorithm) -> String {
        let key = EncodingKey::from_rsa_pem(self.pem.as_bytes()).expect("an RSA key");
        self.sign_with(claims, algorithm, &key)
    }

    /// Claims signed with any key under this key's id.
    pub fn sign_with(&self, claims: &Map<String, Value>, algorithm: Algorithm, key: &EncodingKey) -> String {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(algorithm) };
        jsonwebtoken::encode(&header, claims, key).expect("signed")
    }
}

/// An application that authenticates with a secret.
pub struct BasicApp {
    pub id: String,
    pub client_id: String,
    pub secret: String,
}

impl TestServer {
    /// The issuer of this server.
    pub fn issuer(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// Seconds since 1970 as the server sees them.
    pub fn now(&self) -> i64 {
        self.clock.now() / 1_000_000
    }

    /// A form to an OAuth endpoint: status and answer.
    pub async fn form(&self, path: &str, basic: Option<(&str, &str)>, form: &[(&str, &str)]) -> (u16, Value) {
        let mut request = self.http.post(self.url(path)).form(form);
        if let Some((id, secret)) = basic {
            request = request.basic_auth(id, Some(secret));
        }
        answer(request).await
    }

    /// Introspection by secret.
    pub async fn introspect(&self, app: &BasicApp, token: &str) -> (u16, Value) {
        self.form("/oauth/v2/introspect", Some((&app.client_id, &app.secret)), &[("token", token)]).await
    }

    /// Introspection by assertion.
    pub async fn introspect_by_key(&self, assertion: &str, token: &str) -> (u16, Value) {
        let form = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion), ("token", token)];
        self.form("/oauth/v2/introspect", None, &form).await
    }

    /// A token for an assertion.
    pub async fn jwt_bearer(&self, assertion: &str, scope: &str) -> (u16, Value) {
        let form = [("grant_type", JWT_BEARER), ("assertion", assertion), ("scope", scope)];
        self.form("/oauth/v2/token", None, &form).await
    }

    /// An access token that must be given.
    pub async fn access_token(&self, signer: &Signer, scope: &str) -> String {
        let (status, answer) = self.jwt_bearer(&signer.assertion(), scope).await;
        assert_eq!(status, 200, "{answer}");
        text(&answer, "/access_token")
    }

    /// Userinfo with a bearer token.
    pub async fn userinfo(&self, token: &str) -> (u16, Value) {
        answer(self.http.get(self.url("/oidc/v1/userinfo")).bearer_auth(token)).await
    }

    /// A call of the management API with another token.
    pub async fn me(&self, token: &str) -> (u16, Value) {
        self.call_as(token, None, Method::GET, "/orgs/me", None).await
    }

    /// A new application with a secret.
    pub async fn basic_app(&self, project: &str, name: &str) -> BasicApp {
        let body = json!({"name": name, "authMethodType": "API_AUTH_METHOD_TYPE_BASIC"});
        let app = self.ok(&format!("/projects/{project}/apps/api"), body).await;
        BasicApp { id: text(&app, "/appId"), client_id: text(&app, "/clientId"), secret: text(&app, "/clientSecret") }
    }

    /// A new machine with a key; its id and its signer.
    pub async fn machine(&self, name: &str, token_type: &str) -> (String, Signer) {
        let body = json!({"userName": name, "name": format!("{name} machine"), "accessTokenType": token_type});
        let id = text(&self.ok("/users/machine", body).await, "/userId");
        let key = self.ok(&format!("/users/{id}/keys"), json!({"type": "KEY_TYPE_JSON"})).await;
        let signer = Signer::new(self, &key);
        (id, signer)
    }

    /// A new secret for a machine.
    pub async fn machine_secret(&self, user: &str) -> String {
        let (status, answer) = self.put(&format!("/users/{user}/secret"), json!({})).await;
        assert_eq!(status, 200, "{answer}");
        text(&answer, "/clientSecret")
    }
}

/// Status and JSON body.
pub async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let body = response.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The scope that puts a project into the audience.
pub fn aud(project: &str) -> String {
    format!("urn:zitadel:iam:org:project:id:{project}:aud")
}

/// Claims of a JWT, unchecked.
pub fn claims_of(token: &str) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(token).expect("a JWT").claims
}
