//! Removal of organizations: one change after which nothing in them is valid, and then steps in which all that was in
//! them goes. Each step is a unit of work of its own, so that nobody waits long for it; whoever comes back after a
//! crash goes on where it broke off, for what is left to do stands in the tables.

use std::sync::Arc;

use tokio::sync::Notify;

use super::orgs::NOT_FOUND;
use super::outcome::{Owned, changed};
use super::{Deps, members, project_grants, user_grants};
use crate::auth::Admitted;
use crate::error::{Error, Result};
use crate::store::{
    Actor, Beside, GrantAt, InstanceRow, Leaving, LeavingRow, LeavingThing, OrgRemoved, ProjectAt, ProjectGrantName,
    ProjectRemoved, Scope, Stamp, Store, Swept, UserAt, UserRemoved, Work,
};

/// Removed organizations that are looked for at once.
const LOOK: i64 = 20;

/// A step: what it takes out of a removed organization.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Rows of one table, of which the event of the organization tells.
    Rows(Swept),
    /// What has events of its own.
    Each(Leaving),
}

/// In this order, each until nothing is left of it; what refers to something comes before that.
const STEPS: [Step; 13] = [
    Step::Each(Leaving::Grants),
    Step::Each(Leaving::GrantsOnProjects),
    Step::Each(Leaving::ProjectGrants),
    Step::Rows(Swept::AppKeys),
    Step::Rows(Swept::Apps),
    Step::Rows(Swept::Roles),
    Step::Rows(Swept::Members),
    Step::Rows(Swept::Metadata),
    Step::Rows(Swept::MachineKeys),
    Step::Rows(Swept::Tokens),
    Step::Each(Leaving::Projects),
    Step::Each(Leaving::GrantsElsewhere),
    Step::Each(Leaving::Users),
];

/// Removes organizations. Cheap to clone.
#[derive(Clone)]
pub struct Removal {
    deps: Deps,
    /// Wakes the one who goes on.
    begun: Arc<Notify>,
}

impl Removal {
    pub fn new(deps: Deps) -> Self {
        Self { deps, begun: Arc::default() }
    }

    /// Removes an organization: from now on nothing in it is valid, and name, domains and login names are free. What
    /// was in it goes soon.
    ///
    /// # Errors
    /// `COMMA-wG9p1` it is the default one, `COMMA-AF3JW` the project of the server itself is in it, `COMMA-aps2n` no
    /// such organization, `INSTANCE-Ow1nr` all active owners of the instance are in it.
    pub async fn remove_org(&self, who: &Admitted, id: &str) -> Result<Owned<Stamp>> {
        let work = self.deps.store.work(who.actor(), async |mut work| {
            // Owners of the instance neither come nor go meanwhile.
            work.place_held(Scope::Instance).await?;
            let instance = work.instance_kept().await?;
            let instance = instance.ok_or_else(|| Error::internal("the server has not been set up"))?;
            may_go(&mut work, &instance, id).await?;
            let org = work.org_held(id).await?;
            let mut org = org.ok_or_else(|| Error::not_found("COMMA-aps2n", NOT_FOUND))?;
            members::other_owner(org.work, Beside::Org(id)).await?;
            let (name, primary_domain) = (org.row.name.clone(), org.row.primary_domain.clone());
            let created_at = org.row.stamp.created_at;
            let removed = OrgRemoved { id, name: &name, primary_domain: &primary_domain, created_at, by: &who.user_id };
            let event = org.record(&removed).await?;
            Ok(Owned { owner_id: instance.instance_id, value: changed(&event, created_at) })
        });
        let removed = work.await?;
        self.begun.notify_one();
        Ok(removed)
    }

    /// Waits until an organization has been removed by this process.
    pub(crate) async fn begun(&self) {
        self.begun.notified().await;
    }

    /// Goes on with all removals until nothing is left to do.
    pub(crate) async fn go_on(&self) -> Result<()> {
        loop {
            let leaving = self.deps.store.orgs_leaving(LOOK).await?;
            for org in &leaving {
                while !self.step(org).await? {
                    tokio::task::yield_now().await;
                }
                tracing::info!(org_id = org.id, "a removed organization is empty");
            }
            if leaving.is_empty() {
                return Ok(());
            }
        }
    }

    /// Does one step; true if there is none left.
    async fn step(&self, org: &LeavingRow) -> Result<bool> {
        let store: &Store = &self.deps.store;
        let id = org.id.as_str();
        let actor = Actor::new(&org.removed_by, id, self.deps.env.clock.now());
        let work = store.work(actor, async |mut work| {
            // Another process may have been faster.
            if !work.org_leaving(id).await? {
                return Ok(true);
            }
            for step in STEPS {
                if step.take(&mut work, id).await? {
                    return Ok(false);
                }
            }
            work.org_end(id).await?;
            Ok(true)
        });
        work.await
    }
}

/// The default organization stays, and the one with the project of the server itself.
async fn may_go(work: &mut Work, instance: &InstanceRow, id: &str) -> Result<()> {
    if instance.default_org_id == id {
        return Err(Error::precondition("COMMA-wG9p1", "Default Organisation must not be deleted"));
    }
    if work.project_org(&instance.iam_project_id).await?.as_deref() == Some(id) {
        return Err(Error::precondition("COMMA-AF3JW", "Organisation with Zitadel project must not be deleted"));
    }
    Ok(())
}

impl Step {
    /// Takes the next things out of an organization; false if there was none.
    async fn take(self, work: &mut Work, org_id: &str) -> Result<bool> {
        let what = match self {
            Self::Rows(what) => return Ok(work.leave(what, org_id).await? > 0),
            Self::Each(what) => what,
        };
        let found = work.leaving(what, org_id).await?;
        for LeavingThing { org_id, id, project_id } in &found {
            match what {
                Leaving::Grants | Leaving::GrantsOnProjects | Leaving::GrantsElsewhere => {
                    user_grants::end(work, GrantAt { org_id, id }).await?;
                }
                Leaving::ProjectGrants => end_project_grant(work, ProjectAt { org_id, id: project_id }, id).await?,
                Leaving::Projects => end_project(work, ProjectAt { org_id, id }).await?,
                Leaving::Users => end_user(work, UserAt { org_id, id }).await?,
            }
        }
        Ok(!found.is_empty())
    }
}

async fn end_project_grant(work: &mut Work, at: ProjectAt<'_>, id: &str) -> Result<()> {
    let Some(mut project) = work.project_held(at).await? else { return Ok(()) };
    let grant = project.work.project_grant_held_to_end(at, ProjectGrantName::Id(id)).await?;
    if let Some(grant) = grant {
        project_grants::remove(&mut project, at, &grant).await?;
    }
    Ok(())
}

async fn end_project(work: &mut Work, at: ProjectAt<'_>) -> Result<()> {
    let Some(mut project) = work.project_held_to_end(at).await? else { return Ok(()) };
    let name = project.row.name.clone();
    project.record(&ProjectRemoved { at, name: &name }).await?;
    Ok(())
}

async fn end_user(work: &mut Work, at: UserAt<'_>) -> Result<()> {
    let Some(mut user) = work.user_held_to_end(at).await? else { return Ok(()) };
    let user_name = user.row.user_name.clone();
    user.record(&UserRemoved { at, user_name: &user_name }).await?;
    Ok(())
}
