//! Metadata of users in version 2: made, changed and removed with their user, and by calls of its own.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::connect::{call, told};
use crate::support::grpc::Grpc;
use crate::support::race::{at_once, counted, none_failed};
use crate::support::sound::assert_sound;
use crate::support::{TestServer, number, text};

const SERVICE: &str = "zitadel.user.v2.UserService";
const NOBODY: &str = "123456789012345678";

fn rpc(name: &str) -> String {
    format!("{SERVICE}/{name}")
}

fn entry(key: &str, value: &str) -> Value {
    json!({"key": key, "value": STANDARD.encode(value)})
}

/// A request about one user.
fn of(id: &str, more: &Value) -> Value {
    let mut body = json!({"userId": id});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

/// What a caller is told of the values of a user, newest first: `key=value`.
async fn seen(server: &TestServer, token: &str, id: &str, more: Value) -> String {
    let (status, list) = server.connect(token, &rpc("ListUserMetadata"), of(id, &more)).await;
    assert_eq!(status, 200, "{list}");
    let rows = list["metadata"].as_array().cloned().unwrap_or_default();
    assert_eq!(text(&list, "/pagination/totalResult").parse().unwrap_or(0), rows.len(), "{list}");
    let value = |row: &Value| String::from_utf8(STANDARD.decode(text(row, "/value")).expect("base64")).expect("UTF-8");
    rows.iter().map(|row| format!("{}={}", text(row, "/key"), value(row))).collect::<Vec<_>>().join(" ")
}

/// The same, as the first user and in the order of keys.
async fn all(server: &TestServer, id: &str) -> String {
    let told = seen(server, &server.token, id, json!({})).await;
    let mut told: Vec<&str> = told.split(' ').collect();
    told.sort_unstable();
    told.join(" ")
}

#[tokio::test]
async fn values_are_set_listed_and_deleted() {
    let server = TestServer::start().await;
    let (id, token) = server.user(&server.org().await, "m").await;
    let set = async |values: Value| {
        text(&server.connected(&rpc("SetUserMetadata"), of(&id, &json!({"metadata": values}))).await, "/setDate")
    };
    let first = set(json!([entry("a", "1")])).await;
    let second = set(json!([entry("a", "1"), entry("b", "2"), entry("c", "")])).await;
    assert!(!first.is_empty() && first != second, "{first} {second}");
    assert_eq!(set(json!([entry("b", "2")])).await, second, "nothing changes");
    // Of a key that is given twice the last one counts.
    set(json!([entry("c", "x"), entry("c", "3")])).await;
    // The newest first, unless it is asked otherwise.
    assert_eq!(seen(&server, &token, &id, json!({})).await, "c=3 b=2 a=1", "users read their own");
    let page = json!({"pagination": {"asc": true, "limit": 3}});
    assert_eq!(seen(&server, &server.token, &id, page).await, "a=1 b=2 c=3");
    let list =
        server.connected(&rpc("ListUserMetadata"), of(&id, &json!({"pagination": {"limit": 1, "offset": 1}}))).await;
    assert_eq!(list["pagination"], json!({"totalResult": "3", "appliedLimit": "1"}));
    assert_eq!(
        (text(&list, "/metadata/0/key"), list["metadata"][0]["creationDate"].clone()),
        ("b".into(), json!(second))
    );
    for (filter, found) in
        [(json!({"key": "B", "method": "TEXT_FILTER_METHOD_EQUALS_IGNORE_CASE"}), "b=2"), (json!({"key": "B"}), "")]
    {
        let filters = json!({"filters": [{"keyFilter": filter}]});
        assert_eq!(seen(&server, &token, &id, filters).await, found, "{filter}");
    }
    // Version 1 sees the same.
    let got = server.get(&format!("/users/{id}/metadata/b")).await.1;
    assert_eq!(text(&got, "/metadata/value"), "Mg==");
    let delete = async |keys: Value| {
        server.connect(&server.token, &rpc("DeleteUserMetadata"), of(&id, &json!({"keys": keys}))).await
    };
    assert_eq!(told(&delete(json!(["a", "x"])).await), (404, "META-2nnds".to_owned()), "all or none");
    let (status, deleted) = delete(json!(["a", "b", "a"])).await;
    assert_eq!(status, 200, "{deleted}");
    assert_ne!(text(&deleted, "/deletionDate"), second);
    assert_eq!(all(&server, &id).await, "c=3");
    assert_sound(&server.database).await;
}

#[tokio::test]
async fn each_call_on_values_is_refused_as_in_version_1() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (id, _) = server.user(&org, "m").await;
    let (_, stranger) = server.user(&org, "stranger").await;
    let (far_id, far) = server.user(&other, "far").await;
    server.org_role(&other, &far_id, "ORG_OWNER").await;
    let (weak_id, weak) = server.user(&org, "weak").await;
    server.org_role(&org, &weak_id, "ORG_USER_SELF_MANAGER").await;
    let set = |id: &str| ("SetUserMetadata", of(id, &json!({"metadata": [entry("k", "v")]})));
    let delete = |id: &str| ("DeleteUserMetadata", of(id, &json!({"keys": ["k"]})));
    server.connected(&rpc("SetUserMetadata"), set(&id).1).await;
    for ((name, body), token, status, why) in [
        (("SetUserMetadata", of(&id, &json!({}))), &server.token, 400, "META-9mm2d"),
        (("DeleteUserMetadata", of(&id, &json!({}))), &server.token, 400, "META-9mm2d"),
        (("ListUserMetadata", of(&id, &json!({"pagination": {"limit": 1001}}))), &server.token, 400, "QUERY-4M0fs"),
        (set(NOBODY), &server.token, 400, "COMMAND-uXHNj"),
        (delete(NOBODY), &server.token, 400, "COMMAND-uXHNj"),
        (set(&id), &stranger, 404, "AUTHZ-cdgFk"),
        (delete(&id), &stranger, 404, "AUTHZ-cdgFk"),
        (set(&id), &far, 404, "AUTHZ-cdgFk"),
        (delete(&id), &far, 404, "AUTHZ-cdgFk"),
        (set(&id), &weak, 403, "AUTH-AWfge"),
        (delete(&id), &weak, 403, "AUTH-AWfge"),
        (set(&weak_id), &weak, 403, "AUTH-AWfge"),
    ] {
        assert_eq!(
            told(&server.connect(token, &rpc(name), body.clone()).await),
            (status, why.to_owned()),
            "{name} {body}"
        );
    }
    // Who may not read a user is told what is told of a user that has none, or that is not there.
    let nothing = json!({"pagination": {"appliedLimit": "100"}});
    for (token, id) in [(&stranger, &*id), (&far, &*id), (&weak, &*id), (&server.token, NOBODY), (&far, NOBODY)] {
        let (status, list) = server.connect(token, &rpc("ListUserMetadata"), of(id, &json!({}))).await;
        assert_eq!((status, &list), (200, &nothing), "{id}");
    }
    assert_eq!(server.connected(&rpc("ListUserMetadata"), of(&weak_id, &json!({}))).await, nothing);
    for (name, body, field) in [
        ("SetUserMetadata", json!({"metadata": [entry("", "v")]}), "Metadata.Key: value length"),
        (
            "CreateUser",
            json!({"organizationId": org, "machine": {"name": "n"}, "metadata": [entry("", "v")]}),
            "Metadata.Key: ",
        ),
        ("UpdateUser", json!({"machine": {}, "metadata": [entry("ok", "v"), entry("", "v")]}), "Metadata.Key: "),
        ("DeleteUserMetadata", json!({"keys": [""]}), "Keys[0]: value length"),
    ] {
        let (status, answer) = server.connect(&server.token, &rpc(name), of(&id, &body)).await;
        assert_eq!((status, text(&answer, "/code").as_str()), (400, "invalid_argument"), "{name}");
        assert!(text(&answer, "/message").contains(field), "{answer}");
    }
    assert_eq!(all(&server, &id).await, "k=v", "nobody has changed anything");
}

