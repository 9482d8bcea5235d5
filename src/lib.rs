//! Claviger: API applications and their keys behind ZITADEL's Management API v1.
//!
//! The way of a request:
//!
//! ```text
//! server ── api (translates) ── auth (who calls, and may it?) ── service (decides) ── store (SQL)
//!                                                                     │
//!                                                                  crypto (keys, secrets)
//! ```
//!
//! `api` knows no rule and no SQL; `service` takes an [`auth::Admitted`] and plain types, and knows no message, HTTP
//! or SQL; `store` knows no messages; only `app` knows all. The contract is in `proto/` beside `src/`; the module
//! [`proto`] holds what the build makes of it. `docs/ARCHITECTURE.md` follows one request from file to file.
//!
//! What is public is so for the program and for the tests in `tests/it`; this is no library for others.

pub mod api;
pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod env;
pub mod error;
mod files;
pub mod housekeeping;
pub mod ids;
mod lock;
mod opening;
mod peer;
mod place;
pub mod proto;
mod seed;
pub mod server;
mod service;
mod shutdown;
mod start;
#[expect(clippy::disallowed_methods, reason = "ages of connections are measured beside the timers that end them")]
pub mod store;
mod telemetry;
