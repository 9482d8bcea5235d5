//! Every error of every RPC, with its code, HTTP status and id.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestServer, text};

const NONE: &str = "123456789012345678";

/// A case: verb, path, body, HTTP status, code, id. `{p}` is a project, `{b}` a BASIC application,
/// `{j}` one with a private key JWT, `{i}` an inactive one, `{o}` an OIDC one, `{q}` an inactive
/// project, `{x}` what does not exist.
type Case = (&'static str, &'static str, Value, u16, i64, &'static str);

#[tokio::test]
async fn each_error_has_its_code_status_and_id() {
    let server = TestServer::start().await;
    let names = world(&server).await;
    let mut cases = apps();
    cases.extend(keys());
    cases.extend(projects_and_orgs());
    cases.extend(users());
    cases.extend(roles_and_members());
    cases.extend(grants());
    for (verb, path, body, status, code, id) in cases {
        let filled = names.iter().fold(path.to_owned(), |p, (name, value)| p.replace(name, value));
        let method: Method = verb.parse().expect("a verb");
        let body = (!body.is_null()).then(|| {
            let text = names.iter().fold(body.to_string(), |b, (name, value)| b.replace(name, value));
            serde_json::from_str::<Value>(&text).expect("JSON")
        });
        let (got, answer) = server.call(method, &filled, body.clone()).await;
        let what = format!("{verb} {path} {body:?}: {answer}");
        assert_eq!(got, status, "{what}");
        assert_eq!(answer["code"].as_i64(), Some(code), "{what}");
        assert_eq!(text(&answer, "/details/0/id"), id, "{what}");
        let message = text(&answer, "/message");
        if id.is_empty() {
            assert!(answer.get("details").is_none() && !message.is_empty(), "{what}");
        } else {
            assert_eq!(message, format!("{} ({id})", text(&answer, "/details/0/message")), "{what}");
            assert_eq!(text(&answer, "/details/0/@type"), "type.googleapis.com/zitadel.v1.ErrorDetail", "{what}");
        }
    }
}

async fn world(server: &TestServer) -> Vec<(&'static str, String)> {
    let project = server.project("taken").await;
    let path = format!("/projects/{project}/apps");
    let basic = text(&server.ok(&format!("{path}/api"), json!({"name": "basic"})).await, "/appId");
    let jwt = server.app(&project, "jwt").await;
    let inactive = server.app(&project, "inactive").await;
    server.ok(&format!("{path}/{inactive}/_deactivate"), json!({})).await;
    let oidc = json!({"name": "oidc", "redirectUris": ["https://example.com/cb"], "authMethodType": 2});
    let oidc = text(&server.ok(&format!("{path}/oidc"), oidc).await, "/appId");
    let stopped = server.project("stopped").await;
    server.ok(&format!("/projects/{stopped}/_deactivate"), json!({})).await;
    server.ok("/orgs", json!({"name": "Taken Org"})).await;
    let user = json!({"userName": "robot", "name": "Robot", "userId": "robot-1"});
    server.ok("/users/machine", user).await;
    server.ok("/users/machine", json!({"userName": "still", "name": "Still", "userId": "still-1"})).await;
    server.ok("/users/still-1/_deactivate", json!({})).await;
    let role = json!({"roleKey": "reader", "displayName": "Reader"});
    server.ok(&format!("/projects/{project}/roles"), role).await;
    server.project_role(&project, "robot-1", "PROJECT_OWNER").await;
    let grant = server.ok("/users/robot-1/grants", json!({"projectId": project, "roleKeys": ["reader"]})).await;
    let other = text(&server.ok("/orgs", json!({"name": "Elsewhere"})).await, "/id");
    let body = Some(json!({"name": "foreign"}));
    let (_, foreign) = server.call_as(&server.token, Some(&other), Method::POST, "/projects", body).await;
    [
        ("{p}", project),
        ("{b}", basic),
        ("{j}", jwt),
        ("{i}", inactive),
        ("{o}", oidc),
        ("{q}", stopped),
        ("{x}", NONE.to_owned()),
        ("{g}", text(&grant, "/userGrantId")),
        ("{f}", text(&foreign, "/id")),
    ]
    .into()
}

#[rustfmt::skip]
fn apps() -> Vec<Case> {
    let long = "x".repeat(201);
    vec![
        ("POST", "/projects/{x}/apps/api", json!({"name": "n"}), 400, 9, "COMMAND-EbFMN"),
        ("POST", "/projects/{p}/apps/api", json!({"name": "BASIC"}), 409, 6, "V3-DKcYh"),
        ("POST", "/projects/{p}/apps/api", json!({}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/api", json!({"name": long}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/api", json!({"name": "n", "authMethodType": 2}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/api", json!({"name": "n\u{0}"}), 400, 3, ""),
        ("POST", "/projects/%00/apps/api", json!({"name": "n"}), 400, 3, ""),
        ("POST", "/projects/%zz/apps/api", json!({"name": "n"}), 400, 3, ""),
        ("POST", "/projects/%ff/apps/api", json!({"name": "n"}), 400, 3, ""),
        ("POST", "/projects/{x}/apps/oidc", json!({"name": "n"}), 400, 9, "COMMAND-EbFMN"),
        ("POST", "/projects/{p}/apps/oidc", json!({"name": "oidc"}), 409, 6, "V3-DKcYh"),
        ("POST", "/projects/{p}/apps/oidc", json!({"name": "n", "clockSkew": "6s"}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/oidc", json!({"name": "n", "clockSkew": "-1s"}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/oidc", json!({"name": "n", "additionalOrigins": ["nowhere"]}), 400, 3, "PROJECT-1n8df"),
        ("POST", "/projects/{p}/apps/oidc", json!({"name": "n", "backChannelLogoutUri": "nowhere"}), 400, 3, "PROJECT-iZL2Ac"),
        ("POST", "/projects/{p}/apps/oidc", json!({"name": "n", "responseTypes": [1]}), 400, 3, "PROJECT-1n8df"),
        ("POST", "/projects/{p}/apps/oidc", json!({"name": "n", "grantTypes": [2]}), 400, 3, "PROJECT-1n8df"),
        ("POST", "/projects/{p}/apps/oidc", json!({"name": "n", "responseTypes": [0, 2]}), 400, 3, "PROJECT-1n8df"),
        ("POST", "/projects/{p}/apps/oidc", json!({"name": "n", "appType": 99}), 400, 3, ""),
        ("PUT", "/projects/{p}/apps/{x}", json!({"name": "n"}), 404, 5, "COMMAND-28di9"),
        ("PUT", "/projects/{x}/apps/{j}", json!({"name": "n"}), 404, 5, "COMMAND-28di9"),
        ("PUT", "/projects/{p}/apps/{j}", json!({"name": "jwt"}), 400, 9, "COMMAND-2m8vx"),
        ("PUT", "/projects/{p}/apps/{j}", json!({"name": "Basic"}), 409, 6, "V3-DKcYh"),
        ("PUT", "/projects/{p}/apps/{j}", json!({"name": ""}), 400, 3, ""),
        ("PUT", "/projects/{p}/apps/{x}/api_config", json!({}), 404, 5, "COMMAND-2n8uU"),
        ("PUT", "/projects/{p}/apps/{o}/api_config", json!({}), 400, 3, "COMMAND-Gnwt3"),
        ("PUT", "/projects/{p}/apps/{b}/api_config", json!({}), 400, 9, "COMMAND-1m88i"),
        ("PUT", "/projects/{p}/apps/{b}/api_config", json!({"authMethodType": "X"}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/{x}/api_config/_generate_client_secret", json!({}), 404, 5, "COMMAND-2g66f"),
        ("POST", "/projects/{p}/apps/{o}/api_config/_generate_client_secret", json!({}), 400, 3, "COMMAND-aeH4"),
        ("POST", "/projects/{p}/apps/{x}/_deactivate", json!({}), 404, 5, "COMMAND-ov9d3"),
        ("POST", "/projects/{p}/apps/{i}/_deactivate", json!({}), 400, 9, "COMMAND-dsh35"),
        ("POST", "/projects/{p}/apps/{x}/_reactivate", json!({}), 404, 5, "COMMAND-ov9d3"),
        ("POST", "/projects/{p}/apps/{j}/_reactivate", json!({}), 400, 9, "COMMAND-1n8cM"),
        ("DELETE", "/projects/{p}/apps/{x}", Value::Null, 404, 5, "COMMAND-0po9s"),
        ("DELETE", "/projects/{q}/apps/{j}", Value::Null, 404, 5, "COMMAND-0po9s"),
        ("GET", "/projects/{p}/apps/{x}", Value::Null, 404, 5, "QUERY-pCP8P"),
        ("GET", "/projects/{q}/apps/{j}", Value::Null, 404, 5, "QUERY-pCP8P"),
        ("POST", "/projects/{p}/apps/_search", json!({"queries": [{}]}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/_search", json!({"queries": [{"nameQuery": {"method": 99}}]}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/_search", json!({"query": {"limit": "x"}}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/{j}/changes/_search", json!({"query": {"sequence": -1}}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/{j}/changes/_search?query.limit=x", Value::Null, 400, 3, ""),
        ("POST", "/projects/{p}/apps/{j}/changes/_search?query.limit=1&query.limit=2", Value::Null, 400, 3, ""),
    ]
}

#[rustfmt::skip]
fn keys() -> Vec<Case> {
    vec![
        ("POST", "/projects/{p}/apps/{x}/keys", json!({"type": 1}), 400, 9, "COMMAND-sak25"),
        ("POST", "/projects/{q}/apps/{j}/keys", json!({"type": 1}), 400, 9, "COMMAND-sak25"),
        ("POST", "/projects/{p}/apps/{b}/keys", json!({"type": 1}), 400, 9, "COMMAND-Dff54"),
        ("POST", "/projects/{p}/apps/{o}/keys", json!({"type": 1}), 400, 9, "COMMAND-Dff54"),
        ("POST", "/projects/{p}/apps/{j}/keys", json!({"type": 1, "expirationDate": "2020-01-01T00:00:00Z"}), 400, 3, "DOMAIN-dv3t5"),
        ("POST", "/projects/{p}/apps/{j}/keys", json!({"type": 1, "expirationDate": "soon"}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/{j}/keys", json!({}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/{j}/keys", json!({"type": 2}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/{j}/keys", json!({"type": "KEY_TYPE_XML"}), 400, 3, ""),
        ("GET", "/projects/{p}/apps/{j}/keys/{x}", Value::Null, 404, 5, "QUERY-Dgr3g"),
        ("GET", "/projects/{x}/apps/{j}/keys/{x}", Value::Null, 404, 5, "QUERY-Dgr3g"),
        ("POST", "/projects/{p}/apps/{j}/keys/_search", json!({"query": {"limit": -1}}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/{j}/keys/_search", json!({"query": []}), 400, 3, ""),
        ("DELETE", "/projects/{p}/apps/{j}/keys/{x}", Value::Null, 404, 5, "COMMAND-4m77G"),
        ("DELETE", "/projects/{x}/apps/{j}/keys/{x}", Value::Null, 404, 5, "COMMAND-4m77G"),
    ]
}

#[rustfmt::skip]
fn projects_and_orgs() -> Vec<Case> {
    vec![
        ("POST", "/projects", json!({}), 400, 3, ""),
        ("POST", "/projects", json!({"name": "TAKEN"}), 409, 6, "V3-DKcYh"),
        ("POST", "/projects", json!({"name": "n", "privateLabelingSetting": 9}), 400, 3, ""),
        ("POST", "/projects", json!([]), 400, 3, ""),
        ("GET", "/projects/{x}", Value::Null, 404, 5, "QUERY-fk2fs"),
        ("POST", "/projects/_search", json!({"queries": [{}]}), 400, 3, ""),
        ("PUT", "/projects/{x}", json!({"name": "n"}), 404, 5, "COMMAND-3M9sd"),
        ("PUT", "/projects/{q}", json!({"name": "taken"}), 409, 6, "V3-DKcYh"),
        ("PUT", "/projects/{q}", json!({}), 400, 3, ""),
        ("POST", "/projects/{x}/_deactivate", json!({}), 404, 5, "COMMAND-112M9"),
        ("POST", "/projects/{q}/_deactivate", json!({}), 400, 9, "COMMAND-mki55"),
        ("POST", "/projects/{x}/_reactivate", json!({}), 404, 5, "COMMAND-3M9sd"),
        ("POST", "/projects/{p}/_reactivate", json!({}), 400, 9, "COMMAND-5M9bs"),
        ("DELETE", "/projects/{x}", Value::Null, 404, 5, "COMMAND-3M9sd"),
        ("POST", "/orgs", json!({"name": "   "}), 400, 3, "EVENT-Mf9sd"),
        ("POST", "/orgs", json!({"name": "!?"}), 400, 3, "ORG-RrfXY"),
        ("POST", "/orgs", json!({"name": "taken org"}), 409, 6, "V3-DKcYh"),
        ("POST", "/orgs", json!({}), 400, 3, ""),
        ("GET", "/nowhere", Value::Null, 404, 5, ""),
        ("PATCH", "/projects/{p}", json!({}), 405, 12, ""),
    ]
}

#[rustfmt::skip]
fn users() -> Vec<Case> {
    let long = "x".repeat(501);
    vec![
        ("POST", "/users/machine", json!({"userName": "ROBOT", "name": "n"}), 409, 6, "V3-DKcYh"),
        ("POST", "/users/machine", json!({"userName": "n", "name": "n", "userId": "robot-1"}), 400, 9, "COMMAND-k2una"),
        ("POST", "/users/machine", json!({"userName": "n"}), 400, 3, ""),
        ("POST", "/users/machine", json!({"name": "n"}), 400, 3, ""),
        ("POST", "/users/machine", json!({"userName": "n", "name": "n", "userId": ""}), 400, 3, ""),
        ("POST", "/users/machine", json!({"userName": "n", "name": "n", "description": long}), 400, 3, ""),
        ("POST", "/users/machine", json!({"userName": "n", "name": "n", "accessTokenType": 7}), 400, 3, ""),
        ("PUT", "/users/{x}/machine", json!({"name": "n"}), 404, 5, "COMMAND-5M0od"),
        ("PUT", "/users/robot-1/machine", json!({"name": "Robot"}), 400, 9, "COMMAND-2n8vs"),
        ("PUT", "/users/robot-1/machine", json!({}), 400, 3, ""),
        ("PUT", "/users/robot-1/username", json!({"userName": "  "}), 400, 3, "COMMAND-2N9fs"),
        ("PUT", "/users/{x}/username", json!({"userName": "n"}), 404, 5, "COMMAND-5N9ds"),
        ("PUT", "/users/robot-1/username", json!({"userName": " robot "}), 400, 9, "COMMAND-6m9gs"),
        ("PUT", "/users/robot-1/username", json!({"userName": "Still"}), 409, 6, "V3-DKcYh"),
        ("GET", "/users/{x}", Value::Null, 404, 5, "QUERY-Dfbg2"),
        ("POST", "/users/_search", json!({"queries": [{}]}), 400, 3, ""),
        ("POST", "/users/_search", json!({"queries": [{"typeQuery": {"type": 9}}]}), 400, 3, ""),
        ("POST", "/users/_search", json!({"queries": [nested(21)]}), 400, 3, "USER-zsQ97"),
        ("POST", "/users/_search", json!({"queries": vec![json!({"userNameQuery": {}}); 101]}), 400, 3, ""),
        ("POST", "/users/_search", json!({"queries": [{"inUserIdsQuery": {"userIds": vec!["1"; 1001]}}]}), 400, 3, ""),
        ("POST", "/projects/_search", json!({"queries": vec![json!({"nameQuery": {}}); 101]}), 400, 3, ""),
        ("POST", "/projects/{p}/apps/_search", json!({"queries": vec![json!({"nameQuery": {}}); 101]}), 400, 3, ""),
        ("POST", "/users/{x}/_deactivate", json!({}), 404, 5, "COMMAND-3M9ds"),
        ("POST", "/users/still-1/_deactivate", json!({}), 400, 9, "COMMAND-5M0sf"),
        ("POST", "/users/{x}/_reactivate", json!({}), 404, 5, "COMMAND-4M0sd"),
        ("POST", "/users/robot-1/_reactivate", json!({}), 400, 9, "COMMAND-6M0sf"),
        ("POST", "/users/{x}/_lock", json!({}), 404, 5, "COMMAND-5M9fs"),
        ("POST", "/users/still-1/_lock", json!({}), 400, 9, "COMMAND-3NN8v"),
        ("POST", "/users/{x}/_unlock", json!({}), 404, 5, "COMMAND-M0dos"),
        ("POST", "/users/robot-1/_unlock", json!({}), 400, 9, "COMMAND-4M0ds"),
        ("DELETE", "/users/{x}", Value::Null, 404, 5, "COMMAND-m9od"),
        ("PUT", "/users/{x}/secret", json!({}), 404, 5, "QUERY-Dfbg2"),
        ("DELETE", "/users/{x}/secret", Value::Null, 400, 9, "COMMAND-x7s802"),
        ("DELETE", "/users/robot-1/secret", Value::Null, 400, 9, "COMMAND-coi82n"),
        ("POST", "/users/{x}/keys", json!({"type": 1}), 400, 9, "COMMAND-bnipwm1"),
        ("POST", "/users/robot-1/keys", json!({}), 400, 3, ""),
        ("POST", "/users/robot-1/keys", json!({"type": 1, "publicKey": "bm9uc2Vuc2U="}), 400, 3, "COMMAND-5F3h1"),
        ("POST", "/users/robot-1/keys", json!({"type": 1, "expirationDate": "2020-01-01T00:00:00Z"}), 400, 3, "DOMAIN-dv3t5"),
        ("GET", "/users/robot-1/keys/{x}", Value::Null, 404, 5, "QUERY-Dgr3g"),
        ("DELETE", "/users/robot-1/keys/{x}", Value::Null, 404, 5, "COMMAND-4m77G"),
        ("DELETE", "/users/{x}/keys/{x}", Value::Null, 404, 5, "COMMAND-4m77G"),
        ("POST", "/users/{x}/pats", json!({}), 400, 9, "COMMAND-Dggw2"),
        ("POST", "/users/robot-1/pats", json!({"expirationDate": "2020-01-01T00:00:00Z"}), 400, 3, "DOMAIN-dv3t5"),
        ("GET", "/users/robot-1/pats/{x}", Value::Null, 404, 5, "QUERY-fRunu"),
        ("DELETE", "/users/robot-1/pats/{x}", Value::Null, 404, 5, "COMMAND-4m77G"),
    ]
}

#[rustfmt::skip]
fn roles_and_members() -> Vec<Case> {
    vec![
        ("POST", "/projects/{x}/roles", json!({"roleKey": "k", "displayName": "n"}), 400, 9, "COMMAND-EbFMN"),
        ("POST", "/projects/{p}/roles", json!({"roleKey": "READER", "displayName": "n"}), 409, 6, "V3-DKcYh"),
        ("POST", "/projects/{p}/roles", json!({"roleKey": "k"}), 400, 3, ""),
        ("POST", "/projects/{p}/roles", json!({"displayName": "n"}), 400, 3, ""),
        ("POST", "/projects/{p}/roles/_bulk", json!({}), 400, 3, ""),
        ("POST", "/projects/{p}/roles/_bulk", json!({"roles": vec![json!({"key": "k", "displayName": "n"}); 1001]}), 400, 3, ""),
        ("POST", "/projects/{p}/roles/_bulk", json!({"roles": [{"key": "k"}]}), 400, 3, ""),
        ("POST", "/projects/{p}/roles/_bulk", json!({"roles": vec![json!({"key": "k", "displayName": "n"}); 2]}), 409, 6, "V3-DKcYh"),
        ("POST", "/projects/{x}/roles/_bulk", json!({"roles": [{"key": "k", "displayName": "n"}]}), 400, 9, "COMMAND-EbFMN"),
        ("PUT", "/projects/{x}/roles/reader", json!({"displayName": "n"}), 400, 9, "COMMAND-EbFMN"),
        ("PUT", "/projects/{p}/roles/writer", json!({"displayName": "n"}), 404, 5, "COMMAND-vv8M9"),
        ("PUT", "/projects/{p}/roles/reader", json!({}), 400, 3, ""),
        ("POST", "/projects/{p}/roles/_search", json!({"queries": [{}]}), 400, 3, ""),
        ("POST", "/projects/{p}/roles/_search", json!({"queries": vec![json!({"keyQuery": {}}); 101]}), 400, 3, ""),
        ("POST", "/projects/{p}/members", json!({"userId": "robot-1"}), 400, 3, "PROJECT-W8m4l"),
        ("POST", "/projects/{p}/members", json!({"userId": "robot-1", "roles": ["ORG_OWNER"]}), 400, 3, "PROJECT-3m9ds"),
        ("POST", "/projects/{p}/members", json!({"userId": "robot-1", "roles": ["PROJECT_KING"]}), 400, 3, "PROJECT-3m9ds"),
        ("POST", "/projects/{x}/members", json!({"userId": "{x}", "roles": ["PROJECT_OWNER"]}), 400, 9, "COMMAND-uXHNj"),
        ("POST", "/projects/{x}/members", json!({"userId": "robot-1", "roles": ["PROJECT_OWNER"]}), 400, 9, "COMMAND-EbFMN"),
        ("POST", "/projects/{p}/members", json!({"userId": "robot-1", "roles": ["PROJECT_OWNER"]}), 409, 6, "PROJECT-PtXi1"),
        ("PUT", "/projects/{p}/members/robot-1", json!({}), 400, 3, "PROJECT-LiaZi"),
        ("PUT", "/projects/{p}/members/robot-1", json!({"roles": ["IAM_OWNER"]}), 400, 3, "PROJECT-3m9d"),
        ("PUT", "/projects/{p}/members/still-1", json!({"roles": ["PROJECT_OWNER"]}), 404, 5, "PROJECT-D8JxR"),
        ("POST", "/projects/{p}/members/_search", json!({"queries": [{}]}), 400, 3, ""),
        ("POST", "/projects/{p}/members/_search", json!({"queries": vec![json!({"emailQuery": {}}); 101]}), 400, 3, ""),
    ]
}

#[rustfmt::skip]
fn grants() -> Vec<Case> {
    vec![
        ("POST", "/users/{x}/grants", json!({"projectId": "{p}"}), 400, 9, "COMMAND-4f8sg"),
        ("POST", "/users/robot-1/grants", json!({"projectId": "{x}"}), 400, 9, "COMMAND-3n77S"),
        ("POST", "/users/robot-1/grants", json!({"projectId": "{f}"}), 400, 9, "COMMAND-4m9ff"),
        ("POST", "/users/still-1/grants", json!({"projectId": "{p}", "projectGrantId": "1"}), 400, 9, "COMMAND-4m9ff"),
        ("POST", "/users/robot-1/grants", json!({"projectId": "{p}", "roleKeys": ["writer"]}), 400, 9, "COMMAND-mm9F4"),
        ("POST", "/users/robot-1/grants", json!({"projectId": "{p}", "roleKeys": ["a\u{0}"]}), 400, 3, ""),
        ("POST", "/users/robot-1/grants", json!({"projectId": "{p}", "roleKeys": ["reader", "reader"]}), 400, 3, ""),
        ("POST", "/users/robot-1/grants", json!({"projectId": "{p}"}), 409, 6, "V3-DKcYh"),
        ("POST", "/users/robot-1/grants", json!({}), 400, 3, ""),
        ("GET", "/users/robot-1/grants/{x}", Value::Null, 404, 5, "QUERY-wIPkA"),
        ("POST", "/users/grants/_search", json!({"queries": [{}]}), 400, 3, ""),
        ("POST", "/users/grants/_search", json!({"queries": vec![json!({"orgNameQuery": {}}); 101]}), 400, 3, ""),
        ("PUT", "/users/robot-1/grants/{x}", json!({}), 404, 5, "COMMAND-3M9sd"),
        ("PUT", "/users/robot-1/grants/{g}", json!({"roleKeys": ["reader"]}), 400, 9, "COMMAND-Rs8fy"),
        ("PUT", "/users/robot-1/grants/{g}", json!({"roleKeys": ["writer"]}), 400, 9, "COMMAND-mm9F4"),
        ("POST", "/users/robot-1/grants/{x}/_deactivate", json!({}), 404, 5, "COMMAND-3M9sd"),
        ("POST", "/users/robot-1/grants/{x}/_reactivate", json!({}), 404, 5, "COMMAND-Lp0gs"),
        ("DELETE", "/users/robot-1/grants/{x}", Value::Null, 404, 5, "COMMAND-1My0t"),
    ]
}

/// A filter of users inside so many negations.
fn nested(depth: usize) -> Value {
    (1..depth).fold(json!({"userNameQuery": {"userName": "x"}}), |inner, _| json!({"notQuery": {"query": inner}}))
}

#[tokio::test]
async fn a_taken_domain_is_told_apart_from_a_taken_name() {
    let server = TestServer::start().await;
    server.ok("/orgs", json!({"name": "Same Domain"})).await;
    let (status, answer) = server.post("/orgs", json!({"name": "Same-Domain"})).await;
    assert_eq!((status, text(&answer, "/details/0/message").as_str()), (409, "Domain already exists"));
    let (_, answer) = server.post("/orgs", json!({"name": "same domain"})).await;
    assert_eq!(text(&answer, "/details/0/message"), "Organisation's name or id already taken");
}

#[tokio::test]
async fn names_are_free_again_after_removal_and_renaming() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let path = format!("/projects/{project}/apps/{app}");
    assert_eq!(server.put(&path, json!({"name": "b"})).await.0, 200);
    server.app(&project, "A").await;
    assert_eq!(server.delete(&path).await.0, 200);
    server.app(&project, "b").await;
    assert_eq!(server.delete(&format!("/projects/{project}")).await.0, 200);
    server.project("P").await;
}

#[tokio::test]
async fn an_unchanged_project_is_answered_without_an_event() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let path = format!("/projects/{project}");
    let (_, first) = server.put(&path, json!({"name": "p", "projectRoleCheck": true})).await;
    let (status, second) = server.put(&path, json!({"name": "p", "projectRoleCheck": true})).await;
    assert_eq!((status, &second), (200, &first));
    let (_, read) = server.get(&path).await;
    assert_eq!(read["project"]["details"], first["details"]);
    assert_eq!(read["project"]["projectRoleCheck"], true);
    assert_eq!(read["project"].get("hasProjectCheck"), None, "false is left out");
}
