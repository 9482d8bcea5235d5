//! Bodies of requests: callers are let in by the head alone, and what a body takes of the server is
//! bounded in bytes and places. Decided by counts and never by time.

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::{Request, Response};
use bytes::Bytes;
use h2::RecvStream;
use h2::client::{ResponseFuture, SendRequest};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::raw::{self, Answer};
use crate::support::{Options, TestServer};

const ADD_PROJECT: &str = "/zitadel.management.v1.ManagementService/AddProject";
/// What a test waits for at most; only a defect makes it wait so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request whose body is on its way for ever.
struct Unfinished {
    answer: ResponseFuture,
    body: h2::SendStream<Bytes>,
}

async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("no answer: {what}"))
}

async fn connect(server: &TestServer) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(server.address).await.expect("a connection");
    let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    client
}

/// A POST over HTTP/2 with the beginning of a body.
async fn begin(
    client: &SendRequest<Bytes>,
    server: &TestServer,
    path: &str,
    headers: &[(&str, &str)],
    part: &[u8],
) -> Unfinished {
    let mut request = Request::post(server.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut client = client.clone().ready().await.expect("a stream");
    let (answer, mut body) = client.send_request(request.body(()).expect("a request"), false).expect("a stream");
    if !part.is_empty() {
        body.send_data(Bytes::copy_from_slice(part), false).expect("it is sent");
    }
    Unfinished { answer, body }
}

/// A number of the metrics.
async fn gauge(server: &TestServer, name: &str) -> u64 {
    let answer = server.metrics().await;
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("{name} is not in {answer}"))
}

async fn until(server: &TestServer, name: &str, wanted: impl Fn(u64) -> bool) {
    let reached = async {
        while !wanted(gauge(server, name).await) {
            tokio::task::yield_now().await;
        }
    };
    in_time(name, reached).await;
}

