//! Organizations that are removed: nothing in them is valid from then on, and nothing of them is left soon.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::process::Process;
use crate::support::race::{at_once, call, one_wins};
use crate::support::server::{Database, Sql};
use crate::support::sound::{assert_no_orphan, assert_sound};
use crate::support::{TestServer, number, text};

/// Rows of an organization that is on its way out, wherever they are.
const LEFT: &str = "SELECT (SELECT count(*) FROM organizations WHERE state = 3) \
     + (SELECT count(*) FROM projects p WHERE NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = p.org_id)) \
     + (SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = u.org_id)) \
     + (SELECT count(*) FROM metadata m WHERE NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = m.org_id))";

/// Waits until nothing is left of organizations that were removed.
async fn emptied(sql: &Sql) {
    let look = async {
        while sql.count(LEFT).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), look).await.expect("nothing is left");
}

/// A call of an instance member for an organization: status and error id.
async fn told(server: &TestServer, org: &str, method: &Method, path: &str, body: Value) -> (u16, String) {
    let (status, answer) = server.call_as(&server.token, Some(org), method.clone(), path, Some(body)).await;
    (status, text(&answer, "/details/0/id"))
}

/// As [`told`], which must succeed; its answer.
async fn done(server: &TestServer, org: &str, path: &str, body: Value) -> Value {
    let (status, answer) = server.call_as(&server.token, Some(org), Method::POST, path, Some(body)).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// An organization with something of everything; its id, and ids and a token of what is in it.
struct World {
    org: String,
    project: String,
    owner: String,
    token: String,
    app: Value,
    secret: Value,
}

async fn world(server: &TestServer, name: &str) -> World {
    let org = text(&server.ok("/orgs", json!({"name": name})).await, "/id");
    let (owner, token) = server.user(&org, &format!("{name} owner")).await;
    server.org_role(&org, &owner, "ORG_OWNER").await;
    let project = text(&done(server, &org, "/projects", json!({"name": "p"})).await, "/id");
    let apps = format!("/projects/{project}/apps/api");
    let app = done(server, &org, &apps, json!({"name": "basic"})).await;
    let keyed = json!({"name": "keyed", "authMethodType": 1});
    let keyed = text(&done(server, &org, &apps, keyed).await, "/appId");
    done(server, &org, &format!("/projects/{project}/apps/{keyed}/keys"), json!({"type": 1})).await;
    done(server, &org, &format!("/projects/{project}/roles"), json!({"roleKey": "reader", "displayName": "R"})).await;
    let grant = json!({"projectId": project, "roleKeys": ["reader"]});
    done(server, &org, &format!("/users/{owner}/grants"), grant).await;
    done(server, &org, &format!("/users/{owner}/keys"), json!({"type": 1})).await;
    let member = json!({"userId": owner, "roles": ["PROJECT_OWNER"]});
    done(server, &org, &format!("/projects/{project}/members"), member).await;
    done(server, &org, "/orgs/me/domains", json!({"domain": format!("{name}.example")})).await;
    done(server, &org, "/metadata/k", json!({"value": "dg=="})).await;
    done(server, &org, &format!("/users/{owner}/metadata/k"), json!({"value": "dg=="})).await;
    let (_, secret) = server
        .call_as(&server.token, Some(&org), Method::PUT, &format!("/users/{owner}/secret"), Some(json!({})))
        .await;
    World { org, project, owner, token, app, secret }
}

#[tokio::test]
async fn nothing_in_a_removed_organization_is_valid() {
    let server = TestServer::start().await;
    let World { org, project, owner, token, app, secret } = world(&server, "gone").await;
    // What its people have elsewhere, and others in it.
    let home = server.project("home").await;
    server.project_role(&home, &owner, "PROJECT_OWNER").await;
    server.ok(&format!("/users/{owner}/grants"), json!({"projectId": home})).await;
    let (guest, guest_token) = server.user(&server.org().await, "guest").await;
    let member = json!({"userId": guest, "roles": ["PROJECT_OWNER"]});
    done(&server, &org, &format!("/projects/{project}/members"), member).await;
    let app = [text(&app, "/clientId"), text(&app, "/clientSecret")];
    let machine = [text(&secret, "/clientId"), text(&secret, "/clientSecret")];
    let token_form = [("grant_type", "client_credentials"), ("scope", "openid")];
    let introspect =
        async |token: &str| server.form("/oauth/v2/introspect", Some((&app[0], &app[1])), &[("token", token)]).await;
    let machine_token = async || server.form("/oauth/v2/token", Some((&machine[0], &machine[1])), &token_form).await;
    let me = async |token: &str, org: &str| {
        let (status, answer) = server.call_as(token, Some(org), Method::GET, "/orgs/me", None).await;
        (status, text(&answer, "/details/0/id"))
    };
    // All of it is good, and remembered, up to this moment.
    assert_eq!(me(&token, "").await.0, 200);
    assert_eq!(introspect(&token).await.1["active"], true);
    let (status, access) = machine_token().await;
    assert_eq!(status, 200, "{access}");
    let access = text(&access, "/access_token");
    let projects = "/projects/_search";
    assert_eq!(server.call_as(&guest_token, Some(&org), Method::POST, projects, Some(json!({}))).await.0, 200);

    let (status, removed) = server.call_as(&token, None, Method::DELETE, "/orgs/me", None).await;
    assert_eq!(status, 200, "{removed}");
    let instance = server.sql().await.texts("SELECT instance_id FROM instance").await;
    assert_eq!(vec![text(&removed, "/details/resourceOwner")], instance);

    let void = (401, "AUTH-7fs1e".to_owned());
    for token in [&token, &access] {
        assert_eq!(me(token, "").await, void);
        assert_eq!(me(token, &server.org().await).await, void);
    }
    assert_ne!(introspect(&token).await.1["active"], true, "the client is none any more");
    let here = text(&server.ok("/projects", json!({"name": "asks"})).await, "/id");
    let asks = server.ok(&format!("/projects/{here}/apps/api"), json!({"name": "asks"})).await;
    let asks = [text(&asks, "/clientId"), text(&asks, "/clientSecret")];
    let (_, seen) = server.form("/oauth/v2/introspect", Some((&asks[0], &asks[1])), &[("token", &token)]).await;
    assert_eq!(seen, json!({"active": false}));
    assert!(machine_token().await.0 >= 400);
    let (status, answer) = server.call_as(&guest_token, Some(&org), Method::POST, projects, Some(json!({}))).await;
    assert_eq!((status, text(&answer, "/details/0/id").as_str()), (404, "AUTHZ-cdgFk"), "{answer}");

    // What members of the instance see of it, at once and when nothing is left of it.
    for _ in 0..2 {
        shown(&server, &org, &project, &owner, number(&removed, "/details/sequence")).await;
        emptied(&server.sql().await).await;
    }
    assert_eq!(server.get(&format!("/projects/{home}")).await.0, 200);
    let list = server.ok(&format!("/projects/{home}/members/_search"), json!({})).await;
    assert!(list.get("result").is_none(), "{list}");
    // Name, domains and login name are free; ids never are.
    assert_eq!(server.get("/users/_is_unique?userName=gone%20owner").await.1["isUnique"], true);
    world(&server, "gone").await;
    let again = json!({"userName": "x", "name": "x", "userId": owner});
    assert_eq!(server.post("/users/machine", again).await.0, 400);
}

/// A removed organization as members of the instance see it.
async fn shown(server: &TestServer, org: &str, project: &str, user: &str, sequence: u64) {
    let (get, post, put, delete) = (&Method::GET, &Method::POST, &Method::PUT, &Method::DELETE);
    let (status, seen) = server.call_as(&server.token, Some(org), Method::GET, "/orgs/me", None).await;
    assert_eq!((status, text(&seen, "/org/name"), seen["org"].get("state")), (200, "gone".into(), None), "{seen}");
    assert_eq!(
        (text(&seen, "/org/primaryDomain"), number(&seen, "/org/details/sequence")),
        ("gone.localhost".into(), sequence)
    );
    for (method, path, body, status, id) in [
        (put, "/orgs/me".to_owned(), json!({"name": "x"}), 404, "ORG-1MRds"),
        (post, "/orgs/me/_deactivate".to_owned(), json!({}), 404, "ORG-oL9nT"),
        (post, "/orgs/me/_reactivate".to_owned(), json!({}), 404, "ORG-Dgf3g"),
        (delete, "/orgs/me".to_owned(), json!({}), 404, "COMMA-aps2n"),
        (post, "/orgs/me/domains".to_owned(), json!({"domain": "x.example"}), 400, "COMMAND-QXPGs"),
        (post, "/metadata/k".to_owned(), json!({"value": "dg=="}), 400, "COMMAND-QXPGs"),
        (post, "/projects".to_owned(), json!({"name": "x"}), 400, "COMMAND-QXPGs"),
        (post, "/users/machine".to_owned(), json!({"userName": "x", "name": "x"}), 400, "COMMAND-QXPGs"),
        (get, format!("/projects/{project}"), json!({}), 404, "PROJECT-fUd2i"),
        (get, format!("/users/{user}"), json!({}), 404, "USER-Dfbg2"),
    ] {
        let (got, told) = told(server, org, method, &path, body).await;
        assert_eq!(got, status, "{method} {path}: {told}");
        assert!(told == id || method == get, "{method} {path}: {told}");
    }
    for list in ["/projects/_search", "/users/_search", "/orgs/me/domains/_search", "/metadata/_search"] {
        let found = done(server, org, list, json!({})).await;
        assert!(found.get("result").is_none(), "{list}: {found}");
    }
    assert_eq!(server.get("/global/users/_by_login_name?loginName=gone%20owner").await.0, 404);
    assert_eq!(server.get("/global/orgs/_by_domain?domain=gone.localhost").await.0, 404);
}

#[tokio::test]
async fn two_organizations_stay_whatever_happens() {
    let server = TestServer::start().await;
    let first = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    assert_eq!(told(&server, &first, &Method::DELETE, "/orgs/me", json!({})).await, (400, "COMMA-wG9p1".into()));
    let default = server.http.put(server.url(&format!("/admin/v1/orgs/default/{other}"))).bearer_auth(&server.token);
    assert_eq!(default.send().await.expect("an answer").status().as_u16(), 200);
    assert_eq!(told(&server, &first, &Method::DELETE, "/orgs/me", json!({})).await, (400, "COMMA-AF3JW".into()));
    assert_eq!(told(&server, &other, &Method::DELETE, "/orgs/me", json!({})).await, (400, "COMMA-wG9p1".into()));
}

#[tokio::test]
async fn of_sixteen_who_remove_an_organization_one_does() {
    let server = Arc::new(TestServer::start().await);
    let org = text(&server.ok("/orgs", json!({"name": "gone"})).await, "/id");
    let remove = || call(&server, Some(&org), &Method::DELETE, "/orgs/me", json!({}));
    let answers = at_once((0..16).map(|_| remove()).collect()).await;
    one_wins("a removal", &answers, &remove().await);
    emptied(&server.sql().await).await;
    assert_sound(&server.database).await;
}

/// Sixteen who put something into an organization while it is removed: whatever they are told, nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_gets_into_an_organization_that_is_removed() {
    let server = Arc::new(TestServer::start().await);
    let home = server.project("home").await;
    for round in 0..4 {
        let World { org, project, owner, token, .. } = world(&server, &format!("gone {round}")).await;
        let own = |path: &str, body: Value| call(&server, Some(&org), &Method::POST, path, body);
        let mut calls = vec![
            own("/projects", json!({"name": "new"})),
            own("/users/machine", json!({"userName": format!("new {round}"), "name": "new"})),
            own(&format!("/projects/{project}/apps/api"), json!({"name": "new"})),
            own(&format!("/projects/{project}/apps/api"), json!({"name": "newer", "authMethodType": 1})),
            own(&format!("/projects/{project}/roles"), json!({"roleKey": "new", "displayName": "N"})),
            own(&format!("/projects/{project}/members"), json!({"userId": owner, "roles": ["PROJECT_OWNER_VIEWER"]})),
            own(&format!("/users/{owner}/pats"), json!({})),
            own(&format!("/users/{owner}/keys"), json!({"type": 1})),
            own(&format!("/users/{owner}/metadata/new"), json!({"value": "dg=="})),
            own("/metadata/new", json!({"value": "dg=="})),
            own("/orgs/me/domains", json!({"domain": format!("new{round}.example")})),
            own("/orgs/me/_deactivate", json!({})),
            call(&server, Some(&org), &Method::PUT, "/orgs/me", json!({"name": format!("other {round}")})),
            call(&server, None, &Method::POST, &format!("/users/{owner}/grants"), json!({"projectId": home})),
            call(
                &server,
                None,
                &Method::POST,
                &format!("/projects/{home}/members"),
                json!({"userId": owner, "roles": ["PROJECT_OWNER"]}),
            ),
            call(&server, Some(&org), &Method::DELETE, "/orgs/me", json!({})),
        ];
        // Each of them is at another place in the queue each time.
        calls.rotate_left(round * 4);
        let answers = at_once(calls).await;
        let failed = answers.iter().filter(|answer| answer.0 >= 500 && answer.0 != 503).count();
        assert_eq!(failed, 0, "{}", crate::support::race::counted(&answers));
        let (status, answer) = server.call_as(&token, None, Method::GET, "/orgs/me", None).await;
        assert_eq!(status, 401, "{answer}");
        emptied(&server.sql().await).await;
        assert_no_orphan(&server.database).await;
    }
    assert_sound(&server.database).await;
}

