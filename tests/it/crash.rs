//! `kill -9` in the middle of writes: what was acknowledged is there, and nothing is half-written.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::process::Process;
use crate::support::server::Database;
use crate::support::text;

/// Acknowledged writes before the kill.
const ENOUGH: usize = 60;
const TASKS: usize = 6;

async fn post(http: &reqwest::Client, url: &str, token: &str, body: Value) -> Option<Value> {
    let response = http.post(url).bearer_auth(token).json(&body).send().await;
    let response = response.inspect_err(|e| eprintln!("{url}: {e:?}")).ok()?;
    if response.status() != 200 {
        eprintln!("{url}: {} {}", response.status(), response.text().await.unwrap_or_default());
        return None;
    }
    response.json().await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kill_9_and_none_is_half_written() {
    let database = Database::fresh().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let process = Process::start(&database, &[("CLAVIGER_KEYS_POOL", "16")]);
    let made = post(&http, &format!("{}/projects", process.api()), &process.token, json!({"name": "crash"})).await;
    let project = text(&made.expect("a project"), "/id");
    let body = json!({"name": "a", "authMethodType": 1});
    let app = post(&http, &format!("{}/projects/{project}/apps/api", process.api()), &process.token, body).await;
    let app = text(&app.expect("an application"), "/appId");

    let acknowledged = Arc::new(AtomicUsize::new(0));
    let enough = Arc::new(Notify::new());
    let writers: Vec<_> = (0..TASKS)
        .map(|task| {
            let (http, token) = (http.clone(), process.token.clone());
            let base = format!("{}/projects/{project}/apps", process.api());
            let (app, acknowledged, enough) = (app.clone(), Arc::clone(&acknowledged), Arc::clone(&enough));
            tokio::spawn(async move {
                let (mut keys, mut apps) = (Vec::new(), Vec::new());
                for round in 0.. {
                    let body = json!({"name": format!("{task}-{round}"), "authMethodType": 1});
                    let Some(made) = post(&http, &format!("{base}/api"), &token, body).await else { break };
                    apps.push(text(&made, "/appId"));
                    let Some(made) = post(&http, &format!("{base}/{app}/keys"), &token, json!({"type": 1})).await
                    else {
                        break;
                    };
                    keys.push(text(&made, "/id"));
                    if acknowledged.fetch_add(2, Ordering::Relaxed) >= ENOUGH {
                        enough.notify_one();
                    }
                }
                (keys, apps)
            })
        })
        .collect();
    enough.notified().await;
    process.kill();

    let (mut keys, mut apps) = (Vec::new(), Vec::new());
    for writer in writers {
        let (made_keys, made_apps) = writer.await.expect("the writer ends");
        keys.extend(made_keys);
        apps.extend(made_apps);
    }
    assert!(keys.len() + apps.len() >= ENOUGH, "only {} writes were acknowledged", keys.len() + apps.len());
    let process = Process::start(&database, &[("CLAVIGER_KEYS_POOL", "16")]);
    check(&http, &process, &project, &app, (&keys, &apps)).await;
    process.kill();
}

async fn check(http: &reqwest::Client, process: &Process, project: &str, app: &str, made: (&[String], &[String])) {
    let base = format!("{}/projects/{project}", process.api());
    let list = |path: String| async move { post(http, &path, &process.token, json!({})).await.expect("an answer") };
    let ids = |list: &Value| -> Vec<String> {
        list["result"].as_array().expect("rows").iter().map(|row| text(row, "/id")).collect()
    };
    let keys = list(format!("{base}/apps/{app}/keys/_search")).await;
    let apps = list(format!("{base}/apps/_search")).await;
    assert!(made.0.iter().all(|id| ids(&keys).contains(id)), "an acknowledged key is lost");
    assert!(made.1.iter().all(|id| ids(&apps).contains(id)), "an acknowledged application is lost");
    assert_eq!(text(&keys, "/details/totalResult"), ids(&keys).len().to_string(), "the count follows the rows");

    // Each row has its event and each event its row: nothing was written by half.
    let changes = list(format!("{base}/changes/_search")).await;
    let events = changes["result"].as_array().expect("events");
    let of = |kind: &str| {
        events.iter().filter(|e| text(e, "/eventType/key") == format!("EventTypes.project.{kind}")).count()
    };
    assert_eq!(of("application.oidc.key.added"), ids(&keys).len());
    assert_eq!(of("application.added"), ids(&apps).len());
    assert_eq!(of("application.config.api.added"), ids(&apps).len());
    assert_eq!(text(&changes, "/result/0/sequence"), events.len().to_string(), "sequences have no gap");
}
