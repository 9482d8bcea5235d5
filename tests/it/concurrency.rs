//! Many callers at once: every answer is true at once, names are unique, sequences have no gap.

use std::collections::BTreeSet;
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestServer, number, text};

const ROUNDS: usize = 10_000;
const TASKS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_is_read_at_once_in_every_round() {
    let server = Arc::new(TestServer::start().await);
    let project = server.project("rounds").await;
    let tasks = (0..TASKS).map(|task| {
        let (server, project) = (Arc::clone(&server), project.clone());
        tokio::spawn(async move {
            let app = server.app(&project, &format!("task-{task}")).await;
            let path = format!("/projects/{project}/apps/{app}/keys");
            let mut sequences = Vec::new();
            for _ in 0..ROUNDS / TASKS {
                sequences.extend(round(&server, &path).await);
            }
            sequences
        })
    });
    let mut sequences = BTreeSet::new();
    let mut count = 0;
    for task in tasks.collect::<Vec<_>>() {
        let seen = task.await.expect("every round is right");
        count += seen.len();
        sequences.extend(seen);
    }
    // One event of the project, two for each application, then one for each write of the rounds.
    let first = 1 + 2 * TASKS as u64;
    assert_eq!(sequences.len(), count, "no sequence is given twice");
    let writes: BTreeSet<u64> = (1..=first + count as u64).collect();
    assert!(sequences.is_subset(&writes), "no sequence beyond the number of writes");
    let (_, newest) = server.post(&format!("/projects/{project}/changes/_search?query.limit=1"), json!({})).await;
    assert_eq!(number(&newest, "/result/0/sequence"), first + count as u64, "no gap");
}

/// Create, get, list, remove, get: without a pause. The sequences of both writes.
async fn round(server: &TestServer, path: &str) -> [u64; 2] {
    let (status, made) = server.post(path, json!({"type": 1})).await;
    assert_eq!(status, 200, "{made}");
    let id = text(&made, "/id");
    let (status, got) = server.get(&format!("{path}/{id}")).await;
    assert_eq!((status, text(&got, "/key/id")), (200, id.clone()), "get after create: {got}");
    assert_eq!(got.pointer("/key/details/sequence"), made.pointer("/details/sequence"));
    let (status, list) = server.post(&format!("{path}/_search"), json!({})).await;
    assert_eq!((status, text(&list, "/result/0/id")), (200, id.clone()), "list after create: {list}");
    assert_eq!(number(&list, "/details/totalResult"), 1);
    let (status, gone) = server.delete(&format!("{path}/{id}")).await;
    assert_eq!(status, 200, "{gone}");
    let (status, after) = server.get(&format!("{path}/{id}")).await;
    assert_eq!(status, 404, "get after remove: {after}");
    [number(&made, "/details/sequence"), number(&gone, "/details/sequence")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_applications_of_one_name_exactly_one_is_made() {
    let server = Arc::new(TestServer::start().await);
    let project = server.project("names").await;
    for attempt in 0..5 {
        let body = json!({"name": format!("Same-{attempt}"), "authMethodType": 1});
        let calls = (0..64).map(|_| {
            let (server, path, body) = (Arc::clone(&server), format!("/projects/{project}/apps/api"), body.clone());
            tokio::spawn(async move { server.post(&path, body).await })
        });
        let mut statuses = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            let (status, answer) = call.await.expect("an answer");
            if status == 409 {
                assert_eq!(text(&answer, "/details/0/id"), "V3-DKcYh");
            }
            statuses.push(status);
        }
        statuses.sort_unstable();
        assert_eq!((statuses[0], statuses[1], statuses[63]), (200, 409, 409), "{statuses:?}");
    }
    assert_eq!(gapless(&server, &project).await, 11, "one project and five times two events");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_switches_of_a_state_exactly_one_wins() {
    let server = Arc::new(TestServer::start().await);
    let project = server.project("states").await;
    let app = server.app(&project, "switched").await;
    let calls = (0..16).map(|_| {
        let (server, path) = (Arc::clone(&server), format!("/projects/{project}/apps/{app}/_deactivate"));
        tokio::spawn(async move { server.call(Method::POST, &path, None).await.0 })
    });
    let mut won = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.expect("an answer") {
            200 => won += 1,
            status => assert_eq!(status, 400),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(gapless(&server, &project).await, 4);
}

/// The number of events of a project, which must be numbered from 1 without a gap.
async fn gapless(server: &TestServer, project: &str) -> usize {
    let (_, changes) =
        server.post(&format!("/projects/{project}/changes/_search"), json!({"query": {"asc": true}})).await;
    let changes = changes["result"].as_array().expect("events").clone();
    for (at, change) in changes.iter().enumerate() {
        assert_eq!(change["sequence"], Value::String((at + 1).to_string()), "a gap in {changes:?}");
    }
    changes.len()
}
