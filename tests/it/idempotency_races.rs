//! Idempotency keys where calls are made at once, broken off, or lost with the process: still one change, one answer.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::idempotent::{MANAGEMENT, call};
use crate::support::process::Process;
use crate::support::race::{at_once, none_failed};
use crate::support::server::Database;
use crate::support::{Options, TestServer, text};

/// Callers at once.
const MANY: usize = 100;

/// Servers on one database: two where the engine allows it.
async fn servers() -> Vec<Arc<TestServer>> {
    let one = TestServer::start().await;
    if one.database.is_sqlite() {
        return vec![Arc::new(one)];
    }
    let beside = Some(one.database.clone());
    let two = TestServer::with(Options { beside, ..Options::default() }).await;
    vec![Arc::new(one), Arc::new(two)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_makes_a_key_and_all_have_its_file() {
    let servers = servers().await;
    let project = servers[0].project("p").await;
    let app = servers[0].app(&project, "a").await;
    let rpc = format!("{MANAGEMENT}/AddAppKey");
    let body = json!({"projectId": project, "appId": app, "type": 1});
    let calls = (0..MANY).map(|n| call(&servers[n % servers.len()], "k", &rpc, &body)).collect();
    let answers = at_once(calls).await;
    none_failed("one key", &answers);
    assert_eq!(answers[0].0, 200, "{}", answers[0].1);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "equal answers");
    assert_eq!(servers[0].sql().await.count("SELECT count(*) FROM app_keys").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_keys_at_once_makes_one() {
    let servers = servers().await;
    let project = servers[0].project("p").await;
    let rpc = format!("{MANAGEMENT}/AddAPIApp");
    // The same project for all, so that they wait for each other; each key eight times.
    let calls = (0..MANY).map(|n| {
        let body = json!({"projectId": project, "name": format!("a{}", n / 8), "authMethodType": 0});
        call(&servers[n % servers.len()], &format!("k{}", n / 8), &rpc, &body)
    });
    let answers = at_once(calls.collect()).await;
    none_failed("many keys", &answers);
    for same in answers.chunks(8) {
        assert_eq!(same[0].0, 200, "{}", same[0].1);
        assert!(same.iter().all(|answer| *answer == same[0]), "equal answers");
    }
    let made = servers[0].sql().await.count("SELECT count(*) FROM apps").await;
    assert_eq!(made, i64::try_from(MANY.div_ceil(8)).expect("small"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_requests_under_one_key_at_once_one_is_refused() {
    let servers = servers().await;
    let rpc = format!("{MANAGEMENT}/AddProject");
    let calls = (0..16).map(|n| {
        let body = json!({"name": format!("p{}", n / 2 % 2)});
        call(&servers[n % servers.len()], "k", &rpc, &body)
    });
    let answers = at_once(calls.collect()).await;
    none_failed("two requests", &answers);
    let good: Vec<_> = answers.iter().filter(|answer| answer.0 == 200).collect();
    assert_eq!(good.len(), 8, "all that asked for the same");
    assert!(good.iter().all(|answer| answer.1 == good[0].1));
    assert_eq!(servers[0].sql().await.count("SELECT count(*) FROM projects WHERE name LIKE 'p_'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_go_away_leave_all_or_nothing() {
    let server = Arc::new(TestServer::start().await);
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let rpc = format!("{MANAGEMENT}/AddAppKey");
    let body = json!({"projectId": project, "appId": app, "type": 1});
    for round in 0..40 {
        let key = format!("k{round}");
        let gone = tokio::spawn(call(&server, &key, &rpc, &body));
        // A caller is broken off wherever it has come to by then.
        for _ in 0..round * 4 {
            tokio::task::yield_now().await;
        }
        gone.abort();
        let (status, first) = call(&server, &key, &rpc, &body).await;
        assert_eq!(status, 200, "{first}");
        assert_eq!(call(&server, &key, &rpc, &body).await, (200, first));
    }
    assert_eq!(server.sql().await.count("SELECT count(*) FROM app_keys").await, 40);
    assert_eq!(server.post("/projects", json!({"name": "q"})).await.0, 200, "nobody holds up the writers");
}

/// One call of a process, which may end under it.
async fn try_key(http: &reqwest::Client, process: &Process, path: &str) -> Option<String> {
    let request = http.post(format!("{}{path}", process.api())).bearer_auth(&process.token);
    let answer = request.header("idempotency-key", "k").json(&json!({"type": 1})).send().await.ok()?;
    if answer.status() == 503 {
        return None;
    }
    assert_eq!(answer.status(), 200);
    answer.text().await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_kill_9_there_is_one_key_and_one_file() {
    let database = Database::fresh().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let count = if database.is_sqlite() { 1 } else { 2 };
    let settings = [("CLAVIGER_KEYS_POOL", "2"), ("CLAVIGER_ISSUER", "http://claviger.test")];
    let start = || (0..count).map(|_| Process::start(&database, &settings)).collect::<Vec<_>>();
    let processes = start();
    let post = async |process: &Process, path: &str, body: Value| -> Value {
        let request = http.post(format!("{}{path}", process.api())).bearer_auth(&process.token).json(&body);
        request.send().await.expect("an answer").json().await.expect("JSON")
    };
    let project = text(&post(&processes[0], "/projects", json!({"name": "p"})).await, "/id");
    let body = json!({"name": "a", "authMethodType": 1});
    let app = text(&post(&processes[0], &format!("/projects/{project}/apps/api"), body).await, "/appId");
    let path = format!("/projects/{project}/apps/{app}/keys");

    let mut seen: Vec<String> = Vec::new();
    let mut processes = processes;
    for _ in 0..3 {
        let mut calls: futures::stream::FuturesUnordered<_> =
            (0..MANY).map(|n| try_key(&http, &processes[n % count], &path).boxed()).collect();
        // The first answer, or the first that breaks off: then all end at once.
        let first = futures::StreamExt::next(&mut calls).await.flatten();
        for process in &processes {
            process.signal("KILL");
        }
        seen.extend(first);
        seen.extend(futures::StreamExt::collect::<Vec<_>>(calls).await.into_iter().flatten());
        processes.into_iter().for_each(Process::kill);
        processes = start();
    }
    let last = join_all((0..MANY).map(|n| try_key(&http, &processes[n % count], &path))).await;
    seen.extend(last.into_iter().map(|answer| answer.expect("nothing stands in the way")));
    assert!(seen.iter().all(|answer| *answer == seen[0]), "equal bytes");
    let list = post(&processes[0], &format!("{path}/_search"), json!({})).await;
    assert_eq!(text(&list, "/details/totalResult"), "1");
    processes.into_iter().for_each(Process::kill);
}
