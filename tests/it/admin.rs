//! The server as a whole: its organizations, as members of the instance see them.

use std::sync::Arc;

use futures::FutureExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::race::at_once;
use crate::support::{TestServer, number, text};

/// A call of the admin API: status, error id, answer.
async fn call(server: &TestServer, method: Method, path: &str, body: Value) -> (u16, String, Value) {
    let request = server.http.request(method, server.url(&format!("/admin/v1{path}"))).bearer_auth(&server.token);
    let answer = request.json(&body).send().await.expect("an answer");
    let (status, answer): (u16, Value) = (answer.status().as_u16(), answer.json().await.expect("JSON"));
    (status, text(&answer, "/details/0/id"), answer)
}

async fn get(server: &TestServer, path: &str) -> (u16, String, Value) {
    call(server, Method::GET, path, json!({})).await
}

#[tokio::test]
async fn the_server_tells_of_itself() {
    let server = TestServer::start().await;
    let (status, _, answer) = get(&server, "/instances/me").await;
    assert_eq!(status, 200, "{answer}");
    let instance = &answer["instance"];
    let id = server.sql().await.texts("SELECT instance_id FROM instance").await;
    assert_eq!((text(instance, "/id"), text(instance, "/state")), (id[0].clone(), "STATE_RUNNING".into()));
    assert_eq!(text(instance, "/details/resourceOwner"), id[0]);
    assert_eq!(instance["domains"][0]["primary"], true);
    assert_eq!(text(instance, "/domains/0/domain"), "localhost");
}

#[tokio::test]
async fn organizations_are_found_by_id_whatever_the_header() {
    let server = TestServer::start().await;
    let org = text(&server.ok("/orgs", json!({"name": "Wide"})).await, "/id");
    let (_, _, found) = get(&server, &format!("/orgs/{org}")).await;
    let (_, mine) = server.call_as(&server.token, Some(&org), Method::GET, "/orgs/me", None).await;
    assert_eq!(found, mine);
    let (status, id, _) = get(&server, "/orgs/123456789012345678").await;
    assert_eq!((status, id.as_str()), (404, "QUERY-leq5Q"));
    let (status, _, removed) = call(&server, Method::DELETE, &format!("/orgs/{org}"), json!({})).await;
    assert_eq!(status, 200, "{removed}");
    let (_, _, gone) = get(&server, &format!("/orgs/{org}")).await;
    assert_eq!((text(&gone, "/org/name").as_str(), gone["org"].get("state")), ("Wide", None), "{gone}");
    assert_eq!(number(&gone, "/org/details/sequence"), number(&removed, "/details/sequence"));
    let (status, id, _) = call(&server, Method::DELETE, &format!("/orgs/{org}"), json!({})).await;
    assert_eq!((status, id.as_str()), (404, "COMMA-aps2n"));
}

#[tokio::test]
async fn lists_of_organizations_are_filtered_and_sorted() {
    let server = TestServer::start().await;
    for name in ["wider b", "Wider a", "other"] {
        server.ok("/orgs", json!({"name": name})).await;
    }
    let other = text(&get(&server, "/orgs/default").await.2, "/org/id");
    let names = async |body: Value| {
        let (status, _, list) = call(&server, Method::POST, "/orgs/_search", body).await;
        assert_eq!(status, 200, "{list}");
        let rows = list["result"].as_array().cloned().unwrap_or_default();
        rows.iter().map(|row| text(row, "/name")).collect::<Vec<_>>().join(", ")
    };
    let query = |query: Value| json!({"queries": [query]});
    for (body, found) in [
        (json!({}), "ZITADEL, wider b, Wider a, other"),
        (json!({"sortingColumn": "ORG_FIELD_NAME_NAME"}), "ZITADEL, wider b, Wider a, other"),
        (json!({"sortingColumn": 1, "query": {"asc": true}}), "other, Wider a, wider b, ZITADEL"),
        (json!({"sortingColumn": 1, "query": {"asc": true, "limit": 1, "offset": "1"}}), "Wider a"),
        (json!({"sortingColumn": 9}), "ZITADEL, wider b, Wider a, other"),
        (query(json!({"nameQuery": {"name": "wider a"}})), ""),
        (query(json!({"nameQuery": {"name": "wider a", "method": "TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE"}})), "Wider a"),
        (query(json!({"nameQuery": {"name": "wider%", "method": "TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE"}})), ""),
        (
            query(json!({"domainQuery": {"domain": "WIDER", "method": "TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE"}})),
            "wider b, Wider a",
        ),
        (query(json!({"stateQuery": {"state": "ORG_STATE_ACTIVE"}})), "ZITADEL, wider b, Wider a, other"),
        (query(json!({"stateQuery": {}})), ""),
        (query(json!({"stateQuery": {"state": "ORG_STATE_REMOVED"}})), ""),
        (query(json!({"idQuery": {"id": other}})), "ZITADEL"),
        (json!({"queries": [{"idQuery": {"id": other}}, {"idQuery": {"id": "1"}}]}), ""),
    ] {
        assert_eq!(names(body.clone()).await, found, "{body}");
    }
    let (status, _, answer) = call(&server, Method::POST, "/orgs/_search", query(json!({}))).await;
    let told = "invalid ListOrgsRequest.Queries[0]: embedded message failed validation | caused by: invalid OrgQuery.Query: value is required";
    assert_eq!((status, text(&answer, "/message").as_str()), (400, told));
}

