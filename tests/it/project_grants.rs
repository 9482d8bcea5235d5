//! Project grants: what one organization gives another one of its projects, and what follows.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::oauth::aud;
use crate::support::race::{Answer, told};
use crate::support::sound::assert_sound;
use crate::support::{TestServer, number, text};

const NONE: &str = "123456789012345678";

/// A project of the first organization with three roles, another organization with a user, and a third one.
pub struct World {
    pub server: Arc<TestServer>,
    pub own: String,
    pub project: String,
    /// The organization that gets grants.
    pub buyer: String,
    /// A user there, with a token.
    pub user: String,
    pub token: String,
    pub third: String,
}

pub async fn world() -> World {
    let server = Arc::new(TestServer::start().await);
    let own = server.org().await;
    let project = server.project("shop").await;
    let roles = ["reader", "writer", "admin"].map(|key| json!({"key": key, "displayName": key, "group": "g"}));
    server.ok(&format!("/projects/{project}/roles/_bulk"), json!({"roles": roles})).await;
    let buyer = text(&server.ok("/orgs", json!({"name": "Buyer"})).await, "/id");
    let third = text(&server.ok("/orgs", json!({"name": "Third"})).await, "/id");
    let (user, token) = server.user(&buyer, "bot").await;
    World { server, own, project, buyer, user, token, third }
}

impl World {
    /// A call as the first user, in another organization.
    pub async fn at(&self, org: &str, method: Method, path: &str, body: Value) -> Answer {
        self.server.call_as(&self.server.token, Some(org), method, path, Some(body)).await
    }

    /// Grants the project to the buyer; the id of the grant.
    pub async fn grant(&self, roles: &[&str]) -> String {
        let body = json!({"grantedOrgId": self.buyer, "roleKeys": roles});
        text(&self.server.ok(&format!("/projects/{}/grants", self.project), body).await, "/grantId")
    }

    pub fn path(&self, grant: &str) -> String {
        format!("/projects/{}/grants/{grant}", self.project)
    }

    async fn read(&self, grant: &str) -> Value {
        self.server.get(&self.path(grant)).await.1["projectGrant"].clone()
    }

    /// A user grant of the buyer, through its project grant.
    pub async fn user_grant(&self, user: &str, body: Value) -> Answer {
        let mut whole = json!({"projectId": self.project});
        whole.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
        self.at(&self.buyer, Method::POST, &format!("/users/{user}/grants"), whole).await
    }

    /// Ids of the grants that a list gives.
    async fn found(&self, org: &str, path: &str, body: Value) -> Vec<String> {
        let (status, list) = self.at(org, Method::POST, path, body).await;
        assert_eq!(status, 200, "{path}: {list}");
        let rows = list["result"].as_array().cloned().unwrap_or_default();
        assert_eq!(number(&list, "/details/totalResult"), rows.len() as u64);
        rows.iter().map(|row| text(row, "/grantId")).collect()
    }

    async fn keys(&self, user_grant: &str) -> Value {
        let path = format!("/users/{}/grants/{user_grant}", self.user);
        self.at(&self.buyer, Method::GET, &path, json!({})).await.1["userGrant"]["roleKeys"].clone()
    }
}

fn refused(answer: &Answer, status: u16, code: i64, id: &str) {
    assert_eq!(told(answer), (status, code, id.to_owned()), "{}", answer.1);
}

