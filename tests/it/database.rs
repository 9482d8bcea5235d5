//! A database that is slow, full, read-only, hung or away: what callers are told meanwhile, and that the
//! server is well again as soon as the database is.

use std::process::{Command, Stdio};
use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection as _, PgConnection, Postgres, Transaction};
use tokio::time::timeout;

use crate::support::process::Process;
use crate::support::proxy::{Proxy, Way};
use crate::support::server::Database;
use crate::support::{Options, TestServer};

/// Far beyond every deadline of the server that these tests look at.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a call was answered: status, code of the body, `Retry-After`.
type Answer = (u16, i64, Option<String>);

async fn answer(server: &TestServer, method: Method, path: &str, name: Option<&str>) -> Answer {
    let mut request =
        server.http.request(method, server.url(&format!("/management/v1{path}"))).bearer_auth(&server.token);
    if let Some(name) = name {
        request = request.json(&json!({"name": name}));
    }
    let response = request.send().await.expect("an answer");
    let again = response.headers().get("retry-after").map(|v| v.to_str().expect("a number").to_owned());
    let status = response.status().as_u16();
    let body: serde_json::Value = response.json().await.unwrap_or_default();
    (status, body["code"].as_i64().unwrap_or(0), again)
}

/// The status of the readiness probe.
async fn ready(server: &TestServer) -> u16 {
    let asked = server.http.get(server.url("/debug/ready")).send();
    // Promised within a second; five, lest a busy machine decides.
    let answered = timeout(Duration::from_secs(5), asked).await.expect("readiness answers whatever the database does");
    answered.expect("an answer").status().as_u16()
}

/// Waits until a condition holds.
async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let waited = timeout(PATIENCE, async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}"));
}

async fn reads(server: &TestServer, count: usize) -> Vec<u16> {
    let calls = (0..count).map(|_| async { server.get("/orgs/me").await.0 });
    timeout(PATIENCE, join_all(calls)).await.expect("every read is answered")
}

/// A server behind a proxy, which asks the database each time; none on SQLite.
async fn behind_a_proxy(connections: u32) -> Option<(TestServer, Proxy)> {
    let database = Database::fresh().await;
    if database.url.starts_with("sqlite:") {
        eprintln!("skipped: there is no network to a SQLite file");
        return None;
    }
    let (proxy, through) = Proxy::before(&database).await;
    let settings =
        vec![("CLAVIGER_STORAGE_CONNECTIONS", connections.to_string()), ("CLAVIGER_SERVER_REMEMBER", "0".to_owned())];
    let server = TestServer::with(Options { settings, beside: Some(through), ..Options::default() }).await;
    // The signing keys are made beside the first requests.
    assert_eq!(server.http.get(server.url("/oauth/v2/keys")).send().await.expect("an answer").status(), 200);
    Some((server, proxy))
}

/// Another program holds a project until what this gives is dropped.
async fn lock_of<'c>(holder: &'c mut PgConnection, project: &str) -> Transaction<'c, Postgres> {
    let mut lock = holder.begin().await.expect("a transaction");
    let locked = sqlx::query("SELECT 1 FROM aggregates WHERE id = $1 FOR UPDATE").bind(project).execute(&mut *lock);
    locked.await.expect("the lock");
    lock
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_wait_for_one_project_hold_up_nobody_else() {
    let settings = vec![("CLAVIGER_STORAGE_CONNECTIONS", "16".to_owned())];
    let server = TestServer::with(Options { settings, ..Options::default() }).await;
    if server.database.url.starts_with("sqlite:") {
        eprintln!("skipped: a SQLite file has one writer, which waits for nobody");
        return;
    }
    let project = server.project("locked").await;
    let other = crate::support::text(&server.ok("/orgs", json!({"name": "other"})).await, "/id");
    let mut holder = PgConnection::connect(&server.database.url).await.expect("the database");
    let lock = lock_of(&mut holder, &project).await;
    let path = format!("/projects/{project}");
    let waiting = join_all((0..16).map(|i| {
        let (server, path) = (&server, &path);
        async move { answer(server, Method::PUT, path, Some(&format!("renamed {i}"))).await }
    }));
    let meanwhile = async {
        let mut admin = PgConnection::connect(&server.database.url).await.expect("the database");
        let mut seen = 0_i64;
        while seen < 4 {
            seen = held(&mut admin).await;
        }
        for i in 0..32 {
            let name = json!({"name": format!("free {i}")});
            let call = |method, path, body| server.call_as(&server.token, Some(&other), method, path, body);
            assert_eq!(call(Method::POST, "/projects", Some(name)).await.0, 200, "a write of another organization");
            assert_eq!(call(Method::GET, "/orgs/me", None).await.0, 200, "a read");
            seen = seen.max(held(&mut admin).await);
        }
        seen
    };
    let both = timeout(PATIENCE, async { tokio::join!(waiting, meanwhile) });
    let (waited, most) = both.await.expect("waiting for a lock has a deadline");
    assert!(most <= 4, "{most} connections were held for one organization of 8 for writers");
    for answer in waited {
        assert_eq!(answer, (503, 14, Some("1".to_owned())), "the lock is still held");
    }
    lock.rollback().await.expect("the lock is given back");
    assert_eq!(server.put(&path, json!({"name": "renamed"})).await.0, 200);
}

