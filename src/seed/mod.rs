//! The seed file: what a server is to have, from a file in YAML. It is read and checked whole, compared with what is
//! there, and what differs is done by the same service functions that the APIs call (ADR 20). There are no rules and
//! no statements here.

mod apply;
mod bring;
mod check;
mod error;
mod export;
mod file;
mod keep;
mod metadata;
mod names;
mod plan;
mod plan_members;
mod plan_orgs;
mod plan_projects;
mod planner;
mod present;
mod problem;
mod seeder;
mod shape;
mod value;
mod wanted;
mod write;
mod yaml;

pub use error::SeedError;
pub use seeder::Seeder;
pub use wanted::{Change, Wanted, schema};