#[tokio::test]
async fn a_project_grant_lives_from_creation_to_removal() {
    let w = world().await;
    let body = json!({"grantedOrgId": w.buyer, "roleKeys": ["writer", "reader"]});
    let made = w.server.ok(&format!("/projects/{}/grants", w.project), body).await;
    let (id, first) = (text(&made, "/grantId"), number(&made, "/details/sequence"));
    assert_eq!((first, text(&made, "/details/resourceOwner")), (5, w.own.clone()), "after the project and its roles");
    let grant = w.read(&id).await;
    assert_eq!(grant["grantedRoleKeys"], json!(["writer", "reader"]), "in the order given");
    for (member, value) in [
        ("/grantId", &id),
        ("/grantedOrgId", &w.buyer),
        ("/projectId", &w.project),
        ("/projectOwnerId", &w.own),
        ("/details/resourceOwner", &w.own),
    ] {
        assert_eq!(text(&grant, member), *value, "{member}");
    }
    assert_eq!(
        (text(&grant, "/grantedOrgName"), text(&grant, "/projectName"), text(&grant, "/projectOwnerName")),
        ("Buyer".into(), "shop".into(), "ZITADEL".into())
    );
    let path = w.path(&id);
    for (keys, sequence) in [(json!(["writer", "reader"]), first), (json!(["reader", "writer"]), first + 1)] {
        let (status, answer) = w.server.put(&path, json!({"roleKeys": keys})).await;
        assert_eq!((status, number(&answer, "/details/sequence")), (200, sequence), "{keys}");
    }
    for (verb, state, sequence) in [
        ("_reactivate", "ACTIVE", first + 1),
        ("_deactivate", "INACTIVE", first + 2),
        ("_deactivate", "INACTIVE", first + 2),
        ("_reactivate", "ACTIVE", first + 3),
    ] {
        let answer = w.server.ok(&format!("{path}/{verb}"), json!({})).await;
        assert_eq!(number(&answer, "/details/sequence"), sequence, "{verb}");
        assert_eq!(text(&w.read(&id).await, "/state"), format!("PROJECT_GRANT_STATE_{state}"));
    }
    let changes = w.server.ok(&format!("{path}/changes/_search"), json!({})).await;
    let kinds: Vec<String> =
        changes["result"].as_array().expect("changes").iter().map(|c| text(c, "/eventType/key")).collect();
    assert_eq!(
        kinds,
        ["reactivated", "deactivated", "changed", "added"].map(|k| format!("EventTypes.project.grant.{k}"))
    );
    assert_eq!(text(&changes, "/result/0/eventType/localizedMessage"), "Management access reactivated");
    let (status, gone) = w.server.delete(&path).await;
    assert_eq!((status, number(&gone, "/details/sequence")), (200, first + 4));
    refused(&w.server.delete(&path).await, 404, 5, "PROJECT-D8JxR");
    refused(&w.server.get(&path).await, 404, 5, "QUERY-n98GGs");
    assert_ne!(w.grant(&[]).await, id, "free to be granted again");
    assert_sound(&w.server.database).await;
}

#[rustfmt::skip]
#[tokio::test]
async fn wrong_project_grants_are_refused() {
    let w = world().await;
    let id = w.grant(&["reader"]).await;
    let grants = format!("/projects/{}/grants", w.project);
    let own = w.own.as_str();
    for (path, org, roles, expected) in [
        (format!("/projects/{NONE}/grants"), w.third.as_str(), json!(["x"]), (400, 9, "COMMAND-m9gsd")),
        (format!("/projects/{NONE}/grants"), NONE, json!([]), (400, 9, "COMMAND-m9gsd")),
        (grants.clone(), NONE, json!(["x"]), (400, 9, "COMMAND-3m9gg")),
        (grants.clone(), w.third.as_str(), json!(["reader", "x"]), (400, 9, "COMMAND-6m9gd")),
        (grants.clone(), own, json!(["reader"]), (400, 9, "PROJECT-ckUpbvboAH")),
        (grants.clone(), w.buyer.as_str(), json!(["admin"]), (409, 6, "V3-DKcYh")),
        (grants.clone(), w.third.as_str(), json!(["reader", "reader"]), (400, 3, "")),
        (grants.clone(), "", json!([]), (400, 3, "")),
        (grants.clone(), w.third.as_str(), json!(vec!["x"; 1001]), (400, 3, "")),
    ] {
        refused(&w.server.post(&path, json!({"grantedOrgId": org, "roleKeys": roles})).await, expected.0, expected.1, expected.2);
    }
    let other = w.server.project("other").await;
    for (path, expected) in [
        (w.path(NONE), (404, 5, "PROJECT-D8JxR")),
        (format!("/projects/{other}/grants/{id}"), (404, 5, "PROJECT-D8JxR")),
        (format!("/projects/{NONE}/grants/{id}"), (404, 5, "PROJECT-D8JxR")),
    ] {
        refused(&w.server.put(&path, json!({"roleKeys": ["reader"]})).await, expected.0, expected.1, expected.2);
        refused(&w.server.delete(&path).await, expected.0, expected.1, expected.2);
    }
    refused(&w.server.put(&w.path(&id), json!({"roleKeys": ["x"]})).await, 400, 9, "COMMAND-6m9gd");
    for verb in ["_deactivate", "_reactivate"] {
        refused(&w.server.post(&format!("{}/{verb}", w.path(NONE)), json!({})).await, 404, 5, "PROJECT-D8JxR");
        refused(&w.server.post(&format!("/projects/{NONE}/grants/{id}/{verb}"), json!({})).await, 400, 9, "COMMAND-EbFMN");
    }
    for path in [grants.as_str(), "/projectgrants", "/granted_projects"] {
        assert_eq!(w.server.post(&format!("{path}/_search"), json!({"queries": [{}]})).await.0, 400, "{path}");
    }
}

