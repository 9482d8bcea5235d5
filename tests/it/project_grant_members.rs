//! Members of project grants: who they are, and how far their roles reach.

use reqwest::Method;
use serde_json::{Value, json};

use crate::project_grants::{World, world};
use crate::support::race::{Answer, at_once, call, counted, delete, one_wins, told};
use crate::support::sound::assert_sound;
use crate::support::{number, text};

const NONE: &str = "123456789012345678";

impl World {
    async fn by(&self, token: &str, org: &str, method: Method, path: &str, body: Value) -> Answer {
        self.server.call_as(token, Some(org), method, path, Some(body)).await
    }

    /// Makes a user a member of the grant, as the first user.
    async fn member(&self, grant: &str, user: &str, role: &str) {
        let body = json!({"userId": user, "roles": [role]});
        let (status, answer) = self.at(&self.buyer, Method::POST, &format!("{}/members", self.path(grant)), body).await;
        assert_eq!(status, 200, "{answer}");
    }
}

fn refused(answer: &Answer, status: u16, code: i64, id: &str) {
    assert_eq!(told(answer), (status, code, id.to_owned()), "{}", answer.1);
}

#[tokio::test]
async fn a_member_of_a_project_grant_lives_from_added_to_removed() {
    let w = world().await;
    let grant = w.grant(&["reader"]).await;
    let members = format!("{}/members", w.path(&grant));
    let body = json!({"userId": w.user, "roles": ["PROJECT_GRANT_OWNER"]});
    let (status, made) = w.at(&w.buyer, Method::POST, &members, body).await;
    assert_eq!((status, number(&made, "/details/sequence")), (200, 6), "{made}");
    assert_eq!(text(&made, "/details/resourceOwner"), w.own, "that of the project");
    for org in [&w.own, &w.buyer] {
        let (_, list) = w.at(org, Method::POST, &format!("{members}/_search"), json!({})).await;
        assert_eq!((number(&list, "/details/totalResult"), text(&list, "/result/0/userId")), (1, w.user.clone()));
        assert_eq!(text(&list, "/result/0/details/resourceOwner"), w.own);
    }
    for (org, path) in [(&w.third, members.clone()), (&w.buyer, format!("{}/members", w.path(NONE)))] {
        let (status, list) = w.at(org, Method::POST, &format!("{path}/_search"), json!({})).await;
        assert_eq!((status, number(&list, "/details/totalResult")), (200, 0), "{list}");
    }
    let path = format!("{members}/{}", w.user);
    for roles in [json!(["PROJECT_GRANT_OWNER_VIEWER"]), json!(["PROJECT_GRANT_OWNER_VIEWER"])] {
        let (_, changed) = w.at(&w.buyer, Method::PUT, &path, json!({"roles": roles})).await;
        assert_eq!(number(&changed, "/details/sequence"), 7);
    }
    let (_, gone) = w.at(&w.buyer, Method::DELETE, &path, json!({})).await;
    assert_eq!(number(&gone, "/details/sequence"), 8);
    assert_eq!(
        w.at(&w.buyer, Method::DELETE, &path, json!({})).await,
        (200, json!({"details": {"resourceOwner": w.own}}))
    );
    let changes = w.server.ok(&format!("{}/changes/_search", w.path(&grant)), json!({})).await;
    let kinds: Vec<String> =
        changes["result"].as_array().expect("changes").iter().map(|c| text(c, "/eventType/key")).collect();
    assert_eq!(kinds[..3], ["removed", "changed", "added"].map(|k| format!("EventTypes.project.grant.member.{k}")));
    let roles = w.at(&w.buyer, Method::POST, "/projects/grants/members/roles/_search", json!({})).await.1;
    assert_eq!(roles["result"], json!(["PROJECT_GRANT_OWNER", "PROJECT_GRANT_OWNER_VIEWER"]));
    assert_eq!(number(&roles, "/details/totalResult"), 2);
    assert_sound(&w.server.database).await;
}

