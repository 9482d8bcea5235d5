//! What is measured: a project with applications, keys and a machine, and the calls on them. All of it
//! is made through the API, so that any server of the same API can be measured.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::http::{Connection, Request};
use crate::process::Target;
use crate::{directory, grpc};

/// A call to measure.
pub struct Call {
    /// Its name in the table.
    pub name: String,
    /// How it is made.
    pub kind: Kind,
}

/// How a call is made.
#[derive(Clone)]
pub enum Kind {
    /// Over HTTP/1.1.
    Http(Request),
    /// Over gRPC.
    Grpc(grpc::Call),
    /// A project grant that is made and removed again, over HTTP/1.1.
    Grant(directory::Grant),
}

const JWT_BEARER: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
const ASSERTION: &str = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// Makes everything that the calls need.
pub async fn prepare(target: &Target) -> Vec<Call> {
    let mut api = Api { connection: Connection::open(&target.address).await, token: target.token.clone() };
    let project = id(&api.post("/projects", json!({"name": format!("bench {}", std::process::id())})).await, "id");
    let apps = format!("/projects/{project}/apps");
    let read = api.post(&format!("{apps}/api"), json!({"name": "read", "authMethodType": 1})).await;
    let grown = id(&api.post(&format!("{apps}/api"), json!({"name": "grown", "authMethodType": 1})).await, "appId");
    let app = id(&read, "appId");
    let mut key = Value::Null;
    for _ in 0..20 {
        key = api.post(&format!("{apps}/{app}/keys"), json!({"type": 1})).await;
    }
    let key_id = id(&key, "id");
    let rest = |verb, path: String, body: &str| Kind::Http(Request::rest(&target.token, verb, &path, body));
    let (project_id, app_id) = (project.clone(), app.clone());
    let mut calls = vec![
        ("GetAppKey", rest("GET", format!("{apps}/{app}/keys/{key_id}"), "")),
        ("ListAppKeys, 20 rows", rest("POST", format!("{apps}/{app}/keys/_search"), "{}")),
        ("AddAPIApp", rest("POST", format!("{apps}/api"), r#"{"name":"bench-#","authMethodType":0}"#)),
        ("AddAppKey (RSA 2048)", rest("POST", format!("{apps}/{grown}/keys"), r#"{"type":1}"#)),
        (
            "GetAppKey, gRPC",
            Kind::Grpc(grpc::Call::GetAppKey { project_id: project_id.clone(), app_id: app_id.clone(), key_id }),
        ),
        (
            "ListAppKeys, 20 rows, gRPC",
            Kind::Grpc(grpc::Call::ListAppKeys { project_id: project_id.clone(), app_id: app_id.clone() }),
        ),
        ("AddAPIApp, gRPC", Kind::Grpc(grpc::Call::AddApiApp { project_id: project_id.clone() })),
        ("AddAppKey, gRPC", Kind::Grpc(grpc::Call::AddAppKey { project_id, app_id: grown })),
    ];
    calls.extend(oauth(&mut api, target, &project, &key).await);
    calls.extend(directory::calls(&mut api, &project).await);
    calls.into_iter().map(|(name, kind)| Call { name: name.to_owned(), kind }).collect()
}

/// Calls that are made side by side.
pub struct Beside {
    /// AddAppKey.
    pub add_key: Kind,
    /// GetAppKey.
    pub get_key: Kind,
}

/// Another project with an application, for calls side by side.
pub async fn prepare_beside(target: &Target) -> Beside {
    let mut api = Api { connection: Connection::open(&target.address).await, token: target.token.clone() };
    let name = format!("beside {}", std::process::id());
    let project = id(&api.post("/projects", json!({"name": name})).await, "id");
    let app = api.post(&format!("/projects/{project}/apps/api"), json!({"name": "a", "authMethodType": 1})).await;
    let keys = format!("/projects/{project}/apps/{}/keys", id(&app, "appId"));
    let key = id(&api.post(&keys, json!({"type": 1})).await, "id");
    let rest = |verb, path: &str, body: &str| Kind::Http(Request::rest(&target.token, verb, path, body));
    Beside { add_key: rest("POST", &keys, r#"{"type":1}"#), get_key: rest("GET", &format!("{keys}/{key}"), "") }
}

/// Introspection and the token endpoint.
async fn oauth(api: &mut Api, target: &Target, project: &str, key: &Value) -> Vec<(&'static str, Kind)> {
    let issuer = id(&api.get("/.well-known/openid-configuration").await, "issuer");
    let basic = json!({"name": "basic", "authMethodType": 0});
    let basic = api.post(&format!("/projects/{project}/apps/api"), basic).await;
    let basic = format!("{}:{}", id(&basic, "clientId"), id(&basic, "clientSecret"));
    let basic = format!("Basic {}", STANDARD.encode(basic));
    let scope = format!("scope=urn%3Azitadel%3Aiam%3Aorg%3Aproject%3Aid%3A{project}%3Aaud");
    let mut machines = Vec::new();
    for kind in ["ACCESS_TOKEN_TYPE_BEARER", "ACCESS_TOKEN_TYPE_JWT"] {
        let name = format!("bench-{}-{kind}", std::process::id());
        let body = json!({"userName": name, "name": name, "accessTokenType": kind});
        let user = id(&api.post("/users/machine", body).await, "userId");
        let file = api.post(&format!("/users/{user}/keys"), json!({"type": 1})).await;
        let grant = format!("grant_type={JWT_BEARER}&{scope}&assertion={}", assertion(&file, &issuer));
        let request = Request::form("/oauth/v2/token", None, grant);
        let token = id(&api.send(&request).await, "access_token");
        machines.push((user, name, request, token));
    }
    let (user, name, ..) = &machines[0];
    let secret = api.put(&format!("/users/{user}/secret")).await;
    let secret = format!("Basic {}", STANDARD.encode(format!("{name}:{}", id(&secret, "clientSecret"))));
    let credentials = Request::form("/oauth/v2/token", Some(&secret), format!("grant_type=client_credentials&{scope}"));
    let by_secret =
        |token: &str| Kind::Http(Request::form("/oauth/v2/introspect", Some(&basic), format!("token={token}")));
    let by_key = format!("{ASSERTION}&client_assertion={}&token={}", assertion(key, &issuer), machines[0].3);
    vec![
        ("introspect: Basic, opaque token", by_secret(&machines[0].3)),
        ("introspect: Basic, JWT", by_secret(&machines[1].3)),
        ("introspect: Basic, personal access token", by_secret(&target.token)),
        ("introspect: private_key_jwt, opaque token", Kind::Http(Request::form("/oauth/v2/introspect", None, by_key))),
        ("token: jwt-bearer, opaque", Kind::Http(machines[0].2.clone())),
        ("token: jwt-bearer, JWT", Kind::Http(machines[1].2.clone())),
        ("token: client_credentials, opaque", Kind::Http(credentials)),
    ]
}

/// An assertion made with the key file of an answer, good for some minutes and for many requests.
fn assertion(answer: &Value, issuer: &str) -> String {
    let file = STANDARD.decode(id(answer, "keyDetails")).expect("base64");
    let file: Value = serde_json::from_slice(&file).expect("a key file");
    let subject = file["clientId"].as_str().or(file["userId"].as_str()).expect("a subject");
    let now = jsonwebtoken::get_current_timestamp();
    let claims = json!({"iss": subject, "sub": subject, "aud": issuer, "iat": now, "exp": now + 3500});
    let key = EncodingKey::from_rsa_pem(id(&file, "key").as_bytes()).expect("a key");
    let header = Header { kid: Some(id(&file, "keyId")), ..Header::new(Algorithm::RS256) };
    jsonwebtoken::encode(&header, &claims, &key).expect("signed")
}

/// The API through which everything is made.
pub struct Api {
    /// A connection.
    pub connection: Connection,
    /// A token with every right.
    pub token: String,
}

impl Api {
    /// A call that must be answered with 200.
    pub async fn post(&mut self, path: &str, body: Value) -> Value {
        let request = Request::rest(&self.token, "POST", path, &body.to_string());
        self.send(&request).await
    }

    async fn put(&mut self, path: &str) -> Value {
        let request = Request::rest(&self.token, "PUT", path, "{}");
        self.send(&request).await
    }

    async fn get(&mut self, path: &str) -> Value {
        let request = Request { verb: "GET", path: path.to_owned(), headers: String::new(), body: String::new() };
        self.send(&request).await
    }

    async fn send(&mut self, request: &Request) -> Value {
        let (status, answer) = self.connection.send(request, 0).await;
        assert_eq!(status, 200, "{} {}: {}", request.verb, request.path, String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).expect("JSON")
    }
}

/// A member of an answer.
pub fn id(answer: &Value, name: &str) -> String {
    answer[name].as_str().expect(name).to_owned()
}
