//! `/debug/metrics`: numbers for Prometheus, in its text format.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::limits::Limits;
use crate::crypto::keypool::KeyPool;

/// The stock of key pairs, and how full the server is.
pub async fn metrics(State((pool, limits)): State<(KeyPool, Limits)>) -> impl IntoResponse {
    let level = pool.level();
    let load = limits.level();
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
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], out)
}
