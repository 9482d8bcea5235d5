//! What those who run the server ask it: probes and metrics.

pub mod health;
pub mod metrics;
