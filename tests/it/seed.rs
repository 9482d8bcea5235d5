//! Seed files, through the real program: `serve --seed`, `seed apply | diff | export | schema`.

mod crash;
mod random;
mod wrong;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::startup::{command, has, names, printed};
use crate::support::process::Process;
use crate::support::server::Database;
use crate::support::{TestServer, text};

/// Variable of the environment that the example names.
const SECRET: (&str, &str) = ("DEPLOYER_SECRET", "a-secret-that-the-environment-holds-0");

/// A database, and a directory with seed files.
struct Place {
    database: Database,
    dir: tempfile::TempDir,
}

impl Place {
    async fn fresh() -> Self {
        Self { database: Database::fresh().await, dir: tempfile::tempdir().expect("a directory") }
    }

    /// One whose database has been set up.
    async fn set_up() -> Self {
        let place = Self::fresh().await;
        place.serve(&[]).stop();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a seed file");
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments, &self.database.settings(), &[SECRET]);
        // Somewhere else than the seed file: paths begin at that.
        command.current_dir("/").env("CLAVIGER_KEYS_POOL", "0").env("CLAVIGER_LOG_LEVEL", "warn");
        command
    }

    fn run(&self, arguments: &[&str], file: &Path) -> Output {
        let file = file.display().to_string();
        let all: Vec<&str> = arguments.iter().copied().chain([file.as_str()]).collect();
        self.command(&all).output().expect("the program runs")
    }

    fn apply(&self, file: &Path) -> String {
        ok(&self.run(&["seed", "apply"], file))
    }

    /// What would change.
    fn diff(&self, file: &Path) -> Vec<Value> {
        let output = self.run(&["seed", "diff", "--output", "json"], file);
        let changes: Vec<Value> =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", printed(&output)));
        assert_eq!(output.status.code(), Some(if changes.is_empty() { 0 } else { 2 }), "{}", printed(&output));
        changes
    }

    fn export(&self) -> String {
        ok(&self.command(&["seed", "export"]).output().expect("the program runs"))
    }

    fn serve(&self, arguments: &[&str]) -> Process {
        let arguments: Vec<&str> = ["serve"].into_iter().chain(arguments.iter().copied()).collect();
        let mut process = Process::of(self.command(&arguments));
        process.token = self.database.token();
        process
    }
}

