//! Identifiers over restarts, replicas and clocks that are set: lists stay in the order of creation, and
//! no two processes share a node number.

use std::time::Duration;

use claviger::clock::{Clock as _, FixedClock};
use claviger::ids::Lent;
use serde_json::json;
use tokio::time::Instant;

use crate::support::oauth::aud;
use crate::support::server::Database;
use crate::support::{Options, TestServer, text};

const NOW: i64 = 1_795_000_000_000_000;
const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_mins(1);

const SQLITE: &str = include_str!("../../migrations/sqlite/0007_id_marks.sql");
const POSTGRES: &str = include_str!("../../migrations/postgres/0007_id_marks.sql");
const ORG: &str = "INSERT INTO organizations (id, name, name_folded, primary_domain, state, created_at) \
     VALUES ($1, $1, $1, $1, 1, 0)";

/// A server whose clock stands at a time, on the database of another one.
async fn at(time: i64, beside: Option<&TestServer>) -> (TestServer, FixedClock) {
    on(time, beside.map(|other| other.database.clone())).await
}

/// A server whose clock stands at a time, on the database of another one, which ends first where only one can have
/// the file.
async fn after(time: i64, other: TestServer) -> TestServer {
    let database = other.database.clone();
    if database.is_sqlite() {
        other.stop().await;
    }
    on(time, Some(database)).await.0
}

async fn on(time: i64, beside: Option<Database>) -> (TestServer, FixedClock) {
    let clock = FixedClock::new(time);
    (TestServer::with(Options { clock: Some(clock.clone()), beside, ..Options::default() }).await, clock)
}

/// Names of all projects in the order of the list.
async fn projects(server: &TestServer) -> Vec<String> {
    let list = server.ok("/projects/_search", json!({"query": {"asc": true}})).await;
    let rows = list["result"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| text(row, "/name")).filter(|name| name != "ZITADEL").collect()
}

/// The time that an identifier was made for, in microseconds.
fn time(id: &str) -> i64 {
    (id.parse::<i64>().expect("a number") >> 24) * 10_000 + 1_556_496_000_000_000
}

