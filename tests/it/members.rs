//! Members of organizations and of the instance. Those of projects are in `roles.rs`, those of project grants in
//! `project_grant_members.rs`.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::race::{Answer, Call, at_once, call, counted, delete, none_failed, one_wins, post, put, told};
use crate::support::sound::assert_sound;
use crate::support::{TestServer, number, text};

/// A call of the admin service.
pub async fn admin(server: &TestServer, token: &str, method: Method, path: &str, body: Value) -> Answer {
    let request = server.http.request(method, server.url(&format!("/admin/v1{path}"))).bearer_auth(token);
    let answer = request.json(&body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

async fn user(server: &TestServer, name: &str) -> String {
    text(&server.ok("/users/machine", json!({"userName": name, "name": "n"})).await, "/userId")
}

fn ids(list: &Value) -> Vec<String> {
    let rows = list["result"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| text(row, "/userId")).collect()
}

#[tokio::test]
async fn a_member_of_an_organization_lives_from_added_to_removed() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (user, token) = server.user(&org, "clerk").await;
    let me = || server.call_as(&token, None, Method::GET, "/orgs/me", None);
    assert_eq!(me().await.0, 404);
    let before = number(&server.get("/orgs/me").await.1, "/org/details/sequence");
    let made = server.ok("/orgs/me/members", json!({"userId": user, "roles": ["ORG_USER_MANAGER"]})).await;
    assert_eq!(number(&made, "/details/sequence"), before + 1);
    assert_eq!(text(&made, "/details/resourceOwner"), org);
    assert_eq!(me().await.0, 200);
    let list = server.ok("/orgs/me/members/_search", json!({"queries": [{"userIdQuery": {"userId": user}}]})).await;
    let member = &list["result"][0];
    assert_eq!(
        (text(member, "/displayName"), text(member, "/preferredLoginName"), text(member, "/userResourceOwner")),
        ("clerk machine".to_owned(), "clerk".to_owned(), org.clone())
    );
    assert_eq!((number(&list, "/details/totalResult"), text(member, "/userType")), (1, "TYPE_MACHINE".to_owned()));
    let path = format!("/orgs/me/members/{user}");
    let roles = json!({"roles": ["ORG_USER_MANAGER", "ORG_OWNER_VIEWER"]});
    for expected in [before + 2, before + 2] {
        let (status, answer) = server.put(&path, roles.clone()).await;
        assert_eq!((status, number(&answer, "/details/sequence")), (200, expected));
    }
    let (_, gone) = server.delete(&path).await;
    assert_eq!(number(&gone, "/details/sequence"), before + 3);
    assert_eq!(me().await.0, 404, "the roles are gone at once");
    let (status, again) = server.delete(&path).await;
    assert_eq!((status, again), (200, json!({"details": {"resourceOwner": org}})));
    assert_sound(&server.database).await;
}

#[rustfmt::skip]
#[tokio::test]
async fn wrong_members_of_an_organization_are_refused() {
    let server = TestServer::start().await;
    let clerk = user(&server, "clerk").await;
    let other = user(&server, "other").await;
    server.ok("/orgs/me/members", json!({"userId": clerk, "roles": ["ORG_OWNER"]})).await;
    let none = "123456789012345678";
    let added = |user: &str, roles: &[&str]| ("/orgs/me/members".to_owned(), json!({"userId": user, "roles": roles}));
    for ((path, body), expected) in [
        (added(&clerk, &[]), (400, 3, "ORG-4Mlfs")),
        (added(&clerk, &["ORG_KING"]), (400, 3, "Org-4N8es")),
        (added(&clerk, &["ORG_OWNER", "IAM_OWNER"]), (400, 3, "Org-4N8es")),
        (added(&clerk, &["ORG_OWNER", "SELF_MANAGEMENT_GLOBAL"]), (400, 3, "Org-4N8es")),
        (added(none, &["ORG_OWNER"]), (400, 9, "ORG-GoXOn")),
        (added(&clerk, &["ORG_OWNER"]), (409, 6, "ORG-poWwe")),
        (added("", &["ORG_OWNER"]), (400, 3, "")),
    ] {
        assert_eq!(told(&server.post(&path, body.clone()).await), (expected.0, expected.1, expected.2.to_owned()), "{body}");
    }
    for (user, roles, expected) in [
        (&clerk, json!([]), (400, 3, "Org-LiaZi")),
        (&clerk, json!(["PROJECT_OWNER"]), (400, 3, "INST-m9fG8")),
        (&clerk, json!(["SELF_MANAGEMENT_GLOBAL"]), (400, 3, "INST-m9fG8")),
        (&other, json!(["ORG_OWNER"]), (404, 5, "Org-D8JxR")),
    ] {
        let answer = server.put(&format!("/orgs/me/members/{user}"), json!({"roles": roles})).await;
        assert_eq!(told(&answer), (expected.0, expected.1, expected.2.to_owned()), "{roles}");
    }
    assert_eq!(server.post("/orgs/me/members", json!({"userId": other, "roles": ["SELF_MANAGEMENT_GLOBAL"]})).await.0, 200);
    assert_eq!(server.post("/orgs/me/members/_search", json!({"queries": [{}]})).await.0, 400);
}

#[tokio::test]
async fn roles_that_members_may_have_are_listed() {
    let server = TestServer::start().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let list = server.ok("/orgs/members/roles/_search", json!({})).await;
    let roles = list["result"].as_array().expect("roles");
    assert_eq!((roles.len(), &roles[0], &roles[10]), (11, &json!("ORG_OWNER"), &json!("SELF_MANAGEMENT_GLOBAL")));
    let path = "/orgs/members/roles/_search";
    let list = server.call_as(&server.token, Some(&other), Method::POST, path, None).await.1;
    assert_eq!(list["result"].as_array().map(Vec::len), Some(10), "one less elsewhere: {list}");
    let (status, list) = admin(&server, &server.token, Method::POST, "/members/roles/_search", json!({})).await;
    assert_eq!((status, number(&list, "/details/totalResult")), (200, 7));
    assert_eq!((&list["roles"][0], &list["roles"][6]), (&json!("IAM_OWNER"), &json!("IAM_LOGIN_CLIENT")));
}

/// Members of one organization are none of another one's, and its members cannot make themselves more elsewhere.
#[tokio::test]
async fn members_of_another_organization_are_out_of_reach() {
    let server = TestServer::start().await;
    let own = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (owner, token) = server.user(&own, "owner").await;
    let foreign = server.user(&other, "foreign").await.0;
    server.ok("/orgs/me/members", json!({"userId": owner, "roles": ["ORG_OWNER"]})).await;
    let ask = |org: &str, method: Method, path: String, body: Value| {
        let (server, token, org) = (&server, &token, org.to_owned());
        async move { server.call_as(token, Some(&org), method, &path, Some(body)).await }
    };
    let body = json!({"userId": owner, "roles": ["ORG_OWNER"]});
    for (method, path) in [
        (Method::POST, "/orgs/me/members".to_owned()),
        (Method::PUT, format!("/orgs/me/members/{owner}")),
        (Method::DELETE, format!("/orgs/me/members/{owner}")),
        (Method::POST, "/orgs/me/members/_search".to_owned()),
    ] {
        let answer = ask(&other, method, path.clone(), body.clone()).await;
        assert_eq!(told(&answer), (404, 5, "AUTHZ-cdgFk".to_owned()), "{path}");
    }
    let (status, _) =
        admin(&server, &token, Method::POST, "/members", json!({"userId": owner, "roles": ["IAM_OWNER"]})).await;
    assert_eq!(status, 403, "an owner of an organization is none of the instance");
    // A user of another organization may be a member; seen and ended here only.
    assert_eq!(
        ask(&own, Method::POST, "/orgs/me/members".into(), json!({"userId": foreign, "roles": ["ORG_OWNER"]})).await.0,
        200
    );
    let list =
        server.call_as(&server.token, Some(&other), Method::POST, "/orgs/me/members/_search", Some(json!({}))).await.1;
    assert!(!ids(&list).contains(&foreign), "{list}");
    let path = format!("/orgs/me/members/{foreign}");
    let (status, answer) = server.call_as(&server.token, Some(&other), Method::DELETE, &path, None).await;
    assert_eq!((status, answer), (200, json!({"details": {"resourceOwner": other}})));
    assert!(ids(&server.ok("/orgs/me/members/_search", json!({})).await).contains(&foreign));
}

#[tokio::test]
async fn a_member_of_the_instance_lives_from_added_to_removed() {
    let server = TestServer::start().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (user, token) = server.user(&other, "viewer").await;
    let ask = |method: Method, path: String, body: Value| {
        let server = &server;
        async move { admin(server, &server.token, method, &path, body).await }
    };
    let seen = || server.call_as(&token, Some(&other), Method::GET, "/orgs/me", None);
    let (status, made) = ask(Method::POST, "/members".into(), json!({"userId": user})).await;
    assert_eq!(status, 200, "no roles are fine: {made}");
    let instance = text(&made, "/details/resourceOwner");
    assert!(!instance.is_empty() && instance != other, "{made}");
    assert_eq!(text(&seen().await.1, "/details/0/id"), "AUTH-5mWD2", "a member, but without roles");
    let path = format!("/members/{user}");
    let (_, changed) = ask(Method::PUT, path.clone(), json!({"roles": ["IAM_OWNER_VIEWER"]})).await;
    assert_eq!(number(&changed, "/details/sequence"), number(&made, "/details/sequence") + 1);
    assert_eq!(seen().await.0, 200, "at once, and in every organization");
    let (_, same) = ask(Method::PUT, path.clone(), json!({"roles": ["IAM_OWNER_VIEWER"]})).await;
    assert_eq!(same, changed);
    let query = json!({"queries": [{"userIdQuery": {"userId": user}}], "sortingColumn": "MEMBER_FIELD_NAME_USER_ID"});
    let (_, list) = ask(Method::POST, "/members/_search".into(), query).await;
    assert_eq!((number(&list, "/details/totalResult"), text(&list, "/result/0/userResourceOwner")), (1, other.clone()));
    assert_eq!(text(&list, "/result/0/details/resourceOwner"), instance);
    let (status, gone) = ask(Method::DELETE, path.clone(), Value::Null).await;
    assert_eq!((status, number(&gone, "/details/sequence")), (200, number(&changed, "/details/sequence") + 1));
    assert_eq!(seen().await.0, 404, "at once");
    let (status, again) = ask(Method::DELETE, path, Value::Null).await;
    assert_eq!((status, again), (200, json!({"details": {"resourceOwner": instance}})));
    assert_sound(&server.database).await;
}

#[tokio::test]
async fn members_of_the_instance_are_sorted_as_asked() {
    let server = TestServer::start().await;
    let mut users = Vec::new();
    for name in ["c", "a", "b"] {
        let id = format!("member-{name}");
        server.ok("/users/machine", json!({"userName": name, "name": "n", "userId": id})).await;
        let body = json!({"userId": id, "roles": ["IAM_USER_MANAGER"]});
        assert_eq!(admin(&server, &server.token, Method::POST, "/members", body).await.0, 200);
        users.push(id);
    }
    let path = format!("/members/{}", users[0]);
    assert_eq!(admin(&server, &server.token, Method::PUT, &path, json!({"roles": ["IAM_ORG_MANAGER"]})).await.0, 200);
    for (column, asc, order) in [
        ("MEMBER_FIELD_NAME_USER_ID", true, [1, 2, 0]),
        ("MEMBER_FIELD_NAME_USER_ID", false, [0, 2, 1]),
        ("MEMBER_FIELD_NAME_CREATION_DATE", true, [0, 1, 2]),
        ("MEMBER_FIELD_NAME_CHANGE_DATE", true, [1, 2, 0]),
        ("MEMBER_FIELD_NAME_UNSPECIFIED", true, [0, 1, 2]),
    ] {
        let body = json!({"sortingColumn": column, "query": {"asc": asc}});
        let (_, list) = admin(&server, &server.token, Method::POST, "/members/_search", body).await;
        let found: Vec<String> = ids(&list).into_iter().filter(|id| users.contains(id)).collect();
        let wanted: Vec<String> = order.iter().map(|at| users[*at].clone()).collect();
        assert_eq!(found, wanted, "{column} {asc}");
    }
}

#[rustfmt::skip]
#[tokio::test]
async fn wrong_members_of_the_instance_are_refused() {
    let server = TestServer::start().await;
    let (clerk, token) = server.user(&server.org().await, "clerk").await;
    let other = user(&server, "other").await;
    assert_eq!(admin(&server, &server.token, Method::POST, "/members", json!({"userId": clerk, "roles": ["IAM_OWNER_VIEWER"]})).await.0, 200);
    let none = "123456789012345678";
    for (method, path, body, expected) in [
        (Method::POST, "/members".to_owned(), json!({"userId": other, "roles": ["IAM_KING"]}), (400, 3, "INSTANCE-4m0fS")),
        (Method::POST, "/members".to_owned(), json!({"userId": other, "roles": ["SYSTEM_OWNER"]}), (400, 3, "INSTANCE-4m0fS")),
        (Method::POST, "/members".to_owned(), json!({"userId": none, "roles": ["IAM_OWNER"]}), (400, 9, "INSTA-GSXOn")),
        (Method::POST, "/members".to_owned(), json!({"userId": clerk, "roles": ["IAM_OWNER"]}), (409, 6, "INSTA-pFDwe")),
        (Method::PUT, format!("/members/{clerk}"), json!({}), (400, 3, "INSTANCE-LiaZi")),
        (Method::PUT, format!("/members/{clerk}"), json!({"roles": ["ORG_OWNER"]}), (400, 3, "INSTANCE-3m9fs")),
        (Method::PUT, format!("/members/{other}"), json!({"roles": ["IAM_OWNER"]}), (404, 5, "INSTANCE-D8JxR")),
        (Method::PUT, format!("/members/{none}"), json!({"roles": ["IAM_OWNER"]}), (404, 5, "INSTANCE-D8JxR")),
    ] {
        let answer = admin(&server, &server.token, method, &path, body.clone()).await;
        assert_eq!(told(&answer), (expected.0, expected.1, expected.2.to_owned()), "{path} {body}");
    }
    // Who may see them may not change them, itself least of all.
    let grab = json!({"roles": ["IAM_OWNER"]});
    let answer = admin(&server, &token, Method::PUT, &format!("/members/{clerk}"), grab).await;
    assert_eq!(told(&answer), (403, 7, "AUTH-5mWD2".to_owned()));
    assert_eq!(admin(&server, &token, Method::POST, "/members/_search", json!({})).await.0, 200);
}

/// There is no way into a server without an owner, so the last one stays.
#[tokio::test]
async fn the_last_active_owner_of_the_instance_stays() {
    let server = TestServer::start().await;
    let ask = |method: Method, user: String, body: Value| {
        let server = &server;
        async move { told(&admin(server, &server.token, method, &format!("/members/{user}"), body).await) }
    };
    let list = admin(&server, &server.token, Method::POST, "/members/_search", json!({})).await.1;
    let first = text(&list, "/result/0/userId");
    let refused = (400, 9, "INSTANCE-Ow1nr".to_owned());
    let less = json!({"roles": ["IAM_OWNER_VIEWER"]});
    assert_eq!(ask(Method::DELETE, first.clone(), Value::Null).await, refused);
    assert_eq!(ask(Method::PUT, first.clone(), less.clone()).await, refused);
    assert_eq!(ask(Method::PUT, first.clone(), json!({"roles": ["IAM_OWNER_VIEWER", "IAM_OWNER"]})).await.0, 200);
    for verb in ["_deactivate", "_lock"] {
        let answer = server.post(&format!("/users/{first}/{verb}"), json!({})).await;
        assert_eq!(told(&answer), refused, "{verb}");
    }
    assert_eq!(told(&server.delete(&format!("/users/{first}")).await), refused);
    let second = user(&server, "second").await;
    let body = json!({"userId": second, "roles": ["IAM_OWNER"]});
    assert_eq!(admin(&server, &server.token, Method::POST, "/members", body).await.0, 200);
    server.ok(&format!("/users/{second}/_deactivate"), json!({})).await;
    assert_eq!(ask(Method::DELETE, first.clone(), Value::Null).await, refused, "who is switched off is no way in");
    server.ok(&format!("/users/{second}/_reactivate"), json!({})).await;
    assert_eq!(ask(Method::DELETE, second.clone(), Value::Null).await.0, 200);
    assert_eq!(ask(Method::DELETE, first.clone(), Value::Null).await, refused);
    assert_eq!(ask(Method::PUT, first, less).await, refused);
}

/// Who removes the last one with its organization is refused too, and one that is on its way out is no way in.
#[tokio::test]
async fn the_last_active_owner_of_the_instance_keeps_its_organization() {
    let server = TestServer::start().await;
    let org = text(&server.ok("/orgs", json!({"name": "operators"})).await, "/id");
    let (owner, token) = server.user(&org, "operator").await;
    let list = admin(&server, &server.token, Method::POST, "/members/_search", json!({})).await.1;
    let first = text(&list, "/result/0/userId");
    let body = json!({"userId": owner, "roles": ["IAM_OWNER"]});
    assert_eq!(admin(&server, &server.token, Method::POST, "/members", body).await.0, 200);
    let as_owner = async |method: Method, org: Option<&str>, path: &str| {
        server.call_as(&token, org, method, path, Some(json!({}))).await
    };
    let home = server.org().await;
    assert_eq!(as_owner(Method::POST, Some(&home), &format!("/users/{first}/_deactivate")).await.0, 200);
    let refused = (400, 9, "INSTANCE-Ow1nr".to_owned());
    assert_eq!(told(&as_owner(Method::DELETE, Some(&org), "/orgs/me").await), refused);
    assert_eq!(as_owner(Method::GET, Some(&org), "/orgs/me").await.1["org"]["state"], "ORG_STATE_ACTIVE");
    assert_eq!(as_owner(Method::POST, Some(&home), &format!("/users/{first}/_reactivate")).await.0, 200);
    server.sql().await.run("UPDATE organizations SET state = 3 WHERE id = $1", &[&org]).await;
    assert_eq!(told(&server.delete(&format!("/users/{first}")).await), refused);
    server.sql().await.run("UPDATE organizations SET state = 1 WHERE id = $1", &[&org]).await;
    assert_eq!(as_owner(Method::DELETE, Some(&org), "/orgs/me").await.0, 200, "another one is left");
}

/// A call of the admin service that has not begun.
fn later(server: &Arc<TestServer>, method: &Method, path: &str, body: Value) -> Call {
    let (server, method, path) = (Arc::clone(server), method.clone(), path.to_owned());
    Box::pin(async move { admin(&server, &server.token, method, &path, body).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_sixteen_makes_somebody_a_member() {
    let server = Arc::new(TestServer::start().await);
    let user = user(&server, "wanted").await;
    let body = json!({"userId": user, "roles": ["ORG_OWNER"]});
    let answers = at_once((0..16).map(|_| post(&server, "/orgs/me/members", body.clone())).collect()).await;
    one_wins("members of an organization", &answers, &server.post("/orgs/me/members", body).await);
    let body = json!({"userId": user, "roles": ["IAM_OWNER"]});
    let answers = at_once((0..16).map(|_| later(&server, &Method::POST, "/members", body.clone())).collect()).await;
    let second = admin(&server, &server.token, Method::POST, "/members", body).await;
    one_wins("members of the instance", &answers, &second);
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_owners_who_end_at_once_one_is_left() {
    let server = Arc::new(TestServer::start().await);
    let list = admin(&server, &server.token, Method::POST, "/members/_search", json!({})).await.1;
    let mut owners = vec![(text(&list, "/result/0/userId"), server.token.clone())];
    let org = server.org().await;
    for n in 0..7 {
        let owner = server.user(&org, &format!("owner{n}")).await;
        let body = json!({"userId": owner.0, "roles": ["IAM_OWNER"]});
        assert_eq!(admin(&server, &server.token, Method::POST, "/members", body).await.0, 200);
        owners.push(owner);
    }
    // Each ends itself, for whoever has ended may end nobody else.
    let own = |method: Method, body: Value| {
        let server = &server;
        owners.iter().map(move |(id, token)| -> Call {
            let (server, token) = (Arc::clone(server), token.clone());
            let (method, path, body) = (method.clone(), format!("/members/{id}"), body.clone());
            Box::pin(async move { admin(&server, &token, method, &path, body).await })
        })
    };
    let less = json!({"roles": ["IAM_USER_MANAGER"]});
    let answers = at_once(own(Method::DELETE, Value::Null).chain(own(Method::PUT, less)).collect()).await;
    none_failed("owners", &answers);
    let left = "SELECT user_id FROM memberships WHERE scope = 0 AND roles = '[\"IAM_OWNER\"]'";
    assert_eq!(server.sql().await.texts(left).await.len(), 1, "{}", counted(&answers));
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_member_of_an_organization_is_left_whose_user_is_removed() {
    let server = Arc::new(TestServer::start().await);
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    for round in 0..4 {
        let mut calls = Vec::new();
        for n in 0..4 {
            let user = user(&server, &format!("u{round}-{n}")).await;
            let body = json!({"userId": user, "roles": ["ORG_OWNER"]});
            calls.push(call(&server, Some(&other), &Method::POST, "/orgs/me/members", body));
            calls.push(put(&server, &format!("/orgs/me/members/{user}"), json!({"roles": ["ORG_OWNER"]})));
            calls.push(later(&server, &Method::POST, "/members", json!({"userId": user, "roles": []})));
            calls.push(delete(&server, &format!("/users/{user}")));
        }
        let answers = at_once(calls).await;
        let fine = [(200, 0, ""), (400, 9, "ORG-GoXOn"), (400, 9, "INSTA-GSXOn"), (404, 5, "Org-D8JxR")];
        let known = |a: &Answer| fine.iter().any(|f| told(a) == (f.0, f.1, f.2.to_owned()));
        assert!(answers.iter().all(known), "{}", counted(&answers));
    }
    assert_sound(&server.database).await;
}
