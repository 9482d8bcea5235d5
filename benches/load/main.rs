//! Loads the server, as a separate process in release mode, and prints for each call rate, latency
//! and CPU time per request of server and database.
//!
//! `cargo bench` measures SQLite; with `BENCH_DATABASE_URL` (and `BENCH_DATABASE_PID`, the process
//! whose children are the database) PostgreSQL too. `scripts/bench` starts one. `BENCH_SECONDS` is
//! the length of each measurement (default 5), `BENCH_CONNECTIONS` the number of callers (8).

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark ends where it cannot go on, and prints")]

mod client;
mod process;

use std::time::{Duration, Instant};

use client::Connection;
use process::{Cpu, Server};
use serde_json::{Value, json};

/// One call to measure.
struct Call {
    name: &'static str,
    verb: &'static str,
    path: String,
    /// `#` in it becomes a number that no other request has.
    body: Option<String>,
}

fn main() {
    let seconds = setting("BENCH_SECONDS", 5);
    let connections = usize::try_from(setting("BENCH_CONNECTIONS", 8)).expect("a small number");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    println!("Each call for {seconds} s over {connections} connections, server and load on the same machine.\n");
    println!("| engine | call | req/s | p50 ms | p99 ms | CPU ms per request: server | database |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    let mut engines = vec![("SQLite", None)];
    if let Ok(url) = std::env::var("BENCH_DATABASE_URL") {
        engines.push(("PostgreSQL", Some(url)));
    }
    let mut memory = Vec::new();
    for (engine, url) in engines {
        let server = Server::start(url.as_deref());
        runtime.block_on(async {
            for call in prepare(&server).await {
                measure(engine, &server, &call, Duration::from_secs(seconds), connections).await;
            }
        });
        memory.push(format!(
            "{engine}: ready after {} ms, {} MB resident after the load",
            server.ready_ms,
            server.memory_mb()
        ));
    }
    println!("\n{}", memory.join("\n"));
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// A project with an application of 20 keys, and the calls on them.
async fn prepare(server: &Server) -> Vec<Call> {
    let mut connection = Connection::open(server).await;
    let mut post = async |path: &str, body: Value| -> Value {
        let (status, answer) = connection.call("POST", path, Some(&body.to_string())).await;
        assert_eq!(status, 200, "POST {path}: {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).expect("JSON")
    };
    let id = |answer: &Value, name: &str| answer[name].as_str().expect(name).to_owned();
    let project = id(&post("/projects", json!({"name": "bench"})).await, "id");
    let apps = format!("/projects/{project}/apps");
    let app = id(&post(&format!("{apps}/api"), json!({"name": "read", "authMethodType": 1})).await, "appId");
    let grown = id(&post(&format!("{apps}/api"), json!({"name": "grown", "authMethodType": 1})).await, "appId");
    let mut key = String::new();
    for _ in 0..20 {
        key = id(&post(&format!("{apps}/{app}/keys"), json!({"type": 1})).await, "id");
    }
    let call = |name, verb, path, body: Option<&str>| Call { name, verb, path, body: body.map(str::to_owned) };
    vec![
        call("GetAppKey", "GET", format!("{apps}/{app}/keys/{key}"), None),
        call("ListAppKeys, 20 rows", "POST", format!("{apps}/{app}/keys/_search"), Some("{}")),
        call("AddAPIApp", "POST", format!("{apps}/api"), Some(r#"{"name":"bench-#","authMethodType":0}"#)),
        call("AddAppKey (RSA 2048)", "POST", format!("{apps}/{grown}/keys"), Some(r#"{"type":1}"#)),
    ]
}

async fn measure(engine: &str, server: &Server, call: &Call, length: Duration, connections: usize) {
    let (cpu, start) = (Cpu::now(server), Instant::now());
    let callers = (0..connections).map(|number| {
        let mut prefix = number;
        let (address, token) = (server.address.clone(), server.token.clone());
        let (verb, path, body) = (call.verb, call.path.clone(), call.body.clone());
        tokio::spawn(async move {
            let mut connection = Connection::to(&address, &token).await;
            let mut times = Vec::new();
            while start.elapsed() < length {
                prefix += 1_000_000;
                let body = body.as_ref().map(|b| b.replace('#', &prefix.to_string()));
                let begun = Instant::now();
                let (status, answer) = connection.call(verb, &path, body.as_deref()).await;
                assert_eq!(status, 200, "{verb} {path}: {}", String::from_utf8_lossy(&answer));
                times.push(begun.elapsed());
            }
            times
        })
    });
    let mut times = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        times.extend(caller.await.expect("a caller"));
    }
    let elapsed = start.elapsed().as_secs_f64();
    let used = Cpu::now(server).since(&cpu);
    times.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "counts of requests are small")]
    let count = times.len() as f64;
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1000.0;
    println!(
        "| {engine} | {} | {:.0} | {:.2} | {:.2} | {:.3} | {} |",
        call.name,
        count / elapsed,
        at(50),
        at(99),
        used.server * 1000.0 / count,
        used.database.map_or("in the server".to_owned(), |d| format!("{:.3}", d * 1000.0 / count)),
    );
}
