//! Keys that callers bring: each kind in each form, for applications and machines; and what is refused.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

use crate::support::oauth::Signer;
use crate::support::{PEMS, TestServer, text};

/// A key in one of the forms in which it may be brought, and what signs with it.
struct Own {
    what: &'static str,
    public: String,
    algorithms: Vec<Algorithm>,
    key: EncodingKey,
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|c| std::str::from_utf8(c).expect("base64")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn rsa_keys() -> Vec<Own> {
    let private = rsa::RsaPrivateKey::from_pkcs1_pem(PEMS[0]).expect("a test key");
    let public = private.to_public_key();
    let der = public.to_public_key_der().expect("DER");
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk =
        json!({"kty": "RSA", "n": text(&public.n_bytes()), "e": text(&public.e_bytes()), "kid": "x", "use": "sig"});
    [
        ("RSA, PEM", pem("PUBLIC KEY", der.as_bytes())),
        ("RSA, certificate", include_str!("../keys/certificate.pem").to_owned()),
        ("RSA, JWK", jwk.to_string()),
    ]
    .map(|(what, public)| Own {
        what,
        public,
        algorithms: vec![Algorithm::RS256, Algorithm::PS256],
        key: EncodingKey::from_rsa_pem(PEMS[0].as_bytes()).expect("a test key"),
    })
    .into()
}

fn curve_keys() -> Vec<Own> {
    let mut all = Vec::new();
    for (crv, signing, algorithm) in [
        ("P-256", &signature::ECDSA_P256_SHA256_FIXED_SIGNING, Algorithm::ES256),
        ("P-384", &signature::ECDSA_P384_SHA384_FIXED_SIGNING, Algorithm::ES384),
    ] {
        let pair = EcdsaKeyPair::generate(signing).expect("a key");
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let jwk = json!({"kty": "EC", "crv": crv, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)});
        let der = pair.public_key().as_der().expect("DER");
        for (what, public) in [("curve, PEM", pem("PUBLIC KEY", der.as_ref())), ("curve, JWK", jwk.to_string())] {
            let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().expect("PKCS#8").as_ref());
            all.push(Own { what, public, algorithms: vec![algorithm], key });
        }
    }
    let pair = Ed25519KeyPair::generate().expect("a key");
    let pkcs8 = pair.to_pkcs8().expect("PKCS#8");
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key().as_ref())});
    let der = pair.public_key().as_der().expect("DER");
    for (what, public) in [("Ed25519, PEM", pem("PUBLIC KEY", der.as_ref())), ("Ed25519, JWK", jwk.to_string())] {
        let key = EncodingKey::from_ed_der(pkcs8.as_ref());
        all.push(Own { what, public, algorithms: vec![Algorithm::EdDSA], key });
    }
    all
}

fn body(public: &str) -> Value {
    json!({"type": "KEY_TYPE_JSON", "publicKey": STANDARD.encode(public)})
}

#[tokio::test]
async fn each_kind_of_key_opens_introspection_and_the_token_endpoint() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let client_id = text(&server.get(&format!("/projects/{project}/apps/{app}")).await.1, "/app/apiConfig/clientId");
    let (user, _) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    for own in rsa_keys().into_iter().chain(curve_keys()) {
        let of_app = server.ok(&format!("/projects/{project}/apps/{app}/keys"), body(&own.public)).await;
        assert!(of_app.get("keyDetails").is_none(), "{}: there is no private key to give", own.what);
        let of_user = server.ok(&format!("/users/{user}/keys"), body(&own.public)).await;
        assert!(of_user.get("keyDetails").is_none());
        let signer = |kid: String, subject: &str| Signer {
            kid,
            subject: subject.to_owned(),
            audience: server.issuer(),
            pem: String::new(),
            now: server.now(),
        };
        let (app_signer, user_signer) =
            (signer(text(&of_app, "/id"), &client_id), signer(text(&of_user, "/keyId"), &user));
        for algorithm in &own.algorithms {
            let assertion = app_signer.sign_with(&app_signer.claims(), *algorithm, &own.key);
            let (status, seen) = server.introspect_by_key(&assertion, &server.token).await;
            assert_eq!((status, &seen["active"]), (200, &json!(true)), "{} {algorithm:?}", own.what);
            let assertion = user_signer.sign_with(&user_signer.claims(), *algorithm, &own.key);
            assert_eq!(server.jwt_bearer(&assertion, "openid").await.0, 200, "{} {algorithm:?}", own.what);
        }
        // The key of another kind under this kid proves nothing.
        let rsa = EncodingKey::from_rsa_pem(PEMS[1].as_bytes()).expect("a key");
        let confused = app_signer.sign_with(&app_signer.claims(), Algorithm::RS256, &rsa);
        assert_eq!(server.introspect_by_key(&confused, &server.token).await.0, 400, "{}", own.what);
    }
}

#[tokio::test]
async fn private_weak_and_foreign_keys_are_refused_in_words_that_help() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let (user, _) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let weak = "-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7vbqajDw4o6gJy8UtmIbkcpnk\n\
                O3Kwc4qsEnSZp/TR+fQi62F79RHWmwKOtFmwteURgLbj7D/WGuNLGOfa/2vse3G2\n\
                eHnHl5CB8ruRX9fBl/KgwCVr2JaEuUm66bBQeP5XeBotdR4cvX38uPYivCDdPjJ1\nQWPdspTBKcxeFbccDwIDAQAB\n\
                -----END PUBLIC KEY-----";
    let p521 = r#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}"#;
    for (public, part) in [
        (PEMS[0], "This is a private key. Send only its public half"),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}"#, "This is a private key"),
        (weak, "2048 to 8192 bits"),
        (p521, "use RSA, P-256, P-384 or Ed25519"),
        ("ssh-ed25519 AAAA", "PEM public key (PKIX), a PEM certificate or a JWK"),
        ("\u{0}", "cannot be read"),
    ] {
        for path in [format!("/projects/{project}/apps/{app}/keys"), format!("/users/{user}/keys")] {
            let (status, answer) = server.post(&path, body(public)).await;
            assert_eq!((status, text(&answer, "/details/0/id").as_str()), (400, "COMMAND-5F3h1"), "{answer}");
            assert!(text(&answer, "/message").contains(part), "{answer}");
            assert!(!answer.to_string().contains("BEGIN RSA"), "nothing of the key is repeated");
        }
    }
    let list = server.ok(&format!("/projects/{project}/apps/{app}/keys/_search"), json!({})).await;
    assert!(list.get("result").is_none());
}
