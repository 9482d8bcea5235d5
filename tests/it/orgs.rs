//! Organizations.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;

use crate::support::race::{at_once, call, one_wins};
use crate::support::{TestServer, number, text};

#[tokio::test]
async fn an_organization_gets_another_name_and_domain() {
    let server = TestServer::start().await;
    let org = text(&server.ok("/orgs", json!({"name": "Wide"})).await, "/id");
    let rename = async |name: &str| {
        server.call_as(&server.token, Some(&org), Method::PUT, "/orgs/me", Some(json!({"name": name}))).await
    };
    let (status, answer) = rename(" Renamed ").await;
    assert_eq!((status, text(&answer, "/details/resourceOwner")), (200, org.clone()), "{answer}");
    let (_, seen) = server.call_as(&server.token, Some(&org), Method::GET, "/orgs/me", None).await;
    assert_eq!(
        (text(&seen, "/org/name"), text(&seen, "/org/primaryDomain")),
        ("Renamed".into(), "renamed.localhost".into())
    );
    assert_eq!(text(&seen, "/org/details/sequence"), text(&answer, "/details/sequence"));
    // The own name in another case is a change, but none of the domain.
    assert_eq!(rename("RENAMED").await.0, 200);
    let kinds = server.sql().await;
    let kinds = kinds.texts("SELECT kind FROM events WHERE kind LIKE 'org.%' ORDER BY position").await;
    assert_eq!(kinds[kinds.len() - 2], "org.domain.removed");
    assert_eq!(kinds.iter().filter(|kind| *kind == "org.changed").count(), 2, "{kinds:?}");
    // Both are free at once.
    assert_eq!(server.post("/orgs", json!({"name": "wide"})).await.0, 200);
}

#[tokio::test]
async fn each_name_that_an_organization_cannot_have_is_refused() {
    let server = TestServer::start().await;
    let org = text(&server.ok("/orgs", json!({"name": "Wide"})).await, "/id");
    server.ok("/orgs", json!({"name": "Taken Name"})).await;
    for (name, status, id, message) in [
        ("", 400, "", ""),
        ("  ", 400, "EVENT-Mf9sd", "Organisation is invalid"),
        (" Wide ", 400, "ORG-4VSdf", "Organisation not changed"),
        ("!!!?", 400, "ORG-RrfXY", ""),
        ("TAKEN NAME", 409, "V3-DKcYh", "Organisation's name or id already taken"),
        ("Taken-Name", 409, "V3-DKcYh", "Domain already exists"),
    ] {
        let body = Some(json!({"name": name}));
        let answer = server.call_as(&server.token, Some(&org), Method::PUT, "/orgs/me", body).await;
        assert_eq!((answer.0, text(&answer.1, "/details/0/id").as_str()), (status, id), "{name:?}: {}", answer.1);
        assert!(text(&answer.1, "/details/0/message").contains(message), "{name:?}: {}", answer.1);
    }
}

#[tokio::test]
async fn of_two_organizations_that_want_one_name_one_gets_it() {
    let server = Arc::new(TestServer::start().await);
    for round in 0..6 {
        let mut orgs = Vec::new();
        for n in 0..4 {
            orgs.push(text(&server.ok("/orgs", json!({"name": format!("o{round} {n}")})).await, "/id"));
        }
        let name = format!("wanted {round}");
        let body = json!({"name": name});
        let calls = orgs.iter().map(|org| call(&server, Some(org), &Method::PUT, "/orgs/me", body.clone()));
        let answers = at_once(calls.collect()).await;
        let second = server.post("/orgs", body).await;
        one_wins("a name", &answers, &second);
    }
}

/// Status and error id of a call for an organization.
async fn told(server: &TestServer, org: &str, method: Method, path: &str, body: serde_json::Value) -> (u16, String) {
    let (status, answer) = server.call_as(&server.token, Some(org), method, path, Some(body)).await;
    (status, text(&answer, "/details/0/id"))
}

