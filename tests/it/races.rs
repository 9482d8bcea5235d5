//! What one caller removes while another one builds on it: afterwards nothing refers to what is gone, and
//! whoever comes second is told so.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::oauth::BasicApp;
use crate::support::race::{Answer, at_once, call, counted, delete, none_failed, one_wins, post, put, told};
use crate::support::sound::{assert_no_orphan, assert_sound};
use crate::support::{TestServer, text};

/// Callers at once, two for each thing.
const CALLERS: usize = 16;
const PAIRS: usize = CALLERS / 2;
const ROUNDS: usize = 8;

async fn server() -> Arc<TestServer> {
    Arc::new(TestServer::start().await)
}

async fn user(server: &TestServer, name: &str) -> String {
    text(&server.ok("/users/machine", json!({"userName": name, "name": "n"})).await, "/userId")
}

async fn role(server: &TestServer, project: &str, key: &str) {
    server.ok(&format!("/projects/{project}/roles"), json!({"roleKey": key, "displayName": key})).await;
}

/// Every answer is one of these.
fn only(what: &str, answers: &[Answer], expected: &[(u16, i64, &str)]) {
    let known = |a: &Answer| expected.iter().any(|(status, code, id)| told(a) == (*status, *code, (*id).to_owned()));
    assert!(answers.iter().all(known), "{what}: {}", counted(answers));
}