async fn small(settings: &[(&'static str, &str)]) -> TestServer {
    let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    TestServer::with(Options { settings, ..Options::default() }).await
}

/// Sends the head of a request over HTTP/1.1, and a part of its body.
async fn head_of(server: &TestServer, path: &str, headers: &str, part: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    stream.write_all(&[head.as_bytes(), part].concat()).await.expect("it is sent");
    stream
}

/// The head of an answer.
async fn head_of_answer(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    String::from_utf8_lossy(&head).to_lowercase()
}

#[tokio::test]
async fn strangers_are_refused_before_they_send_a_byte() {
    let server = TestServer::start().await;
    for (path, kind) in [
        ("/management/v1/projects", "application/json"),
        (ADD_PROJECT, "application/json"),
        (ADD_PROJECT, "application/proto"),
    ] {
        let headers = format!("Content-Type: {kind}\r\nContent-Length: 100\r\n");
        let mut stream = head_of(&server, path, &headers, b"").await;
        let answer = in_time(path, head_of_answer(&mut stream)).await;
        assert!(answer.starts_with("http/1.1 401"), "{path} {kind}: {answer}");
    }
    for kind in ["application/grpc-web+proto", "application/grpc-web-text", "application/grpc-web+json"] {
        let headers = format!("Content-Type: {kind}\r\nContent-Length: 100\r\nConnection: close\r\n");
        let mut stream = head_of(&server, ADD_PROJECT, &headers, b"").await;
        let answer = in_time(kind, head_of_answer(&mut stream)).await;
        assert!(answer.starts_with("http/1.1 200"), "{kind}: {answer}");
        drop(stream);
    }
    let client = connect(&server).await;
    for kind in ["application/grpc", "application/grpc+proto", "application/grpc+json"] {
        for (name, value, status) in [("x-any", "", "16"), ("authorization", "Bearer x", "16")] {
            let one = begin(&client, &server, ADD_PROJECT, &[("content-type", kind), (name, value)], b"").await;
            let answer = in_time(kind, one.answer).await.expect("an answer");
            assert_eq!(answer.headers()["grpc-status"], status, "{kind}");
        }
    }
    // The body is never asked for.
    let headers = "Expect: 100-continue\r\nContent-Length: 100\r\n";
    let mut stream = head_of(&server, "/management/v1/projects", headers, b"").await;
    let answer = in_time("expect", head_of_answer(&mut stream)).await;
    assert!(answer.starts_with("http/1.1 401"), "{answer}");
}

#[tokio::test]
async fn who_is_still_sending_sees_why_it_is_refused() {
    let server = TestServer::start().await;
    let body = vec![b' '; 3 << 20];
    let answer = raw::request(server.address, "POST", "/management/v1/projects", &[], Some(&body)).await;
    assert_eq!(answer.status, 401);
    let kind = [("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    let answer = raw::request(server.address, "POST", "/oauth/v2/introspect", &kind, Some(&body)).await;
    assert_eq!((answer.status, json_of(&answer)["error"].as_str()), (400, Some("invalid_request")));
    // The connection can be used again.
    let mut stream =
        head_of(&server, "/management/v1/projects", "Content-Length: 200000\r\n", &vec![b' '; 200_000]).await;
    assert!(head_of_answer(&mut stream).await.starts_with("http/1.1 401"));
    stream.write_all(b"GET /debug/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("it is sent");
    let mut rest = String::new();
    in_time("the second answer", stream.read_to_string(&mut rest)).await.expect("an answer");
    assert!(rest.contains("HTTP/1.1 200"), "{rest}");
}

/// 1,200 calls without a body and 1,100 half-sent forms hold no place, and little memory.
#[tokio::test]
async fn unfinished_bodies_of_strangers_stop_nobody() {
    let server = small(&[("CLAVIGER_SERVER_MAX_CONCURRENT_REQUESTS", "4")]).await;
    let mut clients = Vec::new();
    let mut calls = Vec::new();
    for _ in 0..5 {
        let client = connect(&server).await;
        for _ in 0..240 {
            calls.push(begin(&client, &server, ADD_PROJECT, &[("content-type", "application/grpc")], b"").await);
        }
        clients.push(client);
    }
    for call in calls {
        let answer = in_time("a call without a token", call.answer).await.expect("an answer");
        assert_eq!(answer.headers()["grpc-status"], "16");
    }
    let mut forms = Vec::new();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for client in &clients {
        for _ in 0..220 {
            forms.push(begin(client, &server, "/oauth/v2/token", &form, b"grant_type=").await);
        }
    }
    // Each counts for some 4 KiB: when so much is taken, all have arrived.
    until(&server, "claviger_body_bytes", |bytes| bytes >= 1_100 * 4_096).await;
    assert!(gauge(&server, "claviger_body_bytes").await < 8 << 20);
    assert_eq!(gauge(&server, "claviger_requests_working").await, 0, "none of them holds a place");
    assert_eq!(gauge(&server, "claviger_requests_waiting").await, 0);
    let (status, answer) = in_time("a good request", server.post("/projects", json!({"name": "good"}))).await;
    assert_eq!(status, 200, "{answer}");
    // They are still good for an answer.
    let mut last = forms.pop().expect("a form");
    last.body.send_data(Bytes::from_static(b"x"), true).expect("it is sent");
    let answer = in_time("the form", last.answer).await.expect("an answer");
    assert_eq!(answer.status(), 400);
    drop((forms, clients));
    until(&server, "claviger_body_bytes", |bytes| bytes == 0).await;
}

/// Bodies of callers with a token never take more than the budget; who takes most is told to wait.
#[tokio::test]
async fn unfinished_bodies_take_no_more_than_the_budget() {
    let server = small(&[("CLAVIGER_SERVER_MAX_BODY_MEMORY", "16")]).await;
    let bearer = format!("Bearer {}", server.token);
    let part = vec![b' '; 300 << 10];
    let mut uploads = Vec::new();
    for at in 0..50 {
        let client = connect(&server).await;
        let headers = [("content-type", "application/grpc"), ("authorization", bearer.as_str())];
        let (path, headers) =
            if at % 2 == 0 { (ADD_PROJECT, &headers[..]) } else { ("/management/v1/projects", &headers[1..]) };
        uploads.push((begin(&client, &server, path, headers, &part).await, client));
    }
    let mut refused = 0;
    let mut most = 0;
    let mut waiting: Vec<_> = uploads.iter_mut().map(|(one, _)| &mut one.answer).collect();
    // Half of three quarters of 16 MiB is the share of one network, and one step of growth more.
    while refused < 18 {
        let (answer, _, rest) = in_time("a refusal", futures::future::select_all(waiting)).await;
        let answer = answer.expect("an answer");
        assert_unavailable(&answer);
        most = most.max(gauge(&server, "claviger_body_bytes").await);
        refused += 1;
        waiting = rest;
    }
    assert!((1 << 20..7 << 20).contains(&most), "{most}");
    // Those that are still growing may be faster once or twice; who is told to try again does so.
    let good = async {
        loop {
            let (status, answer) = server.post("/projects", json!({"name": "good"})).await;
            if status == 200 {
                return;
            }
            assert_eq!(status, 503, "{answer}");
        }
    };
    in_time("a good request", good).await;
    assert_eq!(gauge(&server, "claviger_requests_working").await, 0);
}

fn assert_unavailable(answer: &Response<RecvStream>) {
    let grpc = answer.headers().get("grpc-status").map(|v| v.to_str().expect("text").to_owned());
    let status = answer.status().as_u16();
    assert!(status == 503 || (status == 200 && grpc.as_deref() == Some("14")), "{answer:?}");
    assert_eq!(answer.headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let server = small(&[("CLAVIGER_SERVER_BODY_TIMEOUT", "1")]).await;
    let headers = format!("Authorization: Bearer {}\r\nContent-Length: 10\r\n", server.token);
    let mut stream = head_of(&server, "/management/v1/projects", &headers, b"{").await;
    let mut answer = String::new();
    in_time("the body", stream.read_to_string(&mut answer)).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("send it faster"), "{answer}");
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n";
    let mut stream = head_of(&server, "/oauth/v2/token", form, b"a").await;
    let mut answer = String::new();
    in_time("the form", stream.read_to_string(&mut answer)).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    until(&server, "claviger_body_bytes", |bytes| bytes == 0).await;
}

#[tokio::test]
async fn calls_that_anybody_may_make_have_small_bodies() {
    let server = TestServer::start().await;
    let body = json!({"unknown": "x".repeat(5_000)}).to_string();
    let url = server.url("/zitadel.management.v1.ManagementService/Healthz");
    let call = || server.http.post(&url).header("content-type", "application/json");
    assert_eq!(call().body("{}").send().await.expect("an answer").status(), 200);
    assert_eq!(call().body(body).send().await.expect("an answer").status(), 429);
    let client = connect(&server).await;
    let grpc = [("content-type", "application/grpc")];
    for path in ["/grpc.health.v1.Health/Check", "/zitadel.management.v1.ManagementService/Healthz"] {
        let one = begin(&client, &server, path, &grpc, &vec![0; 5_000]).await;
        let answer = in_time(path, one.answer).await.expect("an answer");
        assert_eq!(answer.headers()["grpc-status"], "8", "{path}");
    }
}

/// The body of the issue: text in pieces of one byte each, which costs no more than any other.
#[tokio::test]
async fn padded_pieces_of_grpc_web_text_are_decoded_as_they_come() {
    let server = TestServer::start().await;
    let body = "YQ==".repeat(1 << 20);
    let call = |token: &str| {
        let request = server.http.post(server.url(ADD_PROJECT)).header("content-type", "application/grpc-web-text");
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        request.body(body.clone()).send()
    };
    for token in ["", server.token.as_str()] {
        let answer = in_time("a text", call(token)).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["content-type"].to_str().is_ok_and(|t| t.starts_with("application/grpc-web-text")));
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let server = TestServer::start().await;
    let bearer = ("Authorization".to_owned(), format!("Bearer {}", server.token));
    let two = |kind: &str| vec![bearer.clone(), bearer.clone(), ("Content-Type".to_owned(), kind.to_owned())];
    let post = |path: &'static str, kind: &str| {
        let headers = two(kind);
        async move { raw::request(server.address, "POST", path, &headers, Some(b"{}")).await }
    };
    for path in ["/management/v1/projects/_search", "/management/v1/healthz"] {
        let verb = if path.ends_with("healthz") { "GET" } else { "POST" };
        let answer = raw::request(server.address, verb, path, &two("application/json"), None).await;
        let body = json_of(&answer);
        assert_eq!((answer.status, body["code"].as_i64()), (400, Some(3)), "{path}: {body}");
        assert!(body["message"].as_str().is_some_and(|m| m.contains("authorization")), "{body}");
    }
    let answer = post(ADD_PROJECT, "application/json").await;
    assert_eq!((answer.status, json_of(&answer)["code"].as_str()), (400, Some("invalid_argument")));
    let answer = post(ADD_PROJECT, "application/grpc-web+proto").await;
    assert!(String::from_utf8_lossy(&answer.body).contains("grpc-status: 3"), "{answer:?}");
    let client = connect(&server).await;
    let headers = [("content-type", "application/grpc"), ("authorization", &bearer.1), ("authorization", "Bearer x")];
    let one = begin(&client, &server, ADD_PROJECT, &headers, b"").await;
    let answer = in_time("gRPC", one.answer).await.expect("an answer");
    assert_eq!(answer.headers()["grpc-status"], "3");
    for path in ["/oauth/v2/introspect", "/oauth/v2/token", "/oauth/v2/revoke", "/oidc/v1/userinfo", "/oauth/v2/keys"] {
        let answer = raw::request(server.address, "POST", path, &two("application/json"), None).await;
        let body = json_of(&answer);
        assert_eq!((answer.status, body["error"].as_str()), (400, Some("invalid_request")), "{path}: {body}");
    }
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

#[tokio::test]
async fn no_path_leads_to_another_host() {
    let server = TestServer::start().await;
    let odd = [
        "//evil.example",
        "/\\evil.example",
        "/%5cevil.example",
        "/%5Cevil.example",
        "/%2fevil.example",
        "/%2Fevil.example",
    ];
    let mut paths: Vec<String> = odd.map(str::to_owned).into();
    for start in odd {
        for way in ["/.", "/..", "/", "/a/..", "//", "/./."] {
            paths.push(format!("{way}{start}"));
            paths.push(format!("{way}{start}//a"));
            paths.push(format!("{start}{way}/a"));
        }
    }
    for path in paths {
        let answer = raw::request(server.address, "GET", &path, &[], None).await;
        let location = answer.header("location").unwrap_or("/").to_ascii_lowercase();
        let inside =
            location.starts_with('/') && !["//", "/\\", "/%5c", "/%2f"].iter().any(|bad| location.starts_with(bad));
        assert!(inside && !location.contains(['\\']) && answer.status < 500, "{path} leads to {location}");
    }
    let answer = raw::request(server.address, "GET", "/management/v1//projects/1", &[], None).await;
    assert_eq!(answer.header("location"), Some("/management/v1/projects/1"), "as recorded");
}

#[tokio::test]
async fn request_ids_of_clients_are_short_and_plain() {
    let server = TestServer::start().await;
    let mut odd = vec!["x".repeat(60_000), "x".repeat(129), "a b".to_owned(), "a;b".to_owned(), "<a>".to_owned()];
    odd.push("\u{1b}[31m".to_owned());
    let mut seen = std::collections::BTreeSet::new();
    for id in odd {
        let mut bytes = String::new();
        write!(bytes, "GET /debug/healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: {id}\r\nConnection: close\r\n\r\n")
            .expect("text");
        let Some(answer) = raw::send(server.address, bytes.as_bytes()).await else { continue };
        let given = answer.header("x-request-id").unwrap_or_default().to_owned();
        assert!(answer.status == 400 || (given != id && given.len() == 18), "{given}");
        assert!(given.is_empty() || seen.insert(given), "each is another one");
    }
    let good = "x".repeat(128);
    let answer = server.http.get(server.url("/debug/healthz")).header("x-request-id", &good).send().await;
    assert_eq!(answer.expect("an answer").headers()["x-request-id"], good);
}

#[tokio::test]
async fn large_answers_over_grpc_web_text_are_whole() {
    use base64::Engine as _;
    let server = TestServer::start().await;
    for at in 0..30 {
        server.project(&format!("project {at} {}", "x".repeat(150))).await;
    }
    let url = server.url("/zitadel.management.v1.ManagementService/ListProjects");
    let call = |kind: &str, body: Vec<u8>| {
        let request = server.http.post(&url).header("content-type", kind).bearer_auth(&server.token);
        async move { request.body(body).send().await.expect("an answer").bytes().await.expect("a body") }
    };
    let binary = call("application/grpc-web+proto", vec![0; 5]).await;
    let encoded = call("application/grpc-web-text", b"AAAAAAA=".to_vec()).await;
    let decoded = base64::engine::general_purpose::STANDARD.decode(&encoded).expect("one base64 text");
    // Times of the two answers differ.
    assert!(decoded.len() > 5_000 && decoded.len().abs_diff(binary.len()) < 8, "{} {}", decoded.len(), binary.len());
}
