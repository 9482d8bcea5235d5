//! Compares what a file says with what is there, and changes what differs.

use super::error::{SeedError, refused, wrong};
use super::planner::Step;
use super::present::Present;
use super::seeder::Seeder;
use super::wanted::{Change, Wanted};
use super::{apply, plan, present};
use crate::error::Error;

/// How often it is looked again when others change the same things meanwhile.
const ROUNDS: usize = 20;

impl Seeder {
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

/// What failed of a file.
fn of_failed(wanted: &Wanted, failed: Vec<(&Step<'_>, Error)>) -> SeedError {
    let mut problems = wanted.home.clone();
    for (step, error) in failed {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        problems.add(step.at, format!("{} {}: {error}{cause}", step.kind, step.name));
    }
    refused(problems)
}