#[tokio::test]
async fn both_organizations_see_a_grant_and_no_other_one_does() {
    let w = world().await;
    let id = w.grant(&["reader", "writer"]).await;
    let (here, there) = (w.path(&id), format!("/granted_projects/{}/grants/{id}", w.project));
    for path in [&here, &there] {
        for org in [&w.own, &w.buyer] {
            assert_eq!(w.at(org, Method::GET, path, json!({})).await.0, 200, "{path}");
        }
        refused(&w.at(&w.third, Method::GET, path, json!({})).await, 404, 5, "QUERY-n98GGs");
    }
    let roles = format!("{there}/roles/_search");
    let (_, list) = w.at(&w.buyer, Method::GET, &roles, json!({})).await;
    let keys: Vec<String> = list["result"].as_array().expect("roles").iter().map(|r| text(r, "/key")).collect();
    assert_eq!(
        (keys, text(&list, "/result/0/details/resourceOwner")),
        (vec!["reader".into(), "writer".into()], w.own.clone())
    );
    refused(&w.at(&w.own, Method::GET, &roles, json!({})).await, 404, 5, "QUERY-n98GGs");
    // The project itself stays hidden, and the grant is for its giver to change.
    let project = format!("/projects/{}", w.project);
    assert_eq!(w.at(&w.buyer, Method::GET, &project, json!({})).await.0, 404);
    refused(&w.at(&w.buyer, Method::PUT, &here, json!({"roleKeys": ["admin"]})).await, 404, 5, "PROJECT-D8JxR");
    refused(&w.at(&w.buyer, Method::DELETE, &here, json!({})).await, 404, 5, "PROJECT-D8JxR");
    refused(&w.at(&w.buyer, Method::POST, &format!("{here}/_deactivate"), json!({})).await, 400, 9, "COMMAND-EbFMN");
    assert_eq!(w.at(&w.buyer, Method::POST, &format!("{here}/changes/_search"), json!({})).await, (200, json!({})));
    refused(
        &w.at(&w.buyer, Method::POST, &format!("{project}/grants"), json!({"grantedOrgId": w.third})).await,
        400,
        9,
        "COMMAND-m9gsd",
    );
    assert_eq!(w.read(&id).await["grantedRoleKeys"], json!(["reader", "writer"]));
}

#[tokio::test]
async fn lists_of_project_grants_are_filtered() {
    let w = world().await;
    let second = w.server.project("second").await;
    let first = w.grant(&["reader", "writer"]).await;
    let third = json!({"grantedOrgId": w.third});
    let third = text(&w.server.ok(&format!("/projects/{}/grants", w.project), third).await, "/grantId");
    let other =
        text(&w.server.ok(&format!("/projects/{second}/grants"), json!({"grantedOrgId": w.buyer})).await, "/grantId");
    let found = async |org: &str, path: &str, body: Value| w.found(org, path, body).await;
    let of_project = format!("/projects/{}/grants/_search", w.project);
    for (body, ids) in [
        (json!({}), vec![&first, &third]),
        (json!({"query": {"asc": false}}), vec![&third, &first]),
        (json!({"queries": [{"roleKeyQuery": {"roleKey": "writer"}}]}), vec![&first]),
        (
            json!({"queries": [{"roleKeyQuery": {"roleKey": "writ", "method": "TEXT_QUERY_METHOD_STARTS_WITH"}}]}),
            vec![],
        ),
        (
            json!({"queries": [{"projectNameQuery": {"name": "SHOP", "method": "TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE"}}]}),
            vec![&first, &third],
        ),
    ] {
        assert_eq!(
            found(&w.own, &of_project, body.clone()).await,
            ids.into_iter().cloned().collect::<Vec<_>>(),
            "{body}"
        );
    }
    assert!(found(&w.buyer, &of_project, json!({})).await.is_empty(), "not for who gets them");
    for (body, ids) in [
        (json!({}), vec![&first, &third, &other]),
        (json!({"queries": [{"projectIdQuery": {"projectId": second}}]}), vec![&other]),
        (json!({"queries": [{"grantedOrgIdQuery": {"grantedOrgId": w.buyer}}]}), vec![&first, &other]),
        (
            json!({"queries": [{"grantedOrgIdQuery": {"grantedOrgId": w.buyer}}, {"roleKeyQuery": {"roleKey": "reader"}}]}),
            vec![&first],
        ),
    ] {
        assert_eq!(
            found(&w.own, "/projectgrants/_search", body.clone()).await,
            ids.into_iter().cloned().collect::<Vec<_>>(),
            "{body}"
        );
    }
    for (body, ids) in [
        (json!({}), vec![&first, &other]),
        (json!({"queries": [{"nameQuery": {"name": "second"}}]}), vec![&other]),
        (json!({"queries": [{"projectResourceOwnerQuery": {"resourceOwner": w.own}}]}), vec![&first, &other]),
        (json!({"queries": [{"projectResourceOwnerQuery": {"resourceOwner": w.third}}]}), vec![]),
    ] {
        assert_eq!(
            found(&w.buyer, "/granted_projects/_search", body.clone()).await,
            ids.into_iter().cloned().collect::<Vec<_>>(),
            "{body}"
        );
    }
    assert!(found(&w.own, "/granted_projects/_search", json!({})).await.is_empty());
}