/// Connections that hold or wait for a lock on an aggregate, without that of the test.
async fn held(admin: &mut PgConnection) -> i64 {
    let sql = "SELECT count(DISTINCT pid) - 1 FROM pg_locks \
               WHERE relation = 'aggregates'::regclass AND mode IN ('RowShareLock', 'RowExclusiveLock')";
    sqlx::query_scalar(sql).fetch_one(admin).await.expect("a count")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_was_cancelled_is_worth_trying_again() {
    let server = TestServer::start().await;
    if server.database.url.starts_with("sqlite:") {
        eprintln!("skipped: nobody can cancel a statement on SQLite");
        return;
    }
    let project = server.project("locked").await;
    let mut holder = PgConnection::connect(&server.database.url).await.expect("the database");
    let mut lock = lock_of(&mut holder, &project).await;
    let path = format!("/projects/{project}");
    let cancelled = async {
        let sql = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))";
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *lock).await.expect("a count") == 0 {}
    };
    let (answer, ()) = tokio::join!(answer(&server, Method::PUT, &path, Some("x")), cancelled);
    assert_eq!(answer, (503, 14, Some("1".to_owned())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_hang_are_given_up_while_the_database_is_fine() {
    let Some((server, proxy)) = behind_a_proxy(16).await else { return };
    assert!(reads(&server, 64).await.iter().all(|status| *status == 200));
    assert!(proxy.open() > 1);
    proxy.existing(Way::Hung);
    assert_eq!(ready(&server).await, 200, "a new connection shows that the database is fine");
    assert!(reads(&server, 32).await.iter().all(|status| *status == 200), "a read is tried on another connection");
    let made = timeout(PATIENCE, server.post("/projects", json!({"name": "p"}))).await.expect("an answer").0;
    assert!(made == 200 || made == 503, "{made}");
    assert_eq!(server.post("/projects", json!({"name": "q"})).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_is_not_waited_for() {
    let Some((server, proxy)) = behind_a_proxy(8).await else { return };
    assert!(reads(&server, 32).await.iter().all(|status| *status == 200));
    proxy.all(Way::Hung);
    assert_eq!(ready(&server).await, 412);
    let calls = (0..200).map(|_| answer(&server, Method::GET, "/orgs/me", None));
    let refused = timeout(PATIENCE, join_all(calls)).await.expect("every read is answered");
    assert!(refused.iter().all(|a| *a == (503, 14, Some("1".to_owned()))), "{refused:?}");
    // It is known now: nobody waits any more.
    let connected = proxy.accepted();
    assert!(reads(&server, 200).await.iter().all(|status| *status == 503));
    assert!(proxy.accepted() - connected < 20, "one asks for all");
    assert_eq!(ready(&server).await, 412);
    // Connections that were hung go on; whoever connects meanwhile is let through.
    proxy.all(Way::Open);
    until("reads after the return", || async { server.get("/orgs/me").await.0 == 200 }).await;
    proxy.all(Way::Hung);
    timeout(PATIENCE, server.stop()).await.expect("the end waits for nobody who hangs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_one_asks_for_all() {
    let Some((server, proxy)) = behind_a_proxy(8).await else { return };
    proxy.all(Way::Cut);
    until("the loss is noticed", || async { server.get("/orgs/me").await.0 == 503 }).await;
    let connected = proxy.accepted();
    for _ in 0..6 {
        let calls = (0..100).map(|_| answer(&server, Method::GET, "/orgs/me", None));
        let refused = timeout(PATIENCE, join_all(calls)).await.expect("every read is answered");
        assert!(refused.iter().all(|a| *a == (503, 14, Some("1".to_owned()))), "{refused:?}");
    }
    let write = answer(&server, Method::POST, "/projects", Some("p")).await;
    assert_eq!(write, (503, 14, Some("1".to_owned())));
    let form = [("grant_type", "client_credentials"), ("client_id", "x"), ("client_secret", "y")];
    let token = server.http.post(server.url("/oauth/v2/token")).form(&form).send().await.expect("an answer");
    assert_eq!((token.status().as_u16(), &token.headers()["retry-after"] == "1"), (503, true));
    let attempts = proxy.accepted() - connected;
    assert!(attempts < 60, "600 callers connected {attempts} times");
    assert_eq!(ready(&server).await, 412);
    proxy.all(Way::Open);
    until("the return is noticed", || async { server.get("/orgs/me").await.0 == 200 }).await;
    assert_eq!(ready(&server).await, 200);
    assert_eq!(server.post("/projects", json!({"name": "p"})).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_database_costs_no_read() {
    let Some((server, proxy)) = behind_a_proxy(8).await else { return };
    for _ in 0..5 {
        assert!(reads(&server, 64).await.iter().all(|status| *status == 200));
        proxy.existing(Way::Cut);
        let again = reads(&server, 64).await;
        assert!(again.iter().all(|status| *status == 200), "{again:?}");
    }
    // For a moment nobody can connect.
    proxy.all(Way::Cut);
    let refused = proxy.accepted();
    let (again, ()) = tokio::join!(reads(&server, 64), async {
        until("somebody is refused", || async { proxy.accepted() > refused + 1 }).await;
        proxy.fresh(Way::Open);
    });
    assert!(again.iter().all(|status| *status == 200), "{again:?}");
}

/// A database of a role of its own, which can be changed without touching others; none on SQLite.
async fn with_a_role(role: &str) -> Option<(TestServer, PgConnection)> {
    let mut database = Database::fresh().await;
    if database.url.starts_with("sqlite:") {
        eprintln!("skipped: SQLite knows no roles");
        return None;
    }
    let mut admin = PgConnection::connect(&database.url).await.expect("the database");
    let schema: String = sqlx::query_scalar("SELECT current_schema()").fetch_one(&mut admin).await.expect("a schema");
    let role = format!("{schema}_{role}");
    sqlx::QueryBuilder::<sqlx::Postgres>::new(format!("CREATE ROLE {role} LOGIN"))
        .build()
        .execute(&mut admin)
        .await
        .expect("a role");
    sqlx::QueryBuilder::<sqlx::Postgres>::new(format!("ALTER SCHEMA {schema} OWNER TO {role}"))
        .build()
        .execute(&mut admin)
        .await
        .expect("its schema");
    let (scheme, rest) = database.url.split_once("://").expect("a URL");
    let rest = rest.split_once('@').expect("a user in the URL").1;
    database.url = format!("{scheme}://{role}@{rest}");
    let settings = vec![("CLAVIGER_SERVER_REMEMBER", "0".to_owned())];
    let server = TestServer::with(Options { settings, beside: Some(database), ..Options::default() }).await;
    assert_eq!(server.http.get(server.url("/oauth/v2/keys")).send().await.expect("an answer").status(), 200);
    Some((server, admin))
}

/// Changes the role of the server, and ends its connections so that it takes effect.
async fn change_role(admin: &mut PgConnection, server: &TestServer, change: &str) {
    let role = server.database.url.split("://").nth(1).and_then(|r| r.split('@').next()).expect("a role");
    sqlx::QueryBuilder::<sqlx::Postgres>::new(format!("ALTER ROLE {role} {change}"))
        .build()
        .execute(&mut *admin)
        .await
        .expect("the role is changed");
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1")
        .bind(role)
        .execute(admin)
        .await
        .expect("its connections end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_database_is_not_ready_but_reads() {
    let Some((server, mut admin)) = with_a_role("reader").await else { return };
    change_role(&mut admin, &server, "SET default_transaction_read_only = on").await;
    assert!(reads(&server, 32).await.iter().all(|status| *status == 200), "reads go on, on new connections");
    let write = answer(&server, Method::POST, "/projects", Some("p")).await;
    assert_eq!(write, (503, 14, Some("1".to_owned())));
    assert_eq!(ready(&server).await, 412);
    change_role(&mut admin, &server, "RESET default_transaction_read_only").await;
    until("readiness", || async { ready(&server).await == 200 }).await;
    until("a write", || async { server.post("/projects", json!({"name": "p"})).await.0 == 200 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_a_free_connection_is_worth_trying_again() {
    let Some((server, mut admin)) = with_a_role("crowd").await else { return };
    change_role(&mut admin, &server, "CONNECTION LIMIT 0").await;
    until("the loss is noticed", || async { server.get("/orgs/me").await.0 == 503 }).await;
    for (method, path, name) in [(Method::GET, "/orgs/me", None), (Method::POST, "/projects", Some("p"))] {
        assert_eq!(answer(&server, method, path, name).await, (503, 14, Some("1".to_owned())));
    }
    assert_eq!(ready(&server).await, 412);
    change_role(&mut admin, &server, "CONNECTION LIMIT -1").await;
    until("reads after the return", || async { server.get("/orgs/me").await.0 == 200 }).await;
}

/// From now on the files of a process may not grow past so many bytes.
#[cfg(target_os = "linux")]
fn limit(program: &Process, bytes: Option<u64>) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let pid = Pid::from_raw(program.id().cast_signed());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).expect("the limit is set");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn a_disk_that_takes_no_more_refuses_writes_and_takes_them_later() {
    let database = Database::fresh().await;
    if !database.url.starts_with("sqlite:") {
        eprintln!("skipped: the disk of PostgreSQL is not the server's");
        return;
    }
    // A write past the limit must fail, not end the process.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\"", env!("CARGO_BIN_EXE_claviger")])
        .envs(database.settings())
        .env("CLAVIGER_KEYS_POOL", "0")
        // A log in a file could not grow either.
        .stderr(Stdio::null());
    let program = Process::of(command);
    let token = database.token();
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let add = |name: String| {
        let url = format!("{}/projects", program.api());
        let request = http.post(url).bearer_auth(&token).json(&json!({"name": name}));
        async move {
            let answer = request.send().await.expect("an answer");
            let again = answer.headers().contains_key("retry-after");
            (answer.status().as_u16(), again, answer.text().await.expect("a body"))
        }
    };
    assert_eq!(add("before".to_owned()).await.0, 200);
    limit(&program, Some(1));
    for (status, again, body) in join_all((0..16).map(|i| add(format!("full {i}")))).await {
        assert!(status == 503 && again && body.contains("\"code\":14"), "{status} {again} {body}");
    }
    let read = http.get(format!("{}/orgs/me", program.api())).bearer_auth(&token).send().await;
    assert_eq!(read.expect("an answer").status(), 200, "reads go on");
    limit(&program, None);
    assert_eq!(add("after".to_owned()).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_written_is_not_ready() {
    let server = TestServer::start().await;
    let Some(path) = server.database.url.strip_prefix("sqlite:") else {
        eprintln!("skipped: PostgreSQL has a test of its own");
        return;
    };
    assert_eq!(ready(&server).await, 200);
    let away = format!("{path}.away");
    std::fs::rename(path, &away).expect("the file is moved away");
    assert_eq!(ready(&server).await, 412);
    std::fs::rename(&away, path).expect("the file is back");
    assert_eq!(ready(&server).await, 200);
}
