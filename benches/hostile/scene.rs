//! What a good caller has on the server: a project, applications, a token to ask about.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::process::Target;
use crate::resident;
use crate::wire::{FRIEND, exchange, open, request};

/// A server and what is in it.
pub struct Scene {
    /// The server.
    pub target: Target,
    /// Path of a project below the management API.
    pub project: String,
    /// Path of the keys of an application.
    pub keys: String,
    /// Client id of that application.
    pub client_id: String,
    /// An introspection, as bytes.
    pub introspection: Vec<u8>,
}

impl Scene {
    /// Makes all of it.
    pub async fn prepare(target: Target) -> Self {
        let mut stream = open(FRIEND, &target.address).await.expect("a connection");
        let project = post(&mut stream, &target, "/projects", json!({"name": "hostile"})).await;
        let project = format!("/projects/{}", member(&project, "id"));
        let apps = format!("{project}/apps/api");
        let key = post(&mut stream, &target, &apps, json!({"name": "keys", "authMethodType": 1})).await;
        let basic = post(&mut stream, &target, &apps, json!({"name": "basic", "authMethodType": 0})).await;
        let basic = STANDARD.encode(format!("{}:{}", member(&basic, "clientId"), member(&basic, "clientSecret")));
        let headers = format!("Authorization: Basic {basic}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        let form = format!("token={}", target.token);
        let introspection = request("POST", "/oauth/v2/introspect", &headers, &form);
        let keys = format!("{project}/apps/{}/keys", member(&key, "appId"));
        let client_id = member(&key, "clientId");
        Self { target, project, keys, client_id, introspection }
    }

    /// Memory in kB when the server has warmed up and rests.
    pub async fn settled(&self) -> u64 {
        let mut stream = open(FRIEND, &self.target.address).await.expect("a connection");
        for _ in 0..500 {
            let answer = exchange(&mut stream, &self.introspection).await;
            assert_eq!(answer.map(|a| a.0), Some(200), "introspection works");
        }
        // Until its stock of keys is made.
        let mut before = 0;
        loop {
            let now = resident(self.target.pid());
            if now.abs_diff(before) < 512 {
                return now;
            }
            before = now;
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        }
    }

    /// Headers of a call of the management API.
    pub fn headers(&self) -> String {
        headers(&self.target)
    }
}

fn headers(target: &Target) -> String {
    format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", target.token)
}

async fn post(stream: &mut TcpStream, target: &Target, path: &str, body: Value) -> Value {
    let bytes = request("POST", &format!("/management/v1{path}"), &headers(target), &body.to_string());
    let (status, answer) = exchange(stream, &bytes).await.expect("an answer");
    assert_eq!(status, 200, "POST {path}: {}", String::from_utf8_lossy(&answer));
    serde_json::from_slice(&answer).expect("JSON")
}

fn member(answer: &Value, name: &str) -> String {
    answer[name].as_str().expect(name).to_owned()
}
