//! Connections that nobody needs end, and those that hang keep nobody out.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::h2::{ACK, DATA, END_STREAM, GOAWAY, H2, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE};
use crate::support::process::Process;
use crate::support::server::Database;
use crate::support::{Options, TestServer, raw, within};

const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
/// `list_services`: field 7, empty.
const LIST_SERVICES: &[u8] = &[0x3a, 0];
const READY: &[u8] = b"GET /debug/ready HTTP/1.1\r\nHost: x\r\n\r\n";

async fn server(settings: &[(&'static str, &str)]) -> TestServer {
    let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    TestServer::with(Options { settings, ..Options::default() }).await
}

/// A connection that has said so much.
async fn said(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("the bytes are sent");
    stream
}

/// The head of the next answer.
async fn head(stream: &mut TcpStream) -> String {
    within("the head of an answer", async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("an answer"));
        }
        let head = String::from_utf8(head).expect("text");
        let length = head.to_lowercase();
        let length = length.split("content-length: ").nth(1).and_then(|l| l.split("\r\n").next());
        let mut body = vec![0; length.and_then(|l| l.parse().ok()).expect("a length")];
        stream.read_exact(&mut body).await.expect("a body");
        head
    })
    .await
}

/// The other side closes without another word.
async fn closed(what: &str, stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let _ = within(what, stream.read_to_end(&mut rest)).await;
    assert!(rest.is_empty(), "{what}: {}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn who_does_not_come_to_the_point_is_closed() {
    let server = server(&[("CLAVIGER_SERVER_HEAD_TIMEOUT", "1")]).await;
    let address = server.address;
    let mut good = said(address, READY).await;
    assert!(head(&mut good).await.starts_with("HTTP/1.1 200"));
    let mut late = said(address, READY).await;
    assert!(head(&mut late).await.starts_with("HTTP/1.1 200"));
    late.write_all(b"GET / HTTP/1.1\r\nHo").await.expect("the begin of another request");
    for (what, bytes) in [
        ("nothing", &b""[..]),
        ("one byte", &b"P"[..]),
        ("a part of the preface of HTTP/2", &b"PRI * HTTP"[..]),
        ("the preface of HTTP/2 alone", &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..]),
        ("a part of a head", &b"GET /debug/ready HTTP/1.1\r\nHost: x\r\n"[..]),
    ] {
        let mut stream = said(address, bytes).await;
        let mut rest = Vec::new();
        let _ = within(what, stream.read_to_end(&mut rest)).await;
        assert!(!rest.starts_with(b"HTTP/1.1"), "{what}");
    }
    closed("a part of a second head", &mut late).await;
    // A connection between two requests is none of them.
    good.write_all(READY).await.expect("another request");
    assert!(head(&mut good).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn idle_connections_end_and_pings_are_no_requests() {
    let server = server(&[("CLAVIGER_SERVER_IDLE_TIMEOUT", "1")]).await;
    let mut old = said(server.address, READY).await;
    assert!(head(&mut old).await.starts_with("HTTP/1.1 200"));
    closed("an idle HTTP/1.1 connection", &mut old).await;
    let mut h2 = H2::connect(server.address, 65_535).await;
    h2.get(1, "/debug/ready").await;
    assert_eq!(h2.body(1).await, b"\"ok\"");
    // An acknowledgement for each ping, until the connection is told to end, and for no other reason.
    let goaway = loop {
        assert!(h2.try_send(PING, 0, 0, b"keepaliv").await.is_ok(), "closed without GOAWAY");
        let frame = h2.next().await.expect("an answer to the ping");
        match frame.kind {
            PING => assert_eq!(frame.payload, b"keepaliv"),
            GOAWAY => break frame,
            other => panic!("frame of kind {other}"),
        }
    };
    assert_eq!(goaway.payload[4..8], [0; 4], "NO_ERROR");
    h2.rest().await;
}

#[tokio::test]
async fn pings_without_streams_are_answered_and_nothing_else() {
    let server = TestServer::start().await;
    let mut h2 = H2::connect(server.address, 65_535).await;
    for round in 0_u64..100 {
        h2.send(PING, 0, 0, &round.to_be_bytes()).await;
        let frame = h2.next().await.expect("an answer");
        assert_eq!((frame.kind, frame.flags, frame.payload), (PING, ACK, round.to_be_bytes().to_vec()));
    }
    h2.get(1, "/debug/ready").await;
    assert_eq!(h2.body(1).await, b"\"ok\"");
}

#[tokio::test]
async fn old_connections_are_asked_to_end() {
    let server = server(&[("CLAVIGER_SERVER_MAX_CONNECTION_AGE", "1")]).await;
    let mut h1 = said(server.address, b"").await;
    within("Connection: close", async {
        loop {
            h1.write_all(READY).await.expect("a request");
            let head = head(&mut h1).await;
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            if head.to_lowercase().contains("connection: close") {
                break;
            }
        }
    })
    .await;
    closed("the connection", &mut h1).await;
    let mut h2 = H2::connect(server.address, 65_535).await;
    let mut stream = 1;
    let goaway = within("GOAWAY", async {
        loop {
            h2.get(stream, "/debug/ready").await;
            stream += 2;
            loop {
                let frame = h2.next().await.expect("open until it is told");
                if frame.kind == GOAWAY {
                    return frame;
                }
                if frame.flags & END_STREAM > 0 && frame.kind == DATA {
                    break;
                }
            }
        }
    })
    .await;
    assert_eq!(goaway.payload[4..8], [0; 4], "NO_ERROR");
    // What was asked before the client could know is answered.
    let rest = h2.rest().await;
    assert!(rest.iter().any(|f| f.stream == stream - 2 && f.kind == DATA && f.flags & END_STREAM > 0), "{rest:?}");
}

#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    let server = server(&[("CLAVIGER_SERVER_MAX_CONNECTIONS", "20"), ("CLAVIGER_SERVER_HEAD_TIMEOUT", "3600")]).await;
    let mut silent = Vec::new();
    for number in 0..200 {
        let bytes = if number % 2 == 0 { &b""[..] } else { &b"PRI * HTTP"[..] };
        silent.push(said(server.address, bytes).await);
    }
    for _ in 0..50 {
        let answer = within("an answer", raw::send(server.address, READY_CLOSE)).await.expect("an answer");
        assert_eq!(answer.status, 200);
    }
    // All but those that fit are closed.
    within("the end of the others", async {
        while silent.len() > 20 {
            let mut open = Vec::new();
            for mut stream in silent {
                let read = tokio::time::timeout(Duration::from_millis(10), stream.read_u8()).await;
                if read.is_err() {
                    open.push(stream);
                }
            }
            silent = open;
        }
    })
    .await;
}

const READY_CLOSE: &[u8] = b"GET /debug/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// An answer to somebody who comes from an address of the loopback network.
async fn ready_from(from: &str, to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{from}:0").parse().expect("an address")).expect("an own address");
    let mut stream = socket.connect(to).await.ok()?;
    stream.write_all(READY).await.ok()?;
    let mut byte = [0];
    let read = within("an answer or the end", stream.read(&mut byte)).await;
    matches!(read, Ok(1)).then_some(stream)
}

#[tokio::test]
async fn one_address_cannot_take_the_places_of_others() {
    let server =
        server(&[("CLAVIGER_SERVER_MAX_CONNECTIONS", "100"), ("CLAVIGER_SERVER_MAX_CONNECTIONS_PER_ADDRESS", "3")])
            .await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(ready_from("127.0.0.2", server.address).await.expect("a place"));
    }
    assert!(ready_from("127.0.0.2", server.address).await.is_none(), "its places are taken, and used");
    assert!(ready_from("127.0.0.3", server.address).await.is_some(), "another address has its own");
    held.clear();
    within("a place that comes back", async { while ready_from("127.0.0.2", server.address).await.is_none() {} }).await;
}