#[rustfmt::skip]
#[tokio::test]
async fn wrong_members_of_a_project_grant_are_refused() {
    let w = world().await;
    let grant = w.grant(&["reader"]).await;
    let other = w.server.project("other").await;
    w.member(&grant, &w.user, "PROJECT_GRANT_OWNER").await;
    let members = format!("{}/members", w.path(&grant));
    for (path, user, roles, expected) in [
        (members.clone(), w.user.as_str(), json!([]), (400, 3, "PROJECT-8fi7G")),
        (members.clone(), w.user.as_str(), json!(["PROJECT_OWNER"]), (400, 3, "PROJECT-m9gKK")),
        (members.clone(), NONE, json!(["PROJECT_GRANT_OWNER"]), (400, 9, "COMMAND-uXHNj")),
        (format!("{}/members", w.path(NONE)), w.user.as_str(), json!(["PROJECT_GRANT_OWNER"]), (404, 5, "PROJECT-D8JxR")),
        (format!("/projects/{other}/grants/{grant}/members"), w.user.as_str(), json!(["PROJECT_GRANT_OWNER"]), (404, 5, "PROJECT-D8JxR")),
        (members.clone(), w.user.as_str(), json!(["PROJECT_GRANT_OWNER"]), (409, 6, "V3-DKcYh")),
    ] {
        refused(&w.at(&w.buyer, Method::POST, &path, json!({"userId": user, "roles": roles})).await, expected.0, expected.1, expected.2);
    }
    for (path, roles, expected) in [
        (format!("{members}/{}", w.user), json!([]), (400, 3, "PROJECT-109fs")),
        (format!("{members}/{}", w.user), json!(["ORG_OWNER"]), (400, 3, "PROJECT-m0sDf")),
        (format!("{members}/{NONE}"), json!(["PROJECT_GRANT_OWNER"]), (404, 5, "PROJECT-37fug")),
        (format!("{}/members/{}", w.path(NONE), w.user), json!(["PROJECT_GRANT_OWNER"]), (404, 5, "PROJECT-37fug")),
    ] {
        refused(&w.at(&w.buyer, Method::PUT, &path, json!({"roles": roles})).await, expected.0, expected.1, expected.2);
    }
    let (status, answer) = w.at(&w.buyer, Method::DELETE, &format!("{}/members/{}", w.path(NONE), w.user), json!({})).await;
    assert_eq!((status, &answer["details"]["sequence"]), (200, &Value::Null));
}

/// Who gives a grant does not say who manages it: that is for the organization that gets it.
#[tokio::test]
async fn members_are_for_the_organization_that_gets_the_grant() {
    let w = world().await;
    let grant = w.grant(&["reader"]).await;
    let other = text(
        &w.server.ok(&format!("/projects/{}/grants", w.project), json!({"grantedOrgId": w.third})).await,
        "/grantId",
    );
    let (giver, token) = w.server.user(&w.own, "giver").await;
    w.server.org_role(&w.own, &giver, "ORG_OWNER").await;
    let members = format!("{}/members", w.path(&grant));
    let body = json!({"userId": giver, "roles": ["PROJECT_GRANT_OWNER"]});
    w.member(&grant, &w.user, "PROJECT_GRANT_OWNER_VIEWER").await;
    let path = format!("{members}/{}", w.user);
    let asked = async |id: (u16, i64, &str)| {
        refused(&w.by(&token, &w.own, Method::POST, &members, body.clone()).await, id.0, id.1, id.2);
        let roles = json!({"roles": ["PROJECT_GRANT_OWNER"]});
        refused(&w.by(&token, &w.own, Method::PUT, &path, roles).await, id.0, id.1, id.2);
        refused(&w.by(&token, &w.own, Method::DELETE, &path, json!({})).await, id.0, id.1, id.2);
    };
    asked((404, 5, "AUTHZ-cdgFk")).await;
    let viewer = json!({"userId": giver, "roles": ["ORG_OWNER_VIEWER"]});
    assert_eq!(w.at(&w.buyer, Method::POST, "/orgs/me/members", viewer).await.0, 200);
    asked((403, 7, "AUTH-AWfge")).await;
    // Another grant that the same organization gets.
    let second = w.server.project("second").await;
    let second = (
        second.clone(),
        text(&w.server.ok(&format!("/projects/{second}/grants"), json!({"grantedOrgId": w.buyer})).await, "/grantId"),
    );
    let there = format!("/projects/{}/grants/{}/members", second.0, second.1);
    assert_eq!(w.at(&w.buyer, Method::POST, &there, body.clone()).await.0, 200);
    asked((403, 7, "AUTH-Swrgg2")).await;
    // Its owners may, and owners of the instance in either.
    let (owner, owners) = w.server.user(&w.buyer, "owner").await;
    w.server.org_role(&w.buyer, &owner, "ORG_OWNER").await;
    assert_eq!(w.by(&owners, &w.buyer, Method::POST, &members, body.clone()).await.0, 200);
    assert_eq!(w.at(&w.own, Method::DELETE, &format!("{members}/{giver}"), json!({})).await.0, 200);
    let elsewhere = format!("{}/members", w.path(&other));
    refused(&w.by(&owners, &w.buyer, Method::POST, &elsewhere, body).await, 404, 5, "PROJECT-D8JxR");
}

