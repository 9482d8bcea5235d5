//! What has to be done so that there is what a file says: a list of steps, from the file and from what is there.
//! The server is not asked here, and nothing is written. No steps: nothing would change.

use super::file::{AnyKey, App, Domain, Machine, Member, Org, Project, ProjectGrant, Role, Seed, Token, UserGrant};
use super::plan_members::Grants;
use super::present::Present;
use super::problem::{Mark, Problems, shown};
use super::value::Name;
use crate::clock::Micros;
use crate::crypto::secrets;
use crate::service::present::not_to_choose;
use crate::store::{State, UserSwitch, fold};

/// How many stages there are: what is in one stage may be done in any order, after all before.
pub const STAGES: usize = 6;

/// Something to do.
pub struct Step<'f> {
    /// When: 0 is first.
    pub stage: usize,
    /// The organization that it is in; empty for the instance.
    pub org: &'f str,
    /// Whether something new is made.
    pub new: bool,
    /// What it is about: `user`.
    pub kind: &'static str,
    /// Which of them.
    pub name: String,
    /// What changes of it; empty for what is new.
    pub what: Vec<&'static str>,
    /// Where the file says so.
    pub at: Mark,
    /// What to do.
    pub act: Act<'f>,
}

/// What to do.
pub enum Act<'f> {
    OrgAdd(&'f Org),
    OrgRename(&'f str),
    OrgSwitch(bool),
    DomainAdd(&'f str),
    DomainPrimary(&'f str),
    OrgMetadata(Vec<(&'f str, &'f [u8])>),
    UserAdd(&'f Machine),
    UserChange(&'f Machine),
    UserSwitch(&'f str, Vec<UserSwitch>),
    UserSecret(&'f Machine),
    ProjectAdd(&'f Project),
    ProjectChange(&'f Project),
    ProjectSwitch(&'f str, State),
    RolesAdd(&'f str, Vec<&'f Role>),
    RoleChange(&'f str, &'f Role),
    AppAdd(&'f str, &'f App),
    AppChange(&'f str, &'f App, bool),
    AppSwitch(&'f str, &'f str, State),
    AppSecret(&'f str, &'f App),
    AppKey(&'f str, &'f str, &'f AnyKey),
    UserKey(&'f str, &'f AnyKey),
    Token(&'f str, &'f Token),
    /// A file that a crash has left under another name gets its own.
    Publish(&'f std::path::Path, Vec<u8>),
    Member(In<'f>, &'f Member, bool),
    GrantAdd(&'f str, &'f ProjectGrant),
    GrantChange(&'f str, &'f ProjectGrant),
    GrantSwitch(&'f str, &'f str, State),
    UserGrantAdd(&'f UserGrant),
    UserGrantChange(String, &'f UserGrant),
    UserGrantSwitch(&'f UserGrant, State),
}

/// What somebody is a member of.
#[derive(Clone, Copy)]
pub enum In<'f> {
    Instance,
    Org,
    Project(&'f str),
    /// A project and the organization that it is granted to.
    Grant(&'f str, &'f str),
}

/// A plan in the making.
pub struct Planner<'f, 'p> {
    pub present: &'p Present,
    pub now: Micros,
    pub problems: &'p mut Problems,
    pub steps: Vec<Step<'f>>,
    /// The organization at hand.
    pub org: &'f str,
}

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

/// Whether something is said, and other than what is there.
pub fn other<T: PartialEq>(said: Option<T>, there: &T) -> bool {
    said.is_some_and(|said| said != *there)
}

/// Names of those that are true.
pub fn named<const N: usize>(all: [(&'static str, bool); N]) -> Vec<&'static str> {
    all.into_iter().filter(|(_, changes)| *changes).map(|(name, _)| name).collect()
}

impl<'f> Planner<'f, '_> {
    /// Something new is made.
    pub fn make(&mut self, stage: usize, kind: &'static str, name: &str, at: Mark, act: Act<'f>) {
        let (name, org) = (shown(name), self.org);
        self.steps.push(Step { stage, org, new: true, kind, name, what: Vec::new(), at, act });
    }

    /// Something changes.
    pub fn change(
        &mut self,
        stage: usize,
        (kind, name): (&'static str, &str),
        what: Vec<&'static str>,
        at: Mark,
        act: Act<'f>,
    ) {
        if !what.is_empty() {
            let (name, org) = (shown(name), self.org);
            self.steps.push(Step { stage, org, new: false, kind, name, what, at, act });
        }
    }

    /// Something new has an identifier that can be chosen, and what it must have.
    pub fn fresh(&mut self, kind: &str, id: &Name, named: bool) {
        if let Some(why) = not_to_choose(id, &self.present.first_number) {
            self.problems.add(id.at, format!("there is no {kind} {}, and {why}", shown(id)));
        }
        if !named {
            self.problems.add(id.at, format!("there is no {kind} {} yet: a new one needs a name", shown(id)));
        }
    }

    /// Something with this identifier is elsewhere.
    pub fn elsewhere(&mut self, kind: &str, id: &Name, place: &str) {
        let text = format!("the {kind} {} is in {} already; it cannot be moved", shown(id), shown(place));
        self.problems.add(id.at, text);
    }

    fn org(&mut self, org: &'f Org) {
        let id = &*org.id;
        let row = self.present.orgs.get(id);
        match row {
            None => {
                self.fresh("organization", &org.id, org.name.is_some());
                self.make(0, "organization", id, org.at, Act::OrgAdd(org));
            }
            Some(row) => {
                let name = org.name.as_ref().map(|name| name.text.trim()).filter(|name| *name != row.name);
                if let Some(name) = name {
                    self.change(1, ("organization", id), vec!["name"], org.at, Act::OrgRename(name));
                }
            }
        }
        let active = row.is_none_or(|row| row.state.number() == 1);
        if let Some(state) = org.state.filter(|state| (state.0 == 1) != active) {
            self.change(1, ("organization", id), vec!["state"], org.at, Act::OrgSwitch(state.0 == 1));
        }
        org.domains.iter().for_each(|domain| self.domain(domain));
        let metadata = org.metadata.as_ref().map(|all| self.metadata("", all.pairs())).unwrap_or_default();
        if !metadata.is_empty() {
            self.change(1, ("organization", id), vec!["metadata"], org.at, Act::OrgMetadata(metadata));
        }
    }

    fn domain(&mut self, domain: &'f Domain) {
        let row = self.present.domains.get(&(self.org.to_owned(), fold(&domain.name)));
        if row.is_none() {
            self.make(1, "domain", &domain.name, domain.at, Act::DomainAdd(&domain.name));
        }
        let primary = row.is_some_and(|row| row.is_primary);
        if domain.primary == Some(true) && !primary {
            let act = Act::DomainPrimary(row.map_or(&*domain.name, |_| &*domain.name));
            self.change(2, ("domain", &domain.name), vec!["primary"], domain.at, act);
        }
        if domain.primary == Some(false) && primary {
            self.problems.add(domain.at, "it is the primary domain; make another one the primary one");
        }
    }

    /// Values that are others than what is there.
    fn metadata(&self, user: &str, mut all: Vec<(&'f str, &'f [u8])>) -> Vec<(&'f str, &'f [u8])> {
        let there = &self.present.metadata;
        let same = |key: &str, value: &[u8]| {
            there.get(&(self.org.to_owned(), user.to_owned(), key.to_owned())).is_some_and(|v| v == value)
        };
        all.retain(|(key, value)| !same(key, value));
        all
    }

    fn user(&mut self, user: &'f Machine) {
        let id = &*user.id;
        let row = self.present.users.get(id);
        match row {
            Some(found) if found.row.org_id != self.org => return self.elsewhere("user", &user.id, &found.row.org_id),
            None => {
                self.fresh("user", &user.id, user.name.is_some());
                self.make(1, "user", id, user.at, Act::UserAdd(user));
            }
            Some(found) => {
                let row = &found.row;
                let metadata = user.metadata.as_ref().map(|all| self.metadata(id, all.pairs())).unwrap_or_default();
                let what = named([
                    ("user_name", other(user.user_name.as_deref(), &row.user_name.as_str())),
                    ("name", other(user.name.as_deref(), &row.name.as_str())),
                    ("description", other(user.description.as_deref(), &row.description.as_str())),
                    ("token_type", other(user.token_type.map(|kind| i64::from(kind.0)), &row.access_token_type)),
                    ("metadata", !metadata.is_empty()),
                ]);
                self.change(1, ("user", id), what, user.at, Act::UserChange(user));
            }
        }
        self.user_state(user, row.map_or(1, |found| found.row.state.number()));
        let hash = row.and_then(|found| found.secret_hash.as_deref());
        if user.secret.as_ref().is_some_and(|secret| !secrets::proves(&secret.text, [hash])) {
            self.change(2, ("user", id), vec!["secret"], user.at, Act::UserSecret(user));
        }
        user.keys.iter().for_each(|key| self.user_key(user, key));
        user.tokens.iter().for_each(|token| self.token(user, token));
    }

    fn user_state(&mut self, user: &'f Machine, there: i64) {
        use UserSwitch::{Deactivate, Lock, Reactivate, Unlock};
        let switches = match (there, user.state.map(|state| state.0)) {
            (1 | 4, Some(2)) => vec![Deactivate],
            (1, Some(4)) => vec![Lock],
            (2, Some(1)) => vec![Reactivate],
            (2, Some(4)) => vec![Reactivate, Lock],
            (4, Some(1)) => vec![Unlock],
            _ => return,
        };
        // Those that may act again first, for others may be switched off only while one is left.
        let stage = if user.state.is_some_and(|state| state.0 == 1) { 1 } else { 5 };
        self.change(stage, ("user", &user.id), vec!["state"], user.at, Act::UserSwitch(&user.id, switches));
    }
}