#[tokio::test]
async fn answers_that_a_window_keeps_back_end_and_the_connection_goes_on() {
    let server = server(&[("CLAVIGER_SERVER_WRITE_TIMEOUT", "1")]).await;
    let mut h2 = H2::connect(server.address, 0).await;
    let streams: Vec<u32> = (0..200).map(|n| 2 * n + 1).collect();
    for stream in &streams {
        h2.grpc(*stream, REFLECTION, LIST_SERVICES, false).await;
    }
    let mut reset = Vec::new();
    while reset.len() < streams.len() {
        let frame = h2.next().await.expect("the connection is open");
        if frame.kind == RST_STREAM {
            reset.push(frame.stream);
        }
    }
    reset.sort_unstable();
    assert_eq!(reset, streams, "each of them, once");
    h2.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]).await;
    h2.get(401, "/debug/ready").await;
    assert_eq!(h2.body(401).await, b"\"ok\"");
}

/// A project with so long a list of roles that it does not fit into one window.
async fn long_list(server: &TestServer) -> String {
    let project = server.project("p").await;
    let roles: Vec<_> = (0..150).map(|n| json!({"key": format!("r{n}"), "displayName": "x".repeat(180)})).collect();
    server.ok(&format!("/projects/{project}/roles/_bulk"), json!({"roles": roles})).await;
    format!("/management/v1/projects/{project}/roles/_search")
}

