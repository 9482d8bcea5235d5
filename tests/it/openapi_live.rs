//! Schemathesis, which others wrote, against the live server and the document that it serves: no answer outside of the
//! document, nothing accepted that it forbids, no call without a token. What it may not check is in
//! `tests/clients/schemathesis/schemathesis.toml`, with the reason.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{TestServer, text};

/// Calls for each operation beside those that cover its schema one by one: bounds the run to minutes.
const EXAMPLES: &str = "5";
/// What has a path of its own, such as `/users/_search`, is also one with a parameter, `/users/{id}`. `Allow` names the
/// verbs of both, and this check looks at one of them only.
const LEFT_OUT: &str = "allow_header_conformance";

/// Something to be found, changed and removed; the ids by the names of the parameters.
async fn world(server: &TestServer) -> Value {
    let org = server.org().await;
    let mut ids: [Vec<String>; 5] = Default::default();
    for n in 0..8 {
        let name = format!("found {n}");
        let project = server.project(&name).await;
        let app = server.app(&project, &name).await;
        let key = text(&server.key(&project, &app).await, "/id");
        let role = json!({"roleKey": "reader", "displayName": "Reader"});
        server.ok(&format!("/projects/{project}/roles"), role).await;
        let (user, _) = server.user(&org, &name).await;
        let grant = json!({"projectId": project, "roleKeys": ["reader"]});
        let grant = text(&server.ok(&format!("/users/{user}/grants"), grant).await, "/userGrantId");
        for (list, id) in ids.iter_mut().zip([project, app, key, user, grant]) {
            list.push(id);
        }
    }
    let [projects, apps, keys, users, grants] = &ids;
    json!({
        "project_id": projects, "app_id": apps, "application_id": apps, "key_id": keys, "user_id": users, "id": users,
        "grant_id": grants, "org_id": [org], "organization_id": [org], "role_key": ["reader"],
    })
}

/// Every example of the document fits its schema. `bin` is beside the Python that has what this needs.
fn examples_fit(home: &Path, bin: &str) {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let mut command = Command::new(Path::new(bin).with_file_name("python"));
    let output = command.arg(home.join("examples.py")).arg(document).output().expect("it runs");
    let counted = String::from_utf8_lossy(&output.stdout).trim().parse::<u32>();
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && counted.is_ok_and(|count| count > 100), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_nothing() {
    let Ok(bin) = std::env::var("TEST_SCHEMATHESIS") else {
        eprintln!("SKIPPED: Schemathesis; scripts/test installs it");
        return;
    };
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/schemathesis");
    examples_fit(&home, &bin);
    let server = TestServer::start().await;
    let ids = world(&server).await;
    let caller = text(&server.connected("zitadel.auth.v1.AuthService/GetMyUser", json!({})).await, "/user/id");
    assert!(!caller.is_empty(), "the caller has an id");
    // Where it keeps what it has found.
    let scratch = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(bin);
    command
        .current_dir(scratch.path())
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &home)
        .env("CLAVIGER_IDS", ids.to_string())
        .env("CLAVIGER_SELF", caller)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("--config-file")
        .arg(home.join("schemathesis.toml"))
        .args(["run", &server.url("/openapi.json"), "--checks", "all", "--max-examples", EXAMPLES, "--workers", "1"])
        .args(["--exclude-checks", LEFT_OUT])
        .args(["--header", &format!("Authorization: Bearer {}", server.token), "--no-color", "--continue-on-failure"])
        .args(["--request-timeout", "30"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{wrong}");
    assert_eq!(server.get("/orgs/me").await.0, 200, "the server still answers");
}
