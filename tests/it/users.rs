//! Machine users and their credentials, end to end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use reqwest::Method;
use rsa::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};
use serde_json::{Value, json};

use crate::support::{PEMS, TestServer, number, text};

async fn machine(server: &TestServer, user_name: &str) -> String {
    let body = json!({"userName": user_name, "name": "Service One", "description": "desc"});
    let made = server.ok("/users/machine", body).await;
    assert_eq!(number(&made, "/details/sequence"), 1);
    text(&made, "/userId")
}

fn names(list: &Value) -> Vec<String> {
    list["result"].as_array().map(|rows| rows.iter().map(|r| text(r, "/userName")).collect()).unwrap_or_default()
}

#[tokio::test]
async fn a_machine_user_lives_from_creation_to_removal() {
    let server = TestServer::start().await;
    let id = machine(&server, "svc").await;
    let path = format!("/users/{id}");
    let (_, user) = server.get(&path).await;
    assert_eq!(text(&user, "/user/state"), "USER_STATE_ACTIVE");
    assert_eq!(text(&user, "/user/preferredLoginName"), "svc");
    assert_eq!(user["user"]["machine"], json!({"name": "Service One", "description": "desc"}), "no default is written");
    let body = json!({"name": "Two", "accessTokenType": "ACCESS_TOKEN_TYPE_JWT"});
    assert_eq!(server.put(&format!("{path}/machine"), body).await.0, 200);
    assert_eq!(server.put(&format!("{path}/username"), json!({"userName": " svc-2 "})).await.0, 200);
    let (_, user) = server.get(&path).await;
    assert_eq!(user["user"]["machine"], json!({"name": "Two", "accessTokenType": "ACCESS_TOKEN_TYPE_JWT"}));
    assert_eq!((text(&user, "/user/userName"), number(&user, "/user/details/sequence")), ("svc-2".to_owned(), 3));
    for (call, state) in [
        ("_lock", "USER_STATE_LOCKED"),
        ("_unlock", "USER_STATE_ACTIVE"),
        ("_lock", "USER_STATE_LOCKED"),
        ("_deactivate", "USER_STATE_INACTIVE"),
        ("_reactivate", "USER_STATE_ACTIVE"),
    ] {
        server.ok(&format!("{path}/{call}"), json!({})).await;
        assert_eq!(text(&server.get(&path).await.1, "/user/state"), state, "{call}");
    }
    let (_, unique) = server.get("/users/_is_unique?userName=svc-2").await;
    assert_eq!(unique, json!({}), "taken");
    assert_eq!(server.get("/users/_is_unique?user_name=free").await.1, json!({"isUnique": true}));
    assert_eq!(server.delete(&path).await.0, 200);
    assert_eq!(server.get(&path).await.0, 404);
    assert_eq!(server.get("/users/_is_unique?userName=svc-2").await.1, json!({"isUnique": true}));
    let changes = server.ok(&format!("{path}/changes/_search"), json!({"query": {"limit": 1}})).await;
    assert_eq!(text(&changes, "/result/0/eventType/key"), "EventTypes.user.removed");
    assert_eq!(number(&changes, "/result/0/sequence"), 9);
}

#[tokio::test]
async fn ids_and_names_of_users_are_told_apart_for_ever() {
    let server = TestServer::start().await;
    let add = async |id: Option<&str>, name: &str| {
        let mut body = json!({"userName": name, "name": "n"});
        if let Some(id) = id {
            body["userId"] = id.into();
        }
        let (status, answer) = server.post("/users/machine", body).await;
        (status, answer.pointer("/details/0/id").and_then(Value::as_str).unwrap_or_default().to_owned(), answer)
    };
    let used = || (400, "COMMAND-k2una".to_owned());
    let taken = || (409, "V3-DKcYh".to_owned());
    let short = |(status, id, _): (u16, String, Value)| (status, id);
    assert_eq!(add(Some("My-Robot"), "chosen").await.2["userId"], "My-Robot");
    assert_eq!(short(add(Some("my-robot"), "other").await), used());
    assert_eq!(short(add(None, "MY-ROBOT").await), taken(), "a name that is an id");
    assert_eq!(short(add(Some("CHOSEN"), "other").await), used(), "an id that is a name");
    assert_eq!(short(add(Some("same"), "same").await), (200, String::new()), "both of one user");
    server.delete("/users/My-Robot").await;
    assert_eq!(short(add(Some("My-Robot"), "chosen").await), used(), "removed, but never given again");
    assert_eq!(short(add(None, "my-robot").await), taken());
    let org = text(&server.ok("/orgs", json!({"name": "Elsewhere"})).await, "/id");
    let body = json!({"userName": "x", "name": "x", "userId": "My-Robot"});
    let elsewhere = server.call_as(&server.token, Some(&org), Method::POST, "/users/machine", Some(body)).await;
    assert_eq!((elsewhere.0, text(&elsewhere.1, "/details/0/id")), used(), "in no organization");
    assert_eq!(short(add(None, "chosen").await).0, 200, "names are free again");
    // What looks like an id of the server cannot be chosen, be it given out already or not.
    let project = server.project("p").await;
    let future = format!("9{project}");
    for number in [project.as_str(), &future] {
        assert_eq!(add(Some(number), "n-1").await.0, 400, "{number}");
        assert_eq!(add(None, number).await.0, 400, "{number}");
    }
    for id in ["a b", "a/b", "\u{202e}x", "é", "a\"b", "%41"] {
        assert_eq!(add(Some(id), "n-2").await.2["code"], 3, "{id}");
    }
    assert_eq!(add(Some("1234567"), "moved-here").await.0, 200, "ids of another server");
    let (status, _) = server.put("/users/1234567/username", json!({"userName": "My-Robot"})).await;
    assert_eq!(status, 409, "renaming takes no id either");
}

