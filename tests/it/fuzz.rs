//! Random input on every route and transport: never a 5xx, never a panic, and nothing written by a
//! call that was refused.

use claviger::proto::{Field, Kind, Rest, Rpc, Shape, rpcs};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use crate::support::TestServer;

/// For each RPC and transport.
const CASES: u32 = 64;

fn runner() -> TestRunner {
    // Always the same cases: a failure is found again by running the test again.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(Config { cases: CASES, failure_persistence: None, ..Config::default() }, rng)
}

/// JSON that is close to what a message takes: its field names, values of right and wrong kinds.
fn near(shape: &'static Shape, depth: u32) -> BoxedStrategy<Value> {
    let names: Vec<&'static Field> = shape.fields.iter().collect();
    if names.is_empty() || depth == 0 {
        return any_json();
    }
    let member = prop::sample::select(names).prop_flat_map(move |field| {
        let right = match field.kind {
            Kind::Message(inner) => near(inner, depth - 1),
            Kind::Enum(values) => prop::sample::select(values.to_vec()).prop_map(Value::from).boxed(),
            Kind::Text => text().prop_map(Value::from).boxed(),
            Kind::Bool => any::<bool>().prop_map(Value::from).boxed(),
            Kind::Number => any::<i64>().prop_map(Value::from).boxed(),
            Kind::Bytes | Kind::WellKnown(_) => moment().prop_map(Value::from).boxed(),
        };
        let right =
            if field.repeated { prop::collection::vec(right, 0..3).prop_map(Value::from).boxed() } else { right };
        (Just(field.json_name), prop_oneof![4 => right, 1 => any_json()])
    });
    prop::collection::vec(member, 0..5)
        .prop_map(|members| {
            Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
        })
        .boxed()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "\\PC{0,250}", Just("\u{0}".to_owned()), Just("a\u{202e}b".to_owned()), "[%_'\"\\\\]{1,5}"]
}

fn moment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("2519-04-01T08:45:00Z".to_owned()),
        Just("9999-12-31T23:59:59.999999999Z".to_owned()),
        Just("0000-00-00T00:00:00Z".to_owned()),
        Just("-315576000001s".to_owned()),
        ".{0,20}",
    ]
}

fn any_json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..3).prop_map(|m| json!(m)),
        ]
    })
    .boxed()
}

fn body(rpc: &'static Rpc) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => near(rpc.request, 3).prop_map(|v| v.to_string().into_bytes()),
        1 => any_json().prop_map(|v| v.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..60),
        // A truncated or doubled object.
        1 => near(rpc.request, 2).prop_map(|v| { let mut t = v.to_string().into_bytes(); t.pop(); t }),
        1 => near(rpc.request, 2).prop_map(|v| format!("{v}{v}").into_bytes()),
    ]
}

/// A path of the route: its parameters are real ids, nonsense, or escapes.
fn path(route: &'static Rest, real: &[String; 3]) -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        2 => prop::sample::select(real.to_vec()),
        1 => "[a-zA-Z0-9%._~!$&'()*+,;=:@-]{1,8}",
        1 => Just("%00".to_owned()),
        1 => Just("%F0%9F%98%80".to_owned()),
        1 => Just("x".repeat(201)),
    ];
    prop::collection::vec(segment, 3).prop_map(move |values| {
        let mut values = values.into_iter();
        let mut part = |s: &str| if s.starts_with('{') { values.next().expect("three") } else { s.to_owned() };
        let parts = route.path.split('/').map(&mut part);
        parts.collect::<Vec<_>>().join("/")
    })
}

/// Protobuf: random bytes, or random fields in a right framing.
fn protobuf() -> impl Strategy<Value = Vec<u8>> {
    let field = (1_u8..8, prop::collection::vec(any::<u8>(), 0..12)).prop_map(|(number, bytes)| {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).expect("short")];
        out.extend(bytes);
        out
    });
    let number = (1_u8..8, any::<u8>()).prop_map(|(number, value)| vec![number << 3, value & 0x7f]);
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..60),
        3 => prop::collection::vec(prop_oneof![field, number], 0..5).prop_map(|f| f.concat()),
    ]
}

async fn world(server: &TestServer) -> [String; 3] {
    let project = server.project("real").await;
    let app = server.app(&project, "real").await;
    let key = server.key(&project, &app).await["id"].as_str().expect("an id").to_owned();
    [project, app, key]
}

