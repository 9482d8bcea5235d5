//! A seed file that was read and checked, and what it would change.

use std::io::Read as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::{SeedError, wrong};
use super::file::Seed;
use super::planner::Step;
use super::present::Present;
use super::problem::{Mark, Problems};
use super::shape::Shape as _;
use super::{check, plan, yaml};

/// Largest file in bytes.
const LARGEST: u64 = 32 << 20;

/// A seed file that was read and checked.
pub struct Wanted {
    pub(super) seed: Seed,
    /// The name and place of the file.
    pub(super) home: Problems,
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
    pub(super) fn of(step: &Step<'_>) -> Self {
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

fn contents(path: &Path, problems: &mut Problems) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    let start = Mark { line: 1, column: 1 };
    match read {
        Ok(size) if size as u64 > LARGEST => problems.add(start, format!("the file has more than {LARGEST} bytes")),
        Err(error) => problems.add(start, format!("the file cannot be read: {error}")),
        Ok(_) => return Some(text),
    }
    None
}

/// The JSON schema of seed files, for editors.
pub fn schema() -> String {
    let mut schema = Seed::schema();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "Seed file of Claviger".into();
    format!("{schema:#}")
}
