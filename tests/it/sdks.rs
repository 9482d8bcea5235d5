//! Software that others wrote, unchanged, against our OAuth endpoints: the crate `zitadel`, and the
//! clients of Node and Python that `scripts/test` installs.

use std::process::Command;

use axum::Router;
use axum::routing::get;
use serde_json::json;
use zitadel::axum::introspection::{IntrospectedUser, IntrospectionState, IntrospectionStateBuilder};
use zitadel::credentials::{Application, AuthenticationOptions, ServiceAccount};
use zitadel::oidc::discovery::discover;
use zitadel::oidc::introspection::{AuthorityAuthentication, introspect};

use crate::support::oauth::aud;
use crate::support::tokens::key_file;
use crate::support::{TestServer, text};

/// A project with an application that has a key, and a machine with one: the key files.
struct Files {
    server: TestServer,
    project: String,
    application: String,
    service_account: String,
    user: String,
}

async fn files(token_type: &str) -> Files {
    let server = TestServer::start().await;
    let project = server.project("sdk").await;
    let app = server.app(&project, "api").await;
    let application = key_file(&server.key(&project, &app).await).to_string();
    let body = json!({"userName": "sdk", "name": "SDK", "accessTokenType": token_type});
    let user = text(&server.ok("/users/machine", body).await, "/userId");
    let key = server.ok(&format!("/users/{user}/keys"), json!({"type": 1})).await;
    server.org_role(&server.org().await, &user, "ORG_OWNER").await;
    Files { project, application, service_account: key_file(&key).to_string(), user, server }
}

#[tokio::test]
async fn the_zitadel_crate_authenticates_and_introspects() {
    for token_type in ["ACCESS_TOKEN_TYPE_BEARER", "ACCESS_TOKEN_TYPE_JWT"] {
        let files = files(token_type).await;
        let issuer = files.server.issuer();
        let account = ServiceAccount::load_from_json(&files.service_account).expect("our machine key file");
        let options = AuthenticationOptions {
            api_access: true,
            project_audiences: vec![files.project.clone()],
            scopes: vec!["profile".to_owned()],
            ..AuthenticationOptions::default()
        };
        let token = account.authenticate_with_options(&issuer, &options).await.expect("a token");
        assert_eq!(files.server.me(&token).await.0, 200, "api_access opens the management API");
        let application = Application::load_from_json(&files.application).expect("our application key file");
        let metadata = discover(&issuer).await.expect("the discovery document");
        let endpoint = metadata.additional_metadata().introspection_endpoint.clone().expect("an endpoint");
        let authentication = AuthorityAuthentication::JWTProfile { application };
        let seen = introspect(endpoint.as_str(), &issuer, &authentication, &token).await.expect("an answer");
        let seen = serde_json::to_value(&seen).expect("JSON");
        assert_eq!((seen["active"].clone(), text(&seen, "/sub")), (json!(true), files.user));
        assert_eq!(text(&seen, "/preferred_username"), "sdk");
    }
}

#[tokio::test]
async fn the_axum_guard_of_the_zitadel_crate_protects_a_server() {
    let files = files("ACCESS_TOKEN_TYPE_BEARER").await;
    let application = Application::load_from_json(&files.application).expect("our application key file");
    let state: IntrospectionState = IntrospectionStateBuilder::new(&files.server.issuer())
        .with_jwt_profile(application)
        .build()
        .await
        .expect("the guard finds our server");
    let hello = |user: IntrospectedUser| async move { user.user_id };
    let router = Router::new().route("/", get(hello)).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let guarded = tokio::spawn(async move { axum::serve(listener, router).await });
    let account = ServiceAccount::load_from_json(&files.service_account).expect("our machine key file");
    let options = AuthenticationOptions { project_audiences: vec![files.project], ..Default::default() };
    let token = account.authenticate_with_options(&files.server.issuer(), &options).await.expect("a token");
    let call = |token: &str| files.server.http.get(&url).bearer_auth(token).send();
    let answer = call(&token).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.text().await.expect("a body")), (200, files.user.clone()));
    assert_eq!(call("nonsense").await.expect("an answer").status(), 403);
    files.server.ok(&format!("/users/{}/_deactivate", files.user), json!({})).await;
    assert_eq!(call(&token).await.expect("an answer").status(), 403, "void at once");
    guarded.abort();
}

/// Runs a script with the key files in a directory; it prints nothing but `ok`.
async fn script(program: &str, arguments: &[&str]) {
    let files = files("ACCESS_TOKEN_TYPE_JWT").await;
    let dir = tempfile::tempdir().expect("a directory");
    let app = files.server.basic_app(&files.project, "basic").await;
    let secret = files.server.machine_secret(&files.user).await;
    let personal = text(&files.server.ok(&format!("/users/{}/pats", files.user), json!({})).await, "/token");
    let scene = json!({
        "issuer": files.server.issuer(),
        "token": personal,
        "project": files.project,
        "audience": aud(&files.project),
        "user": files.user,
        "org": files.server.org().await,
        "application": dir.path().join("application.json"),
        "serviceAccount": dir.path().join("service-account.json"),
        "basic": {"id": app.client_id, "secret": app.secret},
        "machine": {"id": "sdk", "secret": secret},
    });
    for (name, content) in [
        ("application.json", files.application.clone()),
        ("service-account.json", files.service_account.clone()),
        ("scene.json", scene.to_string()),
    ] {
        std::fs::write(dir.path().join(name), content).expect("a file");
    }
    let mut command = Command::new(program);
    command.args(arguments).arg(dir.path().join("scene.json"));
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("joined").expect("it runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(printed.trim(), "ok");
}

/// Runs a script of Node, if there is one.
async fn node(name: &str) {
    let Some(modules) = std::env::var_os("TEST_NODE") else {
        eprintln!("SKIPPED: node clients: TEST_NODE names no directory with them (scripts/test installs them)");
        return;
    };
    let script_file = std::path::Path::new(&modules).join(name);
    script("node", &[&script_file.display().to_string()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_clients_authenticate_and_introspect() {
    node("sdk.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_clients_manage_an_application_and_its_key() {
    node("api.mjs").await;
}

/// Runs a script of Python, if there is one.
async fn python(path: &str) {
    let Ok(python) = std::env::var("TEST_PYTHON") else {
        eprintln!("SKIPPED: python clients: TEST_PYTHON names no interpreter (scripts/test installs one)");
        return;
    };
    script(&python, &[path]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_clients_authenticate_and_introspect() {
    python(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/oauth.py")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_package_manages_an_application_by_version_2() {
    python(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/api.py")).await;
}

/// Runs a program of Go, if it has been built.
async fn go(name: &str) {
    let Some(programs) = std::env::var_os("TEST_GO") else {
        eprintln!("SKIPPED: Go clients: TEST_GO names no directory with them (scripts/test builds them)");
        return;
    };
    script(&std::path::Path::new(&programs).join(name).display().to_string(), &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_in_go_manage_an_application_and_its_key() {
    go("api").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zitadel_go_manages_applications_and_keys_by_both_versions() {
    go("sdk").await;
}