#[tokio::test]
async fn values_are_made_and_changed_with_their_user() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let machine = json!({"name": "n"});
    let values = json!([entry("a", "1"), entry("b", "x"), entry("b", "2"), entry("none", "")]);
    let body = json!({"organizationId": org, "userId": "robot", "machine": machine, "metadata": values});
    let made = server.connected(&rpc("CreateUser"), body.clone()).await;
    assert_eq!(text(&made, "/id"), "robot");
    assert_eq!(all(&server, "robot").await, "a=1 b=2");
    let user = server.connected(&rpc("GetUserByID"), json!({"userId": "robot"})).await;
    assert_eq!(user["details"]["creationDate"], made["creationDate"]);
    assert_eq!(number(&user, "/details/sequence"), 1, "values do not move their user");

    // What is not named stays, what is empty goes; and all of it with the rest of the change, or nothing.
    let update = |more: Value| of("robot", &more);
    let change = json!({"username": "r2", "machine": {"name": "two"}, "metadata": [entry("a", ""), entry("c", "3")]});
    server.connected(&rpc("UpdateUser"), update(change)).await;
    assert_eq!(all(&server, "robot").await, "b=2 c=3");
    let user = server.connected(&rpc("GetUserByID"), json!({"userId": "robot"})).await;
    assert_eq!((text(&user, "/user/username"), text(&user, "/user/machine/name")), ("r2".into(), "two".into()));
    let again = json!({"machine": {}, "metadata": [entry("c", "3"), entry("a", ""), entry("c", "4"), entry("c", "3")]});
    let told_again = server.connected(&rpc("UpdateUser"), update(again)).await;
    assert_eq!(told_again["changeDate"], user["details"]["changeDate"], "nothing changes");
    let only = json!({"machine": {}, "metadata": [entry("c", "5")]});
    let changed = server.connected(&rpc("UpdateUser"), update(only)).await;
    assert_ne!(changed["changeDate"], told_again["changeDate"]);
    let taken = server.user(&org, "taken").await.0;
    let refused = json!({"username": taken, "machine": {}, "metadata": [entry("c", "6")]});
    assert_eq!(server.connect(&server.token, &rpc("UpdateUser"), update(refused)).await.0, 400);
    let refused = json!({"username": "taken", "machine": {}, "metadata": [entry("c", "6")]});
    let answer = server.connect(&server.token, &rpc("UpdateUser"), update(refused)).await;
    assert_eq!(told(&answer), (409, "V3-DKcYh".to_owned()));
    let answer =
        server.connect(&server.token, &rpc("UpdateUser"), update(json!({"metadata": [entry("c", "6")]}))).await;
    assert_eq!(answer.0, 501, "the kind of user is missing");
    assert_eq!(all(&server, "robot").await, "b=2 c=5");
    assert_sound(&server.database).await;
}

