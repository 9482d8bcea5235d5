//! Writes the OpenAPI 3.1 document: every RPC, over REST where it has a path and else as Connect JSON, with the texts
//! and rules of the contract.
//!
//! Error ids are not told per RPC: they are decided below the wire, and a list kept by hand would not stay true.

mod errors;
mod examples;
mod fields;
mod operations;
mod paths;
mod schemas;

use prost_reflect::FileDescriptor;
use prost_reflect::prost_types::source_code_info::Location;
use serde_json::{Map, Value, json};

use super::contract::Contract;
use super::options::Options;
use super::source::Placed;
use schemas::Schemas;

const TITLE: &str = "Claviger";
const SUMMARY: &str = "API applications, their keys, and what they stand in: organizations, projects, users, roles.";
const DESCRIPTION: &str = "All RPCs are served over gRPC, gRPC-web and Connect (`POST /{service}/{rpc}`). This document \
    describes REST where an RPC has a path of its own, and Connect JSON where it has none.\n\n\
    JSON is that of protobuf: zero values are left out of answers, 64-bit numbers are texts, bytes are base64, names of \
    fields may be sent in camelCase or as in the .proto files, unknown fields are ignored. A text never holds the \
    character U+0000.\n\n\
    An error carries a code of google.rpc and, where it has one, an id that stays the same when its text changes.";

/// The document as JSON without spaces.
pub fn write(contract: &Contract, options: &Options) -> String {
    let schemas = Schemas::of(contract, options);
    let mut paths = Map::new();
    for rpc in &contract.rpcs {
        let (path, verb, operation) = operations::write(rpc, &schemas);
        paths::add(&mut paths, &path, &verb, operation);
    }
    let mut components = schemas.write();
    components.extend(errors::schemas());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "summary": SUMMARY,
            "description": DESCRIPTION,
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": tags(contract),
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": errors::responses(),
            "headers": errors::headers(),
            "parameters": operations::parameters(),
            "securitySchemes": {"bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "A personal access token, or an access token of the token endpoint.",
            }},
        },
    })
    .to_string()
}

fn tags(contract: &Contract) -> Vec<Value> {
    let mut tags: Vec<Value> = Vec::new();
    for service in contract.rpcs.iter().map(|rpc| rpc.method.parent_service()) {
        if tags.iter().all(|tag| tag["name"] != service.full_name()) {
            let text = format!("{} {}", of_package(&service.parent_file()), comment(service));
            tags.push(json!({"name": service.full_name(), "description": text.trim()}));
        }
    }
    tags
}

/// What a .proto file says above something; its lines as one text.
fn comment(of: &impl Placed) -> String {
    at(&of.file(), &of.way())
}

/// What it says above its package, which is about all that is in it.
fn of_package(file: &FileDescriptor) -> String {
    at(file, &[2])
}

fn at(file: &FileDescriptor, way: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let location = info.and_then(|info| info.location.iter().find(|location| location.path == way));
    let text = location.map(Location::leading_comments).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
