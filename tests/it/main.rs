//! Tests against the live server, through real clients. The engine is SQLite, or PostgreSQL where
//! `TEST_DATABASE_URL` names a server; `scripts/test` runs both.

#![expect(clippy::expect_used, clippy::print_stderr, reason = "a test that cannot go on fails, and says what it skips")]

mod attacks;
mod authz;
mod bodies;
mod bounds;
mod caches;
mod clients;
mod concurrency;
mod connections;
mod contract;
mod crash;
mod database;
mod durable;
mod errors;
mod families;
mod fuzz;
mod fuzz_oauth;
mod grants;
mod history;
mod house;
mod ids;
mod introspection;
mod jose;
mod key_turns;
mod keys;
mod lists;
mod oidc_apps;
mod operation;
mod orgs;
mod own_keys;
mod projects_v2;
mod races;
mod replay;
mod replicas;
mod rights;
mod roles;
mod rpc;
mod sdks;
mod signing;
mod startup;
mod startup_errors;
mod stopping;
mod store;
mod support;
mod tokens;
mod usage;
mod users;
mod users_v2;
mod users_v2_rights;
mod v2;
mod v2_apps;
mod v2_lists;
mod web_keys;
mod work;
