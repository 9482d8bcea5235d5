//! The real program as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::server::Database;

/// A running program; killed when dropped.
pub struct Process {
    child: Child,
    /// Scheme, host and port.
    pub url: String,
    /// The first token of the database.
    pub token: String,
}

impl Process {
    /// Starts the program on a free port, which it tells on its first line.
    pub fn start(database: &Database, settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_claviger"))
            .envs(database.settings())
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a first line");
        let address = line.split("listens on ").nth(1).and_then(|rest| rest.split(',').next()).expect("an address");
        let token = std::fs::read_to_string(database.token_file()).expect("the token").trim().to_owned();
        Self { url: format!("http://{address}"), child, token }
    }

    /// Where the management API is.
    pub fn api(&self) -> String {
        format!("{}/management/v1", self.url)
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.url.trim_start_matches("http://").parse().expect("an address")
    }

    /// Sends a signal, by its name without SIG.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success(), "SIG{name} is sent");
    }

    /// Whether it has not ended.
    pub fn running(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    /// How it ends by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return status;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
