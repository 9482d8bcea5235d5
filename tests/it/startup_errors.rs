//! What the real program says when it cannot start: what is wrong, where, and what to do; and never a value.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::startup::{NOBODY, command, has, is_root, names, printed, refused, serve, set_mode, sqlite};

#[test]
fn a_failed_start_logs_in_the_chosen_form_and_without_colours() {
    let scratch = tempfile::tempdir().expect("a directory");
    let file = scratch.path().join("claviger.toml");
    std::fs::write(&file, "[log]\nformat = \"json\"\n[server]\nlisen = 1\n").expect("a file");
    let path = file.to_str().expect("text").to_owned();
    let data = sqlite(&scratch.path().join("data"));
    for more in [
        vec![("CLAVIGER_LOG_FORMAT", "json"), ("CLAVIGER_LISTEN", "203.0.113.1:1")],
        vec![("CLAVIGER_LOG_FORMAT", "json"), ("CLAVIGER_KEYS_POOL", "many")],
        vec![("CLAVIGER_CONFIG", path.as_str())],
    ] {
        let text = serve(&data, &more);
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(line["level"], "ERROR", "{text}");
        assert!(line["message"].as_str().is_some_and(|m| m.starts_with("cannot start: ")), "{text}");
    }
    for level in ["info", "off"] {
        let text = serve(&data, &[("CLAVIGER_LISTEN", "203.0.113.1:1"), ("CLAVIGER_LOG_LEVEL", level)]);
        has(&text, &["cannot listen on 203.0.113.1:1", "server.listen"]);
        assert!(!text.contains('\u{1b}'), "colours outside of a terminal: {text:?}");
    }
}

