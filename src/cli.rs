//! The command line: `claviger serve | migrate | check-config | healthcheck | version`.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::app::{App, Replace};
use crate::auth::OldKey;
use crate::config::{Config, Log, wanted_log_format};
use crate::env::Sources;
use crate::opening::{self, Opened, Purpose};
use crate::server::Limits;
use crate::start::StartError;
use crate::{server, shutdown, telemetry};

/// A server for API applications and their keys, compatible with ZITADEL's Management API v1.
#[derive(Parser)]
#[command(name = "claviger", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server (the default).
    Serve,
    /// Bring the database schema up to date and end.
    Migrate,
    /// Let the signing key that is published in advance sign from now on. A running server need not
    /// be restarted.
    RotateSigningKey {
        /// Replace all signing keys, the announced one too: every token signed so far is void. For a key that leaked.
        #[arg(long)]
        revoke_old: bool,
    },
    /// Read the configuration, say what is wrong with it, and end.
    CheckConfig,
    /// Ask a running server whether it is ready; exit code 0 if so.
    Healthcheck,
    /// Print the version.
    Version,
}

type CliResult = Result<(), Box<dyn std::error::Error>>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => return logged(serve),
        Command::Migrate => return logged(migrate),
        Command::RotateSigningKey { revoke_old } => return logged(move |config| rotate(config, revoke_old)),
        Command::CheckConfig => check_config(),
        Command::Healthcheck => healthcheck(),
        Command::Version => {
            say(concat!("claviger ", env!("CARGO_PKG_VERSION")));
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("claviger: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs a command that logs; why it failed is logged too, in the form that was chosen.
fn logged<F: Future<Output = CliResult>>(command: impl FnOnce(Config) -> F) -> ExitCode {
    let Err(error) = run(command) else { return ExitCode::SUCCESS };
    // Does nothing if the configuration was fine.
    telemetry::start(&Log { level: "error".to_owned(), format: wanted_log_format(), access: false });
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!("cannot start: {error}");
    } else {
        complain(&format!("claviger: {error}"));
    }
    ExitCode::FAILURE
}

fn run<F: Future<Output = CliResult>>(command: impl FnOnce(Config) -> F) -> CliResult {
    let config = Config::load()?;
    telemetry::start(&config.log);
    let runtime = runtime()?;
    let outcome = runtime.block_on(command(config));
    // What hangs in a call of the system must not keep the process alive.
    runtime.shutdown_background();
    outcome
}

fn runtime() -> Result<Runtime, StartError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(StartError::Threads)
}

async fn serve(config: Config) -> CliResult {
    shutdown::survive_hangup();
    let listener = listen(config.server.listen, "server.listen (CLAVIGER_LISTEN)").await?;
    let bound = listener.local_addr()?;
    let admin = match config.admin_listen()? {
        Some(address) => Some(listen(address, "server.admin_listen (CLAVIGER_SERVER_ADMIN_LISTEN)").await?),
        None => None,
    };
    let admin_bound = admin.as_ref().map(TcpListener::local_addr).transpose()?;
    let app = App::build(&config, bound, Replace::default()).await?;
    // Listened for before anybody is told of the start: a stop that comes at once is a clean one too.
    shutdown::on_signals(&app.shutdown);
    say(&app.greeting(&config, bound, admin_bound));
    let limits = Limits::of(&config);
    let public = server::serve(listener, app.router.clone(), limits, app.shutdown.clone());
    let admin = async {
        if let Some(listener) = admin {
            server::serve(listener, app.admin.clone(), limits.of_admin(), app.shutdown.clone()).await;
        }
    };
    let (until, ()) = tokio::join!(public, admin);
    if tokio::time::timeout_at(until, app.stop()).await.is_err() {
        tracing::warn!("the database did not close in time");
    }
    Ok(())
}

async fn listen(address: SocketAddr, setting: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, setting, source })
}

async fn migrate(config: Config) -> CliResult {
    let mut opened = Opened::open(&config, 1, Sources::default(), Purpose::Migrate).await?;
    opened.keep();
    opened.store.close().await;
    say("the database schema is up to date");
    Ok(())
}

async fn rotate(config: Config, revoke_old: bool) -> CliResult {
    let (access, id) = config.lifetimes();
    let old = if revoke_old { OldKey::Revoke } else { OldKey::Keep { lifetime: access.max(id) } };
    let place = config.target()?.place();
    let (store, keys) = App::signing_keys(&config).await?;
    let rotated = keys.rotate(old).await;
    store.close().await;
    let active = rotated.map_err(|error| StartError::from(error).on(&place))?;
    say(&format!("the key {active} signs from now on"));
    Ok(())
}

fn check_config() -> CliResult {
    let config = Config::load()?;
    let note = runtime()?.block_on(opening::check(&config))?;
    say("the configuration is fine");
    if let Some(note) = note {
        say(&format!("but the database could not be asked whether it fits: {note}"));
    }
    Ok(())
}

/// A plain HTTP request by hand: the image has no curl, and an HTTP client for this one line would
/// be the largest part of the binary.
fn healthcheck() -> CliResult {
    const WAIT: Duration = Duration::from_secs(5);
    let mut address: SocketAddr = Config::load()?.server.listen;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    let mut stream = TcpStream::connect_timeout(&address, WAIT)
        .map_err(|e| format!("no server answers at {address} (server.listen, CLAVIGER_LISTEN): {e}"))?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    stream.write_all(b"GET /debug/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err("the server is not ready".into()) }
}

/// Prints the answer of a command. That nobody reads it is no reason to fail.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
