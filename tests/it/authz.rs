//! Every RPC of the contract, without a token, with bad ones, and with too few rights. The list is
//! that of the contract: an RPC that is added there is tested here.

use claviger::clock::FixedClock;
use claviger::proto::{Permission, Rest, Rpc, rpcs};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Options, TestServer, text};

/// A role that gives nothing of this contract.
const POWERLESS: &str = "ORG_USER_SELF_MANAGER";

fn with_token(rpc: &Rpc) -> bool {
    rpc.permission != Permission::Public
}

/// The path of a route with `id` for each of its parameters.
fn path(route: &Rest, id: &str) -> String {
    route.path.split('/').map(|s| if s.starts_with('{') { id } else { s }).collect::<Vec<_>>().join("/")
}

async fn rest(server: &TestServer, route: &Rest, id: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let method: Method = route.verb.parse().expect("a verb");
    let mut request = server.http.request(method, server.url(&path(route, id)));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

/// The same over Connect, whose answers carry code and details as JSON.
async fn connect(server: &TestServer, rpc: &Rpc, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = server.http.post(server.url(&format!("/{}", rpc.full))).json(&json!({}));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn no_rpc_answers_without_a_good_token() {
    let server = TestServer::start().await;
    let unknown =
        format!("Bearer {}", *claviger::crypto::secrets::personal_access_token(&claviger::env::Random::system()));
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[], ""),
        (&[("authorization", "")], ""),
        (&[("authorization", "Basic dTpw")], "AUTH-toLo1"),
        (&[("authorization", "Bearer x")], "AUTH-7fs1e"),
        (&[("authorization", &unknown)], "AUTH-7fs1e"),
    ];
    for rpc in rpcs::ALL.iter().filter(|rpc| with_token(rpc)) {
        for (headers, id) in cases {
            if let Some(route) = &rpc.rest {
                let (status, answer) = rest(&server, route, "1", headers).await;
                assert_eq!((status, text(&answer, "/details/0/id")), (401, id.to_owned()), "{} {headers:?}", rpc.full);
                assert_eq!(answer["code"], 16);
            }
            let (status, answer) = connect(&server, rpc, headers).await;
            assert_eq!((status, text(&answer, "/code")), (401, "unauthenticated".to_owned()), "{}", rpc.full);
        }
    }
}

#[tokio::test]
async fn public_rpcs_need_no_token() {
    let server = TestServer::start().await;
    for rpc in rpcs::ALL.iter().filter(|rpc| !with_token(rpc)) {
        if let Some(route) = &rpc.rest {
            assert_eq!(rest(&server, route, "1", &[]).await.0, route.success, "{}", rpc.full);
        }
        assert_eq!(connect(&server, rpc, &[]).await.0, 200, "{}", rpc.full);
    }
}

#[tokio::test]
async fn every_rpc_refuses_strangers_and_callers_without_the_permission() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (_, stranger) = server.user(&org, "stranger").await;
    let (weak_id, weak) = server.user(&org, "weak").await;
    server.org_role(&org, &weak_id, POWERLESS).await;
    let (stranger, weak) = (format!("Bearer {stranger}"), format!("Bearer {weak}"));
    for rpc in rpcs::ALL.iter().filter(|rpc| matches!(rpc.permission, Permission::Named(_))) {
        for (token, org, expected) in [
            (&stranger, "", (404, "AUTHZ-cdgFk")),
            (&weak, "", (403, "AUTH-5mWD2")),
            (&weak, other.as_str(), (404, "AUTHZ-cdgFk")),
            (&weak, "123456789012345678", (403, "AUTH-Bs7Ds")),
            (&weak, "a\u{fc}", (403, "AUTH-Bs7Ds")),
        ] {
            let headers = [("authorization", token.as_str()), ("x-zitadel-orgid", org)];
            if let Some(route) = &rpc.rest {
                let (status, answer) = rest(&server, route, "1", &headers).await;
                let id = text(&answer, "/details/0/id");
                assert_eq!((status, id.as_str()), expected, "REST {} org {org}: {answer}", rpc.full);
            }
            let (status, answer) = connect(&server, rpc, &headers).await;
            assert_eq!(status, expected.0, "Connect {} org {org}: {answer}", rpc.full);
        }
    }
}

/// What compares the project only once it knows more of it: tests/it/project_grants.rs asks for that.
const ADDS: [&str; 1] = ["AddProjectGrant"];