#[tokio::test]
async fn names_and_domains_are_free_or_not() {
    let server = TestServer::start().await;
    server.ok("/orgs", json!({"name": "Wider wa"})).await;
    for (query, free) in [
        ("name=WIDER%20wa", false),
        ("name=free", true),
        ("domain=WIDER-wa.LOCALHOST", false),
        ("domain=example.com", true),
        ("name=free&domain=wider-wa.localhost", false),
        ("name=wider%20wa&domain=example.com", false),
        ("name=wider%25", true),
    ] {
        let (status, _, answer) = get(&server, &format!("/orgs/_is_unique?{query}")).await;
        assert_eq!((status, answer["isUnique"] == true), (200, free), "{query}");
    }
    let (status, id, _) = get(&server, "/orgs/_is_unique?name=&domain=").await;
    assert_eq!((status, id.as_str()), (400, "QUERY-DGqfd"));
}

#[tokio::test]
async fn another_organization_becomes_the_default_one() {
    let server = Arc::new(TestServer::start().await);
    let first = server.org().await;
    let org = text(&server.ok("/orgs", json!({"name": "Wide"})).await, "/id");
    let set = async |id: &str| {
        let (status, told, _) =
            call(&server, Method::PUT, &format!("/orgs/default/{id}"), json!({"orgId": first})).await;
        (status, told)
    };
    assert_eq!(set(&first).await, (400, "INST-SDfw2".into()));
    assert_eq!(set("123456789012345678").await, (400, "INSTA-Wfe21".into()));
    assert_eq!(set(&org).await.0, 200);
    assert_eq!(text(&get(&server, "/orgs/default").await.2, "/org/id"), org);
    assert_eq!(set(&first).await.0, 200);
    let off = server.call_as(&server.token, Some(&org), Method::POST, "/orgs/me/_deactivate", None).await;
    assert_eq!(off.0, 200);
    assert_eq!(set(&org).await, (400, "INSTA-Wfe21".into()));

    // Whoever is first, removal or default: the default organization is always there.
    for round in 0..4 {
        let org = text(&server.ok("/orgs", json!({"name": format!("race {round}")})).await, "/id");
        let calls = (0..16).map(|n| {
            let (server, org) = (Arc::clone(&server), org.clone());
            async move {
                let (method, path) = match n % 2 {
                    0 => (Method::PUT, format!("/orgs/default/{org}")),
                    _ => (Method::DELETE, format!("/orgs/{org}")),
                };
                let (status, _, answer) = call(&server, method, &path, json!({})).await;
                (status, answer)
            }
            .boxed()
        });
        let answers = at_once(calls.collect()).await;
        crate::support::race::none_failed("default and removal", &answers);
        let (status, _, default) = get(&server, "/orgs/default").await;
        assert_eq!((status, text(&default, "/org/state").as_str()), (200, "ORG_STATE_ACTIVE"), "{default}");
    }
}

#[tokio::test]
async fn an_organization_with_a_person_is_not_set_up() {
    let server = TestServer::start().await;
    let human = json!({"userName": "eve", "profile": {"firstName": "Eve", "lastName": "Adams"}, "email": {"email": "eve@example.com"}});
    for (body, status, code, message) in [
        (json!({"human": human}), 400, 3, "invalid SetUpOrgRequest.Org: value is required"),
        (json!({"org": {"name": "set up"}}), 400, 3, "invalid SetUpOrgRequest.User: value is required"),
        (json!({"org": {"name": "set up"}, "human": human}), 501, 12, "AddOrg"),
    ] {
        let (got, _, answer) = call(&server, Method::POST, "/orgs/_setup", body).await;
        assert_eq!((got, &answer["code"]), (status, &json!(code)), "{answer}");
        assert!(text(&answer, "/message").contains(message), "{answer}");
    }
}
