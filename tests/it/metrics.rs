//! What those who run the server are told: metrics that are true and documented, on a listener of their own, and a log
//! of answers where it is wanted.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use claviger::clock::FixedClock;
use serde_json::{Value, json};

use crate::support::grpc::Grpc;
use crate::support::process::Process;
use crate::support::server::Database;
use crate::support::{Options, TestServer, text};

const MANAGEMENT: &str = "zitadel.management.v1.ManagementService";
/// A day in microseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// 2026-11-21T12:00:00Z.
const NOW: i64 = 1_795_262_400_000_000;

/// The value of a sample; none if it is not there.
fn value(metrics: &str, sample: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok())
}

fn calls(metrics: &str, method: &str, transport: &str, code: &str) -> Option<f64> {
    let labels = format!("service=\"{MANAGEMENT}\",method=\"{method}\",transport=\"{transport}\",code=\"{code}\"");
    value(metrics, &format!("claviger_rpc_calls_total{{{labels}}}"))
}

#[tokio::test]
async fn calls_are_counted_by_rpc_transport_and_end() {
    let server = TestServer::start().await;
    let before = server.metrics().await;
    assert_eq!(calls(&before, "GetProjectByID", "rest", "ok"), None, "nobody has called it");
    let project = server.project("p").await;
    assert_eq!(server.get(&format!("/projects/{project}")).await.0, 200);
    assert_eq!(server.get("/projects/1").await.0, 404);
    assert_eq!(server.call_as("none", None, reqwest::Method::GET, "/projects/1", None).await.0, 401);
    let rpc = format!("{MANAGEMENT}/GetProjectByID");
    assert_eq!(server.connect(&server.token, &rpc, json!({"id": "1"})).await.0, 404);
    assert_eq!(server.connect(&server.token, &rpc, json!({"nothing": 1})).await.0, 400);
    let grpc = Grpc::connect(&server, &server.token).await;
    assert!(grpc.call(MANAGEMENT, "GetProjectByID", json!({"id": project})).await.is_ok());
    assert!(grpc.call(MANAGEMENT, "GetProjectByID", json!({"id": "1"})).await.is_err());
    // gRPC-web tells errors in the body.
    let web = server.http.post(server.url(&format!("/{rpc}"))).bearer_auth(&server.token);
    let web = web.header("content-type", "application/grpc-web+proto").body(&b"\0\0\0\0\x03\x0a\x011"[..]);
    assert_eq!(web.send().await.expect("an answer").status(), 200);

    let metrics = server.metrics().await;
    for (transport, code, count) in [
        ("rest", "ok", 1.0),
        ("rest", "not_found", 1.0),
        ("rest", "unauthenticated", 1.0),
        ("connect", "not_found", 1.0),
        ("connect", "invalid_argument", 1.0),
        ("grpc", "ok", 1.0),
        ("grpc", "not_found", 1.0),
        ("grpc-web", "not_found", 1.0),
    ] {
        assert_eq!(calls(&metrics, "GetProjectByID", transport, code), Some(count), "{transport} {code}: {metrics}");
    }
    let of = format!("{{service=\"{MANAGEMENT}\",method=\"GetProjectByID\"");
    assert_eq!(value(&metrics, &format!("claviger_rpc_duration_seconds_count{of}}}")), Some(8.0));
    assert_eq!(value(&metrics, &format!("claviger_rpc_duration_seconds_bucket{of},le=\"+Inf\"}}")), Some(8.0));
}

#[tokio::test]
async fn oauth_requests_are_counted_by_result() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    assert_eq!(server.introspect(&app, "nothing").await.0, 200);
    assert_eq!(server.introspect(&app, &server.token).await.1["active"], true);
    let form = [("grant_type", "client_credentials"), ("scope", "openid")];
    server.form("/oauth/v2/token", Some(("nobody", "secret")), &form).await;
    let metrics = server.metrics().await;
    for (path, result) in [
        ("/oauth/v2/introspect", "inactive"),
        ("/oauth/v2/introspect", "active"),
        ("/oauth/v2/token", "invalid_client"),
    ] {
        let sample = format!("claviger_oauth_requests_total{{path=\"{path}\",result=\"{result}\"}}");
        assert_eq!(value(&metrics, &sample), Some(1.0), "{sample}: {metrics}");
    }
}

