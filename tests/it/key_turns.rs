//! Key pairs run out: who waits for one keeps nobody else from anything, and organizations take turns.
//! Here the test hands out the pairs, so nothing depends on how fast they are made.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use claviger::crypto::keypool::{KeyPool, Size};
use claviger::crypto::rsa::KeyPair;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::{Options, PEMS, TestServer, text};

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_mins(1);

fn pair() -> KeyPair {
    KeyPair::from_pem(PEMS[0]).expect("a key")
}

/// Waits until so many callers wait for a pair.
async fn until_waiting(pool: &KeyPool, callers: usize) {
    let since = Instant::now();
    while pool.level().waiting != callers {
        assert!(since.elapsed() < PATIENCE, "{:?} instead of {callers} waiting", pool.level());
        tokio::task::yield_now().await;
    }
}

/// What must come, or the test ends.
async fn comes<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it comes")
}

/// A server with four places, an empty stock, and room for so many callers.
async fn server(waiting: usize) -> (Arc<TestServer>, KeyPool) {
    let pool = KeyPool::by_hand(Size { stock: 0, waiting });
    let settings = vec![("CLAVIGER_SERVER_MAX_CONCURRENT_REQUESTS", "4".to_owned())];
    let keys = Some(pool.clone());
    let server = TestServer::with(Options { settings, keys, ..Options::default() }).await;
    // The server makes its own signing keys first.
    for _ in 0..2 {
        until_waiting(&pool, 1).await;
        pool.put(pair());
    }
    until_waiting(&pool, 0).await;
    (Arc::new(server), pool)
}

