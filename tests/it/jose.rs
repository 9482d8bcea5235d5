//! Headers of signed tokens (RFC 7515, RFC 7797, RFC 8725, RFC 9068): what they demand is not passed over,
//! and a token of one kind does not pass for another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

use crate::support::oauth::{ASSERTION_TYPE, BasicApp, Signer, aud, claims_of};
use crate::support::{PEMS, TestServer, text};

/// A token with any header and claims, signed with RS256.
fn signed(header: &Value, claims: &Value, pem: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).expect("an RSA key");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::RS256).expect("signed");
    format!("{message}.{signature}")
}

/// The header of a token.
fn header_of(token: &str) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header")).expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Headers with a key that is good but for one member.
fn demanding() -> Vec<Value> {
    vec![
        json!({"crit": ["exp"]}),
        json!({"crit": ["http://example.com/x"], "http://example.com/x": true}),
        json!({"crit": []}),
        json!({"crit": null}),
        json!({"crit": "x"}),
        json!({"crit": ["b64"], "b64": true}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"b64": true}),
        json!({"b64": false}),
        json!({"b64": null}),
    ]
}

fn with(base: &Value, more: &Value) -> Value {
    let mut header = base.as_object().expect("an object").clone();
    header.extend(more.as_object().expect("an object").clone());
    Value::Object(header)
}

struct Scene {
    server: TestServer,
    project: String,
    app: BasicApp,
    machine: Signer,
    client: Signer,
    /// The server's own key that signs: the pool of the tests has few.
    key: String,
    access: String,
    id: String,
}

impl Scene {
    async fn set() -> Self {
        let server = TestServer::start().await;
        let project = server.project("p").await;
        let app = server.basic_app(&project, "basic").await;
        let with_key = server.app(&project, "key").await;
        let client = Signer::new(&server, &server.key(&project, &with_key).await);
        let (_, machine) = server.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
        let scope = format!("openid {} {}", aud(&project), aud("zitadel"));
        let (status, given) = server.jwt_bearer(&machine.assertion(), &scope).await;
        assert_eq!(status, 200, "{given}");
        let (access, id) = (text(&given, "/access_token"), text(&given, "/id_token"));
        let set: Value =
            server.http.get(server.url("/oauth/v2/keys")).send().await.expect("an answer").json().await.expect("JSON");
        let kid = text(&header_of(&access), "/kid");
        let public = set["keys"].as_array().expect("keys").iter().find(|k| k["kid"] == kid.as_str()).expect("our key");
        let is_it = |pem: &&&str| {
            let key = rsa::RsaPrivateKey::from_pkcs1_pem(pem).expect("a test key");
            public["n"] == URL_SAFE_NO_PAD.encode(key.n_bytes())
        };
        let key = (*PEMS.iter().find(is_it).expect("one of the test keys")).to_owned();
        Self { server, project, app, machine, client, key, access, id }
    }

    /// Whether a token opens introspection, userinfo and the management API; all three agree.
    async fn opens(&self, token: &str) -> bool {
        let seen = self.server.introspect(&self.app, token).await.1["active"] == true;
        assert_eq!(self.server.userinfo(token).await.0 == 200, seen, "userinfo");
        // The audience is checked beside the token itself, so a good one is known here, if only as a stranger.
        assert_eq!(self.server.me(token).await.0 != 401, seen, "management API");
        seen
    }

    /// Whether an assertion with this header opens introspection and the token endpoint; both agree.
    async fn proves(&self, more: &Value) -> bool {
        let make = |signer: &Signer| {
            let header = with(&json!({"alg": "RS256", "kid": signer.kid}), more);
            signed(&header, &Value::Object(signer.claims()), &signer.pem)
        };
        let introspection = self.server.introspect_by_key(&make(&self.client), &self.server.token).await.0 == 200;
        let assertion = make(&self.machine);
        assert_eq!(self.server.jwt_bearer(&assertion, "openid").await.0 == 200, introspection, "{more}");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        assert_eq!(self.server.form("/oauth/v2/token", None, &form).await.0 == 200, introspection, "{more}");
        introspection
    }
}

