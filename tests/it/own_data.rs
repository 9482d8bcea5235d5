//! What callers ask about themselves: memberships, permissions, user grants.

use reqwest::Method;
use serde_json::{Value, json};

use crate::members::admin;
use crate::support::{TestServer, number, text};

/// A call of the auth service.
async fn auth(server: &TestServer, token: &str, org: &str, path: &str, body: Value) -> (u16, Value) {
    let request = server.http.post(server.url(&format!("/auth/v1{path}"))).bearer_auth(token);
    let answer = request.header("x-zitadel-orgid", org).json(&body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

fn texts(list: &Value, at: &str) -> Vec<String> {
    let rows = list["result"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| text(row, at)).collect()
}

#[tokio::test]
async fn memberships_of_the_caller_are_listed_kind_by_kind() {
    let server = TestServer::start().await;
    let own = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (user, token) = server.user(&own, "many").await;
    let list = |body: Value| {
        let (server, token) = (&server, &token);
        async move { auth(server, token, "", "/memberships/me/_search", body).await.1 }
    };
    assert_eq!(number(&list(json!({})).await, "/details/totalResult"), 0);
    let project = server.project("mine").await;
    server.project_role(&project, &user, "PROJECT_OWNER_VIEWER").await;
    let body = json!({"userId": user, "roles": ["IAM_OWNER_VIEWER"]});
    let (_, made) = admin(&server, &server.token, Method::POST, "/members", body).await;
    let body = Some(json!({"userId": user, "roles": ["ORG_OWNER_VIEWER"]}));
    assert_eq!(server.call_as(&server.token, Some(&other), Method::POST, "/orgs/me/members", body).await.0, 200);
    let all = list(json!({})).await;
    assert_eq!(texts(&all, "/displayName"), ["Other", "ZITADEL", "mine"], "{all}");
    let rows = &all["result"];
    assert_eq!(
        (text(&rows[0], "/orgId"), &rows[1]["iam"], text(&rows[2], "/projectId")),
        (other.clone(), &json!(true), project.clone())
    );
    assert_eq!(
        texts(&all, "/details/resourceOwner"),
        [other.clone(), text(&made, "/details/resourceOwner"), own.clone()]
    );
    assert!(rows[0].get("iam").is_none() && rows[1].get("orgId").is_none(), "exactly one kind: {all}");
    for (queries, names) in [
        (json!([{"orgQuery": {"orgId": other}}]), vec!["Other"]),
        (json!([{"orgQuery": {"orgId": own}}]), vec![]),
        (json!([{"iamQuery": {"iam": false}}]), vec!["ZITADEL"]),
        (json!([{"projectQuery": {"projectId": project}}]), vec!["mine"]),
        (json!([{"projectGrantQuery": {"projectGrantId": project}}]), vec![]),
        (json!([{"orgQuery": {"orgId": other}}, {"iamQuery": {}}]), vec![]),
    ] {
        assert_eq!(texts(&list(json!({"queries": queries})).await, "/displayName"), names, "{queries}");
    }
    let page = list(json!({"query": {"limit": 1, "offset": 1}})).await;
    assert_eq!((number(&page, "/details/totalResult"), texts(&page, "/displayName")), (3, vec!["ZITADEL".to_owned()]));
    let (status, answer) = auth(&server, &token, "", "/memberships/me/_search", json!({"queries": [{}]})).await;
    assert_eq!((status, answer["code"].as_i64()), (400, Some(3)));

    // Others see of it what is theirs or of the instance.
    let path = format!("/users/{user}/memberships/_search");
    assert_eq!(texts(&server.ok(&path, json!({})).await, "/displayName"), ["ZITADEL", "mine"]);
    let (_, there) = server.call_as(&server.token, Some(&other), Method::POST, &path, Some(json!({}))).await;
    assert_eq!(texts(&there, "/displayName"), ["Other", "ZITADEL"]);
    let none = server.ok("/users/123456789012345678/memberships/_search", json!({})).await;
    assert_eq!(number(&none, "/details/totalResult"), 0);
}

#[tokio::test]
async fn permissions_of_the_caller_are_those_in_the_organization_of_the_call() {
    let server = TestServer::start().await;
    let own = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (user, token) = server.user(&own, "limited").await;
    let list = |org: &str| {
        let (server, token, org) = (&server, &token, org.to_owned());
        async move { auth(server, token, &org, "/permissions/zitadel/me/_search", json!({})).await }
    };
    assert_eq!(list("").await, (200, json!({})));
    let project = server.project("mine").await;
    server.project_role(&project, &user, "PROJECT_OWNER").await;
    let (_, listed) = list("").await;
    let listed: Vec<&str> = listed["result"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(
        listed[..3],
        [format!("org.global.read:{project}"), format!("policy.read:{project}"), format!("project.read:{project}")]
    );
    assert_eq!(listed.len(), 26);
    let body = json!({"userId": user, "roles": ["ORG_PROJECT_CREATOR", "ORG_USER_SELF_MANAGER"]});
    server.ok("/orgs/me/members", body).await;
    let (_, listed) = list(&own).await;
    assert_eq!(
        listed["result"].as_array().map(|all| all[..5].to_vec()).expect("a list"),
        ["user.global.read", "policy.read", "project.read:self", "project.create", "user.self.delete"].map(Value::from)
    );
    assert_eq!(list(&other).await, (200, json!({})), "none there");
    assert_eq!(list("123456789012345678").await.0, 403);
}

#[tokio::test]
async fn user_grants_of_the_caller_are_listed_from_everywhere() {
    let server = TestServer::start().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (user, token) = server.user(&server.org().await, "holder").await;
    let mut made = Vec::new();
    for (org, name) in [(None, "first"), (Some(other.as_str()), "second")] {
        let post = |path: String, body: Value| {
            let server = &server;
            async move { server.call_as(&server.token, org, Method::POST, &path, Some(body)).await.1 }
        };
        let project = text(&post("/projects".into(), json!({"name": name})).await, "/id");
        post(format!("/projects/{project}/roles"), json!({"roleKey": "reader", "displayName": "r"})).await;
        let body = json!({"projectId": project, "roleKeys": ["reader"]});
        made.push(text(&post(format!("/users/{user}/grants"), body).await, "/userGrantId"));
    }
    server.ok(&format!("/users/{user}/grants/{}/_deactivate", made[0]), json!({})).await;
    let (_, list) = auth(&server, &token, "", "/usergrants/me/_search", json!({})).await;
    assert_eq!(
        (texts(&list, "/grantId"), texts(&list, "/projectName")),
        (made, vec!["first".to_owned(), "second".to_owned()])
    );
    let grant = &list["result"][1];
    assert_eq!((&grant["roles"], &grant["roleKeys"]), (&json!(["reader"]), &json!(["reader"])));
    assert_eq!(
        (text(grant, "/orgId"), text(grant, "/orgName"), text(grant, "/orgDomain")),
        (other, "Other".into(), "other.localhost".into())
    );
    assert_eq!(
        (text(&list, "/result/0/state"), text(grant, "/state")),
        ("USER_GRANT_STATE_INACTIVE".into(), "USER_GRANT_STATE_ACTIVE".into())
    );
    let (_, page) =
        auth(&server, &token, "", "/usergrants/me/_search", json!({"query": {"limit": 1, "offset": 1}})).await;
    assert_eq!((number(&page, "/details/totalResult"), texts(&page, "/projectName")), (2, vec!["second".to_owned()]));
}

/// Tokens of machines are for no application.
#[tokio::test]
async fn what_tokens_of_applications_have_those_of_machines_have_not() {
    let server = TestServer::start().await;
    let (status, answer) = auth(&server, &server.token, "", "/permissions/me/_search", json!({})).await;
    assert_eq!((status, text(&answer, "/details/0/id").as_str()), (404, "QUERY-wIPkA"));
    let (status, answer) = auth(&server, &server.token, "", "/global/projectorgs/_search", json!({})).await;
    assert_eq!((status, answer.get("result")), (200, None), "not even for an owner of the instance");
    let (status, _) = auth(&server, &server.token, "", "/global/projectorgs/_search", json!({"queries": [{}]})).await;
    assert_eq!(status, 400);
    let health = server.http.get(server.url("/auth/v1/healthz")).send().await.expect("an answer");
    assert_eq!(health.status().as_u16(), 200, "without a token");
}