async fn events(server: &TestServer) -> i64 {
    server.sql().await.count("SELECT count(*) FROM events").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_rest_calls_are_answered_and_refused_ones_write_nothing() {
    let server = TestServer::start().await;
    let handle = tokio::runtime::Handle::current();
    for rpc in rpcs::ALL {
        let Some(route) = &rpc.rest else { continue };
        // New for each: random calls may remove it.
        let real = renewed(&server, rpc).await;
        tokio::task::block_in_place(|| {
            let input = (path(route, &real), body(rpc));
            runner().run(&input, |(path, body)| handle.block_on(rest(&server, route, &path, body))).expect(rpc.full);
        });
    }
    assert_eq!(server.get("/orgs/me").await.0, 200, "the server still answers");
}

async fn renewed(server: &TestServer, rpc: &Rpc) -> [String; 3] {
    let project = server.project(&format!("for {}", rpc.full)).await;
    let app = server.app(&project, "real").await;
    let key = server.key(&project, &app).await["id"].as_str().expect("an id").to_owned();
    [project, app, key]
}

async fn rest(server: &TestServer, route: &Rest, path: &str, body: Vec<u8>) -> Result<(), TestCaseError> {
    let before = events(server).await;
    let headers = [("Authorization".to_owned(), format!("Bearer {}", server.token))];
    let answer = crate::support::raw::request(server.address, route.verb, path, &headers, Some(&body)).await;
    prop_assert!(
        answer.status < 500 || answer.status == 501,
        "{} {path}: {} {}",
        route.verb,
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    if answer.status != route.success && answer.status != 301 {
        let error: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        prop_assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()), "{path}: {error}");
        prop_assert_eq!(events(server).await, before, "a refused call wrote something: {} {}", route.verb, path);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_rpc_messages_are_answered_and_refused_ones_write_nothing() {
    let server = TestServer::start().await;
    let real = world(&server).await;
    let h2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    let handle = tokio::runtime::Handle::current();
    for rpc in rpcs::ALL {
        tokio::task::block_in_place(|| {
            let kinds =
                prop::sample::select(vec!["application/grpc", "application/grpc-web+proto", "application/json"]);
            let input = (kinds, prop_oneof![protobuf(), body(rpc)], any::<bool>());
            let outcome = runner().run(&input, |(kind, message, framed)| {
                handle.block_on(rpc_call(&server, &h2, rpc, (kind, message, framed)))
            });
            outcome.expect(rpc.name);
        });
    }
    let (status, _) = server.get(&format!("/projects/{}/apps/{}/keys/{}", real[0], real[1], real[2])).await;
    assert_eq!(status, 200, "what was there is there");
}

async fn rpc_call(
    server: &TestServer,
    h2: &reqwest::Client,
    rpc: &Rpc,
    (kind, message, framed): (&'static str, Vec<u8>, bool),
) -> Result<(), TestCaseError> {
    let before = events(server).await;
    let mut bytes = Vec::new();
    if framed && kind != "application/json" {
        bytes.push(0);
        bytes.extend(u32::try_from(message.len()).expect("short").to_be_bytes());
    }
    bytes.extend(message);
    let client = if kind == "application/grpc" { h2 } else { &server.http };
    let request = client.post(server.url(&format!("/{}", rpc.full))).header("content-type", kind);
    let answer = request.header("te", "trailers").bearer_auth(&server.token).body(bytes).send().await;
    let answer = answer.map_err(|e| TestCaseError::fail(format!("{}: no answer: {e}", rpc.name)))?;
    prop_assert!(answer.status().as_u16() < 500 || answer.status() == 501, "{} {kind}: {}", rpc.name, answer.status());
    let head = answer.headers().get("grpc-status").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let ok = answer.status().is_success();
    let body = answer.bytes().await.unwrap_or_default();
    let trailer = String::from_utf8_lossy(&body).into_owned();
    for bad in ["2", "13", "14", "15"] {
        let in_body = kind.contains("web") && trailer.contains(&format!("grpc-status: {bad}\r"));
        prop_assert!(head.as_deref() != Some(bad) && !in_body, "{} {kind}: status {bad} {trailer}", rpc.name);
    }
    let refused =
        !ok || head.is_some_and(|s| s != "0") || (kind.contains("web") && !trailer.contains("grpc-status: 0"));
    if refused {
        prop_assert_eq!(events(server).await, before, "a refused call wrote something: {} {}", rpc.name, kind);
    }
    Ok(())
}

#[tokio::test]
async fn random_heads_never_break_the_server() {
    let server = TestServer::start().await;
    let long = "x".repeat(100_000);
    for bytes in [
        b"GET".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"\x00\x01\x02\x03\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        b"POST /management/v1/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{".to_vec(),
        b"POST /management/v1/projects HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST /management/v1/projects HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(2000)).into_bytes(),
    ] {
        // Half-open on purpose: what is unfinished is closed from this side.
        let answer = tokio::time::timeout(std::time::Duration::from_secs(5), half(server.address, &bytes)).await;
        if let Ok(Some(status)) = answer {
            assert!(
                (400..500).contains(&status),
                "{status} for {}",
                String::from_utf8_lossy(&bytes[..20.min(bytes.len())])
            );
        }
    }
    assert_eq!(server.get("/orgs/me").await.0, 200, "the server still answers");
}

async fn half(address: std::net::SocketAddr, bytes: &[u8]) -> Option<u16> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok())
}
