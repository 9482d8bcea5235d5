//! What the tests share: a live server, clients, recordings.

pub mod connect;
pub mod golden;
pub mod grpc;
pub mod h2;
pub mod idempotent;
pub mod oauth;
pub mod process;
pub mod proxy;
pub mod race;
pub mod raw;
pub mod replayed;
pub mod rows;
pub mod server;
pub mod sound;
pub mod tokens;
pub mod workload;

pub use server::{Options, TestServer};

use serde_json::Value;

/// A test key as PKCS#1 PEM, so that no test waits for primes.
pub const PEMS: [&str; 4] = [
    include_str!("../../keys/rsa1.pem"),
    include_str!("../../keys/rsa2.pem"),
    include_str!("../../keys/rsa3.pem"),
    include_str!("../../keys/rsa4.pem"),
];

/// A member of a JSON answer as text; empty if it is not there.
pub fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A number that JSON carries as text.
pub fn number(value: &Value, pointer: &str) -> u64 {
    text(value, pointer).parse().unwrap_or(0)
}

/// What must happen, but not for ever: the deadline is far beyond what any machine needs.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(std::time::Duration::from_mins(1), work).await;
    waited.unwrap_or_else(|_| panic!("waited too long for {what}"))
}
