//! Starting and stopping the real program: what a start refuses, what it leaves behind, and who may read its
//! files. In which words it refuses is in `startup_errors.rs`.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::process::Process;
use crate::support::server::{Database, Sql};
use crate::support::{Options, TestServer};

const OTHER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// A user that owns nothing.
pub const NOBODY: u32 = 65_534;

/// The program with settings of a test, and nothing of the environment of the test run.
pub fn command(arguments: &[&str], settings: &BTreeMap<String, String>, more: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    command.args(arguments).env_remove("DATABASE_URL");
    if arguments == ["serve"] {
        command.env("CLAVIGER_KEYS_POOL", "0");
    }
    command.envs(settings).envs(more.iter().copied()).stdin(Stdio::null());
    command
}

pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// What the program says when it refuses.
pub fn refused(mut command: Command) -> String {
    let output = command.output().expect("the program runs");
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(!text.contains("INTER-1nerr") && !text.contains("internal error"), "{text}");
    text
}

/// Settings of a server on SQLite in a directory.
pub fn sqlite(data: &Path) -> BTreeMap<String, String> {
    [
        ("CLAVIGER_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ("CLAVIGER_DATA_DIR".to_owned(), data.display().to_string()),
    ]
    .into()
}

pub fn serve(settings: &BTreeMap<String, String>, more: &[(&str, &str)]) -> String {
    refused(command(&["serve"], settings, more))
}

pub fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// Names of what is in a directory.
pub fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let mut names: Vec<_> = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).mode() & 0o777
}

pub fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The signing keys are made beside the first requests; whoever asks for them waits.
async fn with_signing_keys(url: &str) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    assert_eq!(http.get(format!("{url}/oauth/v2/keys")).send().await.expect("an answer").status(), 200);
}

