//! The wire. Everything here translates; no rule and no SQL lives below this module.
//!
//! One axum router serves one port; it lists the families of routes (`router`), each with layers of its own
//! (`family`). `adapter` speaks the protocols; each family of RPCs is a folder, with
//! a file for each noun, whose functions turn messages into the plain types of `service` and back.

mod adapter;
mod admin_v1;
mod application_v2;
mod auth_v1;
mod family;
mod management_v1;
mod oauth;
mod ops;
mod org_v2;
mod project_v2;
mod router;
mod user_v2;
mod webkey_v2;

pub use adapter::limits::Bound;
pub use router::{Parts, Routes, router, unserved};