#[tokio::test]
async fn machine_key_files_sign_what_the_public_half_verifies() {
    let server = TestServer::start().await;
    let id = machine(&server, "svc").await;
    let path = format!("/users/{id}/keys");
    let made = server.ok(&path, json!({"type": 1, "expirationDate": "2519-04-01T08:45:00Z"})).await;
    let raw = String::from_utf8(STANDARD.decode(text(&made, "/keyDetails")).expect("base64")).expect("UTF-8");
    let order: Vec<usize> =
        ["\"type\":\"serviceaccount\"", "\"keyId\":", "\"key\":", "\"expirationDate\":", "\"userId\":"]
            .iter()
            .map(|member| raw.find(member).expect(member))
            .collect();
    assert!(order.is_sorted(), "{order:?}");
    let file: Value = serde_json::from_str(&raw).expect("JSON");
    assert_eq!(text(&file, "/expirationDate"), "2519-04-01T08:45:00Z");
    assert_eq!((text(&file, "/userId"), text(&file, "/keyId")), (id, text(&made, "/keyId")));

    let der =
        server.sql().await.bytes("SELECT public_key FROM machine_keys WHERE id = $1", &text(&made, "/keyId")).await;
    let public = rsa::RsaPublicKey::from_public_key_der(&der).expect("SubjectPublicKeyInfo");
    let public = public.to_public_key_pem(rsa::pkcs8::LineEnding::LF).expect("PEM");
    let claims = json!({"iss": "x", "exp": 9_999_999_999_u64});
    let signing = EncodingKey::from_rsa_pem(text(&file, "/key").as_bytes()).expect("a key");
    let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &signing).expect("a signature");
    let verifying = DecodingKey::from_rsa_pem(public.as_bytes()).expect("the public half");
    jsonwebtoken::decode::<Value>(&token, &verifying, &Validation::new(Algorithm::RS256)).expect("it verifies");

    let (_, key) = server.get(&format!("{path}/{}", text(&made, "/keyId"))).await;
    assert_eq!(text(&key, "/key/expirationDate"), "2519-04-01T08:45:00Z");
    let list = server.ok(&format!("{path}/_search"), json!({})).await;
    assert_eq!((list["result"][0].clone(), number(&list, "/details/totalResult")), (key["key"].clone(), 1));
    assert_eq!(server.delete(&format!("{path}/{}", text(&made, "/keyId"))).await.0, 200);
    assert_eq!(number(&server.ok(&format!("{path}/_search"), json!({})).await, "/details/totalResult"), 0);
}

#[tokio::test]
async fn a_brought_public_key_is_kept_and_no_private_key_is_made() {
    let server = TestServer::start().await;
    let id = machine(&server, "svc").await;
    let pair = claviger::crypto::rsa::KeyPair::from_pem(PEMS[0]).expect("a test key");
    let public = rsa::RsaPublicKey::from_public_key_der(&pair.public_der).expect("SubjectPublicKeyInfo");
    let pem = public.to_public_key_pem(rsa::pkcs8::LineEnding::LF).expect("PEM");
    let path = format!("/users/{id}/keys");
    let made = server.ok(&path, json!({"type": 1, "publicKey": STANDARD.encode(&pem)})).await;
    assert_eq!(made.get("keyDetails"), None);
    let der =
        server.sql().await.bytes("SELECT public_key FROM machine_keys WHERE id = $1", &text(&made, "/keyId")).await;
    assert_eq!(der, pair.public_der);
    for refused in [PEMS[0], "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        let (status, answer) = server.post(&path, json!({"type": 1, "publicKey": STANDARD.encode(refused)})).await;
        assert_eq!((status, text(&answer, "/details/0/id").as_str()), (400, "COMMAND-5F3h1"));
    }
}

