//! User grants: what users may do in projects, and what follows when roles, projects and users go.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::race::{at_once, call, counted};
use crate::support::sound::assert_sound;
use crate::support::{TestServer, number, text};

struct World {
    server: TestServer,
    project: String,
    user: String,
}

/// A project with the roles `reader` and `writer`, and a user.
async fn world() -> World {
    let server = TestServer::start().await;
    let project = server.project("granted").await;
    let roles = json!({"roles": [{"key": "reader", "displayName": "R"}, {"key": "writer", "displayName": "W"}]});
    server.ok(&format!("/projects/{project}/roles/_bulk"), roles).await;
    let org = server.org().await;
    let (user, _) = server.user(&org, "holder").await;
    World { server, project, user }
}

impl World {
    async fn grant(&self, keys: &[&str]) -> Value {
        let body = json!({"projectId": self.project, "roleKeys": keys});
        self.server.ok(&format!("/users/{}/grants", self.user), body).await
    }

    async fn keys(&self, grant: &str) -> Value {
        let (_, got) = self.server.get(&format!("/users/{}/grants/{grant}", self.user)).await;
        got["userGrant"]["roleKeys"].clone()
    }

    async fn found(&self, query: Value) -> u64 {
        let list = self.server.ok("/users/grants/_search", json!({"queries": [query]})).await;
        assert_eq!(list["result"].as_array().map_or(0, Vec::len) as u64, number(&list, "/details/totalResult"));
        number(&list, "/details/totalResult")
    }
}

#[tokio::test]
async fn a_grant_lives_from_creation_to_removal() {
    let world = world().await;
    let made = world.grant(&["writer", "reader"]).await;
    let id = text(&made, "/userGrantId");
    assert_eq!(number(&made, "/details/sequence"), 1);
    let path = format!("/users/{}/grants/{id}", world.user);
    let (_, got) = world.server.get(&path).await;
    let grant = &got["userGrant"];
    assert_eq!(grant["roleKeys"], json!(["writer", "reader"]), "in the order given");
    assert_eq!((text(grant, "/userName"), text(grant, "/projectName")), ("holder".into(), "granted".into()));
    assert_eq!(
        (text(grant, "/orgName"), text(grant, "/grantedOrgDomain")),
        ("ZITADEL".into(), "zitadel.localhost".into())
    );
    let (status, changed) = world.server.put(&path, json!({"roleKeys": ["reader"]})).await;
    assert_eq!((status, number(&changed, "/details/sequence")), (200, 2));
    for (call, state, sequence) in [
        ("_deactivate", "USER_GRANT_STATE_INACTIVE", 3),
        ("_deactivate", "USER_GRANT_STATE_INACTIVE", 3),
        ("_reactivate", "USER_GRANT_STATE_ACTIVE", 4),
        ("_reactivate", "USER_GRANT_STATE_ACTIVE", 4),
    ] {
        let answer = world.server.ok(&format!("{path}/{call}"), json!({})).await;
        assert_eq!(number(&answer, "/details/sequence"), sequence, "{call}");
        assert_eq!(text(&world.server.get(&path).await.1, "/userGrant/state"), state, "{call}");
    }
    assert_eq!(world.server.delete(&path).await.0, 200);
    assert_eq!(world.server.get(&path).await.0, 404);
    assert_eq!(number(&world.grant(&[]).await, "/details/sequence"), 1, "free to be granted again");
}

