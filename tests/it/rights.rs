//! What a credential, an id or a role may open, and what it must not.

use claviger::clock::FixedClock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::oauth::{BasicApp, aud};
use crate::support::race::told;
use crate::support::sound::assert_sound;
use crate::support::{Options, TestServer, text};

/// Role keys with blanks and with what separates lists elsewhere.
const KEYS: [&str; 4] = ["a b", "reader", " lead", "x,y z"];

async fn post(server: &TestServer, org: &str, path: &str, body: Value) -> (u16, Value) {
    server.call_as(&server.token, Some(org), Method::POST, path, Some(body)).await
}

#[tokio::test]
async fn role_keys_with_blanks_are_told_by_introspection() {
    let server = TestServer::start().await;
    let project = server.project("blanks").await;
    for key in KEYS {
        server.ok(&format!("/projects/{project}/roles"), json!({"roleKey": key, "displayName": "r"})).await;
    }
    let app = server.basic_app(&project, "api").await;
    let (user, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let (jwt_user, jwt_signer) = server.machine("jwt", "ACCESS_TOKEN_TYPE_JWT").await;
    for id in [&user, &jwt_user] {
        server.ok(&format!("/users/{id}/grants"), json!({"projectId": project, "roleKeys": KEYS})).await;
    }
    let pat = text(&server.ok(&format!("/users/{user}/pats"), json!({})).await, "/token");
    let scope = format!("openid {} urn:zitadel:iam:org:projects:roles", aud(&project));
    let opaque = server.access_token(&signer, &scope).await;
    let jwt = server.access_token(&jwt_signer, &scope).await;
    for (what, token) in [("personal access token", pat), ("opaque token", opaque), ("JWT", jwt)] {
        let (_, seen) = server.introspect(&app, &token).await;
        for claim in
            [format!("urn:zitadel:iam:org:project:{project}:roles"), "urn:zitadel:iam:org:project:roles".into()]
        {
            let roles: Vec<&str> =
                seen[&claim].as_object().map(|r| r.keys().map(String::as_str).collect()).unwrap_or_default();
            let mut wanted = KEYS.to_vec();
            wanted.sort_unstable();
            assert_eq!(roles, wanted, "{what}, {claim}: {seen}");
        }
    }
}

#[tokio::test]
async fn all_roles_of_a_member_are_told_and_hold() {
    let server = TestServer::start().await;
    let project = server.project("members").await;
    let (user, token) = server.user(&server.org().await, "member").await;
    let roles = ["PROJECT_OWNER_VIEWER", "PROJECT_OWNER"];
    server.ok(&format!("/projects/{project}/members"), json!({"userId": user, "roles": roles})).await;
    let list = server.ok(&format!("/projects/{project}/members/_search"), json!({})).await;
    assert_eq!(list["result"][0]["roles"], json!(roles));
    let path = format!("/projects/{project}");
    let rename = server.call_as(&token, None, Method::PUT, &path, Some(json!({"name": "renamed"}))).await;
    assert_eq!(rename.0, 200, "{}", rename.1);
    assert_sound(&server.database).await;
}

#[tokio::test]
async fn an_id_that_was_given_is_never_given_again() {
    let server = TestServer::start().await;
    let own = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let project = server.project("kept").await;
    let gone = server.project("gone").await;
    let app = server.basic_app(&project, "kept").await;
    let gone_app = server.basic_app(&project, "gone").await;
    let (user, _) = server.user(&own, "kept").await;
    server.ok("/users/machine", json!({"userName": "gone", "name": "n", "userId": "gone-user"})).await;
    for path in
        [format!("/projects/{gone}"), format!("/projects/{project}/apps/{}", gone_app.id), "/users/gone-user".into()]
    {
        assert_eq!(server.delete(&path).await.0, 200);
    }
    let taken = [
        ("user", &user),
        ("removed user", &"gone-user".to_owned()),
        ("organization", &own),
        ("project", &project),
        ("removed project", &gone),
        ("application", &app.id),
        ("removed application", &gone_app.id),
        ("client", &app.client_id),
        ("client of a removed application", &gone_app.client_id),
    ]
    .map(|(what, id)| (what, id.clone()));
    let mut wrong = Vec::new();
    for (what, id) in &taken {
        for (place, org) in [("the same", &own), ("another", &other)] {
            let body = json!({"userName": format!("new {what} {place}"), "name": "n", "userId": id});
            let answer = told(&post(&server, org, "/users/machine", body).await);
            if answer != (400, 9, "COMMAND-k2una".to_owned()) {
                wrong.push(format!("the id of a {what} in {place} organization: {answer:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_user_name_is_no_id_of_anybody() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (user, _) = server.user(&org, "first").await;
    let (second, _) = server.user(&org, "second").await;
    let (status, answer) = post(&server, &org, "/users/machine", json!({"userName": user, "name": "n"})).await;
    assert!((400..500).contains(&status), "a user named as another one's id: {status} {answer}");
    let (status, answer) = server.put(&format!("/users/{second}/username"), json!({"userName": user})).await;
    assert!((400..500).contains(&status), "a user renamed to another one's id: {status} {answer}");
    let (status, answer) =
        post(&server, &org, "/users/machine", json!({"userName": "x", "name": "n", "userId": "first"})).await;
    assert!((400..500).contains(&status), "an id that is another one's name: {status} {answer}");
}

#[tokio::test]
async fn a_secret_does_not_come_back_with_its_method() {
    let server = TestServer::start().await;
    let project = server.project("methods").await;
    let app = server.basic_app(&project, "api").await;
    let path = format!("/projects/{project}/apps/{}/api_config", app.id);
    let opens = async |app: &BasicApp| server.introspect(app, &server.token).await.0 == 200;
    let switch = async |method: &str| {
        let (status, answer) = server.put(&path, json!({"authMethodType": method})).await;
        assert_eq!(status, 200, "{answer}");
    };
    assert!(opens(&app).await);
    switch("API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT").await;
    assert!(!opens(&app).await);
    switch("API_AUTH_METHOD_TYPE_BASIC").await;
    assert!(!opens(&app).await, "the secret of before opens again");
    let secret = text(&server.ok(&format!("{path}/_generate_client_secret"), json!({})).await, "/clientSecret");
    let new = BasicApp { secret, id: app.id.clone(), client_id: app.client_id.clone() };
    assert!(opens(&new).await && !opens(&app).await);
    // Nor does one that was granted some time more.
    server.ok(&format!("{path}/_generate_client_secret"), json!({"oldSecretLifetime": "3600s"})).await;
    assert!(opens(&new).await);
    switch("API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT").await;
    switch("API_AUTH_METHOD_TYPE_BASIC").await;
    assert!(!opens(&new).await, "an old secret opens again");
}

#[tokio::test]
async fn uniqueness_of_a_name_is_told_as_it_is_held() {
    let server = TestServer::start().await;
    for (name, asked) in [("svc", "SVC"), ("Ünï-Bot", "ünÏ-bOT")] {
        server.ok("/users/machine", json!({"userName": name, "name": "n"})).await;
        let (status, _) = server.post("/users/machine", json!({"userName": asked, "name": "n"})).await;
        assert_eq!(status, 409, "{asked} is {name} in another case");
        let url = server.url("/management/v1/users/_is_unique");
        let request = server.http.post(&url).build().expect("a request");
        let mut url = request.url().clone();
        url.query_pairs_mut().append_pair("userName", asked);
        let answer = server.http.get(url).bearer_auth(&server.token).send().await.expect("an answer");
        assert_eq!(answer.json::<Value>().await.expect("JSON"), json!({}), "{asked} is not free");
    }
}

/// The three ways to a credential of a machine.
async fn credentials(server: &TestServer, token: &str, org: &str, user: &str) -> Vec<(u16, i64)> {
    let mut answers = Vec::new();
    for (method, path, body) in [
        (Method::POST, format!("/users/{user}/pats"), json!({})),
        (Method::POST, format!("/users/{user}/keys"), json!({"type": "KEY_TYPE_JSON"})),
        (Method::PUT, format!("/users/{user}/secret"), json!({})),
    ] {
        let answer = server.call_as(token, Some(org), method, &path, Some(body)).await;
        answers.push((answer.0, answer.1["code"].as_i64().unwrap_or(0)));
    }
    answers
}

const REFUSED: [(u16, i64); 3] = [(403, 7); 3];
const GIVEN: [(u16, i64); 3] = [(200, 0); 3];

#[tokio::test]
async fn nobody_makes_a_credential_for_a_user_with_more_rights() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (_, me) = server.call_as(&server.token, None, Method::POST, "/users/_search", Some(json!({}))).await;
    let admin = text(&me, "/result/0/id");
    let (manager, by_manager) = server.user(&org, "manager").await;
    server.org_role(&org, &manager, "ORG_USER_MANAGER").await;
    let (owner, by_owner) = server.user(&org, "owner").await;
    server.org_role(&org, &owner, "ORG_OWNER").await;
    let (foreign, _) = server.user(&org, "foreign").await;
    server.org_role(&other, &foreign, "ORG_OWNER").await;
    let (plain, _) = server.user(&org, "plain").await;
    let mut wrong = Vec::new();
    for (caller, token, user, id, expected) in [
        ("ORG_USER_MANAGER", &by_manager, "IAM_OWNER", &admin, REFUSED),
        ("ORG_USER_MANAGER", &by_manager, "ORG_OWNER of another organization", &foreign, REFUSED),
        ("ORG_USER_MANAGER", &by_manager, "ORG_OWNER", &owner, REFUSED),
        ("ORG_USER_MANAGER", &by_manager, "nobody special", &plain, GIVEN),
        ("ORG_USER_MANAGER", &by_manager, "itself", &manager, GIVEN),
        ("ORG_OWNER", &by_owner, "IAM_OWNER", &admin, REFUSED),
        ("ORG_OWNER", &by_owner, "ORG_OWNER of another organization", &foreign, REFUSED),
        ("ORG_OWNER", &by_owner, "ORG_USER_MANAGER", &manager, GIVEN),
        ("ORG_OWNER", &by_owner, "itself", &owner, GIVEN),
        ("ORG_OWNER", &by_owner, "nobody special", &plain, GIVEN),
        ("IAM_OWNER", &server.token, "itself", &admin, GIVEN),
        ("IAM_OWNER", &server.token, "ORG_OWNER of another organization", &foreign, GIVEN),
    ] {
        let answers = credentials(&server, token, &org, id).await;
        if answers != expected {
            wrong.push(format!("{caller} for {user}: {answers:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn whoever_holds_a_foreign_role_too_may_give_a_credential_with_it() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (caller, token) = server.user(&org, "caller").await;
    let (target, _) = server.user(&org, "target").await;
    server.org_role(&org, &caller, "ORG_USER_MANAGER").await;
    server.org_role(&other, &target, "ORG_OWNER").await;
    assert_eq!(credentials(&server, &token, &org, &target).await, REFUSED);
    server.org_role(&other, &caller, "ORG_OWNER").await;
    // A role given beside the server's back is seen when what it remembers has ended.
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let answers = credentials(&server, &token, &org, &target).await;
        if answers == GIVEN {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "who holds the role may: {answers:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_replaced_secret_stays_refused_when_the_clock_steps_back() {
    let clock = FixedClock::new(1_800_000_000_000_000);
    let server = TestServer::with(Options { clock: Some(clock.clone()), ..Options::default() }).await;
    let project = server.project("clock").await;
    let old = server.basic_app(&project, "api").await;
    let path = format!("/projects/{project}/apps/{}/api_config/_generate_client_secret", old.id);
    let secret = text(&server.ok(&path, json!({})).await, "/clientSecret");
    let new = BasicApp { secret, id: old.id.clone(), client_id: old.client_id.clone() };
    for step in [0, -1, -1_000_000, -3_600_000_000] {
        clock.advance(step);
        assert_eq!(server.introspect(&new, &server.token).await.0, 200);
        let (status, answer) = server.introspect(&old, &server.token).await;
        assert_ne!(status, 200, "{step} µs back the old secret opens again: {answer}");
    }
    let stored = "SELECT old_secret_hash FROM apps WHERE id = $1 AND old_secret_hash IS NOT NULL";
    assert_eq!(server.sql().await.bytes_or_none(stored, &old.id).await, None, "nothing of it is kept");
}

/// What the contract demands of AddProjectMember and AddUserGrant: a user of any organization is taken
/// ("any organization is fine", "the user may belong to any organization"), a missing user is told before
/// a missing project, and only AddUserGrant tells another organization's project (`COMMAND-4m9ff`) from
/// none (`COMMAND-3n77S`). Beyond that nothing of another organization is told.
#[tokio::test]
async fn objects_of_another_organization_are_told_no_more_than_the_contract_demands() {
    let server = TestServer::start().await;
    let own = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let theirs = text(&post(&server, &other, "/projects", json!({"name": "theirs"})).await.1, "/id");
    let role = json!({"roleKey": "reader", "displayName": "r"});
    assert_eq!(post(&server, &other, &format!("/projects/{theirs}/roles"), role).await.0, 200);
    let gone = text(&post(&server, &other, "/projects", json!({"name": "gone"})).await.1, "/id");
    let removed = server.call_as(&server.token, Some(&other), Method::DELETE, &format!("/projects/{gone}"), None).await;
    assert_eq!(removed.0, 200);
    let (user, _) = server.user(&own, "ours").await;
    let (foreign, _) = server.user(&other, "foreign").await;
    let (caller, token) = server.user(&own, "caller").await;
    server.org_role(&own, &caller, "ORG_OWNER").await;
    let ask = async |path: String, body: Value| {
        let (status, mut answer) = server.call_as(&token, None, Method::POST, &path, Some(body)).await;
        answer["message"] = Value::Null;
        (status, answer)
    };
    let nobody = "123456789012345678";
    let member = async |project: &str, user: &str| {
        ask(format!("/projects/{project}/members"), json!({"userId": user, "roles": ["PROJECT_OWNER"]})).await
    };
    assert_eq!(member(&theirs, &user).await, member(nobody, &user).await);
    assert_eq!(member(&gone, &user).await, member(nobody, &user).await);
    assert_eq!(told(&member(&theirs, nobody).await), (400, 9, "COMMAND-uXHNj".to_owned()));
    assert_eq!(member(&theirs, &foreign).await, member(nobody, &foreign).await);
    let grant = async |project: &str, user: &str, keys: &[&str]| {
        ask(format!("/users/{user}/grants"), json!({"projectId": project, "roleKeys": keys})).await
    };
    assert_eq!(grant(&gone, &user, &[]).await, grant(nobody, &user, &[]).await);
    let none: &[&str] = &[];
    let answers = [none, &["reader"], &["writer"]];
    for keys in answers {
        let seen = grant(&theirs, &user, keys).await;
        assert_eq!(seen, grant(&theirs, &user, none).await, "its roles are not told: {keys:?}");
        assert_eq!(grant(&theirs, nobody, keys).await, grant(nobody, nobody, none).await);
    }
    // A user of another organization is taken.
    let project = server.project("ours").await;
    assert_eq!(member(&project, &foreign).await.0, 200);
    assert_eq!(grant(&project, &foreign, none).await.0, 200);
}
