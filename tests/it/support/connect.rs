//! Calls of version 2 over Connect, as JSON.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use buffa::Message as _;
use claviger::proto::zitadel::v1::ErrorDetail;
use futures::FutureExt as _;
use serde_json::Value;

use super::race::{Answer, Call};
use super::{TestServer, text};

impl TestServer {
    /// A call of an RPC, by its full name.
    pub async fn connect(&self, token: &str, rpc: &str, body: Value) -> Answer {
        let request = self.http.post(self.url(&format!("/{rpc}"))).bearer_auth(token).json(&body);
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// The same as the first user; it must be answered with 200.
    pub async fn connected(&self, rpc: &str, body: Value) -> Value {
        let (status, answer) = self.connect(&self.token, rpc, body).await;
        assert_eq!(status, 200, "{rpc}: {answer}");
        answer
    }
}

/// A call of the first user that has not begun.
pub fn call(server: &Arc<TestServer>, rpc: &str, body: Value) -> Call {
    let (server, rpc) = (Arc::clone(server), rpc.to_owned());
    async move { server.connect(&server.token, &rpc, body).await }.boxed()
}

/// Status of an answer, and the id of its error; empty if it has none.
pub fn told((status, body): &Answer) -> (u16, String) {
    let detail = STANDARD_NO_PAD.decode(text(body, "/details/0/value")).expect("base64");
    (*status, ErrorDetail::decode_from_slice(&detail).expect("a message").id)
}
