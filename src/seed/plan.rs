//! What has to be done so that there is what a file says.

use super::file::Seed;
use super::plan_members::Grants;
use super::planner::{In, Planner, Step};
use super::present::Present;
use super::problem::Problems;
use crate::clock::Micros;

/// What is to be done.
pub fn plan<'f>(seed: &'f Seed, present: &Present, now: Micros, problems: &mut Problems) -> Vec<Step<'f>> {
    let mut planner = Planner { present, now, problems, steps: Vec::new(), org: "" };
    for org in &seed.organizations {
        planner.org = &org.id;
        planner.org(org);
        org.users.iter().for_each(|user| planner.user(user));
        org.projects.iter().for_each(|project| planner.project(project));
    }
    let grants = Grants::of(seed);
    planner.org = "";
    planner.members(&seed.members, In::Instance, &grants);
    for org in &seed.organizations {
        planner.org = &org.id;
        planner.members(&org.members, In::Org, &grants);
        for project in &org.projects {
            planner.members(&project.members, In::Project(&project.id), &grants);
            planner.grants(project, &grants);
        }
        org.user_grants.iter().for_each(|grant| planner.user_grant(grant, &grants));
    }
    let Planner { mut steps, .. } = planner;
    steps.sort_by_key(|step| step.stage);
    steps
}