/// What an owner of a project grant may: manage its members and the user grants through it. Nothing else, and nothing
/// in the organization that gives it.
#[tokio::test]
async fn owners_of_a_project_grant_reach_what_it_gives_and_no_more() {
    let w = world().await;
    let grant = w.grant(&["reader", "writer"]).await;
    let second = w.server.project("second").await;
    let other =
        text(&w.server.ok(&format!("/projects/{second}/grants"), json!({"grantedOrgId": w.buyer})).await, "/grantId");
    w.member(&grant, &w.user, "PROJECT_GRANT_OWNER").await;
    let (friend, _) = w.server.user(&w.buyer, "friend").await;
    let ask = async |org: &str, method: Method, path: &str, body: Value| w.by(&w.token, org, method, path, body).await;
    let here = async |method: Method, path: &str, body: Value| ask(&w.buyer, method, path, body).await;

    let grants = format!("/users/{friend}/grants");
    let (status, made) = here(Method::POST, &grants, json!({"projectId": w.project, "roleKeys": ["reader"]})).await;
    assert_eq!(status, 200, "{made}");
    let path = format!("{grants}/{}", text(&made, "/userGrantId"));
    assert_eq!(here(Method::PUT, &path, json!({"roleKeys": ["writer"]})).await.0, 200);
    refused(&here(Method::PUT, &path, json!({"roleKeys": ["admin"]})).await, 400, 9, "COMMAND-mm9F4");
    refused(&here(Method::POST, &grants, json!({"projectId": second})).await, 403, 7, "EVENT-Shu7e");
    let (_, theirs) = w.at(&w.buyer, Method::POST, &grants, json!({"projectId": second})).await;
    let theirs = format!("{grants}/{}", text(&theirs, "/userGrantId"));
    for (method, end) in [(Method::PUT, ""), (Method::DELETE, ""), (Method::POST, "/_deactivate")] {
        let answer = here(method, &format!("{theirs}{end}"), json!({"roleKeys": ["x"]})).await;
        assert!(answer.0 == 403 || answer.0 == 400, "{answer:?}");
    }
    assert_eq!(here(Method::DELETE, &path, json!({})).await.0, 200);

    let member = json!({"userId": friend, "roles": ["PROJECT_GRANT_OWNER_VIEWER"]});
    assert_eq!(here(Method::POST, &format!("{}/members", w.path(&grant)), member.clone()).await.0, 200);
    let there = format!("/projects/{second}/grants/{other}/members");
    refused(&here(Method::POST, &there, member.clone()).await, 403, 7, "AUTH-Swrgg2");
    refused(
        &here(Method::GET, &format!("/granted_projects/{second}/grants/{other}"), json!({})).await,
        403,
        7,
        "AUTH-3jknH",
    );
    let roles = format!("/granted_projects/{}/grants/{grant}/roles/_search", w.project);
    refused(&here(Method::GET, &roles, json!({})).await, 403, 7, "AUTH-5mWD2");
    let (_, list) = here(Method::POST, "/granted_projects/_search", json!({})).await;
    assert_eq!((number(&list, "/details/totalResult"), text(&list, "/result/0/grantId")), (1, grant.clone()));
    // Neither more for itself, nor what its organization has.
    for (method, path, body) in [
        (Method::PUT, w.path(&grant), json!({"roleKeys": ["admin"]})),
        (Method::DELETE, w.path(&grant), json!({})),
        (Method::POST, "/orgs/me/members".to_owned(), json!({"userId": w.user, "roles": ["ORG_OWNER"]})),
        (Method::POST, "/projects".to_owned(), json!({"name": "own"})),
        (Method::POST, format!("/users/{friend}/pats"), json!({})),
    ] {
        refused(&here(method, &path, body).await, 403, 7, "AUTH-5mWD2");
    }
    // In the organization that gives it, its roles are none.
    for path in ["/users/_search", "/projects/_search", "/projectgrants/_search", "/users/grants/_search"] {
        refused(&ask(&w.own, Method::POST, path, json!({})).await, 404, 5, "AUTHZ-cdgFk");
    }
    refused(&ask(&w.own, Method::GET, &w.path(&grant), json!({})).await, 404, 5, "AUTHZ-cdgFk");
    // Nobody speaks for it who could not make it what it is.
    let (clerk, clerks) = w.server.user(&w.buyer, "clerk").await;
    let body = json!({"userId": clerk, "roles": ["ORG_USER_MANAGER"]});
    assert_eq!(w.at(&w.buyer, Method::POST, "/orgs/me/members", body).await.0, 200);
    let pat = format!("/users/{}/pats", w.user);
    refused(&w.by(&clerks, &w.buyer, Method::POST, &pat, json!({})).await, 403, 7, "COMMAND-8gK2d");
    // A grant that goes takes its members along, at once.
    assert_eq!(w.server.delete(&w.path(&grant)).await.0, 200);
    refused(&here(Method::POST, "/granted_projects/_search", json!({})).await, 404, 5, "AUTHZ-cdgFk");
    assert_sound(&w.server.database).await;
}