/// Between the first step of a removal and the last one, rows are still there.
#[tokio::test]
async fn lists_tell_nothing_of_an_organization_on_its_way_out() {
    let server = TestServer::start().await;
    let World { org, project, owner, .. } = world(&server, "leaving").await;
    let lists = [
        (
            "zitadel.project.v2.ProjectService/ListProjects",
            json!({"filters": [{"organizationIdFilter": {"organizationId": org}}]}),
        ),
        ("zitadel.project.v2.ProjectService/ListProjectRoles", json!({"projectId": project})),
        (
            "zitadel.application.v2.ApplicationService/ListApplications",
            json!({"filters": [{"projectIdFilter": {"projectId": project}}]}),
        ),
        (
            "zitadel.user.v2.UserService/ListUsers",
            json!({"queries": [{"organizationIdQuery": {"organizationId": org}}]}),
        ),
        ("zitadel.user.v2.UserService/ListKeys", json!({"filters": [{"userIdFilter": {"id": owner}}]})),
        ("zitadel.user.v2.UserService/ListPersonalAccessTokens", json!({"filters": [{"userIdFilter": {"id": owner}}]})),
    ];
    let total = |list: &Value| number(list, "/pagination/totalResult") + number(list, "/details/totalResult");
    for (rpc, body) in &lists {
        assert!(total(&server.connected(rpc, body.clone()).await) > 0, "{rpc}");
    }
    server.sql().await.run("UPDATE organizations SET state = 3 WHERE id = $1", &[&org]).await;
    for (rpc, body) in &lists {
        assert_eq!(total(&server.connected(rpc, body.clone()).await), 0, "{rpc}");
    }
}