/// Waits until the stored mark is at or above a time.
async fn until_marked(server: &TestServer, time: i64) {
    let (sql, since) = (server.sql().await, Instant::now());
    while sql.count("SELECT mark FROM nodes").await < time {
        assert!(since.elapsed() < PATIENCE, "the mark is not written");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn lists_keep_the_order_of_creation_over_a_restart_with_the_clock_set_back() {
    let (first, _) = at(NOW, None).await;
    first.project("1").await;
    let app_project = first.project("2").await;
    let app = first.app(&app_project, "a").await;
    let path = format!("/projects/{app_project}/apps/{app}/keys");
    let mut keys = vec![text(&first.key(&app_project, &app).await, "/id")];
    let database = first.database.clone();
    first.stop().await;
    for (name, back) in [("3", HOUR), ("4", 2 * HOUR), ("5", 0)] {
        let options =
            Options { clock: Some(FixedClock::new(NOW - back)), beside: Some(database.clone()), ..Options::default() };
        let server = TestServer::with(options).await;
        server.project(name).await;
        keys.push(text(&server.key(&app_project, &app).await, "/id"));
        server.stop().await;
    }
    let options = Options { clock: Some(FixedClock::new(NOW)), beside: Some(database), ..Options::default() };
    let last = TestServer::with(options).await;
    assert_eq!(projects(&last).await, ["1", "2", "3", "4", "5"]);
    let list = last.ok(&format!("{path}/_search"), json!({})).await;
    let listed: Vec<String> = list["result"].as_array().expect("keys").iter().map(|key| text(key, "/id")).collect();
    assert_eq!(listed, keys);
}

#[tokio::test]
async fn a_replica_begins_above_what_the_others_made_and_all_fall_in_with_their_clocks() {
    let (one, clock) = at(NOW, None).await;
    if one.database.is_sqlite() {
        return; // One server has the file.
    }
    one.project("1").await;
    let (two, _) = at(NOW - HOUR, Some(&one)).await;
    two.project("2").await;
    assert_eq!(projects(&one).await, ["1", "2"], "in order although its clock is an hour late");
    // What is kept ahead is little: a minute later the clocks decide again.
    clock.advance(65 * SECOND);
    one.project("3").await;
    two.project("2b").await;
    assert_eq!(projects(&two).await, ["1", "2", "2b", "3"]);
    let (three, _) = at(NOW + 65 * SECOND, Some(&one)).await;
    three.project("4").await;
    assert_eq!(projects(&one).await, ["1", "2", "2b", "3", "4"]);
}

#[tokio::test]
async fn the_mark_follows_a_running_server_so_that_no_crash_lets_it_fall_behind() {
    let (one, clock) = at(NOW, None).await;
    // The clock is set forward: what is made then must stay below the mark, too.
    clock.advance(24 * HOUR);
    one.project("1").await;
    until_marked(&one, clock.now()).await;
    // Nothing more is written by the first one when it stops.
    let two = after(NOW, one).await;
    two.project("2").await;
    assert_eq!(projects(&two).await, ["1", "2"]);
}

#[tokio::test]
async fn requests_and_tokens_do_not_drive_the_ids_of_objects_ahead_of_time() {
    let (server, _) = at(NOW, None).await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let (user, _) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let secret = server.machine_secret(&user).await;
    let scope = aud(&project);
    let form = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
    // More than a time unit has numbers, of each.
    for _ in 0..300 {
        let (status, answer) = server.form("/oauth/v2/token", Some(("bot", &secret)), &form).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(server.introspect(&app, &text(&answer, "/access_token")).await.1["active"], true);
    }
    let id = server.project("later").await;
    assert_eq!(time(&id), NOW, "of the moment it was made in");
}

#[tokio::test]
async fn node_numbers_come_round_without_meeting_a_living_process() {
    let (server, _) = at(NOW, None).await;
    let (store, sql) = (&server.app.store, server.sql().await);
    let take = async |now| store.node_take(now).await.expect("a number").node;
    assert_eq!(take(NOW).await, 2, "the server has 1");
    sql.run("UPDATE nodes SET last = 65534", &[]).await;
    assert_eq!(take(NOW).await, 65535);
    assert_eq!(take(NOW).await, 0);
    assert_eq!(take(NOW).await, 3, "1 and 2 are in use");
    sql.run("UPDATE nodes SET last = 65534", &[]).await;
    store.node_keep(1, NOW + HOUR).await.expect("kept");
    assert_eq!(take(NOW + HOUR).await, 65535, "nobody has kept it");
    assert_eq!(take(NOW + HOUR).await, 0);
    assert_eq!(take(NOW + HOUR).await, 2);
    assert_eq!(sql.count("SELECT count(*) FROM node_leases").await, 4, "what has run out is gone");
}

#[tokio::test]
async fn an_older_database_begins_above_everything_it_has() {
    let (server, _) = at(NOW, None).await;
    let sql = server.sql().await;
    // As they were made by a source that had run a day ahead; and one that is no number.
    let ahead = ((NOW + 24 * HOUR - 1_556_496_000_000_000) / 10_000) << 24;
    for id in [ahead.to_string(), "zz".to_owned()] {
        sql.run(ORG, &[&id]).await;
    }
    sql.run("UPDATE nodes SET mark = 0", &[]).await;
    let migration = if server.database.url.starts_with("sqlite:") { SQLITE } else { POSTGRES };
    let from = migration.find("UPDATE nodes").expect("the statement");
    let to = from + migration[from..].find(';').expect("its end");
    sql.run(&migration[from..to], &[]).await;
    assert_eq!(sql.count("SELECT mark FROM nodes").await, NOW + 24 * HOUR);
    let next = after(NOW, server).await;
    assert!(time(&next.project("later").await) > NOW + 24 * HOUR);
}

#[tokio::test]
async fn a_lower_mark_never_replaces_a_higher_one() {
    let (server, _) = at(NOW, None).await;
    let store = &server.app.store;
    store.mark_set(NOW + 10 * HOUR).await.expect("stored");
    store.mark_set(NOW).await.expect("stored");
    let Lent { mark, .. } = store.node_take(NOW).await.expect("a number");
    assert_eq!(mark, NOW + 10 * HOUR);
    // A start ahead of the clock drives the mark on by a second, not by the whole lead.
    let Lent { mark, .. } = store.node_take(NOW).await.expect("a number");
    assert_eq!(mark, NOW + 10 * HOUR + SECOND);
}