/// A database that was set up, with its files, and no server on it.
async fn set_up() -> (Database, PathBuf) {
    let database = Database::fresh().await;
    let process = Process::start(&database, &[]);
    with_signing_keys(&process.url).await;
    process.stop();
    let data = database.token_file().parent().expect("a directory").to_owned();
    (database, data)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_for_their_owner_only_under_any_umask() {
    for umask in ["000", "022", "777"] {
        let scratch = tempfile::tempdir().expect("a directory");
        let data = scratch.path().join("deep/data");
        let script = format!("umask {umask}; exec {} serve", env!("CARGO_BIN_EXE_claviger"));
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).env_remove("DATABASE_URL").env("CLAVIGER_KEYS_POOL", "0").envs(sqlite(&data));
        let process = Process::of(shell);
        with_signing_keys(&process.url).await;
        assert_eq!(mode(&data), 0o700, "umask {umask}");
        let files = names(&data);
        for name in ["admin.pat", "claviger.db", "claviger.db-shm", "claviger.db-wal", "master.key"] {
            assert!(files.iter().any(|f| f == name), "{files:?}");
        }
        for name in files {
            assert_eq!(mode(&data.join(&name)), 0o600, "{name} under umask {umask}");
        }
        process.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_open_before_is_closed_and_what_is_not_ours_stays() {
    let (database, data) = set_up().await;
    set_mode(&data, 0o755);
    let file = data.join("test.db");
    if database.is_sqlite() {
        set_mode(&file, 0o644);
    }
    let process = Process::start(&database, &[]);
    assert_eq!(mode(&data), 0o700);
    if database.is_sqlite() {
        assert_eq!(mode(&file), 0o600);
    }
    process.stop();
    std::fs::write(data.join("notes.txt"), "of somebody else").expect("a file");
    set_mode(&data, 0o755);
    let process = Process::start(&database, &[]);
    assert_eq!(mode(&data), 0o755, "a directory with other files is not ours to close");
    process.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_that_others_can_use_are_refused_by_name() {
    let (database, data) = set_up().await;
    let settings = database.settings();
    for (name, what) in [("master.key", "master key file"), ("admin.pat", "token file")] {
        let file = data.join(name);
        for wide in [0o640, 0o604, 0o620] {
            set_mode(&file, wide);
            let chmod = format!("chmod 600 {}", file.display());
            has(&serve(&settings, &[]), &[what, &chmod]);
            has(&refused(command(&["check-config"], &settings, &[])), &[what, &chmod]);
        }
        set_mode(&file, 0o600);
        if is_root() {
            std::os::unix::fs::chown(&file, Some(NOBODY), None).expect("root may");
            has(&serve(&settings, &[]), &[what, "belongs to user 65534", &format!("chown 0 {}", file.display())]);
            std::os::unix::fs::chown(&file, Some(0), None).expect("root may");
        } else {
            eprintln!("SKIPPED: only root can give a file to somebody else");
        }
    }
    for (wide, way_out) in [(0o777, "chmod 700"), (0o770, "chmod 700"), (0o1777, "a directory of its own")] {
        set_mode(&data, wide);
        let text = serve(&settings, &[]);
        has(&text, &["data directory", &data.display().to_string(), way_out, "CLAVIGER_DATA_DIR"]);
        assert_eq!(text.contains("chmod"), wide != 0o1777, "never close /tmp to everybody: {text}");
    }
    set_mode(&data, 0o700);
    Process::start(&database, &[]).stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_fails_leaves_no_new_files() {
    let scratch = tempfile::tempdir().expect("a directory");
    let data = scratch.path().join("deep/data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let before = names(scratch.path());
    for (more, part) in [
        (vec![("CLAVIGER_LISTEN", taken.as_str())], "cannot listen on"),
        (vec![("CLAVIGER_MASTER_KEY", "short")], "32 bytes in base64"),
        (vec![("DATABASE_URL", "postgres://u@127.0.0.1:1/d")], "refuses connections"),
        // After the schema was made.
        (vec![("CLAVIGER_ADMIN_PAT_FILE", "/proc/claviger/admin.pat")], "directory of the token file"),
    ] {
        has(&serve(&sqlite(&data), &more), &[part]);
        assert_eq!(names(scratch.path()), before, "{part}");
    }
    for arguments in [&["rotate-signing-key"][..], &["check-config"]] {
        let output = command(arguments, &sqlite(&data), &[]).output().expect("the program runs");
        assert_eq!(output.status.success(), arguments[0] == "check-config");
        assert_eq!(names(scratch.path()), before, "{arguments:?}");
    }
    // Files that were there stay, whatever fails.
    let (database, data) = set_up().await;
    let before = names(&data);
    has(&serve(&database.settings(), &[("CLAVIGER_MASTER_KEY", OTHER_KEY)]), &["not the master key"]);
    assert_eq!(names(&data), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_clean_stop_the_sqlite_file_alone_holds_everything() {
    let (database, data) = set_up().await;
    if !database.is_sqlite() {
        return;
    }
    assert_eq!(names(&data), ["admin.pat", "master.key", "test.db"], "nothing beside it");
    let process = Process::start(&database, &[]);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    for n in 0..50 {
        let made = http.post(format!("{}/projects", process.api())).bearer_auth(&process.token);
        let made = made.json(&serde_json::json!({"name": format!("p{n}")})).send().await.expect("an answer");
        assert_eq!(made.status(), 200);
    }
    process.stop();
    assert_eq!(names(&data), ["admin.pat", "master.key", "test.db"]);
    let copy = tempfile::tempdir().expect("a directory");
    std::fs::copy(data.join("test.db"), copy.path().join("claviger.db")).expect("a copy");
    let url = format!("sqlite:{}", copy.path().join("claviger.db").display());
    let sql = Sql::Lite(sqlx::SqlitePool::connect(&url).await.expect("a database"));
    assert_eq!(sql.count("SELECT count(*) FROM projects").await, 51);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_database_beside_a_token_is_refused() {
    let (database, data) = set_up().await;
    let token = std::fs::read_to_string(data.join("admin.pat")).expect("a token");
    let empty = Database::fresh().await;
    let mut settings = database.settings();
    settings.insert("DATABASE_URL".to_owned(), empty.url.clone());
    let before = names(&data);
    let parts = ["is empty or missing", "admin.pat", "restore it from a backup", "mv "];
    has(&serve(&settings, &[]), &parts);
    has(&refused(command(&["check-config"], &settings, &[])), &parts);
    if database.is_sqlite() {
        std::fs::rename(data.join("test.db"), data.join("test.old")).expect("moved");
        has(&serve(&database.settings(), &[]), &parts);
        std::fs::write(data.join("test.db"), "").expect("an empty file");
        has(&serve(&database.settings(), &[]), &parts);
        std::fs::rename(data.join("test.old"), data.join("test.db")).expect("moved");
    }
    assert_eq!(names(&data), before, "nothing was made");
    assert_eq!(std::fs::read_to_string(data.join("admin.pat")).expect("a token"), token);
    // The way out that the text names.
    std::fs::rename(data.join("admin.pat"), data.join("admin.pat.old")).expect("moved");
    let mut shell = command(&["serve"], &settings, &[]);
    shell.env("CLAVIGER_STORAGE_CONNECTIONS", "4");
    Process::of(shell).stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_whose_start_was_cut_short_gets_its_name_at_the_next() {
    let (database, data) = set_up().await;
    let (token, draft) = (data.join("admin.pat"), data.join("admin.pat.new"));
    std::fs::rename(&token, &draft).expect("as after kill -9 between commit and the last step");
    Process::start(&database, &[]).stop();
    assert!(token.exists() && !draft.exists());
    // A draft of a set-up that was never committed opens nothing and goes.
    std::fs::rename(&token, data.join("kept")).expect("moved");
    let other = std::fs::read_to_string(data.join("kept")).expect("a token").replace("cvg_pat_", "cvg_pat_x");
    std::fs::write(&draft, other).expect("a draft");
    set_mode(&draft, 0o600);
    Process::of(command(&["serve"], &database.settings(), &[])).stop();
    assert!(!token.exists() && !draft.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_or_wrong_master_key_is_refused_before_anything_is_written() {
    let (database, data) = set_up().await;
    let settings = database.settings();
    let key = data.join("master.key");
    let good = std::fs::read_to_string(&key).expect("a key");
    let check = |more: &[(&str, &str)], parts: &[&str]| {
        for arguments in ["serve", "rotate-signing-key", "check-config", "migrate"] {
            has(&refused(command(&[arguments], &settings, more)), parts);
        }
    };
    std::fs::remove_file(&key).expect("lost");
    let before = names(&data);
    check(&[], &["the master key is missing", &key.display().to_string(), "CLAVIGER_MASTER_KEY", "backup"]);
    assert_eq!(names(&data), before, "no new key was written");
    check(&[("CLAVIGER_MASTER_KEY", OTHER_KEY)], &["is not the master key of", "CLAVIGER_MASTER_KEY", "master.key"]);
    for (text, part) in [(OTHER_KEY, "is not the master key of"), ("AAAA", "32 bytes"), ("not base64!", "base64")] {
        std::fs::write(&key, text).expect("a file");
        set_mode(&key, 0o600);
        check(&[], &[part, &key.display().to_string()]);
        assert_eq!(std::fs::read_to_string(&key).expect("as it was"), text);
    }
    for (text, part) in [("AAAA", "32 bytes"), ("not base64!", "base64")] {
        check(&[("CLAVIGER_MASTER_KEY", text)], &[part, "storage.master_key"]);
    }
    std::fs::write(&key, good).expect("back from the backup");
    let fine = command(&["check-config"], &settings, &[]).output().expect("it runs");
    assert!(fine.status.success(), "{}", printed(&fine));
    Process::start(&database, &[]).stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_sqlite_file_are_refused() {
    let database = Database::fresh().await;
    let one = Process::start(&database, &[]);
    let settings = database.settings();
    if !database.is_sqlite() {
        Process::start(&database, &[]).stop();
        return;
    }
    let text = serve(&settings, &[]);
    has(&text, &["test.db.lock", &format!("process {}", one.id()), "CLAVIGER_DATA_DIR", "DATABASE_URL"]);
    // Commands that only look in go on working beside it.
    for arguments in ["migrate", "rotate-signing-key", "check-config"] {
        let output = command(&[arguments], &settings, &[]).output().expect("it runs");
        assert!(output.status.success(), "{arguments}: {}", printed(&output));
    }
    // The kernel frees the lock, however the holder ends.
    one.kill();
    let next = Process::start(&database, &[]);
    next.stop();
    assert!(!database.token_file().with_file_name("test.db.lock").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_says_upgrade() {
    let server = TestServer::start().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'from the future', true, $1, 0)";
    server.sql().await.run_bytes(newer, &[], b"x").await;
    let database = server.database.clone();
    let settings = database.settings();
    server.stop().await;
    for arguments in ["serve", "migrate", "check-config", "rotate-signing-key"] {
        has(&refused(command(&[arguments], &settings, &[])), &["9999", "upgrade", env!("CARGO_PKG_VERSION")]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_may_share_postgresql_and_one_directory() {
    let one = TestServer::start().await;
    if one.database.is_sqlite() {
        return;
    }
    let two = TestServer::with(Options { beside: Some(one.database.clone()), ..Options::default() }).await;
    assert_eq!(two.get("/orgs/me").await.0, 200);
}