#[tokio::test]
async fn personal_access_tokens_open_the_door_until_they_are_removed() {
    let server = TestServer::start().await;
    let id = machine(&server, "svc").await;
    let path = format!("/users/{id}/pats");
    let made = server.ok(&path, json!({"expirationDate": "2519-04-01T08:45:00Z"})).await;
    let token = text(&made, "/token");
    assert!(token.starts_with("cvg_pat_") && number(&made, "/details/sequence") == 2);
    let org = server.org().await;
    server.org_role(&org, &id, "ORG_OWNER_VIEWER").await;
    let me = || server.call_as(&token, None, Method::GET, "/orgs/me", None);
    assert_eq!(me().await.0, 200);
    let (_, shown) = server.get(&format!("{path}/{}", text(&made, "/tokenId"))).await;
    assert_eq!(shown["token"]["scopes"].as_array().map(Vec::len), Some(4));
    assert!(!shown.to_string().contains(&token), "the token itself is never shown again");
    let list = server.ok(&format!("{path}/_search"), json!({})).await;
    assert_eq!(list["result"][0], shown["token"]);
    // Locked, inactive or without the token: refused by the next call.
    let refused = || async { assert_eq!(text(&me().await.1, "/details/0/id"), "AUTH-7fs1e") };
    server.ok(&format!("/users/{id}/_lock"), json!({})).await;
    refused().await;
    server.ok(&format!("/users/{id}/_unlock"), json!({})).await;
    assert_eq!(me().await.0, 200);
    server.ok(&format!("/users/{id}/_deactivate"), json!({})).await;
    refused().await;
    server.ok(&format!("/users/{id}/_reactivate"), json!({})).await;
    assert_eq!(server.delete(&format!("{path}/{}", text(&made, "/tokenId"))).await.0, 200);
    refused().await;
    let other = text(&server.ok(&path, json!({})).await, "/token");
    assert_eq!(server.call_as(&other, None, Method::GET, "/orgs/me", None).await.0, 200);
    assert_eq!(server.delete(&format!("/users/{id}")).await.0, 200);
    let (_, gone) = server.call_as(&other, None, Method::GET, "/orgs/me", None).await;
    assert_eq!(text(&gone, "/details/0/id"), "AUTH-7fs1e", "a removed user takes its tokens along");
}

#[tokio::test]
async fn machine_secrets_are_shown_once_and_marked_on_the_user() {
    let server = TestServer::start().await;
    let id = machine(&server, "svc").await;
    let path = format!("/users/{id}/secret");
    let (status, made) = server.put(&path, json!({})).await;
    assert_eq!((status, text(&made, "/clientId"), text(&made, "/clientSecret").len()), (200, "svc".to_owned(), 64));
    let (_, again) = server.put(&path, json!({})).await;
    assert_ne!(text(&made, "/clientSecret"), text(&again, "/clientSecret"));
    let user = || async { server.get(&format!("/users/{id}")).await.1 };
    assert_eq!(user().await["user"]["machine"]["hasSecret"], true);
    assert!(!user().await.to_string().contains(&text(&again, "/clientSecret")));
    assert_eq!(server.delete(&path).await.0, 200);
    assert_eq!(user().await["user"]["machine"].get("hasSecret"), None);
}

#[tokio::test]
async fn lists_of_users_are_filtered_nested_and_sorted() {
    let server = TestServer::start().await;
    for (user_name, name) in [("b-bot", "Zeta"), ("a-bot", "ÄTNA"), ("c-svc", "eta")] {
        server.ok("/users/machine", json!({"userName": user_name, "name": name})).await;
    }
    let search = |body: Value| {
        let server = &server;
        async move { names(&server.ok("/users/_search", body).await) }
    };
    assert_eq!(search(json!({})).await, ["admin", "b-bot", "a-bot", "c-svc"], "order of creation");
    let sorted = json!({"sortingColumn": "USER_FIELD_NAME_USER_NAME", "query": {"asc": true, "limit": 2}});
    assert_eq!(search(sorted).await, ["a-bot", "admin"]);
    let sorted = json!({"sortingColumn": "USER_FIELD_NAME_USER_NAME", "query": {"asc": false, "limit": 2}});
    assert_eq!(search(sorted).await, ["c-svc", "b-bot"]);
    let bots = json!({"userNameQuery": {"userName": "-BOT", "method": "TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE"}});
    let atna = json!({"displayNameQuery": {"displayName": "ätna", "method": "TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE"}});
    let person = json!({"emailQuery": {"emailAddress": "a@b.c"}});
    assert_eq!(search(json!({"queries": [bots]})).await, ["b-bot", "a-bot"]);
    assert_eq!(search(json!({"queries": [bots, {"notQuery": {"query": atna}}]})).await, ["b-bot"]);
    assert_eq!(search(json!({"queries": [{"orQuery": {"queries": [atna, person]}}]})).await, ["a-bot"]);
    assert_eq!(search(json!({"queries": [{"andQuery": {"queries": [bots, person]}}]})).await.len(), 0);
    assert_eq!(search(json!({"queries": [{"orQuery": {}}]})).await.len(), 0, "none of none holds");
    assert_eq!(search(json!({"queries": [{"andQuery": {}}]})).await.len(), 4, "all of none hold");
    assert_eq!(search(json!({"queries": [{"typeQuery": {"type": "TYPE_HUMAN"}}]})).await.len(), 0);
    assert_eq!(search(json!({"queries": [{"stateQuery": {"state": "USER_STATE_ACTIVE"}}]})).await.len(), 4);
    let list = server.ok("/users/_search", json!({"queries": [bots], "query": {"offset": 5}})).await;
    assert_eq!((names(&list).len(), number(&list, "/details/totalResult")), (0, 2));
}
