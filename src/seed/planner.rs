//! Steps, and what makes a plan of them: a list of steps, from a file and from what is there. The server is not asked
//! here, and nothing is written. No steps: nothing would change.

use super::file::{AnyKey, App, Machine, Member, Org, Project, ProjectGrant, Role, Token, UserGrant};
use super::present::Present;
use super::problem::{Mark, Problems, shown};
use super::value::Name;
use crate::clock::Micros;
use crate::service::present::not_to_choose;
use crate::store::{State, UserSwitch};

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
}
