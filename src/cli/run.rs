//! Runs commands, and tells what came of them.

use std::io::Write as _;
use std::process::ExitCode;

use tokio::runtime::Runtime;

use crate::config::{Config, Log, wanted_log_format};
use crate::start::StartError;
use crate::telemetry;

/// Why a command failed.
pub type Failure = Box<dyn std::error::Error>;
/// What came of a command that answers nothing more.
pub type CliResult = Result<(), Failure>;

/// Runs a command that logs; why it failed is logged too, in the form that was chosen.
pub fn logged<F: Future<Output = CliResult>>(command: impl FnOnce(Config) -> F) -> ExitCode {
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

/// Tells why a command failed.
pub fn failed(error: &dyn std::error::Error) -> ExitCode {
    // Does nothing if the configuration was fine.
    telemetry::start(&Log { level: "error".to_owned(), format: wanted_log_format(), access: false });
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!("cannot start: {error}");
    } else {
        complain(&format!("claviger: {error}"));
    }
    ExitCode::FAILURE
}

/// Runs a command with the configuration, and ends what it has begun.
pub fn run<T, F: Future<Output = Result<T, Failure>>>(command: impl FnOnce(Config) -> F) -> Result<T, Failure> {
    let config = Config::load()?;
    telemetry::start(&config.log);
    let runtime = runtime()?;
    let outcome = runtime.block_on(command(config));
    // What hangs in a call of the system must not keep the process alive.
    runtime.shutdown_background();
    outcome
}

/// What asynchronous work runs on.
pub fn runtime() -> Result<Runtime, StartError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(StartError::Threads)
}

/// Prints the answer of a command. That nobody reads it is no reason to fail.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints why something failed.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
