//! `claviger serve --ephemeral`: a server in memory, for tests.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::startup::{command, has, names, refused};

/// A server in memory that was started in a directory of its own.
struct Memory {
    child: Child,
    url: String,
    token: String,
    dir: tempfile::TempDir,
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn settings(dir: &Path) -> BTreeMap<String, String> {
    [
        ("CLAVIGER_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ("CLAVIGER_DATA_DIR".to_owned(), dir.join("data").display().to_string()),
        ("CLAVIGER_KEYS_POOL".to_owned(), "0".to_owned()),
    ]
    .into()
}

impl Memory {
    fn start(more: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut command: Command = command(&["serve", "--ephemeral"], &settings(dir.path()), more);
        let mut child = command.current_dir(dir.path()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut line = || lines.next().expect("a line").expect("text");
        let first = line();
        has(&first, &["everything is in memory"]);
        let address = first.split("listens on ").nth(1).and_then(|rest| rest.split(',').next()).expect("an address");
        let token = std::iter::repeat_with(line).find_map(|line| Some(line.strip_prefix("Token (new): ")?.to_owned()));
        let token = token.expect("the token");
        Self { child, url: format!("http://{address}"), token, dir }
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let sent = reqwest::Client::new().post(format!("{}{path}", self.url)).bearer_auth(&self.token).json(&body);
        let answer = sent.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }
}

#[tokio::test]
async fn a_server_in_memory_serves_and_leaves_nothing_behind() {
    let mut server = Memory::start(&[]);
    let (status, project) = server.post("/management/v1/projects", json!({"name": "p"})).await;
    assert_eq!(status, 200, "{project}");
    let ready = reqwest::get(format!("{}/debug/ready", server.url)).await.expect("an answer");
    assert_eq!(ready.status().as_u16(), 200);
    let id = rustix::process::Pid::from_child(&server.child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
    assert!(server.child.wait().expect("it ends").success());
    assert_eq!(names(server.dir.path()), Vec::<String>::new(), "nothing on disk");
}

/// Readers and writers of one database in memory lock each other out for moments: all must come through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_in_memory_run_side_by_side_and_take_many_at_once() {
    let servers = [Memory::start(&[]), Memory::start(&[])];
    for server in &servers {
        let calls = (0..64).map(|n| async move {
            let (status, made) = server.post("/management/v1/projects", json!({"name": format!("p{n}")})).await;
            assert_eq!(status, 200, "{made}");
            let (status, list) = server.post("/management/v1/projects/_search", json!({})).await;
            assert_eq!(status, 200, "{list}");
        });
        futures::future::join_all(calls).await;
        let (_, list) = server.post("/management/v1/projects/_search", json!({"query": {"limit": 1}})).await;
        assert_eq!(list["details"]["totalResult"], "65", "those of this server only: {list}");
    }
    let (one, two) = (&servers[0], &servers[1]);
    let foreign = reqwest::Client::new().get(format!("{}/management/v1/orgs/me", two.url)).bearer_auth(&one.token);
    assert_eq!(foreign.send().await.expect("an answer").status().as_u16(), 401);
}

#[tokio::test]
async fn the_token_goes_to_a_file_only_where_one_is_configured() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("pat");
    for _ in 0..2 {
        let mut command = command(&["serve", "--ephemeral"], &settings(dir.path()), &[]);
        command.env("CLAVIGER_ADMIN_PAT_FILE", &file);
        let server = crate::support::process::Process::of(command);
        let token = std::fs::read_to_string(&file).expect("the token");
        let asked = reqwest::Client::new().get(format!("{}/orgs/me", server.api())).bearer_auth(token.trim());
        assert_eq!(asked.send().await.expect("an answer").status().as_u16(), 200, "that of this start");
    }
    assert_eq!(names(dir.path()), ["pat"]);
}

#[test]
fn a_database_beside_memory_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    for url in ["sqlite:x.db", "postgres://u@127.0.0.1:1/d"] {
        let text = refused(command(&["serve", "--ephemeral"], &settings(dir.path()), &[("DATABASE_URL", url)]));
        has(&text, &["--ephemeral", "storage.url (DATABASE_URL)"]);
    }
    assert_eq!(names(dir.path()), Vec::<String>::new());
}
