//! The server's signing keys: published, rotated, kept over restarts, useless without the master key.

use std::process::Command;

use claviger::clock::FixedClock;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use serde_json::{Value, json};

use crate::support::oauth::{aud, claims_of};
use crate::support::{Options, TestServer, text};

pub async fn kids(server: &TestServer) -> Vec<String> {
    let answer = server.http.get(server.url("/oauth/v2/keys")).send().await.expect("an answer");
    let header = |name: &str| answer.headers().get(name).map(|v| v.to_str().expect("text").to_owned());
    assert_eq!(header("cache-control").as_deref(), Some("max-age=300, must-revalidate"));
    assert_eq!(header("content-type").as_deref(), Some("application/json"));
    let set: Value = answer.json().await.expect("JSON");
    let keys = set["keys"].as_array().expect("keys").clone();
    assert!(keys.iter().all(|k| k["kty"] == "RSA" && k["alg"] == "RS256" && k["use"] == "sig" && k.get("d").is_none()));
    keys.iter().map(|key| text(key, "/kid")).collect()
}

pub fn kid_of(token: &str) -> String {
    jsonwebtoken::decode_header(token).expect("a header").kid.expect("a kid")
}

pub fn program(server: &TestServer, arguments: &[&str], master: Option<&str>) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    command.args(arguments).envs(server.database.settings());
    if let Some(master) = master {
        command.env("CLAVIGER_MASTER_KEY", master);
    }
    let output = command.output().expect("the program runs");
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Calls until the key set is another one: a running server sees a rotation within a second.
async fn changed(server: &TestServer, before: &[String]) -> Vec<String> {
    loop {
        let now = kids(server).await;
        if now != before {
            return now;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_overlaps_and_needs_no_restart() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let (_, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let scope = aud(&project);
    let before = kids(&server).await;
    assert_eq!(before.len(), 2, "one signs, one is published in advance");
    let old = server.access_token(&signer, &scope).await;
    assert!(before.contains(&kid_of(&old)));
    let (ok, said) = program(&server, &["rotate-signing-key"], None);
    assert!(ok, "{said}");
    let after = changed(&server, &before).await;
    assert_eq!((after.len(), &after[..2]), (3, &before[..]), "the old keys stay");
    let new = server.access_token(&signer, &scope).await;
    assert_ne!(kid_of(&new), kid_of(&old));
    assert!(before.contains(&kid_of(&new)), "it was published before it signed");
    for token in [&old, &new] {
        assert_eq!(server.introspect(&app, token).await.1["active"], true);
    }
    // A leaked key goes at once, with everything it signed.
    let (ok, said) = program(&server, &["rotate-signing-key", "--revoke-old"], None);
    assert!(ok, "{said}");
    let last = changed(&server, &after).await;
    assert_eq!(last.len(), 2);
    assert!(last.iter().all(|kid| !after.contains(kid)), "the announced key goes too: it may have leaked beside");
    let fresh = server.access_token(&signer, &scope).await;
    assert!(last.contains(&kid_of(&fresh)));
    for token in [&old, &new] {
        while server.introspect(&app, token).await.1["active"] == true {
            tokio::task::yield_now().await;
        }
    }
    let steps = server.sql().await.count("SELECT count(*) FROM events WHERE kind LIKE 'web_key.%'").await;
    assert_eq!(steps, 2 + 3 + 5, "every step is in the audit trail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retired_keys_go_when_nothing_they_signed_can_be_valid() {
    let clock = FixedClock::new(1_000_000_000_000_000);
    let server = TestServer::with(Options { clock: Some(clock), ..Options::default() }).await;
    let first = kids(&server).await;
    // The program works with the real clock, decades later.
    let (ok, said) = program(&server, &["rotate-signing-key"], None);
    assert!(ok, "{said}");
    let (ok, said) = program(&server, &["rotate-signing-key"], None);
    assert!(ok, "{said}");
    let keys = changed(&server, &first).await;
    assert_eq!(keys.len(), 4, "what was retired today still verifies");
    server.sql().await.run("UPDATE signing_keys SET changed_at = 1 WHERE id = $1", &[&first[0]]).await;
    let (ok, said) = program(&server, &["rotate-signing-key"], None);
    assert!(ok, "{said}");
    let keys = changed(&server, &keys).await;
    assert!(!keys.contains(&first[0]) && keys.len() == 4, "{keys:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_and_keys_survive_a_restart_and_no_private_key_lies_open() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let (_, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let token = server.access_token(&signer, &aud(&project)).await;
    let keys = kids(&server).await;
    let sealed = server.sql().await.bytes("SELECT private_key FROM signing_keys WHERE id = $1", &keys[0]).await;
    assert!(rsa::RsaPrivateKey::from_pkcs1_der(&sealed).is_err(), "encrypted");
    let database = server.database.clone();
    server.stop().await;
    let issuer = text(&claims_of(&token), "/iss");
    let settings = vec![("CLAVIGER_ISSUER", issuer)];
    let second = TestServer::with(Options { beside: Some(database), settings, ..Options::default() }).await;
    assert_eq!(kids(&second).await, keys);
    assert_eq!(second.introspect(&app, &token).await.1["active"], true);
    // Another master key is noticed at the start, in words that help.
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let (ok, said) = program(&second, &["serve"], Some(other));
    assert!(!ok && said.contains("CLAVIGER_MASTER_KEY"), "{said}");
    let (ok, said) = program(&second, &["serve"], Some("short"));
    assert!(!ok && said.contains("32 bytes in base64") && !said.contains("short"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_discovery_documents_name_what_is_there() {
    let server = TestServer::start().await;
    let mut documents = Vec::new();
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let request = server.http.get(server.url(path)).header("x-forwarded-host", "evil.example.com");
        let document: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(text(&document, "/issuer"), server.issuer(), "constant behind any proxy");
        documents.push(document);
    }
    assert_eq!(documents[0], documents[1]);
    for (member, value) in documents[0].as_object().expect("an object") {
        let Some(url) = value.as_str().filter(|v| v.starts_with("http") && member != "issuer") else { continue };
        let status = server.http.get(url).send().await.expect("an answer").status();
        assert_ne!(status, 404, "{member}: {url}");
    }
    assert_eq!(documents[0]["response_types_supported"], json!([]));
}
