//! Identifiers in a file: those of its objects, and those that it refers to.

use std::collections::BTreeSet;

use super::file::{Member, Seed};
use super::problem::{Problems, shown};
use super::value::Name;
use crate::store::FirstRow;

/// What a file names.
#[derive(Debug, Default)]
pub struct Names {
    pub orgs: BTreeSet<String>,
    pub users: BTreeSet<String>,
    pub projects: BTreeSet<String>,
    pub apps: BTreeSet<String>,
    pub app_keys: BTreeSet<String>,
    pub machine_keys: BTreeSet<String>,
    pub tokens: BTreeSet<String>,
    /// Users whose metadata is named; "" if that of an organization is.
    pub keepers: BTreeSet<String>,
}

/// What an identifier is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// An organization.
    Org,
    /// A user.
    User,
    /// A project.
    Project,
    /// What the server makes nothing of for itself.
    Other,
}

/// Names by which a file calls what each server makes for itself.
pub const OWN: [(&str, Of); 3] = [("_org", Of::Org), ("_project", Of::Project), ("_admin", Of::User)];

impl Seed {
    /// All identifiers, also those that are referred to.
    pub fn identifiers(&mut self) -> Vec<(Of, &mut Name)> {
        let mut all = Vec::new();
        members(&mut self.members, &mut all);
        for org in &mut self.organizations {
            all.push((Of::Org, &mut org.id));
            members(&mut org.members, &mut all);
            for user in &mut org.users {
                all.push((Of::User, &mut user.id));
                all.extend(user.keys.iter_mut().map(|key| (Of::Other, &mut key.id)));
                all.extend(user.tokens.iter_mut().map(|token| (Of::Other, &mut token.id)));
            }
            for project in &mut org.projects {
                all.push((Of::Project, &mut project.id));
                members(&mut project.members, &mut all);
                for app in &mut project.apps {
                    all.push((Of::Other, &mut app.id));
                    all.extend(app.client_id.iter_mut().map(|id| (Of::Other, id)));
                    all.extend(app.keys.iter_mut().map(|key| (Of::Other, &mut key.id)));
                }
                for grant in &mut project.grants {
                    all.push((Of::Org, &mut grant.organization));
                    members(&mut grant.members, &mut all);
                }
            }
            for grant in &mut org.user_grants {
                all.push((Of::User, &mut grant.user));
                all.push((Of::Project, &mut grant.project));
            }
        }
        all
    }

    /// Puts the identifiers of this server in the place of the names for what it made for itself.
    pub fn resolve(&mut self, first: Option<&FirstRow>, problems: &mut Problems) {
        for (of, name) in self.identifiers().into_iter().filter(|(_, name)| name.starts_with('_')) {
            let found = first.and_then(|first| match of {
                Of::Org => Some(first.org_id.clone()),
                Of::Project => Some(first.project_id.clone()),
                Of::User => first.user_id.clone(),
                Of::Other => None,
            });
            match found {
                Some(id) => name.text = id,
                None => problems.add(name.at, format!("{} is not there any more", shown(name))),
            }
        }
    }

    /// What is to be looked at.
    pub fn names(&self) -> Names {
        let mut all = Names::default();
        let users = |members: &[Member], all: &mut Names| {
            all.users.extend(members.iter().map(|member| member.user.text.clone()));
        };
        users(&self.members, &mut all);
        for org in &self.organizations {
            all.orgs.insert(org.id.text.clone());
            users(&org.members, &mut all);
            if org.metadata.is_some() {
                all.keepers.insert(String::new());
            }
            for user in &org.users {
                all.users.insert(user.id.text.clone());
                all.machine_keys.extend(user.keys.iter().map(|key| key.id.text.clone()));
                all.tokens.extend(user.tokens.iter().map(|token| token.id.text.clone()));
                all.keepers.extend(user.metadata.iter().map(|_| user.id.text.clone()));
            }
            for project in &org.projects {
                all.projects.insert(project.id.text.clone());
                users(&project.members, &mut all);
                for app in &project.apps {
                    all.apps.insert(app.id.text.clone());
                    all.app_keys.extend(app.keys.iter().map(|key| key.id.text.clone()));
                }
                for grant in &project.grants {
                    all.orgs.insert(grant.organization.text.clone());
                    users(&grant.members, &mut all);
                }
            }
            for grant in &org.user_grants {
                all.users.insert(grant.user.text.clone());
                all.projects.insert(grant.project.text.clone());
            }
        }
        all
    }
}

fn members<'a>(members: &'a mut [Member], all: &mut Vec<(Of, &'a mut Name)>) {
    all.extend(members.iter_mut().map(|member| (Of::User, &mut member.user)));
}