#[test]
fn values_are_never_repeated() {
    let scratch = tempfile::tempdir().expect("a directory");
    let file = scratch.path().join("claviger.toml");
    let path = file.to_str().expect("text");
    for toml in [
        "[server]\nrequest_timeout = \"hunter2\"",
        "[server]\nlisten = \"hunter2\"",
        "[server]\nissuer_aliases = [1, \"hunter2\"]",
        "[server]\nlistne = \"hunter2\"",
        "[log]\nformat = \"hunter2\"",
        "[log]\nlevel = \"hunter2=[=\"",
        "[storage]\nmaster_key = \"hunter2\"",
        "[storage]\nmaster_key = hunter2",
        "[storage]\nurl = \"mysql://u:hunter2@h/d\"",
        "[storage]\nurl = \"postgres://u:pa/hunter2@h/d\"",
        "[storage]\nurl = \"postgres://u:1/hunter2@h/d\"",
        "[storage]\nurl = \"postgres://u@h/d?passwd=hunter2\"",
        "[storage]\nurl = \"postgres://u:hunter2@h:99999/d\"",
        "storage = \"hunter2\"",
        "[storage]\nmaster_key = \"hunter2\nurl = 1",
    ] {
        std::fs::write(&file, toml).expect("a file");
        for arguments in ["check-config", "serve"] {
            let text = refused(command(&[arguments], &BTreeMap::new(), &[("CLAVIGER_CONFIG", path)]));
            assert!(!text.contains("hunter2"), "{toml}: {text}");
            has(&text, &["claviger.toml, line "]);
        }
    }
    for name in ["CLAVIGER_LOG_FORMAT", "CLAVIGER_KEYS_POOL", "CLAVIGER_MASTERKEY", "CLAVIGER_LISTEN", "DATABASE_URL"] {
        let text = refused(command(&["check-config"], &BTreeMap::new(), &[(name, "hunter2")]));
        assert!(!text.contains("hunter2"), "{text}");
        has(&text, &[name]);
    }
    // The loudest log of a start that fails holds no password either.
    let url = "postgres://user:hunter2@127.0.0.1:1/d?application_name=x&password=hunter2";
    let text = serve(&sqlite(scratch.path()), &[("DATABASE_URL", url), ("CLAVIGER_LOG_LEVEL", "trace")]);
    has(&text, &["PostgreSQL at 127.0.0.1:1", "DATABASE_URL", "refuses connections"]);
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn mistakes_in_the_configuration_are_named_with_their_place() {
    let scratch = tempfile::tempdir().expect("a directory");
    let file = scratch.path().join("claviger.toml");
    let path = file.to_str().expect("text");
    for (toml, parts) in [
        ("[server]\n\nlisen = \"x\"", ["line 3", "server.lisen", "did you mean server.listen?"]),
        ("[serve]\nlisten = \"x\"", ["line 1", "[serve]", "did you mean server?"]),
        ("[keys]\npool = 100001", ["line 2", "keys.pool", "0 to 100000"]),
        ("[keys]\npool = -1", ["line 2", "keys.pool", "0 to 100000"]),
        ("[tokens]\n\n\nid_lifetime = 0", ["line 4", "tokens.id_lifetime", "1 to 31536000 seconds"]),
        ("[server]\nlisten = 8080", ["line 2", "server.listen", "text"]),
        ("[server]\nlisten = \"localhost\"", ["line 2", "server.listen", "127.0.0.1:8080"]),
        ("[log]\nformat = \"xml\"", ["line 2", "log.format", "`text` or `json`"]),
        ("[server\n", ["line 1", "claviger.toml", "not TOML"]),
    ] {
        std::fs::write(&file, toml).expect("a file");
        let text = refused(command(&["check-config"], &BTreeMap::new(), &[("CLAVIGER_CONFIG", path)]));
        has(&text, &parts);
        has(&text, &[path]);
    }
    for (name, value, parts) in [
        ("CLAVIGER_LISEN", "x", ["CLAVIGER_LISEN", "did you mean CLAVIGER_LISTEN?"]),
        ("CLAVIGER_KEYS_POOL", "x", ["CLAVIGER_KEYS_POOL", "keys.pool"]),
        ("CLAVIGER_KEYS_POOL", "99999999999999999999", ["CLAVIGER_KEYS_POOL", "keys.pool"]),
        ("CLAVIGER_STORAGE_CONNECTIONS", "0", ["CLAVIGER_STORAGE_CONNECTIONS", "storage.connections"]),
        ("CLAVIGER_ISSUER", "localhost", ["CLAVIGER_ISSUER", "server.issuer"]),
        ("DATABASE_URL", "mysql://h/d", ["DATABASE_URL", "postgres:// or sqlite:"]),
        ("DATABASE_URL", "sqlite::memory:", ["DATABASE_URL", "must name a file"]),
    ] {
        let text = refused(command(&["check-config"], &BTreeMap::new(), &[(name, value)]));
        has(&text, &parts);
    }
}

#[test]
fn directories_and_files_that_cannot_be_used_are_named() {
    let scratch = tempfile::tempdir().expect("a directory");
    let file = scratch.path().join("file");
    std::fs::write(&file, "this is not a database, whatever its name says; it is long enough to be one".repeat(20))
        .expect("a file");
    set_mode(&file, 0o600);
    let name = file.display().to_string();
    has(&serve(&sqlite(&file), &[]), &["data directory", &name, "is not a directory"]);
    has(&serve(&sqlite(&file.join("below")), &[]), &[&name, "CLAVIGER_DATA_DIR"]);
    has(&serve(&sqlite(Path::new("/proc/claviger")), &[]), &["data directory", "/proc/claviger", "CLAVIGER_DATA_DIR"]);
    let url = format!("sqlite:{name}");
    let text = serve(&sqlite(&scratch.path().join("data")), &[("DATABASE_URL", &url)]);
    has(&text, &[&name, "is not a SQLite database", "DATABASE_URL"]);
    let directory = scratch.path().join("directory");
    std::fs::create_dir(&directory).expect("a directory");
    let url = format!("sqlite:{}", directory.display());
    let text = serve(&sqlite(&scratch.path().join("data")), &[("DATABASE_URL", &url)]);
    has(&text, &["SQLite database", &directory.display().to_string(), "is not a file"]);
    assert_eq!(names(scratch.path()), ["directory", "file"]);
    // Root may write everywhere, so that the program runs as somebody else.
    let locked = tempfile::tempdir().expect("a directory");
    set_mode(locked.path(), 0o755);
    let data = locked.path().join("data");
    let mut somebody = command(&["serve"], &sqlite(&data), &[]);
    if is_root() {
        somebody.uid(NOBODY).gid(NOBODY);
    } else {
        set_mode(locked.path(), 0o500);
    }
    if is_root() && Command::new(env!("CARGO_BIN_EXE_claviger")).arg("version").uid(NOBODY).output().is_err() {
        eprintln!("SKIPPED: another user cannot execute the program where it was built");
        return;
    }
    has(&refused(somebody), &["data directory", &data.display().to_string(), "denied", "CLAVIGER_DATA_DIR"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_that_does_not_let_us_in_says_why() {
    let scratch = tempfile::tempdir().expect("a directory");
    let settings = sqlite(&scratch.path().join("data"));
    let asked = |url: &str| serve(&settings, &[("DATABASE_URL", url)]);
    has(&asked("postgres://u@no-such-host.invalid/d"), &["no-such-host.invalid:5432", "DATABASE_URL", "host and port"]);
    // What PostgreSQL would say, by itself: (code, text) after the greeting of a client.
    for (code, message, parts) in [
        ("28P01", "password authentication failed", ["refuses the password of user \"u\"", "DATABASE_URL"]),
        ("28000", "no pg_hba.conf entry", ["does not let user \"u\" in", "pg_hba.conf"]),
        ("3D000", "database does not exist", ["has no database \"d\"", "createdb"]),
        ("53300", "too many clients", ["has no connection left", "max_connections"]),
    ] {
        let address = answering(fatal(code, message)).await;
        has(&asked(&format!("postgres://u:secret@{address}/d")), &parts);
    }
    let address = answering(of_version("11.22")).await;
    has(&asked(&format!("postgres://u@{address}/d")), &["has version 11", "too old", "PostgreSQL 12"]);
    let address = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    has(&asked(&format!("postgres://u@{address}/d")), &[&address, "host and port"]);
    assert!(!scratch.path().join("data").exists());
    let Ok(server) = std::env::var("TEST_DATABASE_URL") else { return };
    let (base, _) = server.rsplit_once('/').expect("a database");
    has(&asked(&format!("{base}/nosuchdatabase")), &["has no database \"nosuchdatabase\"", "createdb"]);
}

/// One message of PostgreSQL's protocol.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

fn fatal(code: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0VFATAL\0C{code}\0M{text}\0\0").as_bytes())
}

fn of_version(version: &str) -> Vec<u8> {
    let parameter = message(b'S', format!("server_version\0{version}\0").as_bytes());
    [message(b'R', &0u32.to_be_bytes()), parameter, message(b'K', &[0; 8]), message(b'Z', b"I")].concat()
}

/// A server that gives each client the same answer once it has said something.
async fn answering(answer: Vec<u8>) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 1024];
            // A client first asks whether there is TLS: eight bytes, and the answer is no.
            while let Ok(length) = stream.read(&mut buffer).await {
                let reply = if length == 8 { b"N" } else { &answer[..] };
                if length == 0 || stream.write_all(reply).await.is_err() || length != 8 {
                    break;
                }
            }
        }
    });
    address
}

