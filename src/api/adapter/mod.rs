//! One port, four protocols: a line of a route table serves an RPC over REST, gRPC, gRPC-web and Connect.
//!
//! The head of a request decides who is let in (`admission`), then its body is read within a budget (`upload`,
//! `budget`), and becomes a message (`json`, `paths`); `gateway` finds the route. `guard`, `cors` and `count` are layers around a family of
//! routes.

pub mod admission;
mod budget;
pub mod cors;
pub mod count;
pub mod details;
pub mod error;
pub mod filters;
mod fits;
pub mod gateway;
mod grpc_web_text;
pub mod guard;
mod idempotency;
pub mod json;
pub mod limits;
pub mod measure;
pub mod metadata;
pub mod outcome;
pub mod pages;
mod paths;
pub mod request_id;
pub mod routes;
pub mod skew;
pub mod times;
pub mod upload;
