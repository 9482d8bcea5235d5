//! What attackers try with assertions and tokens; each must fail, and a good one beside it must not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger::crypto::secrets;
use claviger::env::Random;
use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::Method;
use rsa::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

use crate::support::oauth::{JWT_BEARER, Signer, answer, aud};
use crate::support::tokens::tamper;
use crate::support::{PEMS, TestServer, text};

/// Two applications with keys, and a machine.
struct Scene {
    server: TestServer,
    project: String,
    app: String,
    signer: Signer,
    other: Signer,
    machine: Signer,
}

impl Scene {
    async fn set() -> Self {
        let server = TestServer::start().await;
        let project = server.project("p").await;
        let app = server.app(&project, "a").await;
        let signer = Signer::new(&server, &server.key(&project, &app).await);
        let second = server.app(&project, "b").await;
        let other = Signer::new(&server, &server.key(&project, &second).await);
        let (_, machine) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
        Self { server, project, app, signer, other, machine }
    }

    /// An assertion of the application and one of the machine, both made the same way, are refused.
    async fn refused(&self, what: &str, make: impl Fn(&Signer) -> String) {
        let (status, answer) = self.server.introspect_by_key(&make(&self.signer), &self.server.token).await;
        assert_eq!((status, answer), (400, json!({"error": "unauthorized_client"})), "introspection: {what}");
        let (status, answer) = self.server.jwt_bearer(&make(&self.machine), "openid").await;
        let expected = json!({"error": "invalid_grant", "error_description": "invalid assertion"});
        assert_eq!((status, answer), (400, expected), "token: {what}");
    }

    async fn good(&self) {
        assert_eq!(self.server.introspect_by_key(&self.signer.assertion(), &self.server.token).await.0, 200);
        assert_eq!(self.server.jwt_bearer(&self.machine.assertion(), "openid").await.0, 200);
    }

    async fn public_pem(&self, kid: &str) -> String {
        let sql = self.server.sql().await;
        let mut der = Vec::new();
        for query in
            ["SELECT public_key FROM app_keys WHERE id = $1", "SELECT public_key FROM machine_keys WHERE id = $1"]
        {
            der = sql.bytes_or_none(query, kid).await.unwrap_or(der);
        }
        let key = rsa::RsaPublicKey::from_public_key_der(&der).expect("a key");
        key.to_public_key_pem(LineEnding::LF).expect("PEM")
    }
}

#[tokio::test]
async fn unsigned_and_wrongly_signed_assertions() {
    let scene = Scene::set().await;
    scene.good().await;
    for alg in ["none", "None", "NONE", "nOnE"] {
        scene
            .refused(alg, |s| {
                let header = json!({"alg": alg, "typ": "JWT", "kid": s.kid}).to_string();
                let claims = Value::Object(s.claims()).to_string();
                format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
            })
            .await;
    }
    let pems = [scene.public_pem(&scene.signer.kid).await, scene.public_pem(&scene.machine.kid).await];
    for pem in &pems {
        for secret in [pem.as_bytes(), pem.trim().as_bytes()] {
            let key = EncodingKey::from_secret(secret);
            scene.refused("HS256 with a public key", |s| s.sign_with(&s.claims(), Algorithm::HS256, &key)).await;
        }
    }
    scene.refused("RS384", |s| s.sign(&s.claims(), Algorithm::RS384)).await;
    scene.refused("PS512", |s| s.sign(&s.claims(), Algorithm::PS512)).await;
    scene.refused("tampered signature", |s| tamper(&s.assertion())).await;
    scene
        .refused("tampered payload", |s| {
            let (head, rest) = s.assertion().split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("parts");
            let signature = rest.split_once('.').expect("a signature").1.to_owned();
            let mut claims = s.claims();
            claims.insert("exp".to_owned(), json!(s.now + 3000));
            format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(Value::Object(claims).to_string()))
        })
        .await;
    scene
        .refused("the key of somebody else", |s| {
            let pem = PEMS.iter().find(|pem| pem.trim() != s.pem.trim()).expect("another key");
            let key = EncodingKey::from_rsa_pem(pem.as_bytes()).expect("a key");
            s.sign_with(&s.claims(), Algorithm::RS256, &key)
        })
        .await;
    scene.good().await;
}