/// `$1`: 20,000 applications in the project `$2` of an organization.
const APPS: &str = "INSERT INTO apps (org_id, project_id, id, kind, name, name_folded, state, client_id, auth_method, \
     takes_keys, key_count, switched_sequence, sequence, created_at, changed_at) \
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
     SELECT $1, $2, 'a' || i, 1, 'a' || i, 'a' || i, 1, 'c' || i, 1, true, 0, 0, 1, 0, 0 FROM n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_goes_on_after_kill_9() {
    let database = Database::fresh().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let process = Process::start(&database, &[]);
    let post = async |process: &Process, org: &str, path: &str, body: Value| {
        let request = http.post(format!("{}{path}", process.api())).bearer_auth(&process.token);
        let answer = request.header("x-zitadel-orgid", org).json(&body).send().await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")
    };
    let org = text(&post(&process, "", "/orgs", json!({"name": "gone"})).await, "/id");
    let project = text(&post(&process, &org, "/projects", json!({"name": "p"})).await, "/id");
    let user = text(&post(&process, &org, "/users/machine", json!({"userName": "u", "name": "u"})).await, "/userId");
    let token = text(&post(&process, &org, &format!("/users/{user}/pats"), json!({})).await, "/token");
    let sql = Sql::connect(&database).await;
    sql.run(APPS, &[&org, &project]).await;
    let remove = http.delete(format!("{}/orgs/me", process.api())).bearer_auth(&process.token);
    let answer = remove.header("x-zitadel-orgid", &org).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    // In the middle of some two hundred steps.
    process.kill();

    let process = Process::start(&database, &[]);
    let me = http.get(format!("{}/orgs/me", process.api())).bearer_auth(&token).send().await.expect("an answer");
    assert_eq!(me.status().as_u16(), 401);
    emptied(&sql).await;
    assert_eq!(sql.count("SELECT count(*) FROM apps").await, 0);
    process.kill();
    assert_sound(&database).await;
}

