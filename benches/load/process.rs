//! The server as a process of its own, and what it and its database cost.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// What cargo built for this benchmark.
const PROGRAM: &str = env!("CARGO_BIN_EXE_claviger");

/// A server to measure.
pub struct Target {
    /// Its name in the table.
    pub name: String,
    /// Host and port.
    pub address: String,
    /// A token with every right.
    pub token: String,
    /// The database is part of the server.
    pub embedded: bool,
    ready_ms: Option<u128>,
    pid: Option<u32>,
    database: Option<u32>,
    server: Option<Server>,
}

/// A server that this program started.
struct Server {
    child: Child,
    data: tempfile::TempDir,
}

impl Target {
    /// Starts the program that cargo built for this benchmark on an empty database.
    pub fn start(name: &str, url: Option<&str>) -> Self {
        Self::launch(name, url, Command::new(PROGRAM))
    }

    /// Starts it on embedded storage under Callgrind, which counts nothing yet and writes what it counts
    /// into files that begin with `out`.
    pub fn start_counted(out: &Path) -> Self {
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--tool=callgrind", "--instr-atstart=no"]);
        command.arg(format!("--callgrind-out-file={}", out.display())).arg(PROGRAM);
        // Nothing may run beside the requests that are counted, nor depend on how long they take.
        command.envs([
            ("CLAVIGER_KEYS_POOL", "0"),
            ("CLAVIGER_SERVER_REMEMBER", "0"),
            ("CLAVIGER_TOKENS_USAGE_INTERVAL", "100000"),
            ("CLAVIGER_TOKENS_SWEEP_INTERVAL", "100000"),
        ]);
        Self::launch("SQLite", None, command)
    }

    /// Process id of a server that this program started.
    pub fn pid(&self) -> u32 {
        self.pid.expect("a process")
    }

    fn launch(name: &str, url: Option<&str>, mut command: Command) -> Self {
        let data = tempfile::tempdir().expect("a data directory");
        let begun = Instant::now();
        let mut child = command
            .env("CLAVIGER_LISTEN", "127.0.0.1:0")
            .env("CLAVIGER_DATA_DIR", data.path())
            .env("CLAVIGER_LOG_LEVEL", "warn")
            .env("DATABASE_URL", url.unwrap_or_default())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a first line");
        let ready_ms = Some(begun.elapsed().as_millis());
        let address =
            line.split("listens on ").nth(1).and_then(|r| r.split(',').next()).expect("an address").to_owned();
        let token = std::fs::read_to_string(data.path().join("admin.pat")).expect("the first token").trim().to_owned();
        let database = url.and_then(|_| std::env::var("BENCH_DATABASE_PID").ok()?.parse().ok());
        let pid = Some(child.id());
        let server = Some(Server { child, data });
        Self { name: name.to_owned(), address, token, embedded: url.is_none(), ready_ms, pid, database, server }
    }

    /// A server that runs already.
    pub fn other(url: &str, token: String) -> Self {
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let pid = std::env::var("BENCH_OTHER_PID").ok().and_then(|p| p.parse().ok());
        let database = std::env::var("BENCH_DATABASE_PID").ok().and_then(|p| p.parse().ok());
        let name = "the other server".to_owned();
        Self { name, address, token, embedded: false, ready_ms: None, pid, database, server: None }
    }

    /// Directory of the data.
    pub fn data(&self) -> Option<&Path> {
        self.server.as_ref().map(|s| s.data.path())
    }

    /// Resident memory now and at most so far, in megabytes.
    pub fn memory(&self) -> Option<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid?)).ok()?;
        let of = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|l| l.strip_prefix(name))?;
            Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
        };
        of("VmRSS:").zip(of("VmHWM:"))
    }

    /// What there is to say beside the table.
    pub fn note(&self, idle: Option<(u64, u64)>) -> String {
        let ready = self.ready_ms.map(|ms| format!("ready after {ms} ms, ")).unwrap_or_default();
        let memory = idle.zip(self.memory()).map(|((idle, _), (now, peak))| {
            format!("{idle} MB resident when idle, {now} MB after the load, {peak} MB at most")
        });
        format!("{}: {ready}{}", self.name, memory.unwrap_or_default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU seconds used so far.
#[derive(Default)]
pub struct Cpu {
    /// By the server, if its process is known.
    pub server: Option<f64>,
    /// By the database and its workers, where it is a process of its own.
    pub database: Option<f64>,
}

impl Cpu {
    /// Reads the counters of the operating system (Linux).
    pub fn now(target: &Target) -> Self {
        Self { server: target.pid.map(seconds), database: target.database.map(family) }
    }

    /// What was used since an earlier reading.
    pub fn since(&self, earlier: &Self) -> Self {
        let used = |now: Option<f64>, before: Option<f64>| now.zip(before).map(|(now, before)| now - before);
        Self { server: used(self.server, earlier.server), database: used(self.database, earlier.database) }
    }
}

/// A process and its children, ended ones included.
fn family(parent: u32) -> f64 {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children: f64 = pids.filter(|pid| field(*pid, 1) == Some(parent.into())).map(seconds).sum();
    children + seconds(parent) + ticks(parent, &[13, 14])
}

/// User and system time of a process.
fn seconds(pid: u32) -> f64 {
    ticks(pid, &[11, 12])
}

fn ticks(pid: u32, fields: &[usize]) -> f64 {
    // 100 ticks a second on every Linux that Rust runs on.
    #[expect(clippy::cast_precision_loss, reason = "a benchmark runs for minutes, not for centuries")]
    let sum: f64 = fields.iter().filter_map(|f| field(pid, *f)).map(|t| t as f64).sum();
    sum / 100.0
}

/// A field of `/proc/<pid>/stat`, counted from the one behind the name.
fn field(pid: u32, number: usize) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(number)?.parse().ok()
}