#[tokio::test]
async fn what_a_header_demands_and_nobody_knows_is_refused() {
    let scene = Scene::set().await;
    assert!(scene.proves(&json!({})).await && scene.opens(&scene.access).await);
    let (head, claims) = (header_of(&scene.access), claims_of(&scene.access));
    assert!(scene.opens(&signed(&head, &claims, &scene.key)).await, "signed with the server's key");
    for more in demanding() {
        assert!(!scene.proves(&more).await, "assertion with {more}");
        assert!(!scene.opens(&signed(&with(&head, &more), &claims, &scene.key)).await, "access token with {more}");
    }
}

#[tokio::test]
async fn access_tokens_and_id_tokens_are_told_apart() {
    let scene = Scene::set().await;
    let (access, id) = (header_of(&scene.access), header_of(&scene.id));
    assert_eq!((text(&access, "/typ").as_str(), text(&id, "/typ").as_str()), ("at+jwt", "JWT"));
    assert!(scene.opens(&scene.access).await);
    assert!(!scene.opens(&scene.id).await, "an ID token is no access token");
    // An ID token would be none either if it had all that an access token has.
    let mut claims = claims_of(&scene.id);
    for name in ["jti", "scope", "nbf"] {
        claims[name] = claims_of(&scene.access)[name].clone();
    }
    assert!(!scene.opens(&signed(&id, &claims, &scene.key)).await, "told by its claims");
    for typ in ["logout+jwt", "client-authentication+jwt", "dpop+jwt"] {
        let head = with(&access, &json!({"typ": typ}));
        assert!(!scene.opens(&signed(&head, &claims_of(&scene.access), &scene.key)).await, "{typ}");
    }
    // Access tokens that were made before an upgrade are good until they end.
    for head in [with(&access, &json!({"typ": "JWT"})), with(&access, &json!({"typ": "application/at+jwt"}))] {
        assert!(scene.opens(&signed(&head, &claims_of(&scene.access), &scene.key)).await, "{head}");
    }
    // Neither proves a client.
    for token in [&scene.access, &scene.id] {
        assert_eq!(scene.server.jwt_bearer(token, "openid").await.0, 400);
        assert_eq!(scene.server.introspect_by_key(token, &scene.server.token).await.0, 400);
    }
    assert!(!scene.project.is_empty());
}

#[tokio::test]
async fn assertions_typed_as_something_else_prove_nobody() {
    let scene = Scene::set().await;
    for (typ, good) in [
        (json!({}), true),
        (json!({"typ": "JWT"}), true),
        (json!({"typ": "jwt"}), true),
        (json!({"typ": "client-authentication+jwt"}), true),
        (json!({"typ": "at+jwt"}), false),
        (json!({"typ": "AT+JWT"}), false),
        (json!({"typ": "application/at+jwt"}), false),
        (json!({"typ": "logout+jwt"}), false),
        (json!({"typ": 1}), false),
    ] {
        assert_eq!(scene.proves(&typ).await, good, "{typ}");
    }
}

/// Points of Ed25519 whose order divides 8, without the bit of the sign, in every encoding; lowest byte first.
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

#[tokio::test]
async fn keys_for_which_anybody_can_sign_are_refused() {
    use base64::engine::general_purpose::STANDARD;
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let user = server.user(&server.org().await, "bot").await.0;
    let paths = [format!("/projects/{project}/apps/{app}/keys"), format!("/users/{user}/keys")];
    let refused = async |key: &str, part: &str| {
        for path in &paths {
            let body = json!({"type": "KEY_TYPE_JSON", "publicKey": STANDARD.encode(key)});
            let (status, answer) = server.post(path, body).await;
            assert!(status == 400 && text(&answer, "/message").contains(part), "{key}: {answer}");
        }
    };
    for hex in SMALL_ORDER {
        for sign in [0, 0x80] {
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
            let mut point: Vec<u8> = (0..64).step_by(2).map(byte).collect();
            point[31] |= sign;
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&point)});
            refused(&jwk.to_string(), "small order").await;
            let der = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &point].concat();
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
            refused(&pem, "small order").await;
        }
    }
    let public = rsa::RsaPrivateKey::from_pkcs1_pem(PEMS[0]).expect("a test key").to_public_key();
    let jwk = json!({
        "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(public.n_bytes()), "e": URL_SAFE_NO_PAD.encode(public.e_bytes())
    });
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for value in [json!("AA"), json!(null), json!([])] {
            refused(&with(&jwk, &json!({member: value})).to_string(), "private key").await;
        }
    }
}