#[tokio::test]
async fn users_hold_roles_of_a_granted_project_as_far_as_the_grant_goes() {
    let w = world().await;
    refused(&w.user_grant(&w.user, json!({})).await, 400, 9, "COMMAND-4m9ff");
    let id = w.grant(&["reader", "writer"]).await;
    refused(&w.user_grant(&w.user, json!({"roleKeys": ["admin"]})).await, 400, 9, "COMMAND-mm9F4");
    refused(&w.user_grant(&w.user, json!({"projectGrantId": NONE})).await, 400, 9, "COMMAND-4m9ff");
    let path = format!("/users/{}/grants", w.user);
    let body = json!({"projectId": w.project, "projectGrantId": id});
    refused(&w.at(&w.third, Method::POST, &path, body).await, 400, 9, "COMMAND-4m9ff");
    let (status, made) = w.user_grant(&w.user, json!({"projectGrantId": id, "roleKeys": ["reader", "writer"]})).await;
    assert_eq!((status, text(&made, "/details/resourceOwner")), (200, w.buyer.clone()), "{made}");
    let user_grant = text(&made, "/userGrantId");
    refused(&w.user_grant(&w.user, json!({"roleKeys": ["reader"]})).await, 409, 6, "V3-DKcYh");
    let at = format!("{path}/{user_grant}");
    let (_, got) = w.at(&w.buyer, Method::GET, &at, json!({})).await;
    let grant = &got["userGrant"];
    assert_eq!(
        (text(grant, "/projectGrantId"), text(grant, "/projectName"), text(grant, "/orgId")),
        (id.clone(), "shop".into(), w.buyer.clone())
    );
    refused(&w.at(&w.own, Method::GET, &at, json!({})).await, 404, 5, "QUERY-wIPkA");
    let count = async |org: &str, queries: Value| {
        number(
            &w.at(org, Method::POST, "/users/grants/_search", json!({"queries": queries})).await.1,
            "/details/totalResult",
        )
    };
    assert_eq!(count(&w.own, json!([])).await, 0);
    assert_eq!(count(&w.own, json!([{"withGrantedQuery": {"withGranted": true}}])).await, 1, "of the own projects");
    assert_eq!(count(&w.third, json!([{"withGrantedQuery": {"withGranted": true}}])).await, 0);
    assert_eq!(count(&w.buyer, json!([{"projectGrantIdQuery": {"projectGrantId": id}}])).await, 1);
    assert_eq!(count(&w.buyer, json!([{"projectGrantIdQuery": {"projectGrantId": NONE}}])).await, 0);
    refused(&w.at(&w.buyer, Method::PUT, &at, json!({"roleKeys": ["admin"]})).await, 400, 9, "COMMAND-mm9F4");
    assert_eq!(w.at(&w.buyer, Method::PUT, &at, json!({"roleKeys": ["writer"]})).await.0, 200);
    // An inactive grant only shows it.
    w.server.ok(&format!("{}/_deactivate", w.path(&id)), json!({})).await;
    assert_eq!(w.at(&w.buyer, Method::PUT, &at, json!({"roleKeys": ["reader"]})).await.0, 200);
    let (second, _) = w.server.user(&w.buyer, "second").await;
    assert_eq!(w.user_grant(&second, json!({})).await.0, 200, "found by itself");
    assert_sound(&w.server.database).await;
}

