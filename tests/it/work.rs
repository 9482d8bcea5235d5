//! The unit of work on the engine of this run: what is overtaken is done again, what is forgotten is held.

use std::sync::atomic::{AtomicU32, Ordering};

use claviger::config::Config;
use claviger::error::Error;
use claviger::store::{Actor, AggregateKind, ProjectAt, Store};
use serde_json::json;
use tokio::sync::Barrier;

use crate::support::TestServer;
use crate::support::server::Sql;

async fn store(server: &TestServer) -> Store {
    let config = Config::from_parts(None, &server.database.settings()).expect("a valid configuration");
    Store::connect(&config.target().expect("a target"), 8).await.expect("the database is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_wait_for_each_other_both_end() {
    let server = TestServer::start().await;
    if server.database.url.starts_with("sqlite:") {
        return; // One writer at a time: nobody waits in a circle.
    }
    let (one, two) = (server.project("one").await, server.project("two").await);
    let org = server.org().await;
    let store = store(&server).await;
    let (both, tries) = (Barrier::new(2), AtomicU32::new(0));
    let lock_in_turn = async |first: &str, second: &str| {
        let waited = AtomicU32::new(0);
        store
            .work(Actor::new("test", &org, 1), async |mut work| {
                tries.fetch_add(1, Ordering::Relaxed);
                work.project_held(ProjectAt { org_id: &org, id: first }).await?;
                // Against the order of locks, on purpose; only the first time.
                if waited.fetch_add(1, Ordering::Relaxed) == 0 {
                    both.wait().await;
                }
                work.project_held(ProjectAt { org_id: &org, id: second }).await?;
                Ok::<_, Error>(())
            })
            .await
    };
    let (a, b) = tokio::join!(lock_in_turn(&one, &two), lock_in_turn(&two, &one));
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    assert_eq!(tries.load(Ordering::Relaxed), 3, "one of them was done again");
}

#[tokio::test]
async fn what_is_always_overtaken_ends_with_try_again() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let store = store(&server).await;
    let tries = AtomicU32::new(0);
    let outcome = store
        .work(Actor::new("test", &org, 1), async |mut work| {
            tries.fetch_add(1, Ordering::Relaxed);
            // An aggregate that exists is begun anew: its first sequence is taken.
            let mut project = work.begin(AggregateKind::Org, &org, &org);
            let values = claviger::store::OrgAdded { id: &org, name: "again", domain: "again.example" };
            project.record(&values).await?;
            Ok(())
        })
        .await;
    let error = outcome.expect_err("never");
    assert_eq!((error.code as i32, tries.load(Ordering::Relaxed)), (14, 10));
}

