//! The contract compiler on contracts that are made for it: what it accepts, and what it refuses by file and line.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../compiler/mod.rs"]
mod compiler;

mod accepts;
mod refuses_fields;
mod refuses_rpcs;

use std::fs;
use std::path::Path;

use compiler::Generated;
use tempfile::TempDir;

/// Permissions for the contracts below.
const ROLES: &str = "# A comment: not.a.permission\nOWNER: thing.read thing.write\nVIEWER: thing.read\n";

/// What each file of a test begins with.
const HEAD: &str = r#"syntax = "proto3";
package zitadel.test.v1;
import "google/api/annotations.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "zitadel/options.proto";
"#;

/// Messages for the RPC `Do`.
const MESSAGES: &str = r"
message DoRequest {
  string id = 1 [(zitadel.v1.rules) = {max_len: 200}];
  Part part = 2;
  repeated string names = 3 [(zitadel.v1.rules) = {max_len: 200, max_items: 3}];
  optional string note = 4 [(zitadel.v1.rules) = {max_len: 200}];
  uint32 count = 5;
}
message Part { string text = 1 [(zitadel.v1.rules) = {max_len: 200}]; }
message DoResponse {}
";

/// Who may call, where that is of no matter.
const OPEN: &str = r#"option (zitadel.v1.auth_option) = {permission: "authenticated"};"#;

/// Our own options and a file of a test, compiled.
fn compile(name: &str, source: &str) -> Result<Generated, String> {
    let dir = TempDir::new().expect("a folder");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    for file in ["google/api/annotations.proto", "google/api/http.proto", "zitadel/options.proto"] {
        write(dir.path(), file, &fs::read_to_string(ours.join(file)).expect("a file of the contract"));
    }
    write(dir.path(), name, source);
    compiler::compile(dir.path(), ROLES).map_err(|error| {
        let folder = format!("{}/", dir.path().display());
        error.to_string().replace(&folder, "")
    })
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// Compiles a contract that is fine.
fn accepted(body: &str) -> Generated {
    compile("zitadel/test.proto", &format!("{HEAD}{body}")).unwrap_or_else(|error| panic!("{error}\n{body}"))
}

/// Compiles a contract in which the line that ends in `// here` is wrong, and wants to be told so and nothing else.
fn refused(body: &str, why: &str) {
    let source = format!("{HEAD}{body}");
    let line = source.lines().position(|line| line.ends_with("// here")).expect("a line that is wrong") + 1;
    let Err(error) = compile("zitadel/test.proto", &source) else { panic!("this was accepted: {body}") };
    assert!(error.starts_with(&format!("zitadel/test.proto:{line}: ")), "not at line {line}: {error}\n{source}");
    assert!(error.contains(why), "not for {why:?}: {error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

/// A service with a prefix and the RPC `Do` with these lines in it.
fn service(lines: &str) -> String {
    format!(
        "service Things {{\n  option (zitadel.v1.service) = {{prefix: \"/test/v1\"}};\n  \
         rpc Do(DoRequest) returns (DoResponse) {{\n    {lines}\n  }}\n}}\n{MESSAGES}"
    )
}

#[test]
fn our_own_contract_compiles_and_every_part_of_it_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let roles = fs::read_to_string(root.join("src/auth/roles.txt")).expect("the roles");
    let ours = compiler::compile(&root.join("proto"), &roles).expect("the contract");
    assert!(ours.files.contains(&"zitadel/management.proto".to_owned()));
    assert!(ours.descriptor_set.len() > ours.reflection.len(), "reflection has no comments");
    for (text, part) in [
        (&ours.rpcs, "/management/v1/projects/{project_id}/roles/{*role_key}"),
        (&ours.rules, "impl Validate for crate::proto::zitadel::management::v1::AddAppKeyRequest"),
        (&ours.shapes, "pub static ZITADEL_APP_V1_APP: Shape"),
        (&ours.openapi, "\"operationId\":\"zitadel.management.v1.ManagementService.AddAppKey\""),
    ] {
        assert!(text.contains(part), "{part}");
    }
}
