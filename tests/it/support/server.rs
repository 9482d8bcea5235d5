//! A server on a free port of the loopback interface, on a database of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use claviger::app::{App, Replace};
use claviger::clock::{Clock, FixedClock, FixedMonotonic};
use claviger::config::Config;
use claviger::crypto::keypool::KeyPool;
use claviger::env::{Random, Sources};
use http_body_util::BodyExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use super::{PEMS, text};

const ORG_ROLE: &str = "INSERT INTO memberships (org_id, scope, object_id, user_id, user_org_id, of_org, roles, \
     sequence, created_at, changed_at) SELECT $1, 1, $1, id, org_id, $1, '[\"' || $3 || '\"]', 1, 0, 0 FROM users \
     WHERE id = $2";

/// What a test wants otherwise.
#[derive(Default)]
pub struct Options {
    /// A clock that stands still.
    pub clock: Option<FixedClock>,
    /// Further settings, as environment variables.
    pub settings: Vec<(&'static str, String)>,
    /// A monotonic time that stands still: caches forget when the test says so.
    pub time: Option<FixedMonotonic>,
    /// Another source of randomness than the system's.
    pub random: Option<Random>,
    /// The same database as another server.
    pub beside: Option<Database>,
    /// Another source of key pairs than fixed ones.
    pub keys: Option<KeyPool>,
}

/// Where a test's data is.
#[derive(Clone)]
pub struct Database {
    pub url: String,
    dir: Arc<tempfile::TempDir>,
}

/// A running server and the way into it.
pub struct TestServer {
    pub address: SocketAddr,
    pub token: String,
    pub database: Database,
    pub app: Arc<App>,
    pub http: reqwest::Client,
    pub clock: Arc<dyn Clock>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<tokio::time::Instant>>,
}

impl Database {
    /// A SQLite file, or a schema of its own on the PostgreSQL server of the test run.
    pub async fn fresh() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let dir = Arc::new(tempfile::tempdir().expect("a scratch directory"));
        let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
            return Self { url: format!("sqlite:{}", dir.path().join("test.db").display()), dir };
        };
        let schema = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut admin = sqlx::PgConnection::connect(&server).await.expect("the PostgreSQL server of the test run");
        sqlx::QueryBuilder::<sqlx::Postgres>::new(format!("CREATE SCHEMA {schema}"))
            .build()
            .execute_in(&mut admin)
            .await;
        let separator = if server.contains('?') { '&' } else { '?' };
        Self { url: format!("{server}{separator}options=-csearch_path%3D{schema}"), dir }
    }

    /// Settings of a server on this database.
    pub fn settings(&self) -> BTreeMap<String, String> {
        [
            ("CLAVIGER_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("CLAVIGER_DATA_DIR".to_owned(), self.dir.path().display().to_string()),
            ("DATABASE_URL".to_owned(), self.url.clone()),
            ("CLAVIGER_STORAGE_CONNECTIONS".to_owned(), "8".to_owned()),
        ]
        .into()
    }

    /// Whether one server at a time may have it.
    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// The file with the first token.
    pub fn token_file(&self) -> std::path::PathBuf {
        self.dir.path().join("admin.pat")
    }

    /// The first token.
    pub fn token(&self) -> String {
        std::fs::read_to_string(self.token_file()).expect("the first token").trim().to_owned()
    }
}

/// Executes without the lifetime trouble of a builder in a chain.
trait ExecuteIn {
    async fn execute_in(self, connection: &mut sqlx::PgConnection);
}

impl ExecuteIn for sqlx::query::Query<'_, sqlx::Postgres, sqlx::postgres::PgArguments> {
    async fn execute_in(self, connection: &mut sqlx::PgConnection) {
        self.execute(connection).await.expect("a schema for the test");
    }
}

