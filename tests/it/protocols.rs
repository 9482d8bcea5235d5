//! REST, gRPC and Connect say the same: each RPC of the contract gets the same generated requests over all three, on
//! three servers that have seen the same before, and answers with the same message or the same error.

mod message;

use std::collections::HashMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use buffa::Message as _;
use claviger::clock::FixedClock;
use claviger::env::Random;
use claviger::proto::zitadel::v1::ErrorDetail;
use claviger::proto::{Body, DESCRIPTOR_SET, Rest, Rpc, rpcs};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::{Map, Value, json};

use crate::support::raw;
use crate::support::{Options, TestServer, text};

/// Requests for each RPC.
const CASES: u32 = 12;
/// 2026-11-21T12:00:00Z.
const NOW: i64 = 1_795_262_400_000_000;
/// The codes as Connect names them.
const NAMES: [&str; 17] = [
    "ok",
    "canceled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

#[derive(Clone, Copy, PartialEq, Debug)]
enum Protocol {
    Rest,
    Grpc,
    Connect,
}

/// What came of a call.
#[derive(PartialEq, Debug)]
enum Outcome {
    /// The answer, with its ids and secrets as they were counted.
    Answer(String),
    /// Code, text, and the id of the error with the text that belongs to it.
    Refusal(usize, String, Option<(String, String)>),
}

/// A server that is spoken to in one protocol only.
struct Side {
    protocol: Protocol,
    server: TestServer,
    /// Moves with each call, so that what is newest is the same on all sides.
    clock: FixedClock,
    http: reqwest::Client,
    /// Of the first user, of one without a role, and of nobody.
    tokens: [Option<String>; 3],
    /// Ids by the order in which this side has shown them.
    seen: HashMap<String, usize>,
}

impl Side {
    async fn new(protocol: Protocol) -> Self {
        let clock = FixedClock::new(NOW);
        let options = Options {
            clock: Some(clock.clone()),
            random: Some(Random::seeded(7)),
            settings: vec![("CLAVIGER_ISSUER", "http://localhost".to_owned())],
            ..Options::default()
        };
        let server = TestServer::with(options).await;
        let builder = reqwest::Client::builder().no_proxy();
        let builder = if protocol == Protocol::Grpc { builder.http2_prior_knowledge() } else { builder };
        let (_, stranger) = server.user(&server.org().await, "stranger").await;
        let tokens = [Some(server.token.clone()), Some(stranger), None];
        Self { protocol, server, clock, http: builder.build().expect("a client"), tokens, seen: HashMap::new() }
    }

    /// A millisecond passes.
    fn tick(&self) {
        self.clock.advance(1000);
    }

    /// Something of each kind that requests can name; ids that all sides call by the same number.
    async fn world(&mut self, name: &str) -> Vec<String> {
        let org = self.server.org().await;
        self.tick();
        let project = self.server.project(name).await;
        self.tick();
        let app = self.server.app(&project, name).await;
        self.tick();
        let key = text(&self.server.key(&project, &app).await, "/id");
        self.tick();
        let (user, _) = self.server.user(&org, &format!("of {name}")).await;
        self.tick();
        self.server.ok(&format!("/projects/{project}/roles"), json!({"roleKey": "reader", "displayName": "r"})).await;
        self.tick();
        let grant = json!({"projectId": project, "roleKeys": ["reader"]});
        let grant = text(&self.server.ok(&format!("/users/{user}/grants"), grant).await, "/userGrantId");
        self.tick();
        let other = text(&self.server.ok("/orgs", json!({"name": name})).await, "/id");
        let ids = vec![org, project, app, key, user, grant, other];
        for id in &ids {
            self.told(id);
        }
        ids
    }

    /// The text with ids as numbers in the order of their coming.
    fn told(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, after) = rest.split_at(end);
            if digits.len() == 18 {
                let next = self.seen.len();
                let number = *self.seen.entry(digits.to_owned()).or_insert(next);
                let _ = write!(out, "<{number}>");
            } else {
                out.push_str(digits);
            }
            rest = after;
        }
        out + rest
    }

    async fn call(&mut self, rpc: &Rpc, method: &MethodDescriptor, who: usize, request: &Value) -> Outcome {
        self.tick();
        let token = self.tokens[who].clone();
        let outcome = match (self.protocol, &rpc.rest) {
            (Protocol::Rest, Some(rest)) => self.rest(rest, method, token, request).await,
            (Protocol::Grpc, _) => self.grpc(rpc, method, token, request).await,
            // Without a path of its own an RPC is called twice over Connect.
            _ => self.connect(rpc, method, token, request).await,
        };
        match outcome {
            Ok(answer) => Outcome::Answer(self.told(&message::plain(&answer).to_string())),
            Err((code, message, detail)) => Outcome::Refusal(code, self.told(&message), detail),
        }
    }

    async fn rest(&self, rest: &Rest, method: &MethodDescriptor, token: Option<String>, request: &Value) -> Done {
        let (path, body) = target(rest, request);
        let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        headers.extend(token.map(|token| ("Authorization".to_owned(), format!("Bearer {token}"))));
        let body = body.map(|body| body.to_string().into_bytes());
        let answer = raw::request(self.server.address, rest.verb, &path, &headers, body.as_deref()).await;
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{path}: {answer:?}"));
        if answer.status == rest.success {
            return Ok(message::dynamic(&method.output(), &json));
        }
        let code = json["code"].as_u64().and_then(|code| usize::try_from(code).ok()).expect("a code");
        let detail = json["details"].get(0).map(|d| (text(d, "/id"), text(d, "/message")));
        Err((code, text(&json, "/message"), detail))
    }

    async fn connect(&self, rpc: &Rpc, method: &MethodDescriptor, token: Option<String>, request: &Value) -> Done {
        let call = self.http.post(self.server.url(&format!("/{}", rpc.full))).json(request);
        let call = token.into_iter().fold(call, reqwest::RequestBuilder::bearer_auth);
        let answer = call.send().await.expect("an answer");
        let fine = answer.status() == 200;
        let json: Value = answer.json().await.expect("JSON");
        if fine {
            return Ok(message::dynamic(&method.output(), &json));
        }
        let code = NAMES.iter().position(|name| json["code"] == *name).expect("a code");
        let detail = json.pointer("/details/0/value").and_then(Value::as_str).map(|value| {
            let bytes = STANDARD_NO_PAD.decode(value.trim_end_matches('=')).expect("base64");
            let detail = ErrorDetail::decode_from_slice(&bytes).expect("a detail");
            (detail.id, detail.message)
        });
        Err((code, text(&json, "/message"), detail))
    }

    async fn grpc(&self, rpc: &Rpc, method: &MethodDescriptor, token: Option<String>, request: &Value) -> Done {
        let bytes = message::dynamic(&method.input(), request).encode_to_vec();
        let length = u32::try_from(bytes.len()).expect("short").to_be_bytes();
        let framed = [&[0], &length[..], &bytes].concat();
        let call = self.http.post(self.server.url(&format!("/{}", rpc.full))).body(framed);
        let call = call.header("content-type", "application/grpc").header("te", "trailers");
        let call = token.into_iter().fold(call, reqwest::RequestBuilder::bearer_auth);
        let answer = call.send().await.expect("an answer");
        let head = |name: &str| answer.headers().get(name).map(|v| v.to_str().expect("text").to_owned());
        let code: usize = head("grpc-status").map_or(0, |code| code.parse().expect("a code"));
        if code == 0 {
            let bytes = answer.bytes().await.expect("a body");
            return Ok(DynamicMessage::decode(method.output(), &bytes[5..]).expect("a message"));
        }
        let said = head("grpc-message").unwrap_or_default();
        let said = percent_encoding::percent_decode_str(&said).decode_utf8().expect("UTF-8").into_owned();
        let detail = head("grpc-status-details-bin").and_then(|value| {
            let bytes = STANDARD_NO_PAD.decode(value.trim_end_matches('=')).expect("base64");
            message::detail(&bytes)
        });
        Err((code, said, detail))
    }
}

