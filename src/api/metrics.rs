//! `/debug/metrics`: numbers for Prometheus, in its text format.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::crypto::keypool::KeyPool;

/// The stock of key pairs.
pub async fn metrics(State(pool): State<KeyPool>) -> impl IntoResponse {
    let level = pool.level();
    let mut out = String::new();
    for (name, help, value) in [
        ("claviger_key_pool_depth", "Key pairs in stock.", level.depth),
        ("claviger_key_pool_size", "Key pairs when the stock is full; 0 if there is none.", level.size),
        ("claviger_key_pool_waiting", "Requests that wait for a key pair.", level.waiting),
    ] {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
    let (name, help) =
        ("claviger_key_pool_refused_total", "Requests sent away because too many waited for a key pair.");
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}", level.refused);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], out)
}
