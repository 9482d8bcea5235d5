//! What has to be done with organizations and users.

use super::file::{Domain, Machine, Org};
use super::planner::{Act, Planner, named, other};
use crate::crypto::secrets;
use crate::store::{UserSwitch, fold};

impl<'f> Planner<'f, '_> {
    pub fn org(&mut self, org: &'f Org) {
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

    pub fn user(&mut self, user: &'f Machine) {
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
