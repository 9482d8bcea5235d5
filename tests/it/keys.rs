//! Application keys end to end: the file that leaves, the public half that stays.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claviger::crypto::keypool::{KeyPool, Size};
use claviger::env::Random;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rsa::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

use crate::support::tokens::key_file;
use crate::support::{TestServer, number, text};

async fn public_key(server: &TestServer, id: &str) -> Vec<u8> {
    server.sql().await.bytes("SELECT public_key FROM app_keys WHERE id = $1", id).await
}

#[tokio::test]
async fn the_documented_calls_give_the_documented_fields() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let body = json!({"name": "api", "authMethodType": "API_AUTH_METHOD_TYPE_BASIC"});
    let basic = server.ok(&format!("/projects/{project}/apps/api"), body).await;
    assert_eq!(text(&basic, "/clientSecret").len(), 64);
    assert_eq!(number(&basic, "/details/sequence"), 3);

    let app = server.app(&project, "jwt").await;
    let path = format!("/projects/{project}/apps/{app}/keys");
    let body = json!({"type": "KEY_TYPE_JSON", "expirationDate": "2519-04-01T08:45:00.000000Z"});
    let made = server.ok(&path, body).await;
    let id = text(&made, "/id");
    assert_eq!(number(&made, "/details/sequence"), 6);
    assert!(made.pointer("/details/creationDate").is_some() && made.pointer("/details/changeDate").is_some());

    let (status, got) = server.get(&format!("{path}/{id}")).await;
    assert_eq!(status, 200);
    assert_eq!(text(&got, "/key/id"), id);
    assert_eq!(text(&got, "/key/type"), "KEY_TYPE_JSON");
    assert_eq!(text(&got, "/key/expirationDate"), "2519-04-01T08:45:00Z");

    let list = server.ok(&format!("{path}/_search"), json!({"query": {"limit": 100, "asc": true}})).await;
    assert_eq!(number(&list, "/details/totalResult"), 1);
    assert_eq!(number(&list, "/details/processedSequence"), 6);
    assert_eq!(list["result"][0], got["key"]);

    let (status, gone) = server.delete(&format!("{path}/{id}")).await;
    assert_eq!((status, number(&gone, "/details/sequence")), (200, 7));
    assert_eq!(server.get(&format!("{path}/{id}")).await.0, 404);
}

#[tokio::test]
async fn the_key_file_has_its_members_in_order_and_signs_what_the_public_half_verifies() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let made = server.key(&project, &app).await;
    let raw = String::from_utf8(STANDARD.decode(text(&made, "/keyDetails")).expect("base64")).expect("UTF-8");
    let order: Vec<usize> = ["\"type\":\"application\"", "\"keyId\":", "\"key\":", "\"appId\":", "\"clientId\":"]
        .iter()
        .map(|member| raw.find(member).expect(member))
        .collect();
    assert!(order.is_sorted(), "{order:?}");
    let file = key_file(&made);
    assert_eq!((text(&file, "/keyId"), text(&file, "/appId")), (text(&made, "/id"), app));
    let pem = text(&file, "/key");
    assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n") && pem.ends_with("-----END RSA PRIVATE KEY-----\n"));
    assert!(pem.lines().all(|line| line.len() <= 64));

    let der = public_key(&server, &text(&made, "/id")).await;
    let public = rsa::RsaPublicKey::from_public_key_der(&der).expect("SubjectPublicKeyInfo");
    let public = public.to_public_key_pem(rsa::pkcs8::LineEnding::LF).expect("PEM");
    let claims = json!({"iss": text(&file, "/clientId"), "exp": 9_999_999_999_u64});
    let signing = EncodingKey::from_rsa_pem(pem.as_bytes()).expect("jsonwebtoken takes the key");
    let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &signing).expect("a signature");
    let verifying = DecodingKey::from_rsa_pem(public.as_bytes()).expect("the public half");
    let seen = jsonwebtoken::decode::<Value>(&token, &verifying, &Validation::new(Algorithm::RS256));
    assert_eq!(text(&seen.expect("it verifies").claims, "/iss"), text(&file, "/clientId"));
    sign_elsewhere(&pem, &public);
}