#[tokio::test]
async fn credentials_that_end_soon_are_counted() {
    let clock = FixedClock::new(NOW);
    let server = TestServer::with(Options { clock: Some(clock.clone()), ..Options::default() }).await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    for expires in ["2026-11-22T12:00:00Z", "2026-11-28T12:00:00Z", "2026-12-15T12:00:00Z", "2027-11-21T12:00:00Z"] {
        let body = json!({"type": 1, "expirationDate": expires});
        server.ok(&format!("/projects/{project}/apps/{app}/keys"), body).await;
    }
    server.key(&project, &app).await;
    let (user, _) = server.user(&server.org().await, "u").await;
    server.ok(&format!("/users/{user}/pats"), json!({"expirationDate": "2026-11-23T12:00:00Z"})).await;

    let count = async |now: i64| {
        let rows = server.app.store.ending(now, now + 7 * DAY, now + 30 * DAY).await.expect("counts");
        rows.into_iter().map(|row| (row.sooner, row.later)).collect::<Vec<_>>()
    };
    assert_eq!(count(NOW).await, [(2, 3), (0, 0), (1, 1)]);
    assert_eq!(count(NOW + 2 * DAY).await, [(1, 2), (0, 0), (0, 0)], "what has ended is not counted");
    let metrics = server.metrics().await;
    assert!(value(&metrics, "claviger_credentials_ending{kind=\"app_key\",days=\"7\"}").is_some(), "{metrics}");
}

#[tokio::test]
async fn the_database_tells_how_busy_it_is() {
    let server = TestServer::start().await;
    server.project("p").await;
    let metrics = server.metrics().await;
    for kind in ["read", "write"] {
        let most = value(&metrics, &format!("claviger_database_connections_max{{kind=\"{kind}\"}}"));
        assert!(most.is_some_and(|most| most >= 1.0), "{metrics}");
    }
    let commits = value(&metrics, "claviger_group_commits_total").expect("a number");
    let members = value(&metrics, "claviger_group_members_total").expect("a number");
    assert_eq!(commits > 0.0 && members >= commits, server.database.is_sqlite(), "{commits} {members}");
}

#[tokio::test]
async fn everybody_else_gets_no_metrics() {
    let server = TestServer::start().await;
    for path in ["/metrics", "/debug/metrics"] {
        assert_eq!(server.http.get(server.url(path)).send().await.expect("an answer").status(), 404, "{path}");
    }
}

/// Name, kind and help of each metric.
fn described(metrics: &str) -> Vec<(String, String, String)> {
    let kinds = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let helps = metrics.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let owned = |((name, kind), (of, help)): ((&str, &str), (&str, &str))| {
        assert_eq!(name, of, "each is described once, in one piece");
        (name.to_owned(), kind.to_owned(), help.to_owned())
    };
    kinds.zip(helps).map(owned).collect()
}

