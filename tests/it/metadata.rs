//! Metadata of organizations and users.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::race::{at_once, call, none_failed};
use crate::support::sound::assert_sound;
use crate::support::{TestServer, number, text};

/// A server, and the paths to the metadata of its first organization and of a user in it.
async fn world() -> (TestServer, [String; 2]) {
    let server = TestServer::start().await;
    let (user, _) = server.user(&server.org().await, "holder").await;
    (server, ["/metadata".to_owned(), format!("/users/{user}/metadata")])
}

fn value(text: &str) -> Value {
    json!({"value": STANDARD.encode(text)})
}

async fn told(server: &TestServer, method: Method, path: &str, body: Value) -> (u16, String) {
    let (status, answer) = server.call(method, path, Some(body)).await;
    (status, text(&answer, "/details/0/id"))
}

async fn keys(server: &TestServer, path: &str, queries: Value) -> Vec<String> {
    let list = server.ok(&format!("{path}/_search"), json!({"queries": queries})).await;
    let rows = list["result"].as_array().cloned().unwrap_or_default();
    assert_eq!(rows.len() as u64, number(&list, "/details/totalResult"), "{list}");
    rows.iter().map(|row| text(row, "/key")).collect()
}

#[tokio::test]
async fn a_value_lives_from_its_first_setting_to_its_removal() {
    let (server, paths) = world().await;
    for path in &paths {
        let key = format!("{path}/k1");
        let first = server.ok(&key, value("v1")).await;
        let again = server.ok(&key, value("v1")).await;
        let moved = number(&again, "/details/sequence") - number(&first, "/details/sequence");
        assert_eq!(moved, u64::from(path == "/metadata"), "only for an organization it is written again");
        let third = server.ok(&key, json!({"key": "other", "value": "-_-_"})).await;
        let (_, got) = server.get(&key).await;
        let got = &got["metadata"];
        assert_eq!((text(got, "/key"), text(got, "/value")), ("k1".into(), "+/+/".into()));
        assert_eq!(number(got, "/details/sequence"), number(&third, "/details/sequence"));
        assert_eq!(text(got, "/details/creationDate"), text(&first, "/details/creationDate"));
        assert_eq!(server.get(&format!("{path}/K1")).await.0, 404, "case counts");
        server.ok(&format!("{path}/schl%C3%BCssel"), value("x")).await;
        assert_eq!(keys(&server, path, json!([])).await, ["k1", "schlüssel"]);
        let filter = json!([{"keyQuery": {"key": "SCH", "method": "TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE"}}]);
        assert_eq!(keys(&server, path, filter).await, ["schlüssel"]);
        assert_eq!(server.delete(&key).await.0, 200);
        assert_eq!(server.delete(&key).await.0, 404);
        assert_eq!(keys(&server, path, json!([])).await, ["schlüssel"]);
    }
    assert_sound(&server.database).await;
}

#[tokio::test]
async fn several_values_are_set_and_removed_at_once_or_not_at_all() {
    let (server, paths) = world().await;
    let entry = |key: &str, text: &str| json!({"key": key, "value": STANDARD.encode(text)});
    for path in &paths {
        let bulk = format!("{path}/_bulk");
        let body = json!({"metadata": [entry("b1", "x1"), entry("b2", "x2")]});
        let first = server.ok(&bulk, body.clone()).await;
        let again = server.ok(&bulk, body).await;
        assert_eq!(again["details"]["sequence"], first["details"]["sequence"], "nothing changes");
        let twice = json!({"metadata": [entry("b3", "1"), entry("b3", "2")]});
        let both = server.ok(&bulk, twice).await;
        assert_eq!(number(&both, "/details/sequence"), number(&first, "/details/sequence") + 2);
        assert_eq!(text(&server.get(&format!("{path}/b3")).await.1, "/metadata/value"), STANDARD.encode("2"));
        let empty = json!({"metadata": [entry("b4", "1"), {"key": "b5"}]});
        let (status, answer) = server.post(&bulk, empty).await;
        let message = text(&answer, "/message");
        assert!(status == 400 && message.ends_with("value length must be between 1 and 500000 bytes, inclusive"));
        let missing = if path == "/metadata" { "META-2npds" } else { "META-2nnds" };
        let remove = async |keys: Value| told(&server, Method::DELETE, &bulk, json!({"keys": keys})).await;
        assert_eq!(remove(json!(["b1", "nope"])).await, (404, missing.into()));
        assert_eq!(keys(&server, path, json!([])).await, ["b1", "b2", "b3"]);
        assert_eq!(remove(json!(["b1", "b3", "b1"])).await.0, 200);
        assert_eq!(keys(&server, path, json!([])).await, ["b2"]);
    }
    assert_sound(&server.database).await;
}

