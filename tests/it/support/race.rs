//! Callers that call at the same moment.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::Method;
use serde_json::Value;
use tokio::sync::Barrier;

use super::{TestServer, text};

/// A call that has not begun.
pub type Call = BoxFuture<'static, Answer>;

/// Status and body.
pub type Answer = (u16, Value);

/// What a caller is told: status, code and id of the error.
pub type Told = (u16, i64, String);

/// A call of the management API as the first user, in its own organization or another one.
pub fn call(server: &Arc<TestServer>, org: Option<&str>, method: &Method, path: &str, body: Value) -> Call {
    let (server, org, method, path) = (Arc::clone(server), org.map(str::to_owned), method.clone(), path.to_owned());
    async move { server.call_as(&server.token, org.as_deref(), method, &path, Some(body)).await }.boxed()
}

pub fn post(server: &Arc<TestServer>, path: &str, body: Value) -> Call {
    call(server, None, &Method::POST, path, body)
}

pub fn put(server: &Arc<TestServer>, path: &str, body: Value) -> Call {
    call(server, None, &Method::PUT, path, body)
}

pub fn delete(server: &Arc<TestServer>, path: &str) -> Call {
    call(server, None, &Method::DELETE, path, Value::Null)
}

/// Starts all of them together; their answers, in the order given.
pub async fn at_once(calls: Vec<Call>) -> Vec<Answer> {
    let gate = Arc::new(Barrier::new(calls.len()));
    let started = calls.into_iter().map(|call| {
        let gate = Arc::clone(&gate);
        tokio::spawn(async move {
            gate.wait().await;
            call.await
        })
    });
    let mut answers = Vec::new();
    for task in started.collect::<Vec<_>>() {
        answers.push(task.await.expect("an answer"));
    }
    answers
}

/// What an answer tells its caller.
pub fn told(answer: &Answer) -> Told {
    (answer.0, answer.1["code"].as_i64().unwrap_or(0), text(&answer.1, "/details/0/id"))
}

/// How often each thing was told, in a form that reads well when a test fails.
pub fn counted(answers: &[Answer]) -> String {
    let mut counts = std::collections::BTreeMap::<Told, usize>::new();
    for answer in answers {
        *counts.entry(told(answer)).or_default() += 1;
    }
    counts.iter().map(|((status, code, id), n)| format!("{n} × {status} {code} {id}")).collect::<Vec<_>>().join(", ")
}

/// Exactly one caller has won, and each other one is told what a caller who comes second is told.
pub fn one_wins(what: &str, answers: &[Answer], second: &Answer) {
    let won = answers.iter().filter(|a| a.0 == 200).count();
    let same = answers.iter().filter(|a| a.0 != 200).all(|a| told(a) == told(second));
    assert!(won == 1 && same, "{what}: {}; who comes second is told {:?}", counted(answers), told(second));
}

/// Nobody was told of a failure of the server.
pub fn none_failed(what: &str, answers: &[Answer]) {
    assert!(answers.iter().all(|a| a.0 < 500), "{what}: {}", counted(answers));
}