#[tokio::test]
async fn lists_of_grants_are_filtered() {
    let world = world().await;
    world.grant(&["reader"]).await;
    for (query, count) in [
        (json!({"projectIdQuery": {"projectId": world.project}}), 1),
        (json!({"projectIdQuery": {"projectId": "1"}}), 0),
        (json!({"userIdQuery": {"userId": world.user}}), 1),
        (json!({"inUserIdsQuery": {"inUserIds": ["1", world.user]}}), 1),
        (json!({"roleKeyQuery": {"roleKey": "READ", "method": "TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE"}}), 1),
        (json!({"roleKeyQuery": {"roleKey": "writer"}}), 0),
        (json!({"userNameQuery": {"userName": "old", "method": "TEXT_QUERY_METHOD_CONTAINS"}}), 1),
        (json!({"displayNameQuery": {"displayName": "holder machine"}}), 1),
        (json!({"orgNameQuery": {"orgName": "zitadel", "method": "TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE"}}), 1),
        (json!({"orgDomainQuery": {"orgDomain": "localhost", "method": "TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE"}}), 1),
        (json!({"projectNameQuery": {"projectName": "other"}}), 0),
        (json!({"projectGrantIdQuery": {"projectGrantId": "1"}}), 0),
        (json!({"withGrantedQuery": {"withGranted": true}}), 1),
        (json!({"userTypeQuery": {"type": "TYPE_MACHINE"}}), 1),
        (json!({"userTypeQuery": {"type": "TYPE_HUMAN"}}), 0),
        (json!({"emailQuery": {"email": "a@b.c"}}), 0),
    ] {
        assert_eq!(world.found(query.clone()).await, count, "{query}");
    }
}