#[tokio::test]
async fn the_document_of_the_metrics_is_up_to_date() {
    let server = TestServer::start().await;
    let mut document = "# Metrics\n\nOn the listener of `server.admin_listen`, at `/metrics`, in the text format of \
         Prometheus. A series is there from the first time it counts.\n\n| Metric | Kind | What it tells |\n|---|---|---|\n"
        .to_owned();
    for (name, kind, help) in described(&server.metrics().await) {
        let _ = writeln!(document, "| `{name}` | {kind} | {help} |");
    }
    document.push_str(
        "\nAn alert for each thing that somebody should look at is in [deploy/prometheus](../deploy/prometheus), a \
         dashboard\nin [deploy/grafana](../deploy/grafana).\n",
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/METRICS.md");
    if std::env::var_os("RENEW_METRICS").is_some() {
        std::fs::write(path, &document).expect("written");
    }
    let kept = std::fs::read_to_string(path).expect("docs/METRICS.md");
    assert!(kept == document, "docs/METRICS.md is old: RENEW_METRICS=1 cargo test --test it metrics");
}

#[tokio::test]
async fn dashboard_and_alerts_speak_of_metrics_that_there_are() {
    let server = TestServer::start().await;
    let known: BTreeSet<String> = described(&server.metrics().await)
        .into_iter()
        .map(|(name, kind, _)| name + if kind == "histogram" { "_bucket" } else { "" })
        .collect();
    let dashboard = include_str!("../../deploy/grafana/claviger.json");
    let _: Value = serde_json::from_str(dashboard).expect("JSON");
    for (file, text) in [("dashboard", dashboard), ("alerts", include_str!("../../deploy/prometheus/alerts.yaml"))] {
        let named = text.match_indices("claviger_").map(|(at, _)| {
            let rest = &text[at..];
            &rest[..rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len())]
        });
        let named: BTreeSet<&str> = named.collect();
        assert!(named.len() > 5, "{file}: {named:?}");
        for name in named {
            assert!(known.contains(name), "{file}: {name} is no metric");
        }
    }
}

/// The program on a database, and its log.
fn program(database: &Database, settings: &[(&str, &str)]) -> (Command, std::path::PathBuf) {
    let log = database.token_file().with_extension("log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    command.envs(database.settings()).envs(settings.iter().copied());
    command.stderr(std::fs::File::create(&log).expect("a log file"));
    (command, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_listener_of_the_metrics_is_where_it_is_configured() {
    let database = Database::fresh().await;
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let at = format!("127.0.0.1:{port}");
    let (command, _) = program(&database, &[("CLAVIGER_SERVER_ADMIN_LISTEN", &at)]);
    let process = Process::of(command);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let get = async |path: &str| http.get(format!("http://{at}{path}")).send().await.expect("an answer").status();
    for path in ["/metrics", "/debug/healthz", "/debug/ready"] {
        assert_eq!(get(path).await, 200, "{path}");
    }
    assert_eq!(get("/management/v1/healthz").await, 404, "nothing else is there");

    let other = Database::fresh().await;
    let (mut command, log) = program(&other, &[("CLAVIGER_SERVER_ADMIN_LISTEN", &at)]);
    assert!(!command.stdout(std::process::Stdio::null()).status().expect("it ends").success());
    let log = std::fs::read_to_string(log).expect("a log");
    assert!(log.contains(&at) && log.contains("CLAVIGER_SERVER_ADMIN_LISTEN"), "{log}");
    process.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_logged_where_that_is_wanted() {
    for (wanted, expected) in [("true", 2), ("false", 0)] {
        let database = Database::fresh().await;
        let settings = [("CLAVIGER_LOG_ACCESS", wanted), ("CLAVIGER_LOG_FORMAT", "json")];
        let (command, log) = program(&database, &settings);
        let process = Process::of(command);
        let token = database.token();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let get = async |id: &str, token: &str| {
            let request = http.get(format!("{}/orgs/me", process.api())).bearer_auth(token).header("x-request-id", id);
            request.send().await.expect("an answer").status().as_u16()
        };
        assert_eq!((get("request-1", &token).await, get("request-2", "none").await), (200, 401));
        process.kill();
        let log = std::fs::read_to_string(log).expect("a log");
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let answers: Vec<_> =
            lines.iter().filter(|line| line["status"].is_number() || line["status"].is_string()).collect();
        assert_eq!(answers.len(), expected, "{log}");
        if let [good, bad] = answers[..] {
            assert_eq!(text(good, "/span/id"), "request-1");
            assert_eq!(text(good, "/span/path"), "/management/v1/orgs/me");
            assert!(!text(good, "/span/caller").is_empty() && !text(good, "/span/organization").is_empty(), "{good}");
            assert_eq!(text(bad, "/span/caller"), "", "a stranger is nobody");
        }
        assert!(log.contains("authentication failed"), "one line for each that fails: {log}");
    }
}
