//! The seed file: what a server is to have, from a file in YAML. It is read and checked whole, compared with what is
//! there, and what differs is done by the same service functions that the APIs call (ADR 20). There are no rules and
//! no statements here.

mod apply;
mod check;
mod export;
mod file;
mod keep;
mod names;
mod plan;
mod plan_members;
mod plan_projects;
mod present;
mod problem;
mod shape;
mod value;
mod write;
mod yaml;

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use file::Seed;
use plan::Step;
use present::Present;
pub use problem::Problems;
use shape::Shape as _;
use zeroize::Zeroizing;

use crate::auth::Admitted;
use crate::crypto::keypool::KeyPool;
use crate::env::Env;
use crate::error::Error;
use crate::service::Services;

/// Largest file in bytes.
const LARGEST: u64 = 32 << 20;
/// How often it is looked again when others change the same things meanwhile.
const ROUNDS: usize = 20;

/// Why a file was not applied.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file is wrong; nothing was written.
    #[error("the seed file cannot be used, and nothing of it was written:\n{0}")]
    Wrong(Box<Problems>),
    /// Some of it was refused on the way.
    #[error("the seed file was applied in part only; mend what is told here and apply it again:\n{0}")]
    Refused(Box<Problems>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A seed file that was read and checked.
pub struct Wanted {
    seed: Seed,
    /// The name and place of the file.
    home: Problems,
}

/// A change that was made, or would be.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Change {
    /// `create` or `change`.
    pub action: &'static str,
    /// What it is: `user`.
    pub kind: &'static str,
    /// Which of them.
    pub name: String,
    /// Its organization; empty for the instance.
    pub organization: String,
    /// What changes of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<&'static str>,
    /// Line of the file that says so.
    pub line: usize,
}

impl Change {
    fn of(step: &Step<'_>) -> Self {
        Self {
            action: if step.new { "create" } else { "change" },
            kind: step.kind,
            name: step.name.clone(),
            organization: step.org.to_owned(),
            fields: step.what.clone(),
            line: step.at.line,
        }
    }

    /// In one line, for people.
    pub fn line(&self) -> String {
        let sign = if self.action == "create" { '+' } else { '~' };
        let what = if self.fields.is_empty() { String::new() } else { format!(": {}", self.fields.join(", ")) };
        format!("{sign} {} {}{what}", self.kind, self.name)
    }
}

impl Wanted {
    /// Reads a file and checks all that can be checked without the server.
    ///
    /// # Errors
    /// The file cannot be read, or is wrong: all that is wrong is told.
    pub fn read(path: &Path) -> Result<Self, SeedError> {
        let mut problems = Problems::of(path);
        let home = problems.clone();
        let seed = contents(path, &mut problems).and_then(|text| {
            let node = yaml::parse(&text, &mut problems)?;
            Seed::read(&node, &mut problems)
        });
        match seed {
            Some(mut seed) => {
                check::check(&mut seed, &mut problems);
                problems.none().map_err(wrong)?;
                Ok(Self { seed, home })
            }
            None => Err(wrong(problems)),
        }
    }

    /// Checks the file against a server that has nothing yet, which could not have what the file refers to.
    ///
    /// # Errors
    /// The file refers to what is not in it.
    pub fn check_alone(&self) -> Result<(), SeedError> {
        let mut problems = self.home.clone();
        plan::plan(&self.seed, &Present::of_new_server(), 0, &mut problems);
        problems.none().map_err(wrong)
    }
}

fn wrong(problems: Problems) -> SeedError {
    SeedError::Wrong(Box::new(problems))
}

fn contents(path: &Path, problems: &mut Problems) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    let start = problem::Mark { line: 1, column: 1 };
    match read {
        Ok(size) if size as u64 > LARGEST => problems.add(start, format!("the file has more than {LARGEST} bytes")),
        Err(error) => problems.add(start, format!("the file cannot be read: {error}")),
        Ok(_) => return Some(text),
    }
    None
}

/// Brings a server to what files say.
pub struct Seeder {
    /// All services.
    pub services: Services,
    /// Time and randomness.
    pub env: Env,
    /// Makes key pairs.
    pub keys: KeyPool,
    /// Domain below which organizations get theirs.
    pub domain: Arc<str>,
}

/// The JSON schema of seed files, for editors.
pub fn schema() -> String {
    let mut schema = Seed::schema();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "Seed file of Claviger".into();
    format!("{schema:#}")
}

impl Seeder {
    /// The server itself, as it acts in an organization.
    fn who(&self, org: &str) -> Admitted {
        Admitted::server(org, self.env.clock.now())
    }

    /// What would change.
    ///
    /// # Errors
    /// The file cannot be applied to this server.
    pub async fn diff(&self, wanted: &mut Wanted) -> Result<Vec<Change>, SeedError> {
        let present = Box::pin(self.look(wanted)).await?;
        let mut problems = wanted.home.clone();
        let steps = plan::plan(&wanted.seed, &present, self.env.clock.now(), &mut problems);
        let changes = steps.iter().map(Change::of).collect();
        problems.none().map_err(wrong)?;
        Ok(changes)
    }

    /// Changes what differs, and gives what that was.
    ///
    /// # Errors
    /// The file cannot be applied to this server, and then nothing was written; or something failed on the way.
    pub async fn apply(&self, wanted: &mut Wanted) -> Result<Vec<Change>, SeedError> {
        let mut told = None;
        let mut before = usize::MAX;
        for _ in 0..ROUNDS {
            let present = Box::pin(self.look(wanted)).await?;
            let mut problems = wanted.home.clone();
            let steps = plan::plan(&wanted.seed, &present, self.env.clock.now(), &mut problems);
            problems.none().map_err(|problems| if told.is_none() { wrong(problems) } else { refused(problems) })?;
            let told = told.get_or_insert_with(|| steps.iter().map(Change::of).collect::<Vec<_>>());
            let Err(failed) = apply::apply(self, &steps).await else { return Ok(std::mem::take(told)) };
            // Another server that applies the same file may have been faster: then there is less to do.
            if steps.len() >= before {
                return Err(of_failed(wanted, failed));
            }
            before = steps.len();
        }
        let mut problems = wanted.home.clone();
        problems.add(wanted.seed.at, "others change what the file names meanwhile");
        Err(refused(problems))
    }

    /// What is there of what the file names. The names for what the server made for itself are replaced by its ids.
    async fn look(&self, wanted: &mut Wanted) -> Result<Present, SeedError> {
        let who = self.who("");
        if wanted.seed.identifiers().iter().any(|(_, name)| name.starts_with('_')) {
            let first = self.services.present.first(&who).await?;
            let mut problems = wanted.home.clone();
            wanted.seed.resolve(first.as_ref(), &mut problems);
            problems.none().map_err(wrong)?;
        }
        Ok(Box::pin(present::look(&self.services, &who, &wanted.seed.names())).await?)
    }
}

fn refused(problems: Problems) -> SeedError {
    SeedError::Refused(Box::new(problems))
}

/// What failed of a file.
fn of_failed(wanted: &Wanted, failed: Vec<(&Step<'_>, Error)>) -> SeedError {
    let mut problems = wanted.home.clone();
    for (step, error) in failed {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        problems.add(step.at, format!("{} {}: {error}{cause}", step.kind, step.name));
    }
    refused(problems)
}