/// The same with tools that are not ours: OpenSSL checks the key, and Python's PyJWT signs with it.
fn sign_elsewhere(pem: &str, public: &str) {
    use std::process::Command;
    let dir = tempfile::tempdir().expect("a scratch directory");
    let (private, public_file) = (dir.path().join("key.pem"), dir.path().join("public.pem"));
    std::fs::write(&private, pem).and_then(|()| std::fs::write(&public_file, public)).expect("files");
    match Command::new("openssl").args(["rsa", "-check", "-noout", "-in"]).arg(&private).output() {
        Ok(checked) => assert!(checked.status.success(), "openssl: {}", String::from_utf8_lossy(&checked.stderr)),
        Err(_) => eprintln!("SKIPPED: there is no openssl on this machine"),
    }
    let Ok(python) = std::env::var("TEST_PYTHON") else {
        eprintln!("SKIPPED: TEST_PYTHON names no Python with PyJWT; scripts/test prepares one");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/sign.py");
    let signed = Command::new(python).arg(script).arg(&private).arg(&public_file).output().expect("Python runs");
    assert!(signed.status.success(), "PyJWT: {}", String::from_utf8_lossy(&signed.stderr));
    let token = String::from_utf8(signed.stdout).expect("a token");
    let key = DecodingKey::from_rsa_pem(public.as_bytes()).expect("the public half");
    let seen = jsonwebtoken::decode::<Value>(token.trim(), &key, &Validation::new(Algorithm::RS256));
    assert_eq!(seen.expect("PyJWT's token verifies").claims["iss"], "pyjwt");
}

#[tokio::test]
async fn generated_keys_are_fresh_2048_bit_pairs_and_leave_nothing_private_behind() {
    // The real pool, not the fixed keys of the other tests.
    let pool = KeyPool::start(Size { stock: 2, waiting: 2 }, 1, &Random::system()).expect("a pool");
    let (a, b) = (pool.take("").await.expect("a pair"), pool.take("").await.expect("a pair"));
    assert_ne!(a.public_der, b.public_der);
    let public = rsa::RsaPublicKey::from_public_key_der(&a.public_der).expect("SubjectPublicKeyInfo");
    assert_eq!(public.n().bits(), 2048);
    assert_eq!(public.e_bytes().as_ref(), [1, 0, 1]);
    assert_eq!(format!("{a:?}"), "KeyPair(..)", "no secret in Debug");
    pool.stop();

    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let made = server.key(&project, &app).await;
    let pem = text(&key_file(&made), "/key");
    let body = pem.lines().nth(5).expect("a line of the key").to_owned();
    if server.database.url.starts_with("sqlite:") {
        let path = server.database.url.trim_start_matches("sqlite:").to_owned();
        server.stop().await;
        for suffix in ["", "-wal"] {
            let bytes = std::fs::read(format!("{path}{suffix}")).unwrap_or_default();
            let found = bytes.windows(body.len()).any(|w| w == body.as_bytes());
            assert!(!found, "private key material in the database file {suffix}");
        }
    }
}

#[tokio::test]
async fn keys_sleep_while_the_application_uses_a_secret() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let base = format!("/projects/{project}/apps/{app}");
    let id = text(&server.key(&project, &app).await, "/id");
    let switch =
        |method: &'static str| server.put(format!("{base}/api_config").leak(), json!({"authMethodType": method}));
    assert_eq!(switch("API_AUTH_METHOD_TYPE_BASIC").await.0, 200);
    assert_eq!(server.get(&format!("{base}/keys/{id}")).await.0, 404);
    let list = server.ok(&format!("{base}/keys/_search"), json!({})).await;
    assert_eq!((number(&list, "/details/totalResult"), list.get("result")), (0, None));
    let (status, refused) = server.post(&format!("{base}/keys"), json!({"type": 1})).await;
    assert_eq!((status, text(&refused, "/details/0/id").as_str()), (400, "COMMAND-Dff54"));
    let switched = switch("API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT").await.1;
    let (status, key) = server.get(&format!("{base}/keys/{id}")).await;
    assert_eq!(status, 200, "{key}");
    assert_eq!(key.pointer("/key/details/sequence"), switched.pointer("/details/sequence"), "of the last switch");
    // A sleeping key can be removed.
    assert_eq!(switch("API_AUTH_METHOD_TYPE_BASIC").await.0, 200);
    assert_eq!(server.delete(&format!("{base}/keys/{id}")).await.0, 200);
}

#[tokio::test]
async fn expirations_keep_microseconds_and_never_is_the_default() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let path = format!("/projects/{project}/apps/{app}/keys");
    for (sent, kept) in [
        (json!({"type": 1}), "9999-12-31T23:59:59Z"),
        (json!({"type": 1, "expirationDate": null}), "9999-12-31T23:59:59Z"),
        (json!({"type": 1, "expirationDate": "0001-01-01T00:00:00Z"}), "9999-12-31T23:59:59Z"),
        (json!({"type": 1, "expirationDate": "2519-04-01T08:45:00.123456789Z"}), "2519-04-01T08:45:00.123456Z"),
        (json!({"type": 1, "expirationDate": "2519-04-01T08:45:00.5+02:00"}), "2519-04-01T06:45:00.500Z"),
        (json!({"type": 1, "expirationDate": "9999-12-31T23:59:59.999999999Z"}), "9999-12-31T23:59:59.999999Z"),
    ] {
        let id = text(&server.ok(&path, sent.clone()).await, "/id");
        let (_, key) = server.get(&format!("{path}/{id}")).await;
        assert_eq!(text(&key, "/key/expirationDate"), kept, "{sent}");
    }
}
