//! Tests against the live server, through real clients. The engine is SQLite, or PostgreSQL where
//! `TEST_DATABASE_URL` names a server; `scripts/test` runs both.

#![expect(clippy::expect_used, clippy::print_stderr, reason = "a test that cannot go on fails, and says what it skips")]

mod authz;
mod clients;
mod concurrency;
mod contract;
mod crash;
mod errors;
mod fuzz;
mod grants;
mod keys;
mod lists;
mod operation;
mod replay;
mod roles;
mod rpc;
mod store;
mod support;
mod users;