impl TestServer {
    /// A server on an empty database.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// A server as the test wants it.
    pub async fn with(options: Options) -> Self {
        let database = match options.beside {
            Some(database) => database,
            None => Database::fresh().await,
        };
        let mut settings = database.settings();
        settings.extend(options.settings.into_iter().map(|(k, v)| (k.to_owned(), v)));
        let config = Config::from_parts(None, &settings).expect("a valid configuration");
        let mut sources = Sources::default();
        if let Some(clock) = options.clock {
            sources.clock = Arc::new(clock);
        }
        if let Some(time) = options.time {
            sources.time = Arc::new(time);
        }
        if let Some(random) = options.random {
            sources.random = random;
        }
        let clock = Arc::clone(&sources.clock);
        let fixed = || KeyPool::fixed(PEMS.map(str::to_owned).to_vec());
        let keys = Some(options.keys.unwrap_or_else(fixed));
        let listener = TcpListener::bind(config.server.listen).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let app = Arc::new(App::build(&config, address, Replace { sources, keys }).await.expect("the server builds"));
        let (stop, stopped) = oneshot::channel::<()>();
        let router = app.router.clone();
        let shutdown = app.shutdown.clone();
        tokio::spawn(async move {
            let _ = stopped.await;
            shutdown.hasten();
        });
        let limits = claviger::server::Limits::of(&config);
        let task = tokio::spawn(claviger::server::serve(listener, router, limits, app.shutdown.clone()));
        let token = database.token();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { address, token, database, app, http, clock, stop: Some(stop), task: Some(task) }
    }

    /// What the metrics tell.
    pub async fn metrics(&self) -> String {
        let request = axum::extract::Request::get("/metrics").body(axum::body::Body::empty()).expect("a request");
        let answer = self.app.admin.clone().oneshot(request).await.expect("it never fails");
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8(body.to_vec()).expect("a text")
    }

    /// Stops as a signal would and waits until requests in work are done.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        if let Some(task) = self.task.take() {
            task.await.expect("the server ends");
        }
        self.app.stop().await;
    }

    /// Tells the server to stop, without waiting.
    pub fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A call of the management API as the first user.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.call_as(&self.token, None, method, path, body).await
    }

    /// A call with another token and organization.
    pub async fn call_as(
        &self,
        token: &str,
        org: Option<&str>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.http.request(method, self.url(&format!("/management/v1{path}"))).bearer_auth(token);
        if let Some(org) = org {
            request = request.header("x-zitadel-orgid", org);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.bytes().await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        self.call(Method::DELETE, path, None).await
    }

    /// A call that must be answered with 200.
    pub async fn ok(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.post(path, body).await;
        assert_eq!(status, 200, "POST {path}: {answer}");
        answer
    }

    /// A new project; its id.
    pub async fn project(&self, name: &str) -> String {
        text(&self.ok("/projects", json!({"name": name})).await, "/id")
    }

    /// A new application with a private key JWT; its id.
    pub async fn app(&self, project: &str, name: &str) -> String {
        let body = json!({"name": name, "authMethodType": "API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT"});
        text(&self.ok(&format!("/projects/{project}/apps/api"), body).await, "/appId")
    }

    /// A new key; the whole answer.
    pub async fn key(&self, project: &str, app: &str) -> Value {
        self.ok(&format!("/projects/{project}/apps/{app}/keys"), json!({"type": "KEY_TYPE_JSON"})).await
    }

    /// The organization of the first user.
    pub async fn org(&self) -> String {
        text(&self.get("/orgs/me").await.1, "/org/id")
    }

    /// A machine user without any role; its id and a token.
    pub async fn user(&self, org: &str, name: &str) -> (String, String) {
        let post = |path: String, body: Value| async move {
            let (status, answer) = self.call_as(&self.token, Some(org), Method::POST, &path, Some(body)).await;
            assert_eq!(status, 200, "POST {path}: {answer}");
            answer
        };
        let user =
            post("/users/machine".to_owned(), json!({"userName": name, "name": format!("{name} machine")})).await;
        let id = text(&user, "/userId");
        let token = post(format!("/users/{id}/pats"), json!({})).await;
        (id, text(&token, "/token"))
    }

    /// Gives a user roles in an organization; no call of the contract does so yet.
    pub async fn org_role(&self, org: &str, user: &str, roles: &str) {
        self.sql().await.run(ORG_ROLE, &[org, user, roles]).await;
    }

    /// Gives a user a role in a project.
    pub async fn project_role(&self, project: &str, user: &str, role: &str) {
        self.ok(&format!("/projects/{project}/members"), json!({"userId": user, "roles": [role]})).await;
    }

    /// A pool on the server's database, for what only the database shows.
    pub async fn sql(&self) -> Sql {
        Sql::connect(&self.database).await
    }
}

