//! `/debug/metrics`: numbers for Prometheus, in its text format.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::api::adapter::count::Count;
use crate::api::adapter::limits::Limits;
use crate::crypto::keypool::KeyPool;
use crate::store::Store;

/// Where the numbers come from.
#[derive(Clone)]
pub struct Numbers {
    /// The stock of key pairs.
    pub keys: KeyPool,
    /// The caches, and statements to the database.
    pub store: Store,
    /// How full the server is.
    pub limits: Limits,
    /// The requests of each family.
    pub counts: [Count; 3],
}

/// The stock of key pairs, the memory of caches, how full the server is, and how requests ended.
pub async fn metrics(State(numbers): State<Numbers>) -> impl IntoResponse {
    let (level, remembered) = (numbers.keys.level(), numbers.store.remembered());
    let load = numbers.limits.level();
    let mut out = String::new();
    for (name, help, value) in [
        ("claviger_key_pool_depth", "Key pairs in stock.", level.depth),
        ("claviger_key_pool_size", "Key pairs when the stock is full; 0 if there is none.", level.size),
        ("claviger_key_pool_waiting", "Requests that wait for a key pair.", level.waiting),
        ("claviger_requests_working", "Requests in work.", load.working),
        ("claviger_requests_waiting", "Requests that wait until others are done.", load.waiting),
        ("claviger_body_bytes", "Memory that bodies of requests take.", load.body_bytes),
    ] {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
    let refused = ("claviger_key_pool_refused_total", "Requests sent away because too many waited for a key pair.");
    let statements = numbers.store.statements();
    for ((name, help), value) in [
        (refused, level.refused),
        (("claviger_statements_total", "Statements sent to the database."), statements.run),
        (
            ("claviger_statements_retried_total", "Further attempts at reads whose connection broke."),
            statements.retried,
        ),
        (("claviger_statements_failed_total", "Statements that ended with an error."), statements.failed),
    ] {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
    }
    for (name, kind, help, value) in [
        ("claviger_cache_bytes", "gauge", "Bytes of all caches together.", remembered.bytes),
        ("claviger_cache_budget_bytes", "gauge", "Bytes that all caches together may take.", remembered.budget),
        ("claviger_cache_misses_total", "counter", "Questions that no cache could answer.", remembered.asked),
    ] {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    }
    requests(&mut out, &numbers.counts);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], out)
}

/// Answers by family and class of status.
fn requests(out: &mut String, counts: &[Count]) {
    let (name, help) = ("claviger_requests_total", "Answers by family of routes and class of status.");
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter");
    for count in counts {
        for (status, value) in count.level() {
            let _ = writeln!(out, "{name}{{family=\"{}\",status=\"{status}\"}} {value}", count.family());
        }
    }
}