#[tokio::test]
async fn grants_follow_the_removal_of_roles_projects_and_users() {
    let world = world().await;
    let id = text(&world.grant(&["reader", "writer"]).await, "/userGrantId");
    assert_eq!(world.server.delete(&format!("/projects/{}/roles/reader", world.project)).await.0, 200);
    assert_eq!(world.keys(&id).await, json!(["writer"]));
    let reader = json!({"roleKeyQuery": {"roleKey": "reader"}});
    assert_eq!(world.found(reader).await, 0);
    assert_eq!(world.server.delete(&format!("/projects/{}", world.project)).await.0, 200);
    let path = format!("/users/{}/grants/{id}", world.user);
    assert_eq!(world.server.get(&path).await.0, 404, "gone with its project");

    // A user of one organization may hold roles of another, and takes them along when it goes.
    let other = text(&world.server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let call = |method: Method, path: String, body: Value| {
        let (server, other) = (&world.server, &other);
        async move { server.call_as(&server.token, Some(other), method, &path, Some(body)).await }
    };
    let project = text(&call(Method::POST, "/projects".into(), json!({"name": "theirs"})).await.1, "/id");
    let path = format!("/users/{}/grants", world.user);
    let (status, made) = call(Method::POST, path.clone(), json!({"projectId": project})).await;
    assert_eq!(status, 200, "{made}");
    let theirs = format!("{path}/{}", text(&made, "/userGrantId"));
    let (_, got) = call(Method::GET, theirs.clone(), json!({})).await;
    assert_eq!(
        (text(&got, "/userGrant/orgName"), text(&got, "/userGrant/grantedOrgName")),
        ("Other".into(), "ZITADEL".into())
    );
    assert_eq!(world.server.delete(&format!("/users/{}", world.user)).await.0, 200);
    assert_eq!(call(Method::GET, theirs, json!({})).await.0, 404, "gone with its user");
}

#[tokio::test]
async fn owners_of_a_project_grant_its_roles_and_no_others() {
    let world = world().await;
    let org = world.server.org().await;
    let foreign = world.server.project("foreign").await;
    let (owner, token) = world.server.user(&org, "owner").await;
    world.server.project_role(&world.project, &owner, "PROJECT_OWNER").await;
    let path = format!("/users/{}/grants", world.user);
    let add = |project: &str| {
        let body = Some(json!({"projectId": project}));
        let (server, token, path) = (&world.server, &token, &path);
        async move { server.call_as(token, None, Method::POST, path, body).await }
    };
    let (status, refused) = add(&foreign).await;
    assert_eq!((status, text(&refused, "/details/0/id").as_str()), (403, "EVENT-Shu7e"));
    assert_eq!(add(&world.project).await.0, 200);
    let theirs = json!({"projectId": foreign});
    let id = text(&world.server.ok(&path, theirs).await, "/userGrantId");
    for (method, end) in [(Method::DELETE, ""), (Method::POST, "/_deactivate"), (Method::POST, "/_reactivate")] {
        let path = format!("{path}/{id}{end}");
        let (status, refused) = world.server.call_as(&token, None, method, &path, None).await;
        assert_eq!((status, text(&refused, "/details/0/id").as_str()), (403, "EVENT-Shu7e"), "{path}");
    }
}

/// The organization's grants: names of users, sorted.
async fn holders(world: &World) -> Vec<String> {
    let list = world.server.ok("/users/grants/_search", json!({})).await;
    let mut names: Vec<_> =
        list["result"].as_array().into_iter().flatten().map(|grant| text(grant, "/userName")).collect();
    names.sort();
    names
}

async fn removed(world: &World, ids: &[&str]) -> (u16, Value) {
    world.server.call(Method::DELETE, "/user_grants/_bulk", Some(json!({"grantId": ids}))).await
}

#[tokio::test]
async fn several_grants_go_together_or_none_does() {
    let world = world().await;
    let first = text(&world.grant(&["reader"]).await, "/userGrantId");
    let org = world.server.org().await;
    let (user, _) = world.server.user(&org, "second").await;
    let body = json!({"projectId": world.project, "roleKeys": ["writer"]});
    let second = text(&world.server.ok(&format!("/users/{user}/grants"), body).await, "/userGrantId");
    for (ids, status, id) in [
        (vec![], 400, "COMMAND-5M0sd"),
        (vec![first.as_str(), "1"], 404, "COMMAND-1My0t"),
        (vec![second.as_str(), first.as_str(), "1"], 404, "COMMAND-1My0t"),
    ] {
        let (got, body) = removed(&world, &ids).await;
        assert_eq!((got, text(&body, "/details/0/id")), (status, id.to_owned()), "{ids:?}");
        assert_eq!(holders(&world).await, ["holder", "second"], "{ids:?}");
    }
    let (status, body) = removed(&world, &[&second, &first, &second]).await;
    assert_eq!((status, body), (200, json!({})), "one named twice goes once");
    assert!(holders(&world).await.is_empty());
    assert_eq!(removed(&world, &[&first]).await.0, 404);
}

/// Each removes all in an order of its own, while the grants also go one by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixteen_who_remove_the_same_grants_none_waits_for_ever_and_none_removes_half() {
    let World { server, project, .. } = world().await;
    let org = server.org().await;
    let mut ids = Vec::new();
    let mut single = Vec::new();
    for n in 0..4 {
        let (user, _) = server.user(&org, &format!("holder {n}")).await;
        let grants = format!("/users/{user}/grants");
        let id = text(&server.ok(&grants, json!({"projectId": project})).await, "/userGrantId");
        single.push(format!("{grants}/{id}"));
        ids.push(id);
    }
    let server = Arc::new(server);
    let mut calls: Vec<_> = (0..14)
        .map(|n| {
            ids.rotate_left(1);
            let order: Vec<&String> = if n % 2 == 0 { ids.iter().collect() } else { ids.iter().rev().collect() };
            call(&server, None, &Method::DELETE, "/user_grants/_bulk", json!({"grantId": order}))
        })
        .collect();
    calls.extend(single[..2].iter().map(|path| call(&server, None, &Method::DELETE, path, Value::Null)));
    let answers = at_once(calls).await;
    let won = |answers: &[(u16, Value)]| answers.iter().filter(|answer| answer.0 == 200).count();
    let (whole, one_by_one) = (won(&answers[..14]), won(&answers[14..]));
    assert!(answers.iter().all(|answer| answer.0 == 200 || answer.0 == 404), "{}", counted(&answers));
    let left = server.ok("/users/grants/_search", json!({})).await;
    let left = number(&left, "/details/totalResult");
    // Either one took all, or single ones went first and no list was whole any more.
    assert_eq!((whole, left), if one_by_one == 0 { (1, 0) } else { (0, 4 - one_by_one as u64) });
    assert_sound(&server.database).await;
}