const DONE: (u16, i64, &str) = (200, 0, "");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_membership_of_a_removed_user_is_left() {
    let server = server().await;
    let project = server.project("members").await;
    for round in 0..ROUNDS {
        let mut calls = Vec::new();
        for n in 0..PAIRS {
            let user = user(&server, &format!("m{round}-{n}")).await;
            let body = json!({"userId": user, "roles": ["PROJECT_OWNER"]});
            calls.push(post(&server, &format!("/projects/{project}/members"), body));
            calls.push(delete(&server, &format!("/users/{user}")));
        }
        let answers = at_once(calls).await;
        only("members of users that go", &answers, &[DONE, (400, 9, "COMMAND-uXHNj")]);
    }
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_that_goes_with_its_user_is_not_there_for_who_changes_or_ends_it() {
    let server = server().await;
    let project = server.project("members").await;
    for round in 0..ROUNDS {
        let mut calls = Vec::new();
        for n in 0..PAIRS {
            let user = user(&server, &format!("c{round}-{n}")).await;
            let body = json!({"userId": user, "roles": ["PROJECT_OWNER"]});
            server.ok(&format!("/projects/{project}/members"), body).await;
            let at = format!("/projects/{project}/members/{user}");
            let first = if n % 2 == 0 {
                put(&server, &at, json!({"roles": ["PROJECT_OWNER_VIEWER"]}))
            } else {
                delete(&server, &at)
            };
            calls.push(delete(&server, &format!("/users/{user}")));
            calls.push(first);
        }
        let answers = at_once(calls).await;
        only("members whose user goes", &answers, &[DONE, (404, 5, "PROJECT-D8JxR")]);
    }
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_grant_of_a_removed_user_is_left() {
    let server = server().await;
    let project = server.project("grants").await;
    role(&server, &project, "reader").await;
    for round in 0..ROUNDS {
        let mut calls = Vec::new();
        for n in 0..PAIRS {
            let user = user(&server, &format!("g{round}-{n}")).await;
            let body = json!({"projectId": project, "roleKeys": ["reader"]});
            calls.push(post(&server, &format!("/users/{user}/grants"), body));
            calls.push(delete(&server, &format!("/users/{user}")));
        }
        let answers = at_once(calls).await;
        only("grants to users that go", &answers, &[DONE, (400, 9, "COMMAND-4f8sg")]);
    }
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_grant_in_a_removed_project_is_left() {
    let server = server().await;
    let holder = user(&server, "holder").await;
    for round in 0..ROUNDS {
        let mut calls = Vec::new();
        for n in 0..PAIRS {
            let project = server.project(&format!("p{round}-{n}")).await;
            role(&server, &project, "reader").await;
            let body = json!({"projectId": project, "roleKeys": ["reader"]});
            calls.push(post(&server, &format!("/users/{holder}/grants"), body));
            calls.push(delete(&server, &format!("/projects/{project}")));
        }
        let answers = at_once(calls).await;
        let refused = [DONE, (400, 9, "COMMAND-3n77S"), (400, 9, "COMMAND-mm9F4")];
        only("grants in projects that go", &answers, &refused);
    }
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_grant_of_a_removed_role_is_left() {
    let server = server().await;
    let project = server.project("roles").await;
    for round in 0..ROUNDS {
        let mut calls = Vec::new();
        for n in 0..PAIRS {
            let (user, key) = (user(&server, &format!("r{round}-{n}")).await, format!("role{round}-{n}"));
            role(&server, &project, &key).await;
            let body = json!({"projectId": project, "roleKeys": [key]});
            calls.push(post(&server, &format!("/users/{user}/grants"), body));
            calls.push(delete(&server, &format!("/projects/{project}/roles/{key}")));
        }
        let answers = at_once(calls).await;
        only("grants of roles that go", &answers, &[DONE, (400, 9, "COMMAND-mm9F4")]);
    }
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_gets_an_id_again_gets_no_right_of_the_one_before() {
    let server = server().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let project = server.project("theirs").await;
    for n in 0..PAIRS {
        let id = format!("robot-{n}");
        server.ok("/users/machine", json!({"userName": id, "name": "n", "userId": id})).await;
        let body = json!({"userId": id, "roles": ["PROJECT_OWNER"]});
        let member = post(&server, &format!("/projects/{project}/members"), body);
        let again = json!({"userName": format!("again-{n}"), "name": "n", "userId": id});
        let gone = delete(&server, &format!("/users/{id}"));
        let create = |org| call(&server, org, &Method::POST, "/users/machine", again.clone());
        let mut calls = vec![member, gone];
        calls.extend((0..7).flat_map(|_| [create(None), create(Some(&other))]));
        let answers = at_once(calls).await;
        none_failed("an id in use and removed", &answers);
        only("the same id", &answers[2..], &[(400, 9, "COMMAND-k2una")]);
        for org in [None, Some(&*other)] {
            let late = at_once(vec![call(&server, org, &Method::POST, "/users/machine", again.clone())]).await;
            only("the id of a removed user", &late, &[(400, 9, "COMMAND-k2una")]);
        }
    }
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_application_of_a_removed_project_is_left() {
    let server = server().await;
    for round in 0..ROUNDS {
        let (mut calls, mut gone) = (Vec::new(), Vec::new());
        for n in 0..2 {
            let project = server.project(&format!("p{round}-{n}")).await;
            for app in 0..PAIRS - 1 {
                let body = json!({"name": format!("a{app}"), "authMethodType": 0});
                calls.push(post(&server, &format!("/projects/{project}/apps/api"), body));
            }
            gone.push(delete(&server, &format!("/projects/{project}")));
        }
        // The removals in the middle, so that there are calls before and after them.
        let tail = calls.split_off(PAIRS - 1);
        calls.extend(gone);
        calls.extend(tail);
        let answers = at_once(calls).await;
        only("applications of projects that go", &answers, &[DONE, (400, 9, "COMMAND-EbFMN")]);
        for (_, made) in answers.iter().filter(|a| a.1.get("clientSecret").is_some()) {
            let [id, client_id, secret] = ["/appId", "/clientId", "/clientSecret"].map(|p| text(made, p));
            let (status, answer) = server.introspect(&BasicApp { id, client_id, secret }, &server.token).await;
            assert!(
                (400..500).contains(&status),
                "a secret of a removed project opens introspection: {status} {answer}"
            );
        }
    }
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_role_or_member_of_what_goes_is_left() {
    let server = server().await;
    let member = user(&server, "member").await;
    for round in 0..ROUNDS {
        let project = server.project(&format!("p{round}")).await;
        let kept = server.project(&format!("k{round}")).await;
        let app = server.app(&kept, "keys").await;
        let machine = user(&server, &format!("machine{round}")).await;
        let mut calls = vec![
            delete(&server, &format!("/projects/{project}")),
            delete(&server, &format!("/projects/{kept}/apps/{app}")),
            delete(&server, &format!("/users/{machine}")),
            post(
                &server,
                &format!("/projects/{project}/members"),
                json!({"userId": member, "roles": ["PROJECT_OWNER"]}),
            ),
        ];
        for n in 0..4 {
            let role = json!({"roleKey": format!("r{n}"), "displayName": "r"});
            calls.push(post(&server, &format!("/projects/{project}/roles"), role));
            calls.push(post(&server, &format!("/projects/{kept}/apps/{app}/keys"), json!({"type": 1})));
            calls.push(post(&server, &format!("/users/{machine}/keys"), json!({"type": 1})));
            calls.push(post(&server, &format!("/users/{machine}/pats"), json!({})));
        }
        calls.rotate_left(round % CALLERS);
        none_failed("parts of what goes", &at_once(calls).await);
    }
    assert_sound(&server.database).await;
}

/// Each case: a call that all make at once, and the same call made once more.
async fn contest(server: &Arc<TestServer>, what: &str, org: Option<&str>, path: &str, body: impl Fn(usize) -> Value) {
    let calls = (0..CALLERS).map(|n| call(server, org, &Method::POST, path, body(n))).collect();
    let answers = at_once(calls).await;
    let second = at_once(vec![call(server, org, &Method::POST, path, body(CALLERS))]).await;
    one_wins(what, &answers, &second[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_equal_creations_one_wins_and_the_others_come_second() {
    let server = server().await;
    let project = server.project("contest").await;
    let holder = user(&server, "holder").await;
    for round in 0..ROUNDS {
        let path = "/users/machine";
        let id = format!("id-{round}");
        let same_id = |n| json!({"userName": format!("u{round}-{n}"), "name": "n", "userId": id});
        contest(&server, "the same user id", None, path, same_id).await;
        let name = format!("name-{round}");
        contest(&server, "the same user name", None, path, |_| json!({"userName": name, "name": "n"})).await;
        let both = format!("both-{round}");
        let same = |_| json!({"userName": both, "name": "n", "userId": both});
        contest(&server, "the same user", None, path, same).await;
        contest(&server, "the same organization", None, "/orgs", |_| json!({"name": format!("Org {round}")})).await;
        contest(&server, "the same project", None, "/projects", |_| json!({"name": format!("p{round}")})).await;
        let key = json!({"roleKey": format!("r{round}"), "displayName": "r"});
        contest(&server, "the same role", None, &format!("/projects/{project}/roles"), |_| key.clone()).await;
        let own = server.project(&format!("own{round}")).await;
        let grant = json!({"projectId": own});
        contest(&server, "the same grant", None, &format!("/users/{holder}/grants"), |_| grant.clone()).await;
        let member = json!({"userId": holder, "roles": ["PROJECT_OWNER"]});
        contest(&server, "the same member", None, &format!("/projects/{own}/members"), |_| member.clone()).await;
    }
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_organizations_that_want_one_user_id_one_gets_it() {
    let server = server().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    for round in 0..ROUNDS {
        let body = |n: usize| json!({"userName": format!("u{round}-{n}"), "name": "n", "userId": format!("id{round}")});
        let org = |n: usize| if n.is_multiple_of(2) { None } else { Some(&*other) };
        let make = |n| call(&server, org(n), &Method::POST, "/users/machine", body(n));
        let answers = at_once((0..CALLERS).map(make).collect()).await;
        let second = at_once(vec![make(CALLERS), make(CALLERS + 1)]).await;
        assert_eq!(told(&second[0]), (400, 9, "COMMAND-k2una".to_owned()), "whoever has it");
        assert_eq!(told(&second[0]), told(&second[1]), "whoever asks");
        one_wins("one id for two organizations", &answers, &second[0]);
    }
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_equal_names_given_to_others_one_wins() {
    let server = server().await;
    for round in 0..ROUNDS {
        let mut users = Vec::new();
        for n in 0..=CALLERS {
            users.push(user(&server, &format!("before{round}-{n}")).await);
        }
        let body = json!({"userName": format!("after{round}")});
        let rename = |id: &String| put(&server, &format!("/users/{id}/username"), body.clone());
        let answers = at_once(users[..CALLERS].iter().map(rename).collect()).await;
        let second = at_once(vec![rename(&users[CALLERS])]).await;
        one_wins("a user name", &answers, &second[0]);
    }
    assert_sound(&server.database).await;
}

/// Users with a secret and a token and projects with applications, all just used.
async fn used(server: &Arc<TestServer>, round: usize) -> (Vec<String>, String) {
    let project = server.project(&format!("used{round}")).await;
    let mut users = Vec::new();
    for n in 0..CALLERS - 2 {
        let name = format!("used{round}-{n}");
        let id = user(server, &name).await;
        let secret = server.machine_secret(&id).await;
        let pat = text(&server.ok(&format!("/users/{id}/pats"), json!({})).await, "/token");
        let form = [("grant_type", "client_credentials")];
        assert_eq!(server.form("/oauth/v2/token", Some((&name, &secret)), &form).await.0, 200);
        let app = server.basic_app(&project, &name).await;
        assert_eq!(server.introspect(&app, &pat).await.1["active"], true);
        users.push(id);
    }
    (users, project)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_uses_and_removing_what_was_used_never_wait_for_each_other_in_turn() {
    let server = server().await;
    for round in 0..4 {
        let (users, project) = used(&server, round).await;
        let mut calls: Vec<_> = users.iter().map(|id| delete(&server, &format!("/users/{id}"))).collect();
        calls.push(delete(&server, &format!("/projects/{project}")));
        let writer = Arc::clone(&server);
        let writing = tokio::spawn(async move { writer.app.usage.write(&writer.app.store).await });
        let answers = at_once(calls).await;
        only("removals while uses are written", &answers, &[DONE]);
        let written = writing.await.expect("the writer ends");
        assert!(written.is_ok(), "uses were not written: {written:?}");
    }
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_role_is_in_no_grant_and_no_update_is_lost() {
    let server = server().await;
    for round in 0..ROUNDS {
        let project = server.project(&format!("p{round}")).await;
        let keys: Vec<String> = (0..CALLERS).map(|n| format!("r{n}")).collect();
        for key in &keys {
            role(&server, &project, key).await;
        }
        let holder = user(&server, &format!("u{round}")).await;
        let body = json!({"projectId": project, "roleKeys": keys});
        let grant = text(&server.ok(&format!("/users/{holder}/grants"), body).await, "/userGrantId");
        let mut calls = Vec::new();
        for n in 0..PAIRS {
            calls.push(delete(&server, &format!("/projects/{project}/roles/r{n}")));
            // Each update takes out a role of its own and keeps those that are about to go.
            let left: Vec<&String> = keys.iter().filter(|key| **key != format!("r{}", PAIRS + n)).collect();
            calls.push(put(&server, &format!("/users/{holder}/grants/{grant}"), json!({"roleKeys": left})));
        }
        let answers = at_once(calls).await;
        let refused = [DONE, (400, 9, "COMMAND-mm9F4"), (400, 9, "COMMAND-Rs8fy")];
        only("roles that go from a grant", &answers, &refused);
        lost_nothing(&server, &grant).await;
    }
    assert_sound(&server.database).await;
}

/// What follows a role's removal takes one role out of the keys as they were then, and nothing else.
async fn lost_nothing(server: &TestServer, grant: &str) {
    use crate::support::rows::Snapshot;
    let sql = "SELECT aggregate_id, kind, CAST(payload AS TEXT) FROM events WHERE aggregate_kind = 'user_grant' \
               ORDER BY aggregate_id, sequence";
    let rows = Snapshot::open(&server.database).await.rows(sql).await;
    let mut before: Vec<String> = Vec::new();
    for row in rows.iter().filter(|row| row[0] == grant) {
        let payload: Value = serde_json::from_str(&row[2]).expect("a payload");
        let keys: Vec<String> = serde_json::from_value(payload["roleKeys"].clone()).expect("a list");
        if row[1] == "user.grant.cascade.changed" {
            let left: Vec<&String> = before.iter().filter(|key| keys.contains(key)).collect();
            let same = left.len() == keys.len() && left.iter().zip(&keys).all(|(a, b)| *a == b);
            assert!(same && before.len() == keys.len() + 1, "an update was overwritten: {before:?}, then {keys:?}");
        }
        before = keys;
    }
    assert_no_orphan(&server.database).await;
}