#[tokio::test]
async fn a_user_with_too_many_values_is_not_made() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let grpc = Grpc::connect(&server, &server.token).await;
    let big: Vec<Value> = (0..8).map(|n| entry(&n.to_string(), &"x".repeat(450_000))).collect();
    let body = |id: &str, metadata: &[Value]| json!({"organizationId": org, "userId": id, "machine": {"name": "n"}, "metadata": metadata});
    let refused = grpc.call(SERVICE, "CreateUser", body("big", &big)).await.expect_err("too many bytes");
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert!(refused.message().contains("META-Tm7k2"), "{refused}");
    let none = server.connect(&server.token, &rpc("GetUserByID"), json!({"userId": "big"})).await;
    assert_eq!(told(&none), (404, "QUERY-Dfbg2".to_owned()), "all or nothing");
    grpc.call(SERVICE, "CreateUser", body("big", &big[..7])).await.expect("as much as a user may have, under that id");
    let update = |metadata: Value| json!({"userId": "big", "machine": {}, "metadata": metadata});
    let more = grpc.call(SERVICE, "UpdateUser", update(json!([big[7]]))).await.expect_err("more");
    assert!(more.message().contains("META-Tm7k2"), "{more}");
    // What goes with the same change makes room.
    grpc.call(SERVICE, "UpdateUser", update(json!([big[7], entry("0", "")]))).await.expect("in its place");
    let many: Vec<Value> = (0..101).map(|n| entry(&n.to_string(), "x")).collect();
    let (status, answer) = server.connect(&server.token, &rpc("CreateUser"), body("many", &many)).await;
    assert_eq!((status, text(&answer, "/code").as_str()), (400, "invalid_argument"), "{answer}");
    server.connected(&rpc("CreateUser"), body("many", &many[..100])).await;
    assert_sound(&server.database).await;
}