/// What a server of the release before would have left after races: rows that point nowhere.
const ORPHANS: &[&str] = &[
    "INSERT INTO memberships (org_id, scope, object_id, user_id, roles, sequence, created_at, changed_at) \
     VALUES ('o', 2, 'p', 'gone', 'PROJECT_OWNER', 1, 1, 1)",
    "INSERT INTO memberships (org_id, scope, object_id, user_id, roles, sequence, created_at, changed_at) \
     VALUES ('o', 2, 'p', 'u', 'PROJECT_OWNER PROJECT_OWNER_VIEWER', 1, 1, 1)",
    "INSERT INTO user_grants (org_id, id, user_id, project_id, role_keys, state, sequence, created_at, changed_at) \
     VALUES ('o', 'g', 'u', 'p', '[\"gone\",\"here\"]', 1, 1, 1, 1)",
    "INSERT INTO user_grants (org_id, id, user_id, project_id, role_keys, state, sequence, created_at, changed_at) \
     VALUES ('o', 'h', 'u', 'gone', '[]', 1, 1, 1, 1)",
    "INSERT INTO user_grant_roles (org_id, grant_id, role_key, role_key_folded) VALUES ('o', 'g', 'gone', 'gone')",
    "INSERT INTO user_grant_roles (org_id, grant_id, role_key, role_key_folded) VALUES ('o', 'g', 'here', 'here')",
    "INSERT INTO apps (org_id, project_id, id, kind, name, name_folded, state, client_id, auth_method, takes_keys, \
     key_count, switched_sequence, sequence, created_at, changed_at) \
     VALUES ('o', 'gone', 'a', 1, 'a', 'a', 1, 'c', 0, false, 0, 0, 1, 1, 1)",
    "INSERT INTO app_keys (org_id, project_id, app_id, id, public_key, expires_at, sequence, created_at) \
     VALUES ('o', 'gone', 'a', 'k', '', 1, 1, 1)",
    // What a user left behind whose id was given again.
    "INSERT INTO memberships (org_id, scope, object_id, user_id, roles, sequence, created_at, changed_at) \
     VALUES ('o', 2, 'p', 'again', 'PROJECT_OWNER', 1, 5, 5)",
    "INSERT INTO user_grants (org_id, id, user_id, project_id, role_keys, state, sequence, created_at, changed_at) \
     VALUES ('o', 'i', 'again', 'p', '[]', 1, 1, 5, 5)",
];
const SOUND: &[&str] = &[
    "INSERT INTO organizations (id, name, name_folded, primary_domain, state, created_at) \
     VALUES ('o', 'O', 'o', 'o.example', 1, 1)",
    "INSERT INTO projects (org_id, id, name, name_folded, state, role_assertion, role_check, has_project_check, \
     private_labeling, sequence, created_at, changed_at) VALUES ('o', 'p', 'P', 'p', 1, false, false, false, 0, 1, 1, 1)",
    "INSERT INTO project_roles (org_id, project_id, role_key, role_key_folded, display_name, display_name_folded, \
     group_name, sequence, created_at, changed_at) VALUES ('o', 'p', 'here', 'here', '', '', '', 1, 1, 1)",
    "INSERT INTO users (org_id, id, kind, user_name, user_name_folded, name, description, access_token_type, state, \
     sequence, created_at, changed_at) VALUES ('o', 'u', 2, 'U', 'u', 'U', '', 0, 1, 1, 1, 1)",
    "INSERT INTO users (org_id, id, kind, user_name, user_name_folded, name, description, access_token_type, state, \
     sequence, created_at, changed_at) VALUES ('o', 'again', 2, 'A', 'a', 'A', '', 0, 1, 3, 7, 7)",
    "INSERT INTO memberships (org_id, scope, object_id, user_id, roles, sequence, created_at, changed_at) \
     VALUES ('o', 1, 'o', 'again', 'ORG_OWNER', 1, 8, 8)",
    "INSERT INTO aggregates (org_id, kind, id, sequence, changed_at) VALUES ('o', 'user', 'again', 3, 7)",
    "INSERT INTO events (org_id, aggregate_kind, aggregate_id, sequence, kind, editor_id, created_at, payload) \
     VALUES ('o', 'user', 'again', 2, 'user.removed', 'x', 6, '{}')",
    "INSERT INTO aggregates (org_id, kind, id, sequence, changed_at) VALUES ('o', 'user', 'u', 1, 1)",
    "INSERT INTO aggregates (org_id, kind, id, sequence, changed_at) VALUES ('o', 'user', 'Removed', 2, 1)",
    "INSERT INTO events (org_id, aggregate_kind, aggregate_id, sequence, kind, editor_id, created_at, payload) \
     VALUES ('o', 'user', 'u', 1, 'user.machine.added', 'x', 1, '{}')",
];

#[tokio::test]
async fn what_pointed_nowhere_is_removed_once_when_references_come() {
    let database = crate::support::server::Database::fresh().await;
    let before = if database.url.starts_with("sqlite:") { "sqlite" } else { "postgres" };
    let sql = Sql::connect(&database).await;
    let mut scripts: Vec<_> = std::fs::read_dir(format!("{}/migrations/{before}", env!("CARGO_MANIFEST_DIR")))
        .expect("migrations")
        .map(|entry| entry.expect("a file").path())
        .collect();
    scripts.sort();
    let (old, new) = scripts.split_at(5);
    for script in old {
        sql.script(&std::fs::read_to_string(script).expect("a script")).await;
    }
    for statement in SOUND.iter().chain(ORPHANS) {
        sql.script(statement).await;
    }
    sql.script(&std::fs::read_to_string(&new[0]).expect("a script")).await;
    let removed = "SELECT what || ' ' || row_count FROM removed_orphans WHERE row_count > 0 ORDER BY what";
    let told = ["app_keys 1", "apps 1", "memberships 2", "user_grant_roles 1", "user_grants 2"];
    assert_eq!(sql.texts(removed).await, told);
    assert_eq!(sql.texts("SELECT role_keys FROM user_grants").await, ["[\"here\"]"]);
    let roles: Vec<serde_json::Value> = sql
        .texts("SELECT roles FROM memberships WHERE user_id = 'u'")
        .await
        .iter()
        .map(|roles| serde_json::from_str(roles).expect("a list"))
        .collect();
    assert_eq!(roles, [json!(["PROJECT_OWNER", "PROJECT_OWNER_VIEWER"])]);
    assert_eq!(sql.texts("SELECT user_org_id || of_org || of_project FROM memberships WHERE scope = 2").await, ["oop"]);
    assert_eq!(sql.texts("SELECT roles FROM memberships WHERE user_id = 'again'").await, ["[\"ORG_OWNER\"]"]);
    assert_eq!(sql.texts("SELECT handle FROM user_handles ORDER BY handle").await, ["a", "again", "removed", "u"]);
}
