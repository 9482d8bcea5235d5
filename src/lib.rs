//! Claviger: API applications and their keys behind ZITADEL's Management API v1.
//!
//! The way of a request:
//!
//! ```text
//! server ── api (translates) ── auth (who calls) ── service (decides) ── store (SQL)
//!                                                        │
//!                                                     crypto (keys, secrets)
//! ```
//!
//! `api` knows no rule and no SQL, `service` no HTTP and no SQL, `store` no messages; only `app`
//! knows all. The contract is in `proto/`; `proto` holds what the build makes of it. Three shapes of
//! data: messages (generated), rows (`store::rows`), identifiers (text of digits).

pub mod api;
pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod env;
pub mod error;
pub mod files;
pub mod housekeeping;
pub mod ids;
pub mod lock;
pub mod opening;
pub mod peer;
pub mod place;
pub mod proto;
pub mod server;
pub mod service;
pub mod shutdown;
pub mod start;
#[expect(clippy::disallowed_methods, reason = "ages of connections are measured beside the timers that end them")]
pub mod store;
pub mod telemetry;