/// Another organization with an application; both ids and the path of its keys.
async fn other_org(server: &TestServer, name: &str) -> (String, String) {
    let org = text(&server.ok("/orgs", json!({"name": name})).await, "/id");
    let post = async |path: String, body: Value| {
        let (status, answer) = server.call_as(&server.token, Some(&org), Method::POST, &path, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let project = text(&post("/projects".to_owned(), json!({"name": "p"})).await, "/id");
    let app = post(format!("/projects/{project}/apps/api"), json!({"name": "a", "authMethodType": 1})).await;
    (org.clone(), format!("/projects/{project}/apps/{}/keys", text(&app, "/appId")))
}

fn ask(server: &Arc<TestServer>, org: Option<&str>, path: &str) -> JoinHandle<(u16, Value)> {
    let (server, org, path) = (Arc::clone(server), org.map(str::to_owned), path.to_owned());
    let body = Some(json!({"type": "KEY_TYPE_JSON"}));
    tokio::spawn(async move { server.call_as(&server.token, org.as_deref(), Method::POST, &path, body).await })
}

/// Many callers on a few connections, who all wait for a pair in the end. They come a few at a time, so that
/// none is turned away for other reasons.
async fn flood(server: &TestServer, pool: &KeyPool, path: &str, callers: usize) -> Vec<JoinHandle<()>> {
    let client = || reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    let clients: Vec<_> = (0..callers.div_ceil(200)).map(|_| client()).collect();
    let url = server.url(&format!("/management/v1{path}"));
    let mut flood = Vec::new();
    for at in 0..callers {
        let request = clients[at % clients.len()].post(&url).bearer_auth(&server.token).json(&json!({"type": 1}));
        flood.push(tokio::spawn(async move { drop(request.send().await) }));
        if flood.len() % 8 == 0 {
            until_waiting(pool, flood.len()).await;
        }
    }
    until_waiting(pool, callers).await;
    flood
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_hundred_callers_that_wait_for_pairs_keep_nobody_else_waiting() {
    let (server, pool) = server(2000).await;
    let project = server.project("p").await;
    let basic = server.basic_app(&project, "basic").await;
    let app = server.app(&project, "many").await;
    let (one, one_path) = other_org(&server, "one").await;
    let (two, _) = other_org(&server, "two").await;
    let (machine, _) = server.user(&two, "bot").await;
    let path = format!("/projects/{project}/apps/{app}/keys");
    let many = flood(&server, &pool, &path, 1200).await;

    // There are four places, and none of those who wait holds one.
    let (status, seen) = comes(server.introspect(&basic, &server.token)).await;
    assert_eq!((status, &seen["active"]), (200, &json!(true)), "{seen}");
    assert_eq!(comes(server.get(&format!("/projects/{project}"))).await.0, 200);
    // Nor do callers wait who bring a key, or who are refused anyway.
    let brought = server.ok(&path, json!({"type": 1, "publicKey": public_key()})).await;
    assert!(brought.get("keyDetails").is_none());
    let (status, _) = comes(server.post(&format!("/projects/{project}/apps/1/keys"), json!({"type": 1}))).await;
    assert_eq!((status, pool.level().waiting), (400, 1200));

    // Three organizations wait: three pairs are one for each.
    let one_key = ask(&server, Some(&one), &one_path);
    let two_key = ask(&server, Some(&two), &format!("/users/{machine}/keys"));
    until_waiting(&pool, 1202).await;
    for _ in 0..3 {
        pool.put(pair());
    }
    assert_eq!(pool.level().waiting, 1199);
    for (key, id) in [(one_key, "/id"), (two_key, "/keyId")] {
        let (status, key) = comes(key).await.expect("an answer");
        assert_eq!((status, text(&key, id).len()), (200, 18), "{key}");
    }
    // The one who just had a pair comes back: it is its turn after one of the others.
    let again = ask(&server, Some(&one), &one_path);
    until_waiting(&pool, 1200).await;
    for _ in 0..2 {
        pool.put(pair());
    }
    assert_eq!(comes(again).await.expect("an answer").0, 200);

    // Who goes away leaves the queue.
    for caller in &many {
        caller.abort();
    }
    until_waiting(&pool, 0).await;
    let made = async || server.ok(&format!("{path}/_search"), json!({})).await;
    assert_eq!(text(&made().await, "/details/totalResult"), "3", "two made, one brought");
}

fn public_key() -> String {
    use base64::Engine as _;
    let pem = pem_of(&pair().public_der);
    base64::engine::general_purpose::STANDARD.encode(pem)
}

fn pem_of(der: &[u8]) -> String {
    use rsa::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};
    let key = rsa::RsaPublicKey::from_public_key_der(der).expect("a public key");
    key.to_public_key_pem(rsa::pkcs8::LineEnding::LF).expect("PEM")
}

/// Status and headers of `AddAppKey` in one of the RPC protocols.
async fn rpc(server: &TestServer, kind: &str, ids: (&str, &str)) -> (String, HeaderMap) {
    use buffa::Message as _;
    use claviger::proto::zitadel::management::v1::AddAppKeyRequest;
    let (project_id, app_id) = (ids.0.to_owned(), ids.1.to_owned());
    let request = AddAppKeyRequest { project_id, app_id, r#type: 1.into(), ..Default::default() }.encode_to_vec();
    let body = if kind == "application/proto" {
        request
    } else {
        [&[0][..], &u32::try_from(request.len()).expect("short").to_be_bytes(), &request].concat()
    };
    let mut client = reqwest::Client::builder().no_proxy();
    if kind == "application/grpc" {
        client = client.http2_prior_knowledge();
    }
    let url = server.url("/zitadel.management.v1.ManagementService/AddAppKey");
    let call = client.build().expect("a client").post(url).bearer_auth(&server.token);
    let answer = call.header("content-type", kind).header("te", "trailers").body(body).send();
    let answer = comes(answer).await.expect("an answer");
    let headers = answer.headers().clone();
    let status = answer.status().as_u16().to_string();
    let body = String::from_utf8_lossy(&answer.bytes().await.expect("a body")).into_owned();
    let grpc = headers.get("grpc-status").map(|v| v.to_str().expect("text").to_owned());
    let in_body = body.split("grpc-status: ").nth(1).map(|rest| rest[..1].to_owned());
    (grpc.or(in_body).unwrap_or(status), headers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_the_queue_full_is_told_when_to_try_again() {
    let (server, pool) = server(3).await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let path = format!("/projects/{project}/apps/{app}/keys");
    let mut waiting: Vec<_> = (0..3).map(|_| ask(&server, None, &path)).collect();
    until_waiting(&pool, 3).await;

    let url = server.url(&format!("/management/v1{path}"));
    let call = server.http.post(url).bearer_auth(&server.token).json(&json!({"type": 1}));
    let answer = comes(call.send()).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].as_bytes()), (429, &b"10"[..]));
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["code"], 8);
    assert!(text(&body, "/message").contains("try again in 10 seconds"), "{body}");
    for (kind, status) in [("application/grpc", "8"), ("application/grpc-web+proto", "8"), ("application/proto", "429")]
    {
        let (seen, headers) = rpc(&server, kind, (&project, &app)).await;
        assert_eq!((seen.as_str(), headers["retry-after"].as_bytes()), (status, &b"10"[..]), "{kind}");
    }

    // Another organization has its share: the one who came last goes for it.
    let (other, other_path) = other_org(&server, "other").await;
    let key = ask(&server, Some(&other), &other_path);
    let went = comes(async {
        loop {
            if let Some(at) = waiting.iter().position(JoinHandle::is_finished) {
                return waiting.swap_remove(at).await.expect("an answer");
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(went.await.0, 429);
    until_waiting(&pool, 3).await;
    for _ in 0..3 {
        pool.put(pair());
    }
    for caller in waiting.into_iter().chain([key]) {
        assert_eq!(comes(caller).await.expect("an answer").0, 200);
    }
    let metrics = server.metrics().await;
    assert!(metrics.contains("claviger_key_pool_refused_total 5\n"), "{metrics}");
    assert!(metrics.contains("claviger_key_pool_waiting 0\n"), "{metrics}");
}