#[tokio::test]
async fn members_of_grants_go_with_the_project() {
    let w = world().await;
    let grant = w.grant(&[]).await;
    w.member(&grant, &w.user, "PROJECT_GRANT_OWNER_VIEWER").await;
    let list = async || w.by(&w.token, &w.buyer, Method::POST, "/granted_projects/_search", json!({})).await;
    assert_eq!(list().await.0, 200);
    assert_eq!(w.server.delete(&format!("/projects/{}", w.project)).await.0, 200);
    refused(&list().await, 404, 5, "AUTHZ-cdgFk");
    assert_sound(&w.server.database).await;
}

#[tokio::test]
async fn memberships_of_project_grants_are_listed_by_who_gives_them() {
    let w = world().await;
    let grant = w.grant(&[]).await;
    w.member(&grant, &w.user, "PROJECT_GRANT_OWNER").await;
    let auth = async |path: &str| {
        let request = w.server.http.post(w.server.url(&format!("/auth/v1{path}"))).bearer_auth(&w.token);
        request.json(&json!({})).send().await.expect("an answer").json::<Value>().await.expect("JSON")
    };
    let own = auth("/memberships/me/_search").await;
    let row = &own["result"][0];
    assert_eq!(
        (text(row, "/projectGrantId"), text(row, "/displayName"), text(row, "/details/resourceOwner")),
        (grant.clone(), "shop".into(), w.own.clone())
    );
    let listed = auth("/permissions/zitadel/me/_search").await;
    assert_eq!(listed["result"].as_array().map(Vec::len), Some(13), "{listed}");
    assert_eq!(listed["result"][0], json!(format!("policy.read:{grant}")));
    let path = format!("/users/{}/memberships/_search", w.user);
    for (org, count) in [(&w.own, 1), (&w.buyer, 0), (&w.third, 0)] {
        assert_eq!(number(&w.at(org, Method::POST, &path, json!({})).await.1, "/details/totalResult"), count);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_sixteen_makes_a_member_and_none_outlives_the_grant() {
    let w = world().await;
    let grant = w.grant(&["reader"]).await;
    let members = format!("{}/members", w.path(&grant));
    let body = json!({"userId": w.user, "roles": ["PROJECT_GRANT_OWNER"]});
    let add = || call(&w.server, Some(&w.buyer), &Method::POST, &members, body.clone());
    let answers = at_once((0..16).map(|_| add()).collect()).await;
    one_wins("members of a grant", &answers, &w.at(&w.buyer, Method::POST, &members, body.clone()).await);
    for round in 0..4 {
        let user = w.server.user(&w.buyer, &format!("u{round}")).await.0;
        let grant = if round == 0 { grant.clone() } else { w.grant(&["reader"]).await };
        let members = format!("{}/members", w.path(&grant));
        let mut calls = Vec::new();
        for _ in 0..5 {
            let body = json!({"userId": user, "roles": ["PROJECT_GRANT_OWNER"]});
            calls.push(call(&w.server, Some(&w.buyer), &Method::POST, &members, body.clone()));
            calls.push(call(&w.server, Some(&w.buyer), &Method::PUT, &format!("{members}/{user}"), body));
            calls.push(call(&w.server, Some(&w.buyer), &Method::DELETE, &format!("{members}/{user}"), Value::Null));
        }
        calls.push(delete(&w.server, &w.path(&grant)));
        let answers = at_once(calls).await;
        let fine = [(200, 0, ""), (409, 6, "V3-DKcYh"), (404, 5, "PROJECT-37fug"), (404, 5, "PROJECT-D8JxR")];
        let known = |a: &Answer| fine.iter().any(|f| told(a) == (f.0, f.1, f.2.to_owned()));
        assert!(answers.iter().all(known), "{}", counted(&answers));
    }
    assert_sound(&w.server.database).await;
}

/// Roles for one project reach its grants, and no others.
#[tokio::test]
async fn owners_of_a_project_reach_its_grants_only() {
    let w = world().await;
    let second = w.server.project("second").await;
    let other = json!({"grantedOrgId": w.buyer});
    let other = text(&w.server.ok(&format!("/projects/{second}/grants"), other).await, "/grantId");
    let (owner, token) = w.server.user(&w.own, "owner").await;
    w.server.project_role(&w.project, &owner, "PROJECT_OWNER").await;
    let ask = async |method: Method, path: String, body: Value| {
        w.server.call_as(&token, None, method, &path, Some(body)).await
    };
    let body = json!({"grantedOrgId": w.third});
    refused(&ask(Method::POST, format!("/projects/{second}/grants"), body.clone()).await, 403, 7, "AUTH-Swrgg2");
    let there = format!("/projects/{second}/grants/{other}");
    for (method, path) in [
        (Method::PUT, there.clone()),
        (Method::DELETE, there.clone()),
        (Method::POST, format!("{there}/_deactivate")),
        (Method::POST, format!("{there}/_reactivate")),
    ] {
        refused(&ask(method, path, json!({})).await, 403, 7, "AUTH-Swrgg2");
    }
    refused(&ask(Method::POST, format!("/projects/{second}/grants/_search"), json!({})).await, 403, 7, "AUTH-3jknH");
    let (status, made) = ask(Method::POST, format!("/projects/{}/grants", w.project), body).await;
    assert_eq!(status, 200, "{made}");
    let (_, all) = ask(Method::POST, "/projectgrants/_search".into(), json!({})).await;
    assert_eq!(number(&all, "/details/totalResult"), 0, "all grants are for who sees the whole organization");
    assert_eq!(ask(Method::DELETE, w.path(&text(&made, "/grantId")), json!({})).await.0, 200);
}