type Done = Result<DynamicMessage, (usize, String, Option<(String, String)>)>;

/// Path, query string and body of a REST call.
fn target(rest: &Rest, request: &Value) -> (String, Option<Value>) {
    let mut left = request.as_object().cloned().unwrap_or_default();
    let mut segment = |segment: &str| {
        let Some(name) = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) else { return segment.to_owned() };
        let value = left.remove(&message::camel(name.trim_start_matches('*'))).expect("a value for the path");
        escaped(value.as_str().expect("a text"))
    };
    let path = rest.path.split('/').map(&mut segment).collect::<Vec<_>>().join("/");
    match rest.body {
        Body::Whole => (path, Some(Value::Object(left))),
        Body::None => (with_query(path, left), None),
        Body::Field(name) => {
            let body = left.remove(&message::camel(name));
            (with_query(path, left), body)
        }
    }
}

fn with_query(path: String, values: Map<String, Value>) -> String {
    let mut pairs = Vec::new();
    for (name, value) in values {
        flat(&name, &value, &mut pairs);
    }
    if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) }
}

fn flat(name: &str, value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(inner, value)| flat(&format!("{name}.{inner}"), value, out)),
        Value::Array(list) => list.iter().for_each(|value| flat(name, value, out)),
        Value::String(text) => out.push(format!("{name}={}", escaped(text))),
        other => out.push(format!("{name}={other}")),
    }
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What can be asked in all three: a query string has no lists of messages.
fn in_all(rpc: &Rpc, request: Value) -> Value {
    let Value::Object(mut request) = request else { return request };
    let in_query = |name: &str| match rpc.rest.as_ref().map(|rest| rest.body) {
        Some(Body::None) => true,
        Some(Body::Field(field)) => message::camel(field) != name,
        _ => false,
    };
    let messages = |value: &Value| value.as_array().is_some_and(|list| list.iter().any(Value::is_object));
    request.retain(|name, value| !in_query(name) || !messages(value));
    Value::Object(request)
}

