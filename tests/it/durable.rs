//! An answer is given only after what it has seen is there for good: also an answer that changes nothing,
//! and also a refusal.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::oauth::aud;
use crate::support::process::Process;
use crate::support::race::{Answer, Call, at_once, counted, delete, none_failed, post, put, told};
use crate::support::server::Database;
use crate::support::sound::assert_sound;
use crate::support::{TestServer, text};

const CALLERS: usize = 16;
const ROUNDS: usize = 12;

/// A call, and what a reader sees at once after its answer.
fn then(first: Call, look: impl Fn(Answer) -> BoxFuture<'static, Option<String>> + Send + 'static) -> Call {
    async move {
        let answer = first.await;
        match look(answer.clone()).await {
            Some(lie) => (999, json!({"details": [{"id": lie}]})),
            None => answer,
        }
    }
    .boxed()
}

/// All at once; no reader saw anything else than an answer said.
async fn all_true(what: &str, calls: Vec<Call>) {
    let answers = at_once(calls).await;
    none_failed(what, &answers);
    assert!(answers.iter().all(|a| a.0 < 999), "{what}: {}", counted(&answers));
}

/// After an answer with `status` and `id` the text at `pointer` of what is read at `path` is `wanted`.
fn seen(
    server: &Arc<TestServer>,
    path: &str,
    pointer: &'static str,
    wanted: &str,
    after: (u16, &'static str),
) -> impl Fn(Answer) -> BoxFuture<'static, Option<String>> + Send + 'static {
    let (server, path, wanted) = (Arc::clone(server), path.to_owned(), wanted.to_owned());
    move |answer| {
        let (server, path, wanted) = (Arc::clone(&server), path.clone(), wanted.clone());
        async move {
            let (status, _, id) = told(&answer);
            if (status, id.as_str()) != after {
                return None;
            }
            let (_, now) = server.get(&path).await;
            (text(&now, pointer) != wanted).then(|| format!("told {status} {id}, but then read {now}"))
        }
        .boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_change_nothing_are_true_at_once() {
    let server = Arc::new(TestServer::start().await);
    let project = server.project("true").await;
    for round in 0..ROUNDS {
        let name = format!("same{round}");
        let path = format!("/projects/{project}");
        let calls = (0..CALLERS).map(|_| {
            let look = seen(&server, &path, "/project/name", &name, (200, ""));
            then(put(&server, &path, json!({"name": name})), look)
        });
        all_true("equal names of a project", calls.collect()).await;
        let user = text(&server.ok("/users/machine", json!({"userName": name, "name": "n"})).await, "/userId");
        let path = format!("/users/{user}");
        let calls = (0..CALLERS).map(|_| {
            let look = seen(&server, &path, "/user/state", "USER_STATE_INACTIVE", (400, "COMMAND-5M0sf"));
            then(post(&server, &format!("{path}/_deactivate"), json!({})), look)
        });
        all_true("inactive already", calls.collect()).await;
        let calls = (0..CALLERS).map(|_| {
            let look = seen(&server, &path, "/user/userName", &format!("new{round}"), (400, "COMMAND-6m9gs"));
            then(put(&server, &format!("{path}/username"), json!({"userName": format!("new{round}")})), look)
        });
        all_true("renamed already", calls.collect()).await;
    }
    assert_sound(&server.database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_to_be_gone_is_gone() {
    let server = Arc::new(TestServer::start().await);
    let project = server.project("gone").await;
    for round in 0..ROUNDS {
        let app = server.app(&project, &format!("a{round}")).await;
        let path = format!("/projects/{project}/apps/{app}");
        let mut calls: Vec<Call> = (1..CALLERS)
            .map(|n| {
                let look = seen(&server, &path, "/app/id", "", (404, "COMMAND-28di9"));
                then(put(&server, &path, json!({"name": format!("x{round}-{n}")})), look)
            })
            .collect();
        calls.insert(CALLERS / 2, delete(&server, &path));
        all_true("an application that goes", calls).await;
        let user =
            text(&server.ok("/users/machine", json!({"userName": format!("u{round}"), "name": "n"})).await, "/userId");
        let path = format!("/users/{user}");
        let calls = (0..CALLERS)
            .map(|_| then(delete(&server, &path), seen(&server, &path, "/user/id", "", (404, "COMMAND-m9od"))));
        all_true("a user that goes", calls.collect()).await;
        let role = json!({"roleKey": format!("r{round}"), "displayName": "r"});
        server.ok(&format!("/projects/{project}/roles"), role).await;
        let calls = (0..CALLERS).map(|_| role_is_gone(&server, &project, &format!("r{round}")));
        all_true("a role that goes", calls.collect()).await;
    }
    assert_sound(&server.database).await;
}

fn role_is_gone(server: &Arc<TestServer>, project: &str, key: &str) -> Call {
    let (server, project, key) = (Arc::clone(server), project.to_owned(), key.to_owned());
    let gone = delete(&server, &format!("/projects/{project}/roles/{key}"));
    then(gone, move |_| {
        let (server, path) = (Arc::clone(&server), format!("/projects/{project}/roles/_search"));
        let query = json!({"queries": [{"keyQuery": {"key": key}}]});
        async move {
            let list = server.ok(&path, query).await;
            (text(&list, "/details/totalResult") != "0" && list.get("result").is_some())
                .then(|| format!("told to be gone, but then listed: {list}"))
        }
        .boxed()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_told_to_be_revoked_is_void() {
    let server = Arc::new(TestServer::start().await);
    let (user, _) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let secret = server.machine_secret(&user).await;
    let scope = format!("openid {}", aud("zitadel"));
    for _ in 0..2 * ROUNDS {
        let form = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
        let (status, made) = server.form("/oauth/v2/token", Some(("bot", &secret)), &form).await;
        assert_eq!(status, 200, "{made}");
        let pat = text(&server.ok(&format!("/users/{user}/pats"), json!({})).await, "/token");
        for token in [text(&made, "/access_token"), pat] {
            let calls = (0..CALLERS).map(|_| revoked(&server, &secret, &token));
            all_true("revoked by many", calls.collect()).await;
        }
    }
    assert_sound(&server.database).await;
}

/// A revocation, and the token used at once after it.
fn revoked(server: &Arc<TestServer>, secret: &str, token: &str) -> Call {
    let (server, secret, token) = (Arc::clone(server), secret.to_owned(), token.to_owned());
    async move {
        let form = [("token", token.as_str())];
        let (status, answer) = server.form("/oauth/v2/revoke", Some(("bot", &secret)), &form).await;
        let after = server.call_as(&token, None, Method::GET, "/orgs/me", None).await;
        let lie = format!("revoked, and then it opened: {}", after.1);
        if status == 200 && after.0 != 401 { (999, json!({"details": [{"id": lie}]})) } else { (status, answer) }
    }
    .boxed()
}

/// Rounds of a kill: today about half of them lose the name, so none of them all is lost by chance.
const KILLS: usize = 20;
/// Equal calls at once.
const EQUAL: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_acknowledged_to_the_first_of_many_survives_kill_9() {
    let database = Database::fresh().await;
    let settings = [("CLAVIGER_KEYS_POOL", "0"), ("CLAVIGER_LOG_LEVEL", "error")];
    let mut process = Process::start(&database, &settings);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let made = rest(&http, &process, Method::POST, "/projects", json!({"name": "kill"})).await;
    let path = format!("/projects/{}", text(&made, "/id"));
    let mut lost = Vec::new();
    for round in 0..KILLS {
        let name = format!("kill{round}");
        let body = json!({"name": name}).to_string();
        let address = process.url.trim_start_matches("http://").to_owned();
        let request = format!(
            "PUT /management/v1{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            process.token,
            body.len()
        );
        let running = process;
        tokio::task::spawn_blocking(move || kill_at_first_answer(running, &address, &request)).await.expect("killed");
        process = Process::start(&database, &settings);
        let now = rest(&http, &process, Method::GET, &path, Value::Null).await;
        if text(&now, "/project/name") != name {
            lost.push(name);
        }
    }
    process.kill();
    assert!(lost.is_empty(), "{} of {KILLS} acknowledged names are lost: {lost:?}", lost.len());
    assert_sound(&database).await;
}

async fn rest(http: &reqwest::Client, process: &Process, method: Method, path: &str, body: Value) -> Value {
    let request = http.request(method, format!("{}{path}", process.api())).bearer_auth(&process.token).json(&body);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.expect("JSON")
}

/// Sends equal requests on connections of their own and kills the server when one of them is answered.
fn kill_at_first_answer(process: Process, address: &str, request: &str) {
    let open = |_| {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream
    };
    let mut streams: Vec<TcpStream> = (0..EQUAL).map(open).collect();
    for stream in &mut streams {
        stream.write_all(request.as_bytes()).expect("sent");
    }
    let (told, first) = std::sync::mpsc::channel();
    for mut stream in streams {
        let told = told.clone();
        // Each waits in a thread of its own: whoever hears first tells at once.
        std::thread::spawn(move || {
            let mut head = [0; 12];
            if stream.read_exact(&mut head).is_ok() && &head == b"HTTP/1.1 200" {
                let _ = told.send(());
            }
        });
    }
    first.recv_timeout(Duration::from_secs(30)).expect("one of them is answered with 200");
    process.kill();
}