#[test]
fn a_full_disk_at_the_start_is_named_and_leaves_nothing() {
    let scratch = tempfile::tempdir().expect("a directory");
    let data = scratch.path().join("disk");
    std::fs::create_dir(&data).expect("a directory");
    set_mode(&data, 0o700);
    // A small disk of its own, in a namespace that goes with the process; then what is left on it.
    let script = format!(
        "mount -t tmpfs -o size=64k,mode=700 none {0} || exit 99; {1} serve; code=$?; ls -A {0}; exit $code",
        data.display(),
        env!("CARGO_BIN_EXE_claviger")
    );
    let mut shell = Command::new("unshare");
    shell.args(["-r", "-m", "sh", "-c", &script]).env_remove("DATABASE_URL").envs(sqlite(&data));
    let output = match shell.env("CLAVIGER_KEYS_POOL", "0").output() {
        Ok(output) if output.status.code() == Some(1) => output,
        other => {
            eprintln!("SKIPPED: a small disk cannot be mounted here: {other:?}");
            return;
        }
    };
    let text = printed(&output);
    has(&text, &["cannot start", "the disk is full", "free some space"]);
    assert!(!text.contains("INTER-1nerr"), "{text}");
    assert!(output.stdout.is_empty(), "left behind: {}", String::from_utf8_lossy(&output.stdout));
}