fn runner() -> TestRunner {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(Config { cases: CASES, failure_persistence: None, ..Config::default() }, rng)
}

/// Requests for an RPC with who makes them; ids of the world are told by their places in it.
fn requests(rpc: &'static Rpc, method: &MethodDescriptor) -> Vec<(usize, Value)> {
    let params: Vec<&str> = rpc.rest.iter().flat_map(|rest| rest.path.split('/')).filter_map(param).collect();
    let who = prop_oneof![6 => Just(0_usize), 1 => Just(1_usize), 1 => Just(2_usize)];
    let strategy = (who, message::request(&method.input(), &params));
    let mut runner = runner();
    let mut made = Vec::new();
    for _ in 0..CASES {
        let tree = strategy.new_tree(&mut runner).expect("a request");
        made.push(proptest::strategy::ValueTree::current(&tree));
    }
    made
}

fn param(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}').map(|name| name.trim_start_matches('*'))
}

/// A request with the ids of a side.
fn named(request: &Value, world: &[String]) -> Value {
    match request {
        Value::String(text) => match text.strip_prefix(message::REAL).and_then(|n| n.parse::<usize>().ok()) {
            Some(place) => Value::String(world[place % world.len()].clone()),
            None => request.clone(),
        },
        Value::Array(list) => list.iter().map(|value| named(value, world)).collect(),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(name, value)| (name.clone(), named(value, world))).collect())
        }
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_grpc_and_connect_answer_alike() {
    let pool = DescriptorPool::decode(DESCRIPTOR_SET).expect("the contract");
    let mut sides = Vec::new();
    for protocol in [Protocol::Rest, Protocol::Grpc, Protocol::Connect] {
        sides.push(Side::new(protocol).await);
    }
    let mut answered = 0;
    for (at, rpc) in rpcs::ALL.iter().enumerate() {
        let service = pool.get_service_by_name(rpc.service).expect(rpc.service);
        let method = service.methods().find(|method| method.name() == rpc.name).expect(rpc.full);
        let mut worlds = Vec::new();
        for side in &mut sides {
            worlds.push(side.world(&format!("world {at}")).await);
        }
        for (who, request) in requests(rpc, &method) {
            let request = in_all(rpc, request);
            let mut outcomes = Vec::new();
            for (side, world) in sides.iter_mut().zip(&worlds) {
                outcomes.push(side.call(rpc, &method, who, &named(&request, world)).await);
            }
            assert_eq!(outcomes[0], outcomes[2], "REST and Connect differ: {} {who} {request}", rpc.full);
            assert_eq!(outcomes[1], outcomes[2], "gRPC and Connect differ: {} {who} {request}", rpc.full);
            answered += usize::from(matches!(outcomes[0], Outcome::Answer(_)));
        }
    }
    let all = rpcs::ALL.len() * CASES as usize;
    assert!(answered * 10 > all, "only {answered} of {all} requests were answered; the others prove little");
    for side in &sides {
        assert_eq!(side.server.get("/orgs/me").await.0, 200, "the first user may still call: {:?}", side.protocol);
    }
}

#[tokio::test]
async fn json_that_is_no_such_message_is_refused_alike() {
    let server = TestServer::start().await;
    for body in [
        "[]",
        "[null, null]",
        r#"{"pagination": [null]}"#,
        r#"{"filters": [[]]}"#,
        r#"{"pagination": {}, "pagination": {}}"#,
        "{} {}",
        "7",
        "{",
    ] {
        let mut said = Vec::new();
        for path in ["/v2/users/keys/search", "/zitadel.user.v2.UserService/ListKeys"] {
            let call = server.http.post(server.url(path)).bearer_auth(&server.token);
            let answer = call.header("content-type", "application/json").body(body).send().await.expect("an answer");
            assert_eq!(answer.status(), 400, "{path}: {body}");
            said.push(text(&answer.json::<Value>().await.expect("JSON"), "/message"));
        }
        assert!(said[0].starts_with("invalid JSON: "), "{body}: {said:?}");
        assert_eq!(said[0], said[1], "{body}");
    }
}

#[test]
fn a_detail_of_grpc_is_found() {
    let detail = ErrorDetail { id: "TEST-1".to_owned(), message: "text".to_owned() }.encode_to_vec();
    let any = message::field(2, &[message::field(1, b"type.googleapis.com/x"), message::field(2, &detail)].concat());
    let status = [vec![8, 5], message::field(2, b"text (TEST-1)"), message::field(3, &any[2..])].concat();
    assert_eq!(message::detail(&status), Some(("TEST-1".to_owned(), "text".to_owned())));
    assert_eq!(message::detail(&status[..2]), None);
    assert_eq!(STANDARD.encode(b"x"), "eA==");
}