#[tokio::test]
async fn roles_of_a_project_hold_for_that_project_only() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (mine, theirs) = (server.project("mine").await, server.project("theirs").await);
    let (user, token) = server.user(&org, "owner").await;
    server.project_role(&mine, &user, "PROJECT_OWNER").await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let limited = |rpc: &&&Rpc| matches!(rpc.permission, Permission::Named(p) if p.starts_with("project."));
    let mut checked = 0;
    for rpc in rpcs::ALL.iter().filter(limited) {
        let about_it =
            |path: &str| path.contains("/projects/{") && !path.contains("/grants/{") && !ADDS.contains(&rpc.name);
        let Some(route) = rpc.rest.as_ref().filter(|route| about_it(route.path)) else { continue };
        let foreign = path(route, "1").replacen("/projects/1", &format!("/projects/{theirs}"), 1);
        let answer = server.http.request(route.verb.parse().expect("a verb"), server.url(&foreign));
        let answer = answer.header(headers[0].0, headers[0].1).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!((status, text(&answer, "/details/0/id").as_str()), (403, "AUTH-3jknH"), "{}", rpc.full);
        checked += 1;
    }
    assert!(checked > 15, "the filter above finds the RPCs of projects");
    let (status, answer) = server.call_as(&token, None, Method::GET, &format!("/projects/{mine}"), None).await;
    assert_eq!(status, 200, "{answer}");
    let (_, list) = server.call_as(&token, None, Method::POST, "/projects/_search", Some(json!({}))).await;
    assert_eq!(list["result"].as_array().map(Vec::len), Some(1), "only its own project: {list}");
    assert_eq!(text(&list, "/result/0/id"), mine);
}

#[tokio::test]
async fn organization_owners_may_remove_applications() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let (user, token) = server.user(&org, "owner").await;
    server.org_role(&org, &user, "ORG_OWNER").await;
    let path = format!("/projects/{project}/apps/{app}");
    let (status, answer) = server.call_as(&token, None, Method::DELETE, &path, None).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn project_creators_see_no_project() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let project = server.project("p").await;
    let (user, token) = server.user(&org, "creator").await;
    server.org_role(&org, &user, "ORG_PROJECT_CREATOR").await;
    let (status, answer) = server.call_as(&token, None, Method::GET, &format!("/projects/{project}"), None).await;
    assert_eq!((status, text(&answer, "/details/0/id").as_str()), (403, "AUTH-3jknH"));
    let (status, list) = server.call_as(&token, None, Method::POST, "/projects/_search", Some(json!({}))).await;
    assert_eq!((status, list.get("result")), (200, None), "{list}");
    let (status, _) = server.call_as(&token, None, Method::POST, "/projects", Some(json!({"name": "new"}))).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn expired_tokens_and_inactive_users_are_refused() {
    let clock = FixedClock::new(1_800_000_000_000_000);
    let server = TestServer::with(Options { clock: Some(clock.clone()), ..Options::default() }).await;
    let org = server.org().await;
    let (user, _) = server.user(&org, "u").await;
    server.org_role(&org, &user, "ORG_OWNER").await;
    let body = json!({"expirationDate": "2027-01-15T08:00:10Z"});
    let token = text(&server.ok(&format!("/users/{user}/pats"), body).await, "/token");
    let me = || server.call_as(&token, None, Method::GET, "/orgs/me", None);
    assert_eq!(me().await.0, 200);
    server.ok(&format!("/users/{user}/_deactivate"), json!({})).await;
    assert_eq!(text(&me().await.1, "/details/0/id"), "AUTH-7fs1e");
    server.ok(&format!("/users/{user}/_reactivate"), json!({})).await;
    assert_eq!(me().await.0, 200);
    clock.advance(10_000_000);
    assert_eq!(text(&me().await.1, "/details/0/id"), "AUTH-7fs1e");
}

#[tokio::test]
async fn objects_of_another_organization_answer_as_missing_ones() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let key = text(&server.key(&project, &app).await, "/id");
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let missing = "123456789012345678";
    let reads = [
        (Method::GET, format!("/projects/{project}"), format!("/projects/{missing}")),
        (Method::GET, format!("/projects/{project}/apps/{app}"), format!("/projects/{project}/apps/{missing}")),
        (
            Method::GET,
            format!("/projects/{project}/apps/{app}/keys/{key}"),
            format!("/projects/{project}/apps/{app}/keys/{missing}"),
        ),
        (Method::DELETE, format!("/projects/{project}"), format!("/projects/{missing}")),
        (Method::DELETE, format!("/projects/{project}/apps/{app}"), format!("/projects/{project}/apps/{missing}")),
        (
            Method::DELETE,
            format!("/projects/{project}/apps/{app}/keys/{key}"),
            format!("/projects/{project}/apps/{app}/keys/{missing}"),
        ),
        (Method::POST, format!("/projects/{project}/_deactivate"), format!("/projects/{missing}/_deactivate")),
        (
            Method::POST,
            format!("/projects/{project}/apps/{app}/_deactivate"),
            format!("/projects/{project}/apps/{missing}/_deactivate"),
        ),
    ];
    for (method, theirs, nowhere) in reads {
        let foreign = server.call_as(&server.token, Some(&other), method.clone(), &theirs, None).await;
        let absent = server.call(method, &nowhere, None).await;
        assert_eq!(foreign, absent, "{theirs}");
        assert!(foreign.0 == 404, "{foreign:?}");
    }
}