#[tokio::test]
async fn each_call_on_metadata_is_refused_as_recorded() {
    let (server, [org, user]) = world().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let nobody = "/users/123456789012345678/metadata".to_owned();
    for (method, path, body, status, id) in [
        (Method::GET, format!("{org}/k"), json!({}), 404, "QUERY-Rph32"),
        (Method::GET, format!("{user}/k"), json!({}), 404, "QUERY-Rgh32"),
        (Method::GET, format!("{nobody}/k"), json!({}), 404, "QUERY-Rgh32"),
        (Method::POST, format!("{nobody}/k"), value("x"), 400, "COMMAND-uXHNj"),
        (Method::DELETE, format!("{nobody}/k"), json!({}), 400, "COMMAND-uXHNj"),
        (Method::DELETE, format!("{nobody}/_bulk"), json!({"keys": ["k"]}), 400, "COMMAND-uXHNj"),
        (Method::POST, format!("{org}/_bulk"), json!({}), 400, "META-9mm2d"),
        (Method::POST, format!("{user}/_bulk"), json!({}), 400, "META-9mm2d"),
        (Method::DELETE, format!("{org}/_bulk"), json!({}), 400, "META-9mw2d"),
        (Method::DELETE, format!("{user}/_bulk"), json!({}), 400, "META-9mm2d"),
        (Method::DELETE, format!("{org}/k"), json!({}), 404, "META-mcnw3"),
        (Method::DELETE, format!("{user}/k"), json!({}), 404, "META-ncnw3"),
        (Method::POST, format!("{org}/k"), json!({}), 400, ""),
        (Method::POST, format!("{user}/k"), json!({"value": "ä!"}), 400, ""),
    ] {
        assert_eq!(told(&server, method, &path, body).await, (status, id.to_owned()), "{path}");
    }
    // A user of another organization is none here.
    let (status, answer) =
        server.call_as(&server.token, Some(&other), Method::POST, &format!("{user}/k"), Some(value("x"))).await;
    assert_eq!((status, text(&answer, "/details/0/id").as_str()), (400, "COMMAND-uXHNj"));
    server.ok(&format!("{user}/k"), value("x")).await;
    let (_, list) =
        server.call_as(&server.token, Some(&other), Method::POST, &format!("{user}/_search"), Some(json!({}))).await;
    assert!(list.get("result").is_none(), "{list}");
    assert_eq!(keys(&server, &nobody, json!([])).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_an_owner_may_have_is_bounded_in_keys_and_bytes() {
    let (server, [org, user]) = world().await;
    let big = "x".repeat(500_000);
    for n in 0..6 {
        server.ok(&format!("{user}/{n}"), value(&big)).await;
    }
    let full = (400, "META-Tm7k2".to_owned());
    assert_eq!(told(&server, Method::POST, &format!("{user}/6"), value(&big)).await, full);
    // What replaces a value counts in its place.
    server.ok(&format!("{user}/5"), value(&"y".repeat(400_000))).await;
    let (status, answer) = server.post(&format!("{user}/_search"), json!({})).await;
    assert_eq!((status, answer["result"].as_array().map(Vec::len)), (200, Some(6)));
    for hundred in 0..10 {
        let entry = |n: i32| json!({"key": format!("{hundred}-{n}"), "value": "eA=="});
        let all: Vec<Value> = (0..100).map(entry).collect();
        server.ok(&format!("{org}/_bulk"), json!({"metadata": all})).await;
    }
    assert_eq!(told(&server, Method::POST, &format!("{org}/more"), value("x")).await, full);
    server.ok(&format!("{org}/0-0"), value("other")).await;
}

#[tokio::test]
async fn sixteen_writers_of_one_owner_leave_whole_values() {
    let (server, paths) = world().await;
    let server = Arc::new(server);
    let big = "x".repeat(400_000);
    for path in &paths {
        let set = |n: usize, text: &str| call(&server, None, &Method::POST, &format!("{path}/{n}"), value(text));
        let answers = at_once((0..16).map(|n| set(n % 4, &format!("v{n}"))).collect()).await;
        none_failed("one key", &answers);
        assert_eq!(answers.iter().filter(|answer| answer.0 == 200).count(), 16);
        // Of those who want more than there is room for, so many get it as fit.
        let answers = at_once((100..116).map(|n| set(n, &big)).collect()).await;
        assert_eq!(answers.iter().filter(|answer| answer.0 == 200).count(), 8, "{path}");
        assert_sound(&server.database).await;
    }
    // Values go with their user, whoever writes meanwhile.
    let user = paths[1].trim_end_matches("/metadata").to_owned();
    let mut calls: Vec<_> =
        (0..15).map(|n| call(&server, None, &Method::POST, &format!("{}/r{n}", paths[1]), value("x"))).collect();
    calls.push(call(&server, None, &Method::DELETE, &user, json!({})));
    none_failed("a user that is removed", &at_once(calls).await);
    assert_eq!(keys(&server, &paths[1], json!([])).await, Vec::<String>::new());
    assert_sound(&server.database).await;
}
