//! Random forms, headers, assertions and tokens on every OAuth endpoint, and random keys that callers
//! bring: never a 5xx, never a token for nothing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::support::oauth::{ASSERTION_TYPE, JWT_BEARER, Signer};
use crate::support::raw;
use crate::support::{TestServer, text};

const CASES: u32 = 150;
const ENDPOINTS: [&str; 8] = [
    "/oauth/v2/introspect",
    "/oauth/v2/token",
    "/oauth/v2/revoke",
    "/oidc/v1/userinfo",
    "/oauth/v2/keys",
    "/oauth/v2/authorize",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
];

fn runner() -> TestRunner {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(Config { cases: CASES, failure_persistence: None, ..Config::default() }, rng)
}

/// A parameter that some endpoint reads, or none does.
fn name() -> impl Strategy<Value = String> {
    let known = [
        "token",
        "grant_type",
        "assertion",
        "scope",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "access_token",
        "token_type_hint",
    ];
    prop_oneof![8 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn value(real: Vec<String>) -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(real),
        2 => jwt(),
        1 => ".{0,30}",
        1 => "[a-z:]{0,20}(:aud)?",
        1 => Just("\u{0}".to_owned()),
        1 => "cvg_(at|pat)_[A-Za-z0-9_-]{0,70}",
    ]
}

/// Something with three parts, whose inside is nearly right.
fn jwt() -> impl Strategy<Value = String> {
    let claim = prop_oneof![
        Just(json!("1")),
        Just(json!(1e300)),
        Just(json!(-1)),
        Just(json!([])),
        Just(Value::Null),
        Just(json!({"a": 1})),
    ];
    let claims = prop::collection::btree_map("iss|sub|aud|exp|iat|jti|nbf", claim, 0..7);
    let alg = prop::sample::select(vec!["RS256", "none", "HS256", "ES256", "EdDSA", "", "x"]);
    (alg, ".{0,5}", claims, prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(alg, kid, claims, signature)| {
        let part = |v: Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let header = json!({"alg": alg, "kid": kid, "typ": "JWT"});
        format!("{}.{}.{}", part(header), part(json!(claims)), URL_SAFE_NO_PAD.encode(signature))
    })
}

fn encoded(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_requests_to_the_oauth_endpoints_are_answered() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let basic = server.basic_app(&project, "a").await;
    let app = server.app(&project, "b").await;
    let signer = Signer::new(&server, &server.key(&project, &app).await);
    let (_, machine) = server.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let token = server.access_token(&machine, "openid").await;
    let real = vec![
        token,
        server.token.clone(),
        basic.client_id,
        basic.secret,
        signer.assertion(),
        machine.assertion(),
        JWT_BEARER.to_owned(),
        "client_credentials".to_owned(),
        ASSERTION_TYPE.to_owned(),
        "openid profile".to_owned(),
    ];
    let pairs = || prop::collection::vec((name(), value(real.clone())), 0..6);
    let basic = prop_oneof![
        2 => Just(None),
        1 => ".{0,20}".prop_map(|t| Some(format!("Basic {}", STANDARD.encode(t)))),
        1 => value(real.clone()).prop_map(|t| Some(format!("Bearer {t}"))),
    ];
    let raw_body = prop_oneof![4 => Just(None), 1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Some)];
    let verb = prop::sample::select(vec!["POST", "GET", "PUT", "DELETE"]);
    let input = (prop::sample::select(ENDPOINTS.to_vec()), verb, pairs(), pairs(), basic, raw_body);
    let handle = tokio::runtime::Handle::current();
    let failure = tokio::task::block_in_place(|| {
        let outcome = runner().run(&input, |(path, verb, query, form, authorization, raw_body)| {
            let body = raw_body.unwrap_or_else(|| encoded(&form).into_bytes());
            let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", encoded(&query)) };
            let mut headers = vec![("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
            // What cannot stand in a header cannot be sent.
            let fits = |value: &String| value.bytes().all(|b| (b' '..0x7f).contains(&b));
            headers.extend(authorization.filter(fits).map(|value| ("Authorization".to_owned(), value)));
            let answer = handle.block_on(raw::request(server.address, verb, &path, &headers, Some(&body)));
            prop_assert!(answer.status < 500, "{} {}: {}", verb, path, answer.status);
            if answer.status >= 400 {
                let error: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                prop_assert!(!text(&error, "/error").is_empty(), "{}", path);
            }
            Ok(())
        });
        outcome.err().map(|e| e.to_string())
    });
    assert_eq!(failure, None, "no request breaks the server");
}

#[test]
fn random_public_keys_are_read_or_refused() {
    let jwk =
        prop::collection::btree_map("kty|crv|n|e|x|y|d|k", "RSA|EC|OKP|P-256|P-384|Ed25519|[A-Za-z0-9_-]{0,90}", 0..6);
    let pem = ("PUBLIC KEY|CERTIFICATE|RSA PUBLIC KEY", prop::collection::vec(any::<u8>(), 0..200))
        .prop_map(|(label, der)| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", STANDARD.encode(der)));
    let text = prop_oneof![jwk.prop_map(|m| json!(m).to_string()), pem, ".{0,60}"];
    let outcome = runner().run(&text, |text| {
        if let Err(error) = claviger::crypto::public_key::read(text.as_bytes()) {
            prop_assert_eq!(error.id, "COMMAND-5F3h1");
        }
        Ok(())
    });
    outcome.expect("no text breaks the reader");
}

#[tokio::test]
async fn large_forms_are_refused() {
    let server = TestServer::start().await;
    let long = "x".repeat(70_000);
    let (status, answer) = server.form("/oauth/v2/introspect", None, &[("token", &long)]).await;
    assert_eq!((status, text(&answer, "/error").as_str()), (400, "invalid_request"), "{answer}");
    let (status, _) = server.form("/oauth/v2/token", None, &[("scope", &"x".repeat(5 << 20))]).await;
    assert!((400..500).contains(&status), "{status}");
}
