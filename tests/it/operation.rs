//! Running the server: start, probes, limits, stop, command line, logs.

use std::process::{Command, Output};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::process::Process;
use crate::support::server::Database;
use crate::support::{Options, TestServer, text};

fn program(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_claviger"))
        .args(arguments)
        .env_remove("DATABASE_URL")
        .envs(environment.iter().copied())
        .output()
        .expect("the program runs")
}

fn printed(output: &Output) -> (bool, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn requests_in_work_finish_when_the_server_stops() {
    let mut server = TestServer::start().await;
    let body = r#"{"name":"finished"}"#;
    let head = format!(
        "POST /management/v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        server.token,
        body.len()
    );
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let (first, rest) = body.split_at(5);
    stream.write_all(format!("{head}{first}").as_bytes()).await.expect("half a request");
    // An answered request on another connection: the first has been accepted by then.
    assert_eq!(server.get("/healthz").await.0, 200);
    server.begin_stop();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(rest.as_bytes()).await.expect("the other half");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn the_probes_tell_life_and_readiness_apart() {
    let server = TestServer::start().await;
    let probe = |path: &'static str| {
        let request = server.http.get(server.url(path)).send();
        async move {
            let answer = request.await.expect("an answer");
            (answer.status().as_u16(), answer.text().await.expect("a body"))
        }
    };
    assert_eq!(probe("/debug/healthz").await, (200, "ok".to_owned()));
    assert_eq!(probe("/debug/ready").await, (200, "\"ok\"".to_owned()));
    server.app.store.close().await;
    assert_eq!(probe("/debug/healthz").await.0, 200);
    assert_eq!(probe("/debug/ready").await.0, 412, "the store is away");
    let (status, answer) = server.get("/orgs/me").await;
    assert_eq!((status, answer["code"].as_i64()), (503, Some(14)), "{answer}");
    assert!(!answer.to_string().to_lowercase().contains("pool"), "no inner detail: {answer}");
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let server = TestServer::start().await;
    let first = server.http.get(server.url("/nowhere")).send().await.expect("an answer");
    assert_eq!(first.headers()["x-request-id"].len(), 18);
    let second =
        server.http.get(server.url("/debug/ready")).header("x-request-id", "mine-7").send().await.expect("an answer");
    assert_eq!(second.headers()["x-request-id"], "mine-7");
}

#[tokio::test]
async fn a_request_that_never_ends_is_given_up() {
    let settings = vec![("CLAVIGER_SERVER_REQUEST_TIMEOUT", "1".to_owned())];
    let server = TestServer::with(Options { settings, ..Options::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let head = format!(
        "POST /management/v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 10\r\n\r\n{{",
        server.token
    );
    stream.write_all(head.as_bytes()).await.expect("half a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
}

#[test]
fn the_command_line_answers() {
    let version = format!("claviger {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(printed(&program(&["version"], &[])).1.trim(), version);
    assert!(printed(&program(&["check-config"], &[])).0);
    let (fine, text) = printed(&program(&["check-config"], &[("CLAVIGER_SERVER_LISEN", "x")]));
    assert!(!fine && text.contains("CLAVIGER_SERVER_LISEN"), "{text}");
    let (fine, text) = printed(&program(&["check-config"], &[("CLAVIGER_CONFIG", "/nowhere.toml")]));
    assert!(!fine && text.contains("/nowhere.toml"), "{text}");
    assert!(!printed(&program(&["dance"], &[])).0);
    let (fine, text) = printed(&program(&["serve"], &[("CLAVIGER_LISTEN", "203.0.113.1:1")]));
    assert!(!fine && text.contains("cannot listen on 203.0.113.1:1"), "{text}");
    assert!(!printed(&program(&["healthcheck"], &[("CLAVIGER_LISTEN", "127.0.0.1:9")])).0);
}

#[test]
fn a_configuration_file_is_read_and_its_mistakes_are_named() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let file = dir.path().join("claviger.toml");
    let path = file.display().to_string();
    std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1\"\n[keys]\npool = 0\n").expect("a file");
    assert!(printed(&program(&["check-config"], &[("CLAVIGER_CONFIG", &path)])).0);
    std::fs::write(&file, "[keys]\npol = 0\n").expect("a file");
    let (fine, text) = printed(&program(&["check-config"], &[("CLAVIGER_CONFIG", &path)]));
    assert!(!fine && text.contains("keys.pol"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrate_makes_a_schema_and_healthcheck_asks_a_running_server() {
    let database = Database::fresh().await;
    let settings = database.settings();
    let environment: Vec<(&str, &str)> = settings.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    for _ in 0..2 {
        let (fine, text) = printed(&program(&["migrate"], &environment));
        assert!(fine && text.contains("up to date"), "{text}");
    }
    assert!(!database.token_file().exists(), "migrating sets nothing up");
    let server = TestServer::with(Options { beside: Some(database), ..Options::default() }).await;
    let listen = server.address.to_string();
    let (fine, text) = printed(&program(&["healthcheck"], &[("CLAVIGER_LISTEN", &listen)]));
    assert!(fine, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loudest_log_holds_no_secret() {
    let database = Database::fresh().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    command
        .envs(database.settings())
        .env("CLAVIGER_LOG_LEVEL", "trace")
        .env("CLAVIGER_LOG_FORMAT", "json")
        .env("CLAVIGER_KEYS_POOL", "0")
        .stderr(std::fs::File::create(database.token_file().with_extension("log")).expect("a log file"));
    let program = Process::of(command);
    let token = database.token();
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let post = |path: String, body: serde_json::Value| {
        let request = http.post(format!("{}{path}", program.api())).bearer_auth(&token).json(&body);
        async move { request.send().await.expect("an answer").json::<serde_json::Value>().await.expect("JSON") }
    };
    let project = text(&post("/projects".to_owned(), json!({"name": "p"})).await, "/id");
    let basic = post(format!("/projects/{project}/apps/api"), json!({"name": "basic"})).await;
    let jwt = post(format!("/projects/{project}/apps/api"), json!({"name": "jwt", "authMethodType": 1})).await;
    let key = post(format!("/projects/{project}/apps/{}/keys", text(&jwt, "/appId")), json!({"type": 1})).await;
    program.kill();
    let log = std::fs::read_to_string(database.token_file().with_extension("log")).expect("the log");
    assert!(log.contains("request"), "the log is loud");
    let details = text(&key, "/keyDetails");
    for secret in [&token, &text(&basic, "/clientSecret"), &details[200..260].to_owned()] {
        assert!(secret.len() > 40 && !log.contains(secret.as_str()), "a secret is in the log");
    }
    assert!(!log.contains("PRIVATE KEY"));
}

#[tokio::test]
async fn the_metrics_tell_how_full_the_stock_of_key_pairs_is() {
    let server = TestServer::start().await;
    let text = server.metrics().await;
    for name in ["depth", "size", "waiting"] {
        let line = format!("claviger_key_pool_{name} 0");
        assert!(text.lines().any(|l| l == line), "{text}");
        assert!(text.contains(&format!("# TYPE claviger_key_pool_{name} gauge")), "{text}");
    }
}
