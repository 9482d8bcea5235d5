//! What has to be done with members and grants.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::file::{Member, Project, ProjectGrant, Seed, UserGrant};
use super::plan_projects::state_of;
use super::planner::{Act, In, Planner};
use super::problem::shown;
use super::value::Name;
use crate::error::Result;
use crate::store::{State, names};

/// What a file will have made, for references to it.
#[derive(Default)]
pub struct Grants<'f> {
    users: HashSet<&'f str>,
    orgs: HashSet<&'f str>,
    /// The organization of each project.
    projects: HashMap<&'f str, &'f str>,
    /// Roles of projects, by project and key.
    roles: HashSet<(&'f str, &'f str)>,
    /// Project grants, by project and organization.
    granted: HashMap<(&'f str, &'f str), &'f ProjectGrant>,
}

impl<'f> Grants<'f> {
    /// Of a file.
    pub fn of(seed: &'f Seed) -> Self {
        let mut all = Self::default();
        for org in &seed.organizations {
            all.orgs.insert(&org.id);
            all.users.extend(org.users.iter().map(|user| &*user.id));
            for project in &org.projects {
                all.projects.insert(&project.id, &org.id);
                all.roles.extend(project.roles.iter().map(|role| (&*project.id, &*role.key)));
                all.granted.extend(project.grants.iter().map(|g| ((&*project.id, &*g.organization), g)));
            }
        }
        all
    }
}

/// Whether roles are others than those that are there, in whatever order.
fn differ(said: &[Name], there: &[String]) -> bool {
    let said: BTreeSet<&str> = said.iter().map(|name| &*name.text).collect();
    said != there.iter().map(String::as_str).collect()
}

impl<'f> Planner<'f, '_> {
    /// There must be such a user.
    fn user_known(&mut self, user: &Name, grants: &Grants<'_>) {
        if !grants.users.contains(&**user) && !self.present.users.contains_key(&**user) {
            self.problems.add(user.at, format!("there is no user {}, neither here nor on the server", shown(user)));
        }
    }

    /// There must be such roles.
    fn roles_known(&mut self, project: &str, roles: &[Name], grants: &Grants<'_>) {
        for role in roles {
            let key = (project.to_owned(), role.text.clone());
            if !grants.roles.contains(&(project, &*role.text)) && !self.present.roles.contains_key(&key) {
                self.problems.add(role.at, format!("the project {} has no role {}", shown(project), shown(role)));
            }
        }
    }

    pub fn members(&mut self, members: &'f [Member], place: In<'f>, grants: &Grants<'_>) {
        for member in members {
            self.user_known(&member.user, grants);
            let there = self.member(place, &member.user);
            let (stage, kind) = match place {
                In::Instance => (2, "member of the instance"),
                In::Org => (2, "member of the organization"),
                In::Project(_) => (2, "member of the project"),
                In::Grant(..) => (4, "member of the project grant"),
            };
            match there {
                None => self.make(stage, kind, &member.user, member.at, Act::Member(place, member, true)),
                Some(roles) if differ(&member.roles, roles) => {
                    let act = Act::Member(place, member, false);
                    self.change(stage, (kind, &member.user), vec!["roles"], member.at, act);
                }
                Some(_) => {}
            }
        }
    }

    /// Roles of a member.
    fn member(&self, place: In<'_>, user: &str) -> Option<&Vec<String>> {
        let (scope, object) = match place {
            In::Instance => (0, String::new()),
            In::Org => (1, self.org.to_owned()),
            In::Project(id) => (2, id.to_owned()),
            In::Grant(project, org) => {
                (3, self.present.project_grants.get(&(project.to_owned(), org.to_owned()))?.id.clone())
            }
        };
        self.present.members.get(&(scope, object, user.to_owned()))
    }

    pub fn grants(&mut self, project: &'f Project, grants: &Grants<'_>) {
        for grant in &project.grants {
            let org = &grant.organization;
            if !grants.orgs.contains(&*org.text) && !self.present.orgs.contains_key(&*org.text) {
                let text = format!("there is no organization {}, neither here nor on the server", shown(org));
                self.problems.add(org.at, text);
            }
            self.roles_known(&project.id, &grant.roles, grants);
            let row = self.present.project_grants.get(&(project.id.text.clone(), org.text.clone()));
            let name = format!("{} to {}", &*project.id, &**org);
            match row {
                None => self.make(3, "project grant", &name, grant.at, Act::GrantAdd(&project.id, grant)),
                Some(row) if names(&row.role_keys).is_ok_and(|there| differ(&grant.roles, &there)) => {
                    let act = Act::GrantChange(&project.id, grant);
                    self.change(3, ("project grant", &name), vec!["roles"], grant.at, act);
                }
                Some(_) => {}
            }
            let there = row.map_or(State::Active, |row| row.state);
            if let Some(state) = grant.state.map(state_of).filter(|state| *state != there) {
                let act = Act::GrantSwitch(&project.id, org, state);
                self.change(5, ("project grant", &name), vec!["state"], grant.at, act);
            }
            self.members(&grant.members, In::Grant(&project.id, org), grants);
        }
    }

    pub fn user_grant(&mut self, grant: &'f UserGrant, grants: &Grants<'_>) {
        self.user_known(&grant.user, grants);
        self.project_usable(grant, grants);
        let key = (self.org.to_owned(), grant.user.text.clone(), grant.project.text.clone());
        let row = self.present.user_grants.get(&key);
        let name = format!("{} in {}", &*grant.user, &*grant.project);
        match row {
            None => self.make(4, "user grant", &name, grant.at, Act::UserGrantAdd(grant)),
            Some(row) if names(&row.role_keys).is_ok_and(|there| differ(&grant.roles, &there)) => {
                let act = Act::UserGrantChange(row.id.clone(), grant);
                self.change(4, ("user grant", &name), vec!["roles"], grant.at, act);
            }
            Some(_) => {}
        }
        let there = row.map_or(State::Active, |row| row.state);
        if let Some(state) = grant.state.map(state_of).filter(|state| *state != there) {
            self.change(5, ("user grant", &name), vec!["state"], grant.at, Act::UserGrantSwitch(grant, state));
        }
    }

    /// The project of a user grant must be one of the organization, or granted to it with these roles.
    fn project_usable(&mut self, grant: &UserGrant, grants: &Grants<'_>) {
        let (project, org) = (&*grant.project, self.org);
        let there = self.present.projects.get(project).map(|found| found.org_id.as_str());
        let Some(owner) = grants.projects.get(project).copied().or(there) else {
            let text = format!("there is no project {}, neither here nor on the server", shown(project));
            return self.problems.add(grant.project.at, text);
        };
        if owner == org {
            return self.roles_known(project, &grant.roles, grants);
        }
        let here = grants.granted.get(&(project, org));
        let here = here.map(|granted| Ok(granted.roles.iter().map(|role| role.text.clone()).collect()));
        let given: Option<Result<Vec<String>>> = here.or_else(|| {
            let row = self.present.project_grants.get(&(project.to_owned(), org.to_owned()));
            row.map(|row| names(&row.role_keys).map_err(Into::into))
        });
        match given {
            Some(Ok(roles)) if grant.roles.iter().all(|role| roles.contains(&role.text)) => {}
            Some(_) => {
                let text = format!("{} is not granted to {} with all of these roles", shown(project), shown(org));
                self.problems.add(grant.at, text);
            }
            None => {
                let text = format!(
                    "the project {} is of another organization and not granted to {}",
                    shown(project),
                    shown(org)
                );
                self.problems.add(grant.project.at, text);
            }
        }
    }
}
