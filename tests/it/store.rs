//! The store on the engine of this run.

use claviger::config::Config;
use claviger::store::{STATEMENTS, Store, StoreError};
use sqlx::Executor as _;

use crate::support::TestServer;
use crate::support::server::{Database, Sql};

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let server = TestServer::start().await;
    assert!(STATEMENTS.len() > 40);
    for (name, statement) in STATEMENTS {
        match server.sql().await {
            Sql::Lite(pool) => pool.prepare(sqlx::SqlStr::from_static(statement.lite)).await.map(drop),
            Sql::Pg(pool) => pool.prepare(sqlx::SqlStr::from_static(statement.pg)).await.map(drop),
        }
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let server = TestServer::start().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'from the future', true, $1, 0)";
    server.sql().await.run_bytes(newer, &[], b"x").await;
    let config = Config::from_parts(None, &server.database.settings()).expect("a valid configuration");
    let store = Store::connect(&config.target().expect("a target"), 1).await.expect("the database is there");
    let error = store.migrate().await.expect_err("the schema is newer than the program");
    assert!(matches!(error, StoreError::Migrate(_)), "{error}");
    assert!(error.to_string().contains("9999"), "{error}");
}

#[tokio::test]
async fn a_second_start_changes_nothing_and_keeps_the_token() {
    let first = TestServer::start().await;
    let database = first.database.clone();
    // The signing keys are made beside the first requests; whoever asks for them waits.
    assert_eq!(first.http.get(first.url("/oauth/v2/keys")).send().await.expect("an answer").status(), 200);
    let (token, events) = (first.token.clone(), first.sql().await.count("SELECT count(*) FROM events").await);
    first.stop().await;
    let options = crate::support::Options { beside: Some(database), ..Default::default() };
    let second = TestServer::with(options).await;
    assert!(!second.app.first_start);
    assert_eq!(second.token, token);
    assert_eq!(second.get("/orgs/me").await.0, 200);
    assert_eq!(second.sql().await.count("SELECT count(*) FROM events").await, events);
}

#[tokio::test]
async fn two_servers_that_start_at_once_set_up_one_organization() {
    let database = Database::fresh().await;
    if database.is_sqlite() {
        // A SQLite file has one server.
        return;
    }
    let start = || TestServer::with(crate::support::Options { beside: Some(database.clone()), ..Default::default() });
    let (a, b) = tokio::join!(start(), start());
    assert!(a.app.first_start != b.app.first_start, "exactly one sets up");
    assert_eq!(a.sql().await.count("SELECT count(*) FROM organizations").await, 1);
    let token = database.token();
    for server in [&a, &b] {
        assert_eq!(server.call_as(&token, None, reqwest::Method::GET, "/orgs/me", None).await.0, 200);
    }
    // What one writes the other reads at once.
    let project = a.project("shared").await;
    assert_eq!(b.get(&format!("/projects/{project}")).await.0, 200);
}

#[tokio::test]
#[cfg(unix)]
async fn the_token_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = TestServer::start().await;
    let mode = std::fs::metadata(server.database.token_file()).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
