//! Hostile callers against the server, as a separate process in release mode: how much memory they can
//! take, whether it comes back, and whether introspection stays fast beside them. Ends with code 1 if a
//! bound is broken.
//!
//! SQLite, and with `BENCH_DATABASE_URL` PostgreSQL too; `scripts/hostile` starts one. Settings:
//!
//! - `HOSTILE_REQUESTS`: hostile requests of each kind (100000)
//! - `HOSTILE_SECONDS`: how long introspection is measured (20)
//! - `HOSTILE_AFTER`: seconds after which memory must be back (30)
//! - `HOSTILE_ONLY`: only kinds whose name contains this text
//!
//! All of it goes to the loopback interface. The machine must allow some 5,000 open files.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark ends where it cannot go on, and prints")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures")]

mod calm;
mod floods;
#[path = "../load/process.rs"]
#[expect(dead_code, reason = "the benchmark beside this one uses the rest of it")]
mod process;
mod scene;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use process::Target;
use scene::Scene;

/// Most memory above idle, in kB.
const ABOVE: u64 = 64 << 10;
/// Most memory above idle when all is over, in kB.
const LEFT: u64 = 10 << 10;
/// Slowest of a hundred introspections, in milliseconds.
const SLOWEST: f64 = 50.0;

/// What the environment asks for.
pub struct Settings {
    /// Hostile requests of each kind.
    pub requests: usize,
    /// Length of the measurement of introspection.
    pub seconds: Duration,
    after: Duration,
    only: String,
}

impl Settings {
    fn read() -> Self {
        let number = |name: &str, default: u64| setting(name).and_then(|v| v.parse().ok()).unwrap_or(default);
        Self {
            requests: usize::try_from(number("HOSTILE_REQUESTS", 100_000)).expect("a small number"),
            seconds: Duration::from_secs(number("HOSTILE_SECONDS", 20)),
            after: Duration::from_secs(number("HOSTILE_AFTER", 30)),
            only: setting("HOSTILE_ONLY").unwrap_or_default(),
        }
    }
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let settings = Settings::read();
    println!("{} hostile requests of each kind; memory in MB, resident.\n", settings.requests);
    println!("| engine | kind | idle | above idle (64) | left after {} s (10) | answers |", settings.after.as_secs());
    println!("|---|---|---:|---:|---:|---|");
    let database = setting("BENCH_DATABASE_URL");
    let mut broken = Vec::new();
    for (engine, url) in [("SQLite", None), ("PostgreSQL", database.as_deref())] {
        if engine == "SQLite" || url.is_some() {
            for kind in floods::KINDS.iter().filter(|kind| kind.name.contains(&settings.only)) {
                broken.extend(flood(engine, url, kind, &settings).await);
            }
        }
    }
    println!("\n| engine | introspection | p50 ms | p99 ms (50) | at most ms | calls | failed |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    for (engine, url) in [("SQLite", None), ("PostgreSQL", database.as_deref())] {
        if (engine == "SQLite" || url.is_some()) && "introspection".contains(&settings.only) {
            broken.extend(calm::measure(&server(engine, url).await, &settings).await);
        }
    }
    if !broken.is_empty() {
        println!("\nBroken bounds:\n{}", broken.join("\n"));
        std::process::exit(1);
    }
    println!("\nAll bounds hold.");
}

/// A server on an empty database, and what is in it.
async fn server(engine: &str, url: Option<&str>) -> Scene {
    static SCHEMAS: AtomicU64 = AtomicU64::new(0);
    let url = match url {
        None => None,
        Some(url) => Some(schema(url, SCHEMAS.fetch_add(1, Ordering::Relaxed)).await),
    };
    Scene::prepare(Target::start(engine, url.as_deref())).await
}

/// An empty schema of the database; its address.
async fn schema(url: &str, number: u64) -> String {
    use sqlx::Connection as _;
    let name = format!("hostile{}_{number}", std::process::id());
    let mut admin = sqlx::PgConnection::connect(url).await.expect("the PostgreSQL server");
    let mut create = sqlx::QueryBuilder::<sqlx::Postgres>::new(format!("CREATE SCHEMA {name}"));
    create.build().execute(&mut admin).await.expect("a schema");
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}options=-csearch_path%3D{name}")
}

/// One kind of hostile request; what it broke.
async fn flood(engine: &str, url: Option<&str>, kind: &floods::Kind, settings: &Settings) -> Vec<String> {
    let scene = Arc::new(server(engine, url).await);
    let idle = scene.settled().await;
    let peak = Peak::watch(scene.target.pid());
    let answers = floods::run(&scene, kind, settings.requests).await;
    let peak = peak.end().await.max(idle);
    tokio::time::sleep(settings.after).await;
    let left = resident(scene.target.pid());
    let answers: Vec<String> = answers.iter().map(|(status, n)| format!("{n} × {status}")).collect();
    println!(
        "| {engine} | {} | {} | {} | {} | {} |",
        kind.name,
        idle >> 10,
        (peak - idle) >> 10,
        left.saturating_sub(idle) >> 10,
        answers.join(", ")
    );
    let mut broken = Vec::new();
    if peak - idle > ABOVE {
        broken.push(format!("{engine}, {}: {} MB above idle", kind.name, (peak - idle) >> 10));
    }
    if left > idle + LEFT {
        broken.push(format!("{engine}, {}: {} MB do not come back", kind.name, (left - idle) >> 10));
    }
    broken
}

/// Memory of a process in kB (Linux); 0 when it is gone.
pub fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Looks at the memory of a process until it is told to stop.
struct Peak {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<u64>,
}

impl Peak {
    fn watch(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut most = 0;
            while !stopped.load(Ordering::Relaxed) {
                most = resident(pid).max(most);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            resident(pid).max(most)
        });
        Self { stop, task }
    }

    async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the watcher ends")
    }
}