#[tokio::test]
async fn keys_of_others() {
    let scene = Scene::set().await;
    let named = |signer: &Signer, kid: &str, subject: &str| {
        Signer { kid: kid.to_owned(), subject: subject.to_owned(), ..signer.clone() }.assertion()
    };
    let (one, two) = (&scene.signer, &scene.other);
    for (what, assertion) in [
        ("kid of another application", named(one, &two.kid, &one.subject)),
        ("signed by another application", named(two, &two.kid, &one.subject)),
        ("signed by another application under our kid", named(two, &one.kid, &one.subject)),
        ("a machine as an application", scene.machine.assertion()),
        ("unknown kid", named(one, "1", &one.subject)),
        ("empty kid", named(one, "", &one.subject)),
        ("kid with a NUL", named(one, "\0", &one.subject)),
        ("subject with a NUL", named(one, &one.kid, "\0")),
    ] {
        let (status, answer) = scene.server.introspect_by_key(&assertion, &scene.server.token).await;
        assert_eq!((status, answer), (400, json!({"error": "unauthorized_client"})), "{what}");
    }
    for (what, assertion) in [
        ("an application as a machine", one.assertion()),
        ("a machine with the key of an application", named(one, &one.kid, &scene.machine.subject)),
        ("kid of an application", named(&scene.machine, &one.kid, &scene.machine.subject)),
    ] {
        assert_eq!(scene.server.jwt_bearer(&assertion, "openid").await.0, 400, "{what}");
    }
    scene.good().await;
}

#[tokio::test]
async fn times_and_audiences() {
    let scene = Scene::set().await;
    let now = scene.signer.now;
    let cases: Vec<(&str, &str, Option<Value>)> = vec![
        ("expired", "exp", Some(json!(now - 60))),
        ("without exp", "exp", None),
        ("exp as text", "exp", Some(json!((now + 60).to_string()))),
        ("exp null", "exp", Some(Value::Null)),
        ("too old", "iat", Some(json!(now - 3700))),
        ("from the future", "iat", Some(json!(now + 60))),
        ("without iat", "iat", None),
        ("iat as text", "iat", Some(json!(now.to_string()))),
        ("iat beyond numbers", "iat", Some(json!(1e308))),
        ("wrong aud", "aud", Some(json!("https://example.com"))),
        ("no aud in the list", "aud", Some(json!(["https://example.com", scene.signer.subject]))),
        ("empty aud", "aud", Some(json!([]))),
        ("without aud", "aud", None),
        ("aud with a slash", "aud", Some(json!(format!("{}/", scene.signer.audience)))),
        ("aud a prefix", "aud", Some(json!(&scene.signer.audience[..scene.signer.audience.len() - 1]))),
        ("aud of another scheme", "aud", Some(json!(scene.signer.audience.replace("http:", "https:")))),
        ("another issuer", "iss", Some(json!("1"))),
        ("without issuer", "iss", None),
        ("another subject", "sub", Some(json!("1"))),
        ("without subject", "sub", None),
    ];
    for (what, claim, value) in cases {
        scene
            .refused(what, |s| {
                s.changed(|claims| match &value {
                    Some(value) => drop(claims.insert(claim.to_owned(), value.clone())),
                    None => drop(claims.remove(claim)),
                })
            })
            .await;
    }
    let fine: Vec<(&str, Value)> = vec![
        ("aud", json!(["https://example.com", scene.signer.audience])),
        ("aud", json!(format!("{}/oauth/v2/token", scene.signer.audience))),
        ("aud", json!(format!("{}/oauth/v2/introspect", scene.signer.audience))),
        ("exp", json!(1e300)),
        ("iat", json!(f64::from(u32::try_from(now).expect("before 2106")) - 0.5)),
    ];
    for (claim, value) in fine {
        let assertion = scene.signer.changed(|c| drop(c.insert(claim.to_owned(), value.clone())));
        assert_eq!(scene.server.introspect_by_key(&assertion, &scene.server.token).await.0, 200, "{claim} {value}");
    }
}

