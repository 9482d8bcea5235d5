//! The keys with which the server signs tokens, as somebody manages them.

use std::sync::Arc;

use futures::FutureExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::signing::{kid_of, kids, program};
use crate::support::oauth::aud;
use crate::support::race::{Answer, Call, at_once, counted, none_failed, told};
use crate::support::{TestServer, text};

async fn call(server: &TestServer, token: &str, method: Method, path: &str, body: Value) -> Answer {
    let request = server.http.request(method, server.url(&format!("/v2/web_keys{path}"))).bearer_auth(token);
    crate::support::oauth::answer(request.json(&body)).await
}

async fn post(server: &TestServer, path: &str, body: Value) -> Answer {
    call(server, &server.token, Method::POST, path, body).await
}

async fn delete(server: &TestServer, id: &str) -> Answer {
    call(server, &server.token, Method::DELETE, &format!("/{id}"), Value::Null).await
}

fn later(server: &Arc<TestServer>, method: &Method, path: String) -> Call {
    let (server, method) = (Arc::clone(server), method.clone());
    async move { call(&server, &server.token, method, &path, json!({})).await }.boxed()
}

/// Ids of the keys in a state.
async fn in_state(server: &TestServer, state: &str) -> Vec<String> {
    let (status, list) = call(server, &server.token, Method::GET, "", Value::Null).await;
    assert_eq!(status, 200, "{list}");
    let keys = list["webKeys"].as_array().expect("keys").clone();
    assert!(keys.iter().all(|key| key["rsa"] == json!({"bits": "RSA_BITS_2048", "hasher": "RSA_HASHER_SHA256"})));
    keys.iter().filter(|key| key["state"] == state).map(|key| text(key, "/id")).collect()
}

const INITIAL: &str = "STATE_INITIAL";
const ACTIVE: &str = "STATE_ACTIVE";
const INACTIVE: &str = "STATE_INACTIVE";

#[tokio::test]
async fn a_key_is_published_signs_verifies_and_goes() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let (_, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let scope = aud(&project);
    let old = server.access_token(&signer, &scope).await;
    assert_eq!(in_state(&server, ACTIVE).await, [kid_of(&old)], "those of the server itself are here");
    assert_eq!(in_state(&server, INITIAL).await.len(), 1);

    let rsa = json!({"rsa": {"bits": "RSA_BITS_2048", "hasher": "RSA_HASHER_SHA256"}});
    let (status, made) = post(&server, "", rsa).await;
    assert_eq!(status, 200, "{made}");
    let id = text(&made, "/id");
    assert!(!text(&made, "/creationDate").is_empty() && kids(&server).await.contains(&id), "published at once");
    assert_ne!(kid_of(&server.access_token(&signer, &scope).await), id, "and signs nothing yet");

    let (status, activated) = post(&server, &format!("/{id}/activate"), json!({})).await;
    assert_eq!(status, 200, "{activated}");
    let again = post(&server, &format!("/{id}/activate"), json!({})).await;
    assert_eq!(again, (200, activated), "nothing changes when it signs already");
    let new = server.access_token(&signer, &scope).await;
    assert_eq!((kid_of(&new), in_state(&server, INACTIVE).await), (id.clone(), vec![kid_of(&old)]));
    for token in [&old, &new] {
        assert_eq!(server.introspect(&app, token).await.1["active"], true);
    }
    assert_eq!(told(&delete(&server, &id).await), (400, 9, "COMMAND-Chai1".to_owned()));
    let (status, gone) = delete(&server, &kid_of(&old)).await;
    assert_eq!((status, text(&gone, "/deletionDate").is_empty()), (200, false));
    assert_eq!(server.introspect(&app, &old).await.1["active"], false, "with all that it signed");
    assert_eq!(server.introspect(&app, &new).await.1["active"], true);
    assert!(!kids(&server).await.contains(&kid_of(&old)));
    assert_eq!(delete(&server, &kid_of(&old)).await, (200, json!({})), "it is gone, as wished");
    let missing = post(&server, &format!("/{}/activate", kid_of(&old)), json!({})).await;
    assert_eq!(told(&missing), (404, 5, "COMMAND-teiG3".to_owned()));
}

