//! The contract compiler: reads the .proto files, refuses what it does not understand, and writes the Rust that the
//! server is built with: the RPCs (route, permission), the field rules and the JSON shapes.

mod access;
mod bounds;
mod contract;
mod error;
mod fields;
mod language;
mod names;
mod openapi;
mod options;
mod rest;
mod rpcs;
mod rules;
mod shapes;
mod source;

use std::path::Path;

use prost_reflect::{DescriptorPool, MessageDescriptor};

pub use error::{ContractError, Problem};
use options::Options;

/// What the compiler makes of a contract.
pub struct Generated {
    /// The .proto files, relative to their folder.
    pub files: Vec<String>,
    /// All of them as a file descriptor set with comments, for the generator of the messages.
    pub descriptor_set: Vec<u8>,
    /// The same without comments: served by reflection, where they are of no use.
    pub reflection: Vec<u8>,
    /// A constant per RPC and the `Call` implementation of its request.
    pub rpcs: String,
    /// The `Validate` implementation of each message.
    pub rules: String,
    /// The JSON shape of each message.
    pub shapes: String,
    /// The contract as an OpenAPI document.
    pub openapi: String,
}

/// Compiles the contract in the folder `dir`. `roles` is the text that lists the permissions of each role.
///
/// # Errors
/// Names all that is wrong, by file and line.
pub fn compile(dir: &Path, roles: &str) -> Result<Generated, ContractError> {
    read(dir, roles).map_err(|problems| ContractError::new(dir, problems))
}

fn read(dir: &Path, roles: &str) -> Result<Generated, Vec<Problem>> {
    let source = source::read(dir)?;
    let options = Options::of(&source.pool)?;
    let mut problems = language::check(&source.pool, &options);
    problems.extend(fields::check(&source.pool, &options));
    problems.extend(bounds::check(&source.pool, &options));
    match contract::read(&source, &options, roles) {
        Ok(contract) if problems.is_empty() => Ok(Generated {
            rpcs: rpcs::write(&contract),
            rules: rules::write(&source.pool, &options),
            shapes: shapes::write(&source.pool),
            openapi: openapi::write(&contract, &options),
            reflection: source::without_comments(&source.pool)?,
            files: source.files,
            descriptor_set: source.descriptor_set,
        }),
        Ok(_) => Err(problems),
        Err(more) => Err(problems.into_iter().chain(more).collect()),
    }
}

/// Whether something of that full name is part of the contract.
fn is_ours(full_name: &str) -> bool {
    full_name.starts_with("zitadel.")
}

/// All messages of the contract, nested ones included.
fn messages(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    pool.all_messages().filter(|m| is_ours(m.full_name()) && !m.is_map_entry()).collect()
}