#[tokio::test]
async fn an_organization_that_is_switched_off_works_on() {
    let server = TestServer::start().await;
    let org = text(&server.ok("/orgs", json!({"name": "Wide"})).await, "/id");
    let (owner, token) = server.user(&org, "owner").await;
    server.org_role(&org, &owner, "ORG_OWNER").await;
    let call = async |method: Method, path: &str| server.call_as(&token, None, method, path, Some(json!({}))).await;
    let (status, off) = call(Method::POST, "/orgs/me/_deactivate").await;
    assert_eq!((status, text(&off, "/details/resourceOwner")), (200, org.clone()), "{off}");
    let (_, seen) = call(Method::GET, "/orgs/me").await;
    assert_eq!(text(&seen, "/org/state"), "ORG_STATE_INACTIVE");
    assert_eq!(number(&seen, "/org/details/sequence"), number(&off, "/details/sequence"));
    assert_eq!(told(&server, &org, Method::POST, "/orgs/me/_deactivate", json!({})).await, (400, "EVENT-Dbs2g".into()));
    // All in it can still be read and written; only a search by domain passes it over.
    let add = Some(json!({"name": "in it"}));
    assert_eq!(server.call_as(&token, None, Method::POST, "/projects", add).await.0, 200);
    assert_eq!(told(&server, &org, Method::PUT, "/orgs/me", json!({"name": "Wider"})).await.0, 200);
    let find = "/global/orgs/_by_domain?domain=wider.localhost";
    assert_eq!(told(&server, &org, Method::GET, find, json!({})).await, (404, "QUERY-iTTGJ".into()));
    assert_eq!(call(Method::POST, "/orgs/me/_reactivate").await.0, 200);
    assert_eq!(told(&server, &org, Method::POST, "/orgs/me/_reactivate", json!({})).await, (400, "EVENT-bfnrh".into()));
    let found = server.get(find).await.1;
    assert_eq!((text(&found, "/org/id"), text(&found, "/org/state")), (org, "ORG_STATE_ACTIVE".into()));
    assert_eq!(server.get("/global/orgs/_by_domain?domain=WIDER.localhost").await.0, 404, "case counts");
}

#[tokio::test]
async fn changes_of_an_organization_are_listed_from_either_end() {
    let server = TestServer::start().await;
    let org = text(&server.ok("/orgs", json!({"name": "Wide"})).await, "/id");
    for path in ["/orgs/me/_deactivate", "/orgs/me/_reactivate"] {
        assert_eq!(told(&server, &org, Method::POST, path, json!({})).await.0, 200);
    }
    let list = async |query: serde_json::Value| {
        let body = Some(json!({"query": query}));
        let (_, list) = server.call_as(&server.token, Some(&org), Method::POST, "/orgs/me/changes/_search", body).await;
        let rows = list["result"].as_array().cloned().unwrap_or_default();
        rows.iter().map(|row| number(row, "/sequence")).collect::<Vec<_>>()
    };
    assert_eq!(list(json!({"asc": true})).await, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(list(json!({"limit": 2})).await, [7, 6]);
    assert_eq!(list(json!({"sequence": "5", "asc": true})).await, [6, 7]);
    assert_eq!(list(json!({"sequence": "3"})).await, [2, 1]);
    assert_eq!(list(json!({"sequence": "10000", "limit": 1})).await, [7]);
    let body = Some(json!({"query": {"limit": 1}}));
    let (_, list) = server.call_as(&server.token, Some(&org), Method::POST, "/orgs/me/changes/_search", body).await;
    let newest = &list["result"][0]["eventType"];
    assert_eq!(newest, &json!({"key": "EventTypes.org.reactivated", "localizedMessage": "Organization reactivated"}));
}

#[tokio::test]
async fn of_sixteen_who_switch_an_organization_off_one_does() {
    let server = Arc::new(TestServer::start().await);
    let org = text(&server.ok("/orgs", json!({"name": "Wide"})).await, "/id");
    let off = || call(&server, Some(&org), &Method::POST, "/orgs/me/_deactivate", json!({}));
    let answers = at_once((0..16).map(|_| off()).collect()).await;
    one_wins("to switch off", &answers, &off().await);
}

#[tokio::test]
async fn policies_hold_for_every_organization() {
    let server = TestServer::start().await;
    let (_, stranger) = server.user(&server.org().await, "stranger").await;
    for path in ["/policies/domain", "/policies/orgiam"] {
        let (status, answer) = server.call_as(&stranger, None, Method::GET, path, None).await;
        assert_eq!((status, &answer["policy"]["isDefault"]), (200, &json!(true)), "{answer}");
        assert!(answer["policy"].get("validateOrgDomains").is_none(), "{answer}");
        let id = server.sql().await.texts("SELECT instance_id FROM instance").await;
        assert_eq!(vec![text(&answer, "/policy/details/resourceOwner")], id);
    }
}

#[tokio::test]
async fn users_of_any_organization_are_found_by_login_name() {
    let server = TestServer::start().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (user, _) = server.user(&other, "Robot@Other").await;
    let (status, found) = server.get("/global/users/_by_login_name?loginName=robot@other").await;
    assert_eq!((status, text(&found, "/user/id")), (200, user.clone()), "{found}");
    assert_eq!(text(&found, "/user/details/resourceOwner"), other);
    let (status, missing) = server.get("/global/users/_by_login_name?login_name=nobody").await;
    assert_eq!((status, text(&missing, "/details/0/id").as_str()), (404, "QUERY-Dfbg2"));
}
