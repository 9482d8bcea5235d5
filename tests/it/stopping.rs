//! The stop: clients are told first, requests in work finish, and nothing keeps the process for ever.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::h2::{DATA, END_STREAM, GOAWAY, H2};
use crate::support::process::Process;
use crate::support::server::Database;
use crate::support::{Options, TestServer, raw, within};

const HEALTH: &str = "/grpc.health.v1.Health/Check";
const ALIVE: &[u8] = b"GET /debug/healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// An hour of delay: whatever ends before was ended by an order.
async fn with_delay() -> TestServer {
    let settings = vec![("CLAVIGER_SERVER_SHUTDOWN_DELAY", "3600".to_owned())];
    TestServer::with(Options { settings, ..Options::default() }).await
}

/// Asks on an open connection; the whole answer, whose body is "ok".
async fn alive(stream: &mut TcpStream) -> String {
    stream.write_all(ALIVE).await.expect("a request");
    within("an answer", async {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            answer.push(stream.read_u8().await.expect("an answer"));
        }
        String::from_utf8(answer).expect("text").to_lowercase()
    })
    .await
}

#[tokio::test]
async fn clients_are_told_before_the_listener_closes() {
    let mut server = with_delay().await;
    let mut h1 = TcpStream::connect(server.address).await.expect("a connection");
    assert!(!alive(&mut h1).await.contains("connection: close"));
    let mut h2 = H2::connect(server.address, 65_535).await;
    h2.grpc(1, HEALTH, &[], true).await;
    assert_eq!(h2.body(1).await[5..], [8, 1], "SERVING");
    server.begin_stop();

    let ready = || raw::request(server.address, "GET", "/debug/ready", &[], None);
    let answer = within("readiness turns false", async {
        loop {
            let answer = ready().await;
            if answer.status != 200 {
                return answer;
            }
        }
    })
    .await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("connection"), Some("close"));
    // What is open is told, and answered once more.
    let goaway = h2.until(GOAWAY).await;
    assert_eq!(goaway.payload[4..8], [0; 4], "NO_ERROR");
    h2.rest().await;
    within("Connection: close", async { while !alive(&mut h1).await.contains("connection: close") {} }).await;
    let mut rest = Vec::new();
    within("the end of the connection", h1.read_to_end(&mut rest)).await.expect("an orderly end");
    // Who comes now is answered, and told as well.
    let mut late = TcpStream::connect(server.address).await.expect("the listener is open");
    assert!(alive(&mut late).await.contains("connection: close"));
    let mut late = H2::connect(server.address, 65_535).await;
    late.grpc(1, HEALTH, &[], true).await;
    let frames = late.rest().await;
    assert!(frames.iter().any(|f| f.kind == GOAWAY), "{frames:?}");
    let body = frames.iter().find(|f| f.kind == DATA && f.payload.len() > 5).expect("an answer");
    assert_eq!(body.payload[5..], [8, 2], "NOT_SERVING");
    assert!(frames.iter().any(|f| f.stream == 1 && f.flags & END_STREAM > 0), "to its end");

    server.app.shutdown.hasten();
    within("the listener closes", async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    within("the end", server.stop()).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_is_survived_and_each_further_signal_hastens() {
    let database = Database::fresh().await;
    let settings = [
        ("CLAVIGER_KEYS_POOL", "0"),
        ("CLAVIGER_SERVER_SHUTDOWN_DELAY", "3600"),
        ("CLAVIGER_SERVER_SHUTDOWN_TIMEOUT", "3600"),
        ("CLAVIGER_SERVER_REQUEST_TIMEOUT", "3600"),
    ];
    let mut process = Process::start(&database, &settings);
    let address = process.address();
    let status = |path: &'static str| async move { raw::request(address, "GET", path, &[], None).await.status };
    process.signal("HUP");
    assert_eq!(status("/debug/ready").await, 200);
    process.signal("HUP");
    assert_eq!(status("/debug/ready").await, 200, "after a signal that was surely handled");
    // A request that is never sent to its end.
    let mut half = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST /management/v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 10\r\n\r\n{{",
        process.token
    );
    half.write_all(head.as_bytes()).await.expect("half a request");
    assert_eq!(status("/debug/healthz").await, 200);

    process.signal("TERM");
    within("readiness turns false", async { while status("/debug/ready").await != 503 {} }).await;
    process.signal("TERM");
    within("the listener closes", async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(process.running(), "a request is in work");
    process.signal("INT");
    assert!(within("the end", process.ended()).await.success());
}

/// Passes bytes on between clients and a server until it is told to keep them.
struct Pipe {
    address: std::net::SocketAddr,
    hang: tokio::sync::watch::Sender<bool>,
}

impl Pipe {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (hang, hangs) = tokio::sync::watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (server, mut hangs) = (server.clone(), hangs.clone());
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(server).await.expect("the database");
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        () = async { drop(hangs.wait_for(|hang| *hang).await) } => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, hang }
    }
}

/// Only PostgreSQL can be so far away that nothing is heard of it.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_does_not_keep_the_process() {
    let mut database = Database::fresh().await;
    let Some(host) = database.url.split('@').nth(1).and_then(|rest| rest.split('/').next()).map(str::to_owned) else {
        eprintln!("skipped: needs PostgreSQL");
        return;
    };
    let pipe = Pipe::to(host.clone()).await;
    database.url = database.url.replace(&host, &pipe.address.to_string());
    let settings = [("CLAVIGER_KEYS_POOL", "0"), ("CLAVIGER_SERVER_SHUTDOWN_TIMEOUT", "2")];
    let mut process = Process::start(&database, &settings);
    let address = process.address();
    assert_eq!(raw::request(address, "GET", "/debug/ready", &[], None).await.status, 200);
    pipe.hang.send_replace(true);
    let mut waits = TcpStream::connect(address).await.expect("a connection");
    waits.write_all(b"GET /debug/ready HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("a request");
    assert_eq!(raw::request(address, "GET", "/debug/healthz", &[], None).await.status, 200);
    process.signal("TERM");
    assert!(within("the end", process.ended()).await.success());
}
