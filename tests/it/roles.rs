//! Roles and members of projects.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestServer, number, text};

fn keys(list: &Value) -> Vec<String> {
    list["result"].as_array().map(|rows| rows.iter().map(|r| text(r, "/key")).collect()).unwrap_or_default()
}

#[tokio::test]
async fn roles_are_added_changed_listed_and_removed() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let path = format!("/projects/{project}/roles");
    let made = server.ok(&path, json!({"roleKey": "reader", "displayName": "Reader", "group": "g"})).await;
    assert_eq!(number(&made, "/details/sequence"), 2);
    // A key may hold what a path may hold.
    let roles = json!({"roles": [{"key": "a/b c", "displayName": "Slash"}, {"key": "Writer", "displayName": "W"}]});
    assert_eq!(number(&server.ok(&format!("{path}/_bulk"), roles).await, "/details/sequence"), 4);
    let list = server.ok(&format!("{path}/_search"), json!({})).await;
    assert_eq!(keys(&list), ["reader", "Writer", "a/b c"], "in order of creation, those of one call by key");
    assert_eq!((number(&list, "/details/totalResult"), number(&list, "/details/processedSequence")), (3, 4));
    let (status, _) = server.put(&format!("{path}/a/b%20c"), json!({"displayName": "Two", "group": "h"})).await;
    assert_eq!(status, 200);
    let filter =
        json!({"queries": [{"keyQuery": {"key": "A/", "method": "TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE"}}]});
    let list = server.ok(&format!("{path}/_search"), filter).await;
    assert_eq!((text(&list, "/result/0/displayName"), text(&list, "/result/0/group")), ("Two".into(), "h".into()));
    assert_eq!(number(&list, "/result/0/details/sequence"), 5);
    let same = server.put(&format!("{path}/a/b%20c"), json!({"displayName": "Two", "group": "h"})).await;
    assert_eq!((same.0, number(&same.1, "/details/sequence")), (200, 5), "no change, no event");
    let (status, gone) = server.delete(&format!("{path}/a/b%20c")).await;
    assert_eq!((status, number(&gone, "/details/sequence")), (200, 6));
    let (status, again) = server.delete(&format!("{path}/a/b%20c")).await;
    assert_eq!((status, number(&again, "/details/sequence")), (200, 6), "nothing left to remove");
    let (status, nowhere) = server.delete("/projects/1/roles/x").await;
    assert_eq!((status, nowhere["details"].get("sequence")), (200, None));
    let name = json!({"queries": [{"displayNameQuery": {"displayName": "Reader"}}]});
    assert_eq!(keys(&server.ok(&format!("{path}/_search"), name).await), ["reader"]);
    // The roles go with the project.
    assert_eq!(server.delete(&format!("/projects/{project}")).await.0, 200);
    assert_eq!(keys(&server.ok(&format!("{path}/_search"), json!({})).await).len(), 0);
}

#[tokio::test]
async fn of_a_bulk_with_a_taken_key_nothing_is_written() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let path = format!("/projects/{project}/roles");
    server.ok(&path, json!({"roleKey": "b", "displayName": "n"})).await;
    let roles = json!({"roles": [{"key": "a", "displayName": "n"}, {"key": "B", "displayName": "n"}]});
    assert_eq!(server.post(&format!("{path}/_bulk"), roles).await.0, 409);
    let list = server.ok(&format!("{path}/_search"), json!({})).await;
    assert_eq!((keys(&list), number(&list, "/details/processedSequence")), (vec!["b".to_owned()], 2));
}

#[tokio::test]
async fn members_may_do_what_their_roles_say_from_the_next_call_on() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (project, other) = (server.project("p").await, server.project("other").await);
    let app = server.app(&project, "a").await;
    let (user, token) = server.user(&org, "member").await;
    let members = format!("/projects/{project}/members");
    let keys = format!("/projects/{project}/apps/{app}/keys");
    let call = |method: Method, path: String, body: Value| {
        let (server, token) = (&server, &token);
        async move {
            let (status, answer) = server.call_as(token, None, method, &path, Some(body)).await;
            (status, text(&answer, "/details/0/id"))
        }
    };
    let add = || call(Method::POST, keys.clone(), json!({"type": 1}));
    assert_eq!(add().await, (404, "AUTHZ-cdgFk".to_owned()));
    let made = server.ok(&members, json!({"userId": user, "roles": ["PROJECT_OWNER_VIEWER"]})).await;
    assert_eq!(number(&made, "/details/sequence"), 4);
    assert_eq!(add().await, (403, "AUTH-5mWD2".to_owned()), "viewers may not write");
    let elsewhere = format!("/projects/{other}/apps/{app}");
    assert_eq!(call(Method::GET, elsewhere, json!({})).await, (403, "AUTH-3jknH".to_owned()));
    let roles = json!({"roles": ["PROJECT_OWNER"]});
    let (status, changed) = server.put(&format!("{members}/{user}"), roles.clone()).await;
    assert_eq!((status, number(&changed, "/details/sequence")), (200, 5));
    let (_, same) = server.put(&format!("{members}/{user}"), roles).await;
    assert_eq!(number(&same, "/details/sequence"), 5, "no change, no event");
    assert_eq!(add().await.0, 200);
    let list = server.ok(&format!("{members}/_search"), json!({"queries": [{"userIdQuery": {"userId": user}}]})).await;
    let member = &list["result"][0];
    assert_eq!(
        (text(member, "/preferredLoginName"), text(member, "/displayName")),
        ("member".into(), "member machine".into())
    );
    assert_eq!((member["roles"].clone(), text(member, "/userType")), (json!(["PROJECT_OWNER"]), "TYPE_MACHINE".into()));
    let people = json!({"queries": [{"emailQuery": {"email": "a@b.c"}}]});
    assert_eq!(number(&server.ok(&format!("{members}/_search"), people).await, "/details/totalResult"), 0);
    assert_eq!(server.delete(&format!("{members}/{user}")).await.0, 200);
    assert_eq!(add().await, (404, "AUTHZ-cdgFk".to_owned()), "no member any more");
    let (status, again) = server.delete(&format!("{members}/{user}")).await;
    assert_eq!((status, number(&again, "/details/sequence")), (200, 7), "of the newest event");
}

#[tokio::test]
async fn the_roles_that_members_may_have_depend_on_the_organization() {
    let server = TestServer::start().await;
    let first = server.ok("/projects/members/roles/_search", json!({})).await;
    assert_eq!(first, json!({"result": ["PROJECT_OWNER_GLOBAL", "PROJECT_OWNER_VIEWER_GLOBAL"]}));
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let path = "/projects/members/roles/_search";
    let (_, all) = server.call_as(&server.token, Some(&other), Method::POST, path, None).await;
    let roles = ["PROJECT_OWNER", "PROJECT_OWNER_VIEWER", "PROJECT_OWNER_GLOBAL", "PROJECT_OWNER_VIEWER_GLOBAL"];
    assert_eq!(all, json!({"result": roles}));
}