#[tokio::test]
async fn other_kinds_of_keys_are_refused_with_a_text() {
    let server = TestServer::start().await;
    let before = kids(&server).await;
    for key in [
        json!({"ed25519": {}}),
        json!({"ecdsa": {"curve": "ECDSA_CURVE_P256"}}),
        json!({"rsa": {"bits": "RSA_BITS_4096", "hasher": "RSA_HASHER_SHA256"}}),
        json!({"rsa": {"bits": "RSA_BITS_2048", "hasher": "RSA_HASHER_SHA512"}}),
    ] {
        let (status, answer) = post(&server, "", key.clone()).await;
        assert_eq!((status, &answer["code"]), (400, &json!(3)), "{key}");
        assert!(text(&answer, "/message").starts_with("only RSA keys of 2048 bits"), "{answer}");
    }
    let none = post(&server, "", json!({"rsa": {}})).await;
    assert!(text(&none.1, "/message").contains("RSA_BITS_UNSPECIFIED"), "{none:?}");
    assert_eq!(kids(&server).await, before);
}

#[tokio::test]
async fn only_who_may_manages_keys() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (owner, owner_token) = server.user(&org, "owner").await;
    server.org_role(&org, &owner, "ORG_OWNER").await;
    let (_, stranger) = server.user(&org, "stranger").await;
    let id = in_state(&server, INITIAL).await.remove(0);
    for (method, path) in [
        (Method::POST, String::new()),
        (Method::POST, format!("/{id}/activate")),
        (Method::DELETE, format!("/{id}")),
        (Method::GET, String::new()),
    ] {
        for (token, expected) in [(&owner_token, "AUTH-5mWD2"), (&stranger, "AUTHZ-cdgFk")] {
            let answer = call(&server, token, method.clone(), &path, json!({})).await;
            assert_eq!(told(&answer).2, expected, "{method} {path}");
        }
    }
    assert_eq!(in_state(&server, INITIAL).await, [id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_at_once_make_no_more_keys_than_there_may_be_and_one_signs() {
    let server = Arc::new(TestServer::start().await);
    let create = || later(&server, &Method::POST, String::new());
    let first = at_once((0..16).map(|_| create()).collect()).await;
    assert!(first.iter().all(|a| a.0 == 200), "{}", counted(&first));
    let second = at_once((0..16).map(|_| create()).collect()).await;
    let made = second.iter().filter(|a| a.0 == 200).count();
    assert!(made == 14 && second.iter().all(|a| a.0 == 200 || told(a).2 == "COMMAND-wK32m"), "{}", counted(&second));
    assert_eq!(kids(&server).await.len(), 32);

    let initial = in_state(&server, INITIAL).await;
    let activate = |id: &String| later(&server, &Method::POST, format!("/{id}/activate"));
    let answers = at_once(initial[..16].iter().map(activate).collect()).await;
    assert!(answers.iter().all(|a| a.0 == 200), "{}", counted(&answers));
    assert_eq!(in_state(&server, ACTIVE).await.len(), 1);
    assert_eq!(in_state(&server, INACTIVE).await.len(), 16);

    // Each is activated and deleted at once: what signs is never gone.
    let both = initial[16..24].iter().flat_map(|id| [activate(id), later(&server, &Method::DELETE, format!("/{id}"))]);
    let answers = at_once(both.collect()).await;
    none_failed("keys that go", &answers);
    let fine = ["COMMAND-teiG3", "COMMAND-Chai1"];
    assert!(answers.iter().all(|a| a.0 == 200 || fine.contains(&told(a).2.as_str())), "{}", counted(&answers));
    let active = in_state(&server, ACTIVE).await;
    let (_, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let token = server.access_token(&signer, "openid").await;
    assert_eq!(active, [kid_of(&token)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_finds_a_key_to_sign_with_when_none_is_published_in_advance() {
    let server = TestServer::start().await;
    let before = kids(&server).await;
    for id in in_state(&server, INITIAL).await {
        assert_eq!(delete(&server, &id).await.0, 200);
    }
    let (ok, said) = program(&server, &["rotate-signing-key"], None);
    assert!(ok, "{said}");
    let (active, initial) = (in_state(&server, ACTIVE).await, in_state(&server, INITIAL).await);
    assert_eq!((active.len(), initial.len(), in_state(&server, INACTIVE).await.len()), (1, 1, 1));
    assert!(!before.contains(&active[0]) && !before.contains(&initial[0]));
}
