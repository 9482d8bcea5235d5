//! What can be wrong with a file whatever is there.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::file::{AnyKey, App, Machine, Member, Org, Project, Seed};
use super::names::{OWN, Of};
use super::problem::{Mark, Problems, shown};
use super::value::Name;
use crate::service::members::{self, Place};
use crate::service::present::signs;
use crate::store::fold;

/// Things of which there must not be two: the kind of thing, what it is in, and its name.
type Seen = HashMap<(&'static str, String, String), Mark>;

struct Checker<'p> {
    problems: &'p mut Problems,
    seen: Seen,
    paths: HashMap<PathBuf, Mark>,
}

/// Checks a whole file.
pub fn check(seed: &mut Seed, problems: &mut Problems) {
    for (of, name) in seed.identifiers() {
        identifier(of, name, problems);
    }
    let mut checker = Checker { problems, seen: Seen::new(), paths: HashMap::new() };
    checker.members(&seed.members, Place::Instance, "the instance");
    for org in &seed.organizations {
        checker.org(org);
    }
}

/// Whether it can be one: an own one, or the name of something that the server made for itself.
fn identifier(of: Of, name: &Name, problems: &mut Problems) {
    if name.starts_with('_') {
        if !OWN.contains(&(name, of)) {
            let text = "only _org, _project and _admin begin with _: what the server made for itself";
            problems.add(name.at, text);
        }
    } else if let Some(why) = signs(name) {
        problems.add(name.at, format!("{} is no identifier: {why}", shown(name)));
    }
}

impl Checker<'_> {
    /// There must not be two of this name, in whatever case.
    fn once(&mut self, kind: &'static str, within: &str, name: &Name) {
        let key = (kind, within.to_owned(), fold(name));
        match self.seen.get(&key) {
            Some(first) => {
                let text = format!("the {kind} {} is in line {} already", shown(name), first.line);
                self.problems.add(name.at, text);
            }
            None => drop(self.seen.insert(key, name.at)),
        }
    }

    fn org(&mut self, org: &Org) {
        self.once("organization", "", &org.id);
        org.name.iter().for_each(|name| self.once("organization named", "", name));
        for domain in &org.domains {
            self.once("domain", "", &domain.name);
        }
        let mut primary = org.domains.iter().filter(|domain| domain.primary == Some(true)).skip(1);
        if let Some(domain) = primary.next() {
            self.problems.add(domain.at, "an organization has one primary domain");
        }
        self.members(&org.members, Place::Org, &org.id);
        for user in &org.users {
            self.user(user);
        }
        for project in &org.projects {
            self.project(org, project);
        }
        for grant in &org.user_grants {
            self.once("grant for the user and the project", &format!("{} {}", &*org.id, &*grant.user), &grant.project);
            self.distinct(&grant.roles);
        }
    }

    fn user(&mut self, user: &Machine) {
        self.once("user", "", &user.id);
        user.user_name.iter().for_each(|name| self.once("user with the login name", "", name));
        for key in &user.keys {
            self.key("key of a user", key);
        }
        for token in &user.tokens {
            self.once("token", "", &token.id);
            token.write.iter().for_each(|place| self.path(&place.path, place.at));
            if token.write.is_some() && token.kept == Some(true) {
                self.problems.add(token.at, "a token has one of write and kept: it is made here, or it is not");
            }
        }
    }

    fn project(&mut self, org: &Org, project: &Project) {
        self.once("project", "", &project.id);
        project.name.iter().for_each(|name| self.once("project named", &org.id, name));
        for role in &project.roles {
            self.once("role", &project.id, &role.key);
        }
        for app in &project.apps {
            app.name.iter().for_each(|name| self.once("application named", &project.id, name));
            self.app(app);
        }
        self.members(&project.members, Place::Project(&project.id), &project.id);
        for grant in &project.grants {
            self.once("grant of the project to", &project.id, &grant.organization);
            self.distinct(&grant.roles);
            if grant.organization.text == org.id.text {
                self.problems.add(grant.at, "a project is granted to other organizations only");
            }
            let within = format!("{} {}", &*project.id, &*grant.organization);
            self.members(&grant.members, Place::Grant { project_id: &project.id, id: "" }, &within);
        }
    }

    fn app(&mut self, app: &App) {
        self.once("application", "", &app.id);
        app.client_id.iter().for_each(|id| self.once("client", "", id));
        for key in &app.keys {
            self.key("key of an application", key);
        }
        if app.api.is_some() && app.oidc.is_some() {
            self.problems.add(app.at, "an application is one of api and oidc");
        }
        if let Some(oidc) = &app.oidc
            && let Some(uri) = &oidc.login_uri
            && oidc.login.is_none_or(|login| login.word() != "v2")
        {
            self.problems.add(uri.at, "login_uri is for login: v2");
        }
    }

    fn key(&mut self, kind: &'static str, key: &AnyKey) {
        self.once(kind, "", &key.id);
        key.write.iter().for_each(|place| self.path(&place.path, place.at));
        if key.public_key.is_some() && key.write.is_some() {
            self.problems.add(key.at, "a key has one of public_key and write: a pair is made by you, or by the server");
        }
    }

    /// Nothing is written to one path twice.
    fn path(&mut self, path: &PathBuf, at: Mark) {
        match self.paths.get(path) {
            Some(first) => {
                let text = format!("{} is written in line {} already", path.display(), first.line);
                self.problems.add(at, text);
            }
            None => drop(self.paths.insert(path.clone(), at)),
        }
    }

    fn members(&mut self, members: &[Member], place: Place<'_>, within: &str) {
        let kind = match place {
            Place::Instance => "member of the instance",
            Place::Org => "member of the organization",
            Place::Project(_) => "member of the project",
            Place::Grant { .. } => "member of the grant",
        };
        for member in members {
            self.once(kind, within, &member.user);
            let roles: Vec<String> = member.roles.iter().map(|role| role.text.clone()).collect();
            if members::check_roles(place, &roles).is_err() {
                let known = members::roles_of(place).join(", ");
                let text = format!("a {kind} has roles, each once, of {known}");
                self.problems.add(member.at, text);
            }
        }
    }

    fn distinct(&mut self, roles: &[Name]) {
        let mut seen = HashSet::new();
        for role in roles.iter().filter(|role| !seen.insert(&role.text)) {
            self.problems.add(role.at, format!("the role {} is named twice", shown(role)));
        }
        if let Some(more) = roles.get(1000) {
            self.problems.add(more.at, "a grant has at most 1000 roles");
        }
    }
}