#[tokio::test]
async fn aliases_of_the_issuer_are_audiences() {
    let settings = vec![("CLAVIGER_SERVER_ISSUER_ALIASES", "http://claviger.internal:8080, http://other".to_owned())];
    let server = TestServer::with(crate::support::Options { settings, ..Default::default() }).await;
    let (_, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    for (aud, status) in
        [("http://claviger.internal:8080", 200), ("http://other/oauth/v2/token", 200), ("http://third", 400)]
    {
        let assertion = Signer { audience: aud.to_owned(), ..signer.clone() }.assertion();
        assert_eq!(server.jwt_bearer(&assertion, "openid").await.0, status, "{aud}");
    }
}

#[tokio::test]
async fn replay_after_removal() {
    let scene = Scene::set().await;
    let assertion = scene.signer.assertion();
    let token = &scene.server.token;
    assert_eq!(scene.server.introspect_by_key(&assertion, token).await.0, 200);
    assert_eq!(scene.server.introspect_by_key(&assertion, token).await.0, 200, "may be used again while it is good");
    let path = format!("/projects/{}/apps/{}/keys/{}", scene.project, scene.app, scene.signer.kid);
    assert_eq!(scene.server.delete(&path).await.0, 200);
    assert_eq!(scene.server.introspect_by_key(&assertion, token).await.0, 400);
    let user = &scene.machine.subject;
    let assertion = scene.machine.assertion();
    assert_eq!(scene.server.jwt_bearer(&assertion, "openid").await.0, 200);
    assert_eq!(scene.server.delete(&format!("/users/{user}/keys/{}", scene.machine.kid)).await.0, 200);
    assert_eq!(scene.server.jwt_bearer(&assertion, "openid").await.0, 400);
}

/// An id is no secret: a token with the right form and id, but other random bits, opens nothing.
#[tokio::test]
async fn a_guessed_token_with_the_id_of_a_real_one() {
    let scene = Scene::set().await;
    let app = scene.server.basic_app(&scene.project, "basic").await;
    let scope = format!("{} urn:zitadel:iam:org:project:id:zitadel:aud", aud(&scene.project));
    let token = scene.server.access_token(&scene.machine, &scope).await;
    let id = secrets::access_token_id(&token).expect("an id");
    let guess = secrets::access_token(&Random::system(), id);
    assert_eq!(scene.server.introspect(&app, &token).await.1["active"], true);
    assert_eq!(scene.server.introspect(&app, &guess).await.1["active"], false);
    assert_eq!(text(&scene.server.me(&guess).await.1, "/details/0/id"), "AUTH-7fs1e");
    assert_eq!(scene.server.userinfo(&guess).await.0, 401);
}

#[tokio::test]
async fn tokens_and_secrets_in_the_query_string() {
    let scene = Scene::set().await;
    let server = &scene.server;
    let url = server.url(&format!("/management/v1/orgs/me?access_token={}", server.token));
    assert_eq!(answer(server.http.request(Method::GET, url)).await.0, 401);
    let url = server.url(&format!("/oidc/v1/userinfo?access_token={}", server.token));
    assert_eq!(answer(server.http.get(url)).await.0, 400);
    let app = server.basic_app(&scene.project, "basic").await;
    let machine = scene.machine.assertion();
    for query in [
        format!("/oauth/v2/introspect?token=x&client_id={}&client_secret={}", app.client_id, app.secret),
        format!("/oauth/v2/introspect?token=x&client_assertion={}", scene.signer.assertion()),
        format!("/oauth/v2/token?grant_type={JWT_BEARER}&scope=&assertion={machine}"),
        format!("/oauth/v2/revoke?token={machine}"),
    ] {
        let (status, answer) = answer(server.http.post(server.url(&query))).await;
        let text = text(&answer, "/error_description");
        assert!(status == 400 && text.ends_with("must not be in the query string; send it in the body"), "{answer}");
    }
}

#[tokio::test]
async fn tokens_of_another_server() {
    let (scene, foreign) = (Scene::set().await, TestServer::start().await);
    let user = "robot";
    let body = json!({"userName": "jwt", "name": "jwt", "userId": user, "accessTokenType": "ACCESS_TOKEN_TYPE_JWT"});
    scene.server.ok("/users/machine", body.clone()).await;
    foreign.ok("/users/machine", body).await;
    let key = foreign.ok(&format!("/users/{user}/keys"), json!({"type": 1})).await;
    let project = aud(&scene.project);
    let token = foreign.access_token(&Signer::new(&foreign, &key), &project).await;
    let app = scene.server.basic_app(&scene.project, "basic").await;
    assert_eq!(scene.server.introspect(&app, &token).await.1["active"], false);
    assert_eq!(scene.server.me(&token).await.0, 401);
}