/// The database itself.
pub enum Sql {
    Lite(sqlx::SqlitePool),
    Pg(sqlx::PgPool),
}

impl Sql {
    /// A pool on a database, which is made if it is a file.
    pub async fn connect(database: &Database) -> Self {
        if let Some(path) = database.url.strip_prefix("sqlite:") {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
            Self::Lite(sqlx::SqlitePool::connect_with(options).await.expect("the database file"))
        } else {
            Self::Pg(sqlx::PgPool::connect(&database.url).await.expect("the database"))
        }
    }

    /// Runs several statements without values.
    pub async fn script(&self, sql: &str) {
        let text = sqlx::QueryBuilder::<sqlx::Sqlite>::new(sql).into_sql();
        match self {
            Self::Lite(pool) => sqlx::raw_sql(text).execute(pool).await.map(drop),
            Self::Pg(pool) => sqlx::raw_sql(text).execute(pool).await.map(drop),
        }
        .expect(sql);
    }

    /// The first column of all rows of a query.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        match self {
            Self::Lite(pool) => sqlx::query_scalar(sql).fetch_all(pool).await,
            Self::Pg(pool) => sqlx::query_scalar(sql).fetch_all(pool).await,
        }
        .expect(sql)
    }

    /// Runs a statement.
    pub async fn run(&self, sql: &'static str, binds: &[&str]) {
        self.execute(sql, binds, None).await;
    }

    /// Runs a statement whose last value is bytes.
    pub async fn run_bytes(&self, sql: &'static str, binds: &[&str], bytes: &[u8]) {
        self.execute(sql, binds, Some(bytes)).await;
    }

    async fn execute(&self, sql: &'static str, binds: &[&str], bytes: Option<&[u8]>) {
        macro_rules! on {
            ($pool:expr) => {{
                let mut query = sqlx::query(sql);
                for bind in binds {
                    query = query.bind(*bind);
                }
                if let Some(bytes) = bytes {
                    query = query.bind(bytes);
                }
                query.execute($pool).await.map(drop)
            }};
        }
        match self {
            Self::Lite(pool) => on!(pool),
            Self::Pg(pool) => on!(pool),
        }
        .expect(sql);
    }

    /// The first column of the first row of a query, a number.
    pub async fn count(&self, sql: &'static str) -> i64 {
        match self {
            Self::Lite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await,
            Self::Pg(pool) => sqlx::query_scalar(sql).fetch_one(pool).await,
        }
        .expect(sql)
    }

    /// Bytes in the first column of the row with this id.
    pub async fn bytes(&self, sql: &'static str, id: &str) -> Vec<u8> {
        self.bytes_or_none(sql, id).await.expect(sql)
    }

    /// Bytes in the first column of the row with this id, if there is one.
    pub async fn bytes_or_none(&self, sql: &'static str, id: &str) -> Option<Vec<u8>> {
        match self {
            Self::Lite(pool) => sqlx::query_scalar(sql).bind(id).fetch_optional(pool).await,
            Self::Pg(pool) => sqlx::query_scalar(sql).bind(id).fetch_optional(pool).await,
        }
        .expect(sql)
    }
}
