//! The real program as a process of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::server::Database;

/// A running program; killed when dropped.
pub struct Process {
    child: Running,
    /// Scheme, host and port.
    pub url: String,
    /// The first token of the database.
    pub token: String,
}

impl Process {
    /// Starts the program on a free port, which it tells on its first line.
    pub fn start(database: &Database, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.envs(database.settings()).envs(settings.iter().copied());
        let process = Self::of(command);
        Self { token: database.token(), ..process }
    }

    /// Starts it as a test wants it, without a look at its token.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a first line");
        let address = line.split("listens on ").nth(1).and_then(|rest| rest.split(',').next()).expect("an address");
        Self { url: format!("http://{address}"), child: Running(child), token: String::new() }
    }

    /// Number of the process.
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Stops it, as the system does, and waits for its end.
    pub fn stop(mut self) {
        // Once it has answered it listens to signals too.
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).expect("a connection");
        stream.write_all(b"GET /debug/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let id = rustix::process::Pid::from_child(&self.child.0);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
        assert!(self.child.0.wait().expect("it ends").success());
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
        let sent = Command::new("kill").args(["-s", name, &self.child.0.id().to_string()]).status();
        assert!(sent.expect("kill runs").success(), "SIG{name} is sent");
    }

    /// Whether it has not ended.
    pub fn running(&mut self) -> bool {
        self.child.0.try_wait().expect("its state").is_none()
    }

    /// How it ends by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.child.0.try_wait().expect("its state") {
                return status;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(self) {
        drop(self);
    }
}

/// A child that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