#[tokio::test]
async fn project_grants_go_with_either_side() {
    let server = TestServer::start().await;
    let mut orgs = Vec::new();
    for name in ["gives", "gets", "both"] {
        orgs.push(text(&server.ok("/orgs", json!({"name": name})).await, "/id"));
    }
    // A project of one, granted to another, whose users have it, with members of the grant.
    let granted = async |from: &str, to: &str, user: &str| {
        let project = text(&done(&server, from, "/projects", json!({"name": format!("to {to}")})).await, "/id");
        let role = json!({"roleKey": "reader", "displayName": "R"});
        done(&server, from, &format!("/projects/{project}/roles"), role).await;
        let body = json!({"grantedOrgId": to, "roleKeys": ["reader"]});
        let grant = text(&done(&server, from, &format!("/projects/{project}/grants"), body).await, "/grantId");
        let member = json!({"userId": user, "roles": ["PROJECT_GRANT_OWNER"]});
        let (status, _) = server
            .call_as(
                &server.token,
                Some(to),
                Method::POST,
                &format!("/projects/{project}/grants/{grant}/members"),
                Some(member),
            )
            .await;
        assert!(status < 500);
        let body = json!({"projectId": project, "projectGrantId": grant, "roleKeys": ["reader"]});
        done(&server, to, &format!("/users/{user}/grants"), body).await;
        project
    };
    let [gives, gets, both] = [&orgs[0], &orgs[1], &orgs[2]];
    let (user, _) = server.user(gets, "user").await;
    granted(both, gets, &user).await;
    let (user, _) = server.user(both, "goes").await;
    let stays = granted(gives, both, &user).await;
    assert_eq!(told(&server, both, &Method::DELETE, "/orgs/me", json!({})).await.0, 200);
    let sql = server.sql().await;
    emptied(&sql).await;
    for rows in ["SELECT count(*) FROM project_grants", "SELECT count(*) FROM user_grants"] {
        assert_eq!(sql.count(rows).await, 0, "{rows}");
    }
    assert_eq!(told(&server, gives, &Method::GET, &format!("/projects/{stays}"), json!({})).await.0, 200);
    assert_sound(&server.database).await;
}