#[tokio::test]
async fn roles_of_a_granted_project_are_told_with_the_organization_that_gives_them() {
    let w = world().await;
    w.grant(&["reader", "writer"]).await;
    w.user_grant(&w.user, json!({"roleKeys": ["reader"]})).await;
    let app = w.server.basic_app(&w.project, "api").await;
    let claim = format!("urn:zitadel:iam:org:project:{}:roles", w.project);
    let expected = json!({"reader": {w.buyer.as_str(): "buyer.localhost"}});
    let seen = w.server.introspect(&app, &w.token).await.1;
    assert_eq!((&seen[&claim], &seen["urn:zitadel:iam:org:project:roles"]), (&expected, &expected), "{seen}");
    let path = format!("/users/{}/secret", w.user);
    let (status, secret) = w.at(&w.buyer, Method::PUT, &path, json!({})).await;
    assert_eq!(status, 200, "{secret}");
    let scope = format!("openid {} urn:zitadel:iam:org:projects:roles", aud(&w.project));
    let form = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
    let answer = w.server.http.post(w.server.url("/oauth/v2/token")).form(&form);
    let answer = answer.basic_auth(text(&secret, "/clientId"), Some(text(&secret, "/clientSecret"))).send().await;
    let token: Value = answer.expect("an answer").json().await.expect("JSON");
    let seen = w.server.introspect(&app, &text(&token, "/access_token")).await.1;
    assert_eq!(seen[&claim], expected, "{seen}");
    let info = w.server.http.get(w.server.url("/oidc/v1/userinfo")).bearer_auth(text(&token, "/access_token"));
    let info: Value = info.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(info[&claim], expected, "{info}");
}

#[tokio::test]
async fn what_falls_away_from_a_grant_falls_away_from_its_users() {
    let w = world().await;
    let id = w.grant(&["reader", "writer"]).await;
    let user_grant = text(&w.user_grant(&w.user, json!({"roleKeys": ["reader", "writer"]})).await.1, "/userGrantId");
    let app = w.server.basic_app(&w.project, "api").await;
    let claim = "urn:zitadel:iam:org:project:roles";
    let roles = async || {
        let seen = w.server.introspect(&app, &w.token).await.1;
        seen[claim].as_object().map(|r| r.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    assert_eq!(roles().await, ["reader", "writer"]);
    let (_, answer) = w.server.put(&w.path(&id), json!({"roleKeys": ["admin", "reader"]})).await;
    assert_eq!(number(&answer, "/details/sequence"), 2, "that of the user grant, which changed last: {answer}");
    assert_eq!(w.keys(&user_grant).await, json!(["reader"]));
    assert_eq!(roles().await, ["reader"], "at once");
    // A role that goes takes itself out of both.
    let before = number(&w.read(&id).await, "/details/sequence");
    let (_, answer) = w.server.delete(&format!("/projects/{}/roles/reader", w.project)).await;
    let grant = w.read(&id).await;
    assert_eq!((&grant["grantedRoleKeys"], number(&grant, "/details/sequence")), (&json!(["admin"]), before + 2));
    assert_eq!(number(&answer, "/details/sequence"), before + 2, "the grant changed last");
    assert_eq!((w.keys(&user_grant).await, roles().await), (Value::Null, vec![]));
    let changes = w.server.ok(&format!("{}/changes/_search", w.path(&id)), json!({})).await;
    assert_eq!(text(&changes, "/result/0/eventType/key"), "EventTypes.project.grant.cascade.changed");
    // A grant takes its users along.
    let (_, gone) = w.server.delete(&w.path(&id)).await;
    assert_eq!(number(&gone, "/details/sequence"), 4, "that of the user grant: {gone}");
    let path = format!("/users/{}/grants/{user_grant}", w.user);
    refused(&w.at(&w.buyer, Method::GET, &path, json!({})).await, 404, 5, "QUERY-wIPkA");
    assert_sound(&w.server.database).await;
    // So does a project.
    let id = w.grant(&["admin"]).await;
    w.user_grant(&w.user, json!({"roleKeys": ["admin"]})).await;
    assert_eq!(w.server.delete(&format!("/projects/{}", w.project)).await.0, 200);
    refused(&w.server.get(&w.path(&id)).await, 404, 5, "QUERY-n98GGs");
    let (_, list) = w.at(&w.buyer, Method::POST, "/users/grants/_search", json!({})).await;
    assert_eq!(number(&list, "/details/totalResult"), 0);
    assert_sound(&w.server.database).await;
}