/// Asks for a list over HTTP/2.
async fn ask_for_list(h2: &mut H2, stream: u32, path: &str, token: &str) {
    let authorization = format!("Bearer {token}");
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "x"),
        (":path", path),
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
    ];
    h2.request(stream, &headers, false).await;
    h2.send(DATA, END_STREAM, stream, b"{}").await;
}

#[tokio::test]
async fn an_answer_that_stops_half_way_ends_and_one_that_goes_on_slowly_does_not() {
    let server = server(&[("CLAVIGER_SERVER_WRITE_TIMEOUT", "1")]).await;
    let path = long_list(&server).await;
    let mut h2 = H2::connect(server.address, 20_000).await;
    ask_for_list(&mut h2, 1, &path, &server.token).await;
    assert_eq!(h2.until(RST_STREAM).await.stream, 1);
    // All but the last byte of the second answer have room, so that it has not ended either.
    ask_for_list(&mut h2, 3, &path, &server.token).await;
    let mut got = 0;
    let (mut room, mut ended) = (20_000, false);
    while !ended {
        let frame = h2.next().await.expect("the connection is open");
        assert!(frame.kind != RST_STREAM, "it goes on");
        if frame.kind == DATA {
            got += frame.payload.len();
            ended = frame.flags & END_STREAM > 0;
        }
        if got == room {
            room += 1000;
            h2.send(WINDOW_UPDATE, 0, 3, &1000_u32.to_be_bytes()).await;
            h2.send(WINDOW_UPDATE, 0, 0, &1000_u32.to_be_bytes()).await;
        }
    }
    assert!(got > 30_000, "a long list: {got}");
    let mut tight = H2::connect(server.address, u32::try_from(got - 1).expect("a length")).await;
    ask_for_list(&mut tight, 1, &path, &server.token).await;
    assert_eq!(tight.until(RST_STREAM).await.stream, 1, "one byte is missing");
}

#[tokio::test]
async fn a_window_of_one_byte_ends_the_connection() {
    let server = server(&[("CLAVIGER_SERVER_WRITE_TIMEOUT", "1")]).await;
    let mut h2 = H2::connect(server.address, 1).await;
    for stream in [1, 3, 5] {
        h2.get(stream, "/debug/ready").await;
    }
    let frames = h2.rest().await;
    let sent: usize = frames.iter().filter(|f| f.kind == DATA).map(|f| f.payload.len()).sum();
    assert_eq!(sent, 3);
    assert!(frames.iter().any(|f| f.kind == HEADERS));
}

#[tokio::test]
async fn who_asks_and_never_reads_is_closed() {
    let server = server(&[("CLAVIGER_SERVER_WRITE_TIMEOUT", "1")]).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut stream = socket.connect(server.address).await.expect("a connection");
    let request = b"GET /.well-known/openid-configuration HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    within("an end of the connection", async { while stream.write_all(&request).await.is_ok() {} }).await;
    // The places of others are not touched.
    assert_eq!(server.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn reflection_can_be_turned_off() {
    for (setting, answers) in [("true", true), ("false", false)] {
        let server = server(&[("CLAVIGER_SERVER_REFLECTION", setting)]).await;
        let mut h2 = H2::connect(server.address, 65_535).await;
        h2.grpc(1, REFLECTION, LIST_SERVICES, true).await;
        let body = String::from_utf8_lossy(&h2.body(1).await).into_owned();
        assert_eq!(body.contains("ManagementService"), answers, "{setting}: {body}");
    }
}

/// Descriptors run out although the configuration promises more connections than there can be.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_the_server_stays_calm_and_lets_people_in() {
    let database = Database::fresh().await;
    let log = database.token_file().with_extension("log");
    let started = tokio::time::Instant::now();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 120; exec \"$0\"", env!("CARGO_BIN_EXE_claviger")])
        .envs(database.settings())
        .envs([("CLAVIGER_KEYS_POOL", "0"), ("CLAVIGER_SERVER_MAX_CONNECTIONS", "5000")])
        .env("CLAVIGER_SERVER_HEAD_TIMEOUT", "3600")
        .stderr(std::fs::File::create(&log).expect("a log file"));
    let program = Process::of(command);
    let address = program.address();
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(address).await.expect("a connection"));
    }
    for _ in 0..3 {
        // Liveness: readiness would need a descriptor for the database.
        let request = b"GET /debug/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let answer = within("an answer", raw::send(address, request)).await.expect("an answer");
        assert_eq!(answer.status, 200);
    }
    program.kill();
    let log = std::fs::read_to_string(log).expect("the log");
    let lines = log.lines().filter(|l| l.contains("cannot accept")).count();
    let seconds = usize::try_from(started.elapsed().as_secs()).expect("a number");
    assert!((1..=seconds + 2).contains(&lines), "{lines} lines in {seconds} s: {log}");
}