fn ok(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", printed(output));
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// The example of the manual.
fn example() -> String {
    let manual = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SEED.md")).expect("a manual");
    let example = manual.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    example.expect("an example").to_owned()
}

fn private(path: &Path) -> String {
    let found = std::fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(found.mode() & 0o777, 0o600, "{}", path.display());
    std::fs::read_to_string(path).expect("text")
}

async fn get(server: &Process, token: &str, org: &str, path: &str) -> (u16, Value) {
    let asked = reqwest::Client::new().get(format!("{}{path}", server.api())).bearer_auth(token);
    let answer = asked.header("x-zitadel-orgid", org).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn the_example_is_there_when_the_server_is_ready_and_applying_it_again_changes_nothing() {
    let place = Place::fresh().await;
    let file = place.write("seed.yaml", &example());
    let seed = file.display().to_string();
    let server = place.serve(&["--seed", &seed]);
    let token = private(&place.path("deployer-token.txt"));
    let (status, app) = get(&server, token.trim(), "acme", "/projects/shop/apps/shop-api").await;
    assert_eq!((status, text(&app, "/app/apiConfig/clientId").as_str()), (200, "shop-api"), "{app}");
    let (_, key) = get(&server, token.trim(), "acme", "/projects/shop/apps/shop-worker/keys/shop-worker-key").await;
    assert_eq!(text(&key, "/key/expirationDate"), "2099-12-31T00:00:00Z", "{key}");
    let key: Value = serde_json::from_str(&private(&place.path("deployer-key.json"))).expect("a key file");
    assert_eq!((text(&key, "/keyId").as_str(), text(&key, "/userId").as_str()), ("deployer-key", "deployer"));

    let form = [("token", token.trim())];
    let ask = |secret: &'static str| {
        let asked = reqwest::Client::new().post(format!("{}/oauth/v2/introspect", server.url)).form(&form);
        asked.basic_auth("shop-api", Some(secret)).send()
    };
    assert_eq!(ask("an-example-of-32-characters-or-so").await.expect("an answer").status(), 200);
    assert_ne!(ask("another-secret-of-32-characters-x").await.expect("an answer").status(), 200);
    let form = [("grant_type", "client_credentials"), ("scope", "openid")];
    let asked = reqwest::Client::new().post(format!("{}/oauth/v2/token", server.url)).form(&form);
    let answer = asked.basic_auth("deployer", Some(SECRET.1)).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{:?}", answer.text().await);

    if place.database.is_sqlite() {
        let text = printed(&place.run(&["seed", "apply"], &file));
        has(&text, &["another server", "works in"]);
    } else {
        assert_eq!(place.apply(&file).trim(), "nothing to change", "beside a server");
    }
    assert_eq!(place.diff(&file), Vec::<Value>::new(), "beside a server");
    let (_, changes) = changes_of(&server, "acme", "shop").await;
    assert!(changes.iter().all(|change| change == "_seed"), "{changes:?}");
    server.stop();
    place.serve(&["--seed", &seed]).stop();
    assert_eq!(place.apply(&file).trim(), "nothing to change");
}

/// Who changed a project.
async fn changes_of(server: &Process, org: &str, project: &str) -> (u16, Vec<String>) {
    let path = format!("{}/projects/{project}/changes/_search", server.api());
    let asked = reqwest::Client::new().post(path).bearer_auth(&server.token).header("x-zitadel-orgid", org);
    let answer = asked.json(&json!({"query": {"limit": 100}})).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let list: Value = answer.json().await.expect("JSON");
    let list = list["result"].as_array().unwrap_or_else(|| panic!("{list}"));
    (status, list.iter().map(|change| text(change, "/editorId")).collect())
}

#[tokio::test]
async fn what_differs_is_told_and_changed_and_the_rest_stays() {
    let place = Place::set_up().await;
    let file = place.write("seed.yaml", &example());
    let changes = place.diff(&file);
    let first = changes.first().expect("a change");
    assert_eq!(
        (text(first, "/action"), text(first, "/kind"), text(first, "/name")),
        ("create".into(), "organization".into(), "acme".into())
    );
    assert_eq!(first["line"], 3);
    assert!(!place.path("deployer-key.json").exists(), "nothing is written by a look");
    assert_eq!(place.apply(&file).lines().count(), changes.len());
    let other = place.write("other.yaml", OTHER);
    let output = place.run(&["seed", "diff"], &other);
    assert_eq!(output.status.code(), Some(2));
    let lines = String::from_utf8(output.stdout).expect("text");
    for line in DIFFERENCES {
        assert!(lines.lines().any(|l| l == *line), "{line:?} is not in:\n{lines}");
    }
    assert_eq!(place.apply(&other), lines);
    assert_eq!(place.diff(&other), Vec::<Value>::new());
    let back = place.diff(&file);
    assert!(!back.is_empty());
    let text = place.export();
    for kept in ["Reader", "staff", "deployer-token", "acme.example", "https://shop.example/callback"] {
        assert!(text.contains(kept), "{kept} was left alone: {text}");
    }
}

#[tokio::test]
async fn an_export_changes_nothing_here_and_makes_the_same_elsewhere() {
    let place = Place::set_up().await;
    place.apply(&place.write("seed.yaml", &example()));
    let text = place.export();
    for secret in [SECRET.1, "an-example-of-32-characters-or-so"] {
        assert!(!text.contains(secret));
    }
    let file = place.write("export.yaml", &text);
    assert_eq!(place.diff(&file), Vec::<Value>::new());
    assert_eq!(place.apply(&file).trim(), "nothing to change");

    // Numbers of the last minute may be those of the next server too.
    let numbered = |line: &&str| line.contains("client_id: \"") && !line.contains("shop-api");
    let text = text.lines().filter(|line| !numbered(line)).collect::<Vec<_>>().join("\n");
    place.write("export.yaml", &text);
    let elsewhere = Place::fresh().await;
    elsewhere.serve(&["--seed", &file.display().to_string()]).stop();
    assert_eq!(elsewhere.diff(&file), Vec::<Value>::new());
    // All but the tokens, which nobody but their owners have.
    let kept = |line: &&str| !["token", "kept", "client_id"].iter().any(|word| line.contains(word));
    let without = |text: &str| text.lines().filter(kept).count();
    assert_eq!(without(&elsewhere.export()), without(&text), "{}", elsewhere.export());
}

#[tokio::test]
async fn an_empty_file_and_json_are_files_too() {
    let place = Place::set_up().await;
    let file = place.write("seed.json", r#"{"organizations": [{"id": "acme", "name": "Acme", "projects": []}]}"#);
    assert_eq!(place.apply(&file).trim(), "+ organization acme");
    assert_eq!(place.apply(&place.write("none.yaml", "organizations: []\n")).trim(), "nothing to change");
}

#[tokio::test]
async fn a_server_that_was_never_started_has_nothing_to_compare_with() {
    let place = Place::fresh().await;
    let file = place.write("seed.yaml", "organizations: [{id: acme, name: Acme}]");
    let output = place.run(&["seed", "apply"], &file);
    assert_eq!(output.status.code(), Some(1));
    has(&printed(&output), &["has not been set up"]);
}

/// Whoever applies a file while others do so ends with what the file says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_that_apply_the_same_file_at_once_make_it_once() {
    let place = Place::set_up().await;
    let file = place.write("seed.yaml", &example());
    let children: Vec<_> = (0..16)
        .map(|_| {
            let mut command = place.command(&["seed", "apply", &file.display().to_string()]);
            command.env("CLAVIGER_STORAGE_CONNECTIONS", "4");
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().expect("the program starts")
        })
        .collect();
    let mut done = 0;
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        match output.status.code() {
            Some(0) => done += 1,
            _ if place.database.is_sqlite() => has(&printed(&output), &["another server", "works in"]),
            _ => panic!("{}", printed(&output)),
        }
    }
    assert!(done > 0);
    assert_eq!(place.diff(&file), Vec::<Value>::new());
    assert_eq!(names(place.dir.path()), ["deployer-key.json", "deployer-token.txt", "seed.yaml"], "no drafts");
}

