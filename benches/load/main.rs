//! Loads the server, as a separate process in release mode, and prints for each call rate, latency and
//! CPU time per request of server and database; then how cost grows with the number of keys.
//!
//! `cargo bench` measures SQLite; with `BENCH_DATABASE_URL` (and `BENCH_DATABASE_PID`, the process whose
//! children are the database) PostgreSQL too. `scripts/bench` starts one. Settings:
//!
//! - `BENCH_SECONDS`: length of each measurement (default 5)
//! - `BENCH_CONNECTIONS`: callers at once (8)
//! - `BENCH_SIZES`: numbers of keys for the growth (`1000,100000,1000000`; empty leaves it out)
//! - `BENCH_INSTRUCTIONS`: only count instructions, see `instructions.rs`
//! - `BENCH_ONLY`: only calls whose name contains this text, or `growth`
//! - `BENCH_OTHER_URL`, `BENCH_OTHER_TOKEN`, `BENCH_OTHER_PID`: another server of the same API, measured
//!   first in the same run; the process is for its CPU time and may be left out

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark ends where it cannot go on, and prints")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures")]

mod directory;
mod growth;
mod grpc;
mod http;
mod instructions;
mod load;
mod process;
mod scene;

use std::time::Duration;

use load::measure;
use process::Target;

/// What the environment asks for.
pub struct Settings {
    seconds: Duration,
    connections: usize,
    only: String,
    sizes: Vec<u64>,
}

impl Settings {
    fn read() -> Self {
        let number = |name: &str, default: u64| setting(name).and_then(|v| v.parse().ok()).unwrap_or(default);
        let sizes = std::env::var("BENCH_SIZES").unwrap_or_else(|_| "1000,100000,1000000".to_owned());
        Self {
            seconds: Duration::from_secs(number("BENCH_SECONDS", 5)),
            connections: usize::try_from(number("BENCH_CONNECTIONS", 8)).expect("a small number"),
            only: setting("BENCH_ONLY").unwrap_or_default(),
            sizes: sizes.split(',').filter_map(|s| s.trim().parse().ok()).collect(),
        }
    }
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

fn main() {
    let settings = Settings::read();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    if setting("BENCH_INSTRUCTIONS").is_some() {
        return runtime.block_on(instructions::guard());
    }
    println!(
        "Each call for {} s over {} connections, server and load on the same machine.\n",
        settings.seconds.as_secs(),
        settings.connections
    );
    load::head();
    let mut notes = Vec::new();
    let mut targets: Vec<Box<dyn FnOnce() -> Target>> = Vec::new();
    if let Some(url) = setting("BENCH_OTHER_URL") {
        let token = setting("BENCH_OTHER_TOKEN").expect("BENCH_OTHER_TOKEN: a token of the other server");
        targets.push(Box::new(move || Target::other(&url, token)));
    }
    targets.push(Box::new(|| Target::start("SQLite", None)));
    let database = setting("BENCH_DATABASE_URL");
    if let Some(url) = database.clone() {
        targets.push(Box::new(move || Target::start("PostgreSQL", Some(&url))));
    }
    for target in targets {
        let target = target();
        let idle = target.memory();
        runtime.block_on(async {
            for call in scene::prepare(&target).await.iter().filter(|c| c.name.contains(&settings.only)) {
                measure(&target, call, &settings).await;
            }
            if settings.only.is_empty() {
                load::reads_beside_keys(&target, &settings).await;
            }
        });
        notes.push(target.note(idle));
    }
    println!("\n{}", notes.join("\n"));
    let engines = [("SQLite", None), ("PostgreSQL", database.as_deref())];
    for (engine, url) in engines.into_iter().filter(|(e, url)| *e == "SQLite" || url.is_some()) {
        if !settings.sizes.is_empty() && ["", "growth"].contains(&settings.only.as_str()) {
            runtime.block_on(growth::measure(engine, url, &settings));
        }
    }
}
