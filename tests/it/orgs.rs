//! Organizations.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;

use crate::support::race::{at_once, call, one_wins};
use crate::support::{TestServer, text};

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