/// Servers that start together on one database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_together_with_the_same_file_all_start() {
    let place = Place::fresh().await;
    if place.database.is_sqlite() {
        return;
    }
    let text = example().replace("write: deployer-key.json", "public_key: {file: key.pem}");
    place.write("key.pem", PUBLIC_KEY);
    let file = place.write("seed.yaml", &text.replace("write: deployer-token.txt", "kept: true")).display().to_string();
    let starts = (0..4).map(|_| {
        let command = place.command(&["serve", "--seed", &file]);
        tokio::task::spawn_blocking(move || Process::of(command))
    });
    let servers = futures::future::join_all(starts.collect::<Vec<_>>()).await;
    for server in servers {
        server.expect("it starts").stop();
    }
    assert_eq!(place.diff(Path::new(&file)), Vec::<Value>::new());
}

#[test]
fn the_schema_in_docs_is_that_of_this_program() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/seed.schema.json");
    let output = command(&["seed", "schema"], &std::collections::BTreeMap::default(), &[]).output();
    let now = ok(&output.expect("the program runs"));
    if std::env::var_os("RENEW_SEED_SCHEMA").is_some() {
        std::fs::write(&file, &now).expect("docs/seed.schema.json is written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let renew = "RENEW_SEED_SCHEMA=1 cargo test --test it seed::the_schema";
    assert!(kept == now, "docs/seed.schema.json is old; renew it with: {renew}");
    let schema: Value = serde_json::from_str(&now).expect("JSON");
    let org = &schema["properties"]["organizations"]["items"];
    assert_eq!((org["required"][0].as_str(), org["additionalProperties"].as_bool()), (Some("id"), Some(false)));
}

/// A server in memory has what the file says as well.
#[tokio::test]
async fn a_server_in_memory_is_seeded_too() {
    let place = Place::fresh().await;
    let file = place.write("seed.yaml", &example()).display().to_string();
    let mut command = place.command(&["serve", "--ephemeral", "--seed", &file]);
    command.env_remove("DATABASE_URL");
    let server = Process::of(command);
    let token = private(&place.path("deployer-token.txt"));
    let (status, app) = get(&server, token.trim(), "acme", "/projects/shop/apps/shop-api").await;
    assert_eq!(status, 200, "{app}");
    server.kill();
}

/// What a caller has chosen is never given again, and nobody but the server itself acts without roles.
#[tokio::test]
async fn the_name_of_the_server_is_nobodys() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let body = json!({"userName": "x", "name": "x", "userId": "_seed"});
    let (status, answer) = server.post("/users/machine", body).await;
    assert_eq!((status, answer["code"].as_i64()), (400, Some(3)), "{answer} in {org}");
}

/// An Ed25519 key.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
";

/// The example with most of it changed.
const OTHER: &str = "
organizations:
  - id: acme
    name: Acme & Sons
    state: inactive
    metadata: {tier: silver, size: 3}
    users:
      - {id: deployer, description: New, token_type: bearer, state: locked, secret: {value: 0123456789012345678901234567890123456789}}
    projects:
      - id: shop
        role_assertion: false
        state: inactive
        private_labeling: allow_user
        roles: [{key: admin, group: bosses}, {key: guest}]
        apps:
          - {id: shop-api, name: Interface, state: inactive, secret: {value: 0123456789012345678901234567890123456789}}
          - {id: shop-worker, api: {auth_method: basic}, secret: {value: 0123456789012345678901234567890123456789}}
          - id: shop-web
            oidc: {auth_method: post, dev_mode: true, clock_skew: 1.5s, login: v2, login_uri: https://login.example, response_types: [code, id_token], grant_types: [authorization_code, implicit]}
        members: [{user: deployer, roles: [PROJECT_OWNER_VIEWER]}]
        grants:
          - {organization: partner, roles: [guest, reader], state: inactive, members: [{user: deployer, roles: [PROJECT_GRANT_OWNER]}]}
    members: [{user: deployer, roles: [ORG_OWNER_VIEWER]}]
    user_grants: [{user: deployer, project: shop, roles: [guest, admin], state: inactive}]
  - id: partner
    domains: [{name: partner.example, primary: true}]
members: [{user: deployer, roles: [IAM_OWNER]}]
";

/// What is told of that.
const DIFFERENCES: &[&str] = &[
    "~ organization acme: name",
    "~ organization acme: state",
    "~ organization acme: metadata",
    "~ user deployer: description, token_type",
    "~ user deployer: secret",
    "~ user deployer: state",
    "~ project shop: role_assertion, private_labeling",
    "~ role admin: group",
    "+ roles guest",
    "~ application shop-api: name",
    "~ application shop-worker: api",
    "~ application shop-web: oidc",
    "~ member of the project deployer: roles",
    "~ project grant shop to partner: roles",
    "+ member of the project grant deployer",
    "~ user grant deployer in shop: roles",
    "+ domain partner.example",
    "~ member of the instance deployer: roles",
];
