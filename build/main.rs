//! Compiles the contract in `proto/` without a `protoc` binary: message types by buffa, and from the
//! same descriptor the table of RPCs (verb, path, permission), the field rules and the JSON shapes.

mod bounds;
mod rpc;
mod rules;
mod shape;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost_reflect::{DescriptorPool, MessageDescriptor};

/// Services of the contract and the path prefix under which their REST routes live (contract 1.1).
const SERVICES: &[(&str, &str)] =
    &[("zitadel.management.v1.ManagementService", "/management/v1"), ("zitadel.auth.v1.AuthService", "/auth/v1")];

fn main() -> Result<(), Box<dyn Error>> {
    rerun_if_changed("proto");
    let files = proto_files(Path::new("proto"))?;
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let set = out.join("claviger.fds.bin");
    fs::write(&set, compiler.encode_file_descriptor_set())?;

    buffa_build::Config::new()
        .files(&files)
        .descriptor_set(&set)
        .generate_views(false)
        .generate_json(true)
        .preserve_unknown_fields(false)
        .include_file("messages.rs")
        .compile()?;

    let pool = DescriptorPool::decode(fs::read(&set)?.as_slice())?;
    fs::write(out.join("rpcs.rs"), rpc::generate(&pool)?)?;
    fs::write(out.join("rules.rs"), rules::generate(&pool)?)?;
    fs::write(out.join("shapes.rs"), shape::generate(&pool)?)?;
    // Served by reflection: comments are of no use there, so they stay out of the binary.
    fs::write(out.join("reflection.fds.bin"), without_comments(&fs::read(&set)?)?)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
fn rerun_if_changed(path: &str) {
    println!("cargo:rerun-if-changed={path}");
}

fn proto_files(dir: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "proto") {
                found.push(path.strip_prefix(dir)?.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn without_comments(set: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    // Decoded by the pool and re-encoded, so that our own options survive as unknown fields would.
    let pool = DescriptorPool::decode(set)?;
    let mut stripped = DescriptorPool::new();
    let mut files: Vec<_> = pool.file_descriptor_protos().cloned().collect();
    for file in &mut files {
        file.source_code_info = None;
    }
    stripped.add_file_descriptor_protos(files)?;
    Ok(stripped.encode_to_vec())
}

/// All messages of our packages, nested ones included.
fn messages(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    pool.all_messages().filter(|m| m.full_name().starts_with("zitadel.") && !m.is_map_entry()).collect()
}

/// Rust path of a generated message as buffa lays it out: `crate::proto::zitadel::app::v1::App`.
/// A nested message lives in a module named after the one around it.
fn rust_path(message: &MessageDescriptor) -> String {
    let package = message.package_name().replace('.', "::");
    let outer = message.parent_message().map(|m| format!("{}::", rules::snake(m.name()))).unwrap_or_default();
    format!("crate::proto::{package}::{outer}{}", message.name())
}

/// `project_id` as ZITADEL names it in its field rules: `ProjectId`.
fn camel(field: &str) -> String {
    field
        .split('_')
        .map(|part| {
            let mut chars = part.chars();
            chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
        })
        .collect()
}
