//! `claviger seed apply | diff | export`, and what `serve --seed` looks at first.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::run::{Failure, failed, run, say};
use crate::app::App;
use crate::config::Config;
use crate::opening::Purpose;
use crate::seed::{Change, SeedError, Wanted};
use crate::start::StartError;

/// Exit code of `diff` where something would change.
const DIFFERS: u8 = 2;

#[derive(Subcommand)]
pub enum Command {
    /// Change what differs from the file. On SQLite no server may run meanwhile.
    ///
    /// Exit code 0: there is now what the file says. 1: the file is wrong and nothing was written, or it was applied in
    /// part, or the command failed.
    Apply(Of),
    /// Print what `apply` would change; nothing is written.
    ///
    /// Exit code 0: nothing would change. 2: something would. 1: the file is wrong, or the command failed.
    Diff(Of),
    /// Print all objects in the form of a seed file, without secrets.
    Export,
    /// Print the JSON schema of seed files, for editors.
    Schema,
}

/// Which file, and how to tell of it.
#[derive(Debug, Clone, Args)]
pub struct Of {
    /// The file, in YAML or JSON.
    file: PathBuf,
    /// For people, or for programs.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
enum Output {
    Text,
    Json,
}

/// Runs the command.
pub fn main(command: Command) -> ExitCode {
    let outcome = match command {
        Command::Apply(of) => run(move |config| apply(config, of)).map(|()| ExitCode::SUCCESS),
        Command::Diff(of) => run(move |config| diff(config, of)),
        Command::Export => run(export).map(|()| ExitCode::SUCCESS),
        Command::Schema => {
            say(&crate::seed::schema());
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|error| failed(&*error))
}

/// Looks at a file before anything is made for a server that has nothing yet.
pub async fn before(config: &Config, wanted: &Wanted) -> Result<(), StartError> {
    let Err(error) = wanted.check_alone() else { return Ok(()) };
    if config.target()?.look().await?.set_up { Ok(()) } else { Err(error.into()) }
}

async fn apply(config: Config, of: Of) -> Result<(), Failure> {
    let mut wanted = read(&of.file)?;
    let offline = App::seeder(&config, Purpose::Change).await?;
    let changes = Box::pin(offline.seeder.apply(&mut wanted)).await;
    offline.stop().await;
    tell(&told(&config, changes)?, of.output, "nothing to change")
}

async fn diff(config: Config, of: Of) -> Result<ExitCode, Failure> {
    let mut wanted = read(&of.file)?;
    let offline = App::seeder(&config, Purpose::Beside).await?;
    let changes = Box::pin(offline.seeder.diff(&mut wanted)).await;
    offline.stop().await;
    let changes = told(&config, changes)?;
    tell(&changes, of.output, "nothing would change")?;
    Ok(if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}

async fn export(config: Config) -> Result<(), Failure> {
    let offline = App::seeder(&config, Purpose::Beside).await?;
    let text = offline.seeder.export().await;
    offline.stop().await;
    let text = text.map_err(|error| in_place(&config, error.into()))?;
    say(text.trim_end());
    Ok(())
}

fn read(file: &Path) -> Result<Wanted, StartError> {
    Ok(Wanted::read(file)?)
}

fn told(config: &Config, changes: Result<Vec<Change>, SeedError>) -> Result<Vec<Change>, StartError> {
    changes.map_err(|error| in_place(config, error.into()))
}

fn in_place(config: &Config, error: StartError) -> StartError {
    match config.target() {
        Ok(target) => error.on(&target.place()),
        Err(_) => error,
    }
}

fn tell(changes: &[Change], output: Output, nothing: &str) -> Result<(), Failure> {
    match output {
        Output::Json => say(&serde_json::to_string_pretty(changes)?),
        Output::Text if changes.is_empty() => say(nothing),
        Output::Text => changes.iter().for_each(|change| say(&change.line())),
    }
    Ok(())
}