#[tokio::test]
async fn values_have_paths_too() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let rest = async |method: Method, path: &str, body: Value| {
        let request = server.http.request(method, server.url(&format!("/v2/users{path}"))).bearer_auth(&server.token);
        let answer = request.json(&body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
    };
    let body =
        json!({"organizationId": org, "userId": "rest", "machine": {"name": "n"}, "metadata": [entry("a", "1")]});
    assert_eq!(rest(Method::POST, "/new", body).await.0, 200);
    let set = json!({"metadata": [entry("b", "2"), entry("c", "3")]});
    assert_eq!(rest(Method::POST, "/rest/metadata", set).await.0, 200);
    let (status, list) = rest(Method::POST, "/rest/metadata/search", json!({})).await;
    assert_eq!((status, text(&list, "/pagination/totalResult").as_str()), (200, "3"));
    assert_eq!(rest(Method::DELETE, "/rest/metadata?keys=a&keys=b", json!({})).await.0, 200);
    let change = json!({"machine": {}, "metadata": [{"key": "c"}, entry("d", "4")]});
    assert_eq!(rest(Method::PATCH, "/rest", change).await.0, 200);
    assert_eq!(all(&server, "rest").await, "d=4");
    let (status, answer) = rest(Method::DELETE, "/rest/metadata?keys=a", json!({})).await;
    assert_eq!((status, text(&answer, "/details/0/id").as_str()), (404, "META-2nnds"));
}

#[tokio::test]
async fn of_sixteen_who_make_a_user_with_values_one_does() {
    let server = Arc::new(TestServer::start().await);
    let org = server.org().await;
    let create = |n: usize| {
        let values = json!([entry("who", &n.to_string()), entry(&format!("of-{n}"), "x")]);
        let body = json!({"organizationId": org, "userId": "wanted", "machine": {"name": "n"}, "metadata": values});
        call(&server, &rpc("CreateUser"), body)
    };
    let answers = at_once((0..16).map(create).collect()).await;
    let won: Vec<usize> = (0..16).filter(|n| answers[*n].0 == 200).collect();
    assert_eq!(won.len(), 1, "{}", counted(&answers));
    assert!(answers.iter().all(|a| a.0 == 200 || told(a) == (400, "COMMAND-k2una".to_owned())));
    assert_eq!(all(&server, "wanted").await, format!("of-{0}=x who={0}", won[0]), "its values and no others");

    // Each change is whole: of sixteen, those of the last one stay together.
    let update = |n: usize| {
        let values = json!([entry("who", &n.to_string()), entry("too", &n.to_string())]);
        let body = json!({"userId": "wanted", "machine": {"name": n.to_string()}, "metadata": values});
        call(&server, &rpc("UpdateUser"), body)
    };
    let answers = at_once((0..16).map(update).collect()).await;
    assert!(answers.iter().all(|answer| answer.0 == 200), "{}", counted(&answers));
    let user = server.connected(&rpc("GetUserByID"), json!({"userId": "wanted"})).await;
    let last = text(&user, "/user/machine/name");
    assert_eq!(all(&server, "wanted").await, format!("of-{}=x too={last} who={last}", won[0]));

    // Values go with their user, whoever writes meanwhile.
    let mut calls = vec![call(&server, &rpc("DeleteUser"), json!({"userId": "wanted"}))];
    for n in 0..15 {
        let values = json!({"metadata": [entry(&n.to_string(), "v")], "machine": {}});
        let name = if n % 2 == 0 { "SetUserMetadata" } else { "UpdateUser" };
        calls.push(call(&server, &rpc(name), of("wanted", &values)));
    }
    let answers = at_once(calls).await;
    none_failed("while it is deleted", &answers);
    assert_eq!(answers[0].0, 200);
    let nothing = json!({"pagination": {"appliedLimit": "100"}});
    assert_eq!(server.connected(&rpc("ListUserMetadata"), json!({"userId": "wanted"})).await, nothing);
    assert_sound(&server.database).await;
}
