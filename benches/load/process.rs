//! The server as a process of its own, and what it and its database cost.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A running server on an empty database.
pub struct Server {
    child: Child,
    /// Host and port.
    pub address: String,
    /// The first token.
    pub token: String,
    /// Milliseconds from the start of the process until it serves.
    pub ready_ms: u128,
    database: Option<u32>,
    _data: tempfile::TempDir,
}

impl Server {
    /// Starts the program that cargo built for this benchmark, on SQLite without a URL.
    pub fn start(url: Option<&str>) -> Self {
        let data = tempfile::tempdir().expect("a data directory");
        let begun = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_claviger"))
            .env("CLAVIGER_LISTEN", "127.0.0.1:0")
            .env("CLAVIGER_DATA_DIR", data.path())
            .env("CLAVIGER_LOG_LEVEL", "warn")
            .env("DATABASE_URL", url.unwrap_or_default())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a first line");
        let ready_ms = begun.elapsed().as_millis();
        let address =
            line.split("listens on ").nth(1).and_then(|r| r.split(',').next()).expect("an address").to_owned();
        let token = std::fs::read_to_string(data.path().join("admin.pat")).expect("the first token").trim().to_owned();
        let database = url.and_then(|_| std::env::var("BENCH_DATABASE_PID").ok()?.parse().ok());
        Self { child, address, token, ready_ms, database, _data: data }
    }

    /// Resident memory in megabytes.
    pub fn memory_mb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU seconds used so far.
pub struct Cpu {
    /// By the server.
    pub server: f64,
    /// By the database and its workers, where it is a process of its own.
    pub database: Option<f64>,
}

impl Cpu {
    /// Reads the counters of the operating system (Linux).
    pub fn now(server: &Server) -> Self {
        Self { server: seconds(server.child.id()), database: server.database.map(family) }
    }

    /// What was used since an earlier reading.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            server: self.server - earlier.server,
            database: self.database.zip(earlier.database).map(|(now, before)| now - before),
        }
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
