//! Calls with an idempotency key.

use std::sync::Arc;

use futures::FutureExt as _;
use serde_json::Value;

use super::TestServer;
use super::race::{Answer, Call};

/// Management API, for names of RPCs.
pub const MANAGEMENT: &str = "zitadel.management.v1.ManagementService";

impl TestServer {
    /// A call of an RPC over Connect, under a key.
    pub async fn named_call(&self, token: &str, key: &str, rpc: &str, body: Value) -> Answer {
        let request = self.http.post(self.url(&format!("/{rpc}"))).bearer_auth(token).header("idempotency-key", key);
        let answer = request.json(&body).send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// A call of the management API in an organization, under a key.
    pub async fn call_with_key(&self, key: &str, org: Option<&str>, path: &str, body: Value) -> Answer {
        let request = self.http.post(self.url(&format!("/management/v1{path}"))).bearer_auth(&self.token);
        let request = request.header("idempotency-key", key).header("x-zitadel-orgid", org.unwrap_or_default());
        let answer = request.json(&body).send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("JSON"))
    }

    /// A call of the management API over REST, under a key: the status, and the bytes of the body.
    pub async fn named_post(&self, key: &str, path: &str, body: &Value) -> (u16, Vec<u8>) {
        let request = self.http.post(self.url(&format!("/management/v1{path}"))).bearer_auth(&self.token);
        let answer = request.header("idempotency-key", key).json(body).send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.bytes().await.expect("a body").to_vec())
    }
}

/// A call of the first user that has not begun.
pub fn call(server: &Arc<TestServer>, key: &str, rpc: &str, body: &Value) -> Call {
    let (server, key, rpc, body) = (Arc::clone(server), key.to_owned(), rpc.to_owned(), body.clone());
    async move { server.named_call(&server.token, &key, &rpc, body).await }.boxed()
}
