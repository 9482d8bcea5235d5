//! Compiles the contract in `proto/` without a `protoc` binary: message types by buffa, everything else by the
//! compiler beside this file. What is wrong with the contract stops the build, by file and line.

mod compiler;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The contract.
const PROTO: &str = "proto";
/// Where the permissions are that an RPC may ask for.
const ROLES: &str = "src/auth/roles.txt";

fn main() -> Result<(), Box<dyn Error>> {
    rerun_if_changed(PROTO);
    rerun_if_changed(ROLES);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let generated = compiler::compile(Path::new(PROTO), &fs::read_to_string(ROLES)?)?;
    let set = out.join("claviger.fds.bin");
    fs::write(&set, generated.descriptor_set)?;
    buffa_build::Config::new()
        .files(&generated.files)
        .descriptor_set(&set)
        .generate_views(false)
        .generate_json(true)
        .preserve_unknown_fields(false)
        .include_file("messages.rs")
        .compile()?;
    fs::write(out.join("rpcs.rs"), generated.rpcs)?;
    fs::write(out.join("rules.rs"), generated.rules)?;
    fs::write(out.join("shapes.rs"), generated.shapes)?;
    fs::write(out.join("openapi.json"), generated.openapi)?;
    fs::write(out.join("reflection.fds.bin"), generated.reflection)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
fn rerun_if_changed(path: &str) {
    println!("cargo:rerun-if-changed={path}");
}
