//! The rows that the events tell of, made from the events alone and held against the tables.

use std::collections::BTreeMap;

use serde_json::Value;

use super::rows::Snapshot;
use super::server::Database;
use super::text;

/// What there is: a name, and its values with names.
type State = BTreeMap<String, BTreeMap<&'static str, String>>;

// Within an aggregate in order; a project's events tell of its members, so users come first.
const EVENTS: &str = "SELECT org_id, aggregate_kind, aggregate_id, CAST(sequence AS TEXT), kind, app_id, \
     CAST(payload AS TEXT) FROM events ORDER BY CASE aggregate_kind WHEN 'user' THEN 0 ELSE 1 END, \
     org_id, aggregate_kind, aggregate_id, events.sequence";

/// For each kind of row: how its name begins, how many columns name it, the others, and the query.
const TABLES: [(&str, usize, &[&str], &str); 13] = [
    ("org", 1, &["name"], "SELECT id, name FROM organizations"),
    (
        "project",
        2,
        &["name", "state", "sequence"],
        "SELECT org_id, id, name, CAST(state AS TEXT), CAST(sequence AS TEXT) FROM projects",
    ),
    (
        "app",
        3,
        &["name", "state", "method", "sequence"],
        "SELECT org_id, project_id, id, name, CAST(state AS TEXT), CAST(auth_method AS TEXT), CAST(sequence AS TEXT) \
         FROM apps",
    ),
    ("app key", 4, &["sequence"], "SELECT org_id, project_id, app_id, id, CAST(sequence AS TEXT) FROM app_keys"),
    (
        "role",
        3,
        &["name", "group", "sequence"],
        "SELECT org_id, project_id, role_key, display_name, group_name, CAST(sequence AS TEXT) FROM project_roles",
    ),
    (
        "user",
        2,
        &["user name", "name", "state", "secret", "sequence"],
        "SELECT org_id, id, user_name, name, CAST(state AS TEXT), \
         CASE WHEN secret_hash IS NULL THEN '' ELSE 'yes' END, CAST(sequence AS TEXT) FROM users",
    ),
    ("machine key", 3, &["sequence"], "SELECT org_id, user_id, id, CAST(sequence AS TEXT) FROM machine_keys"),
    ("pat", 3, &["sequence"], "SELECT org_id, user_id, id, CAST(sequence AS TEXT) FROM personal_access_tokens"),
    (
        "member",
        3,
        &["roles", "sequence"],
        "SELECT org_id, object_id, user_id, CAST(roles AS TEXT), CAST(sequence AS TEXT) FROM memberships",
    ),
    (
        "project grant",
        3,
        &["to", "roles", "state", "sequence"],
        "SELECT org_id, project_id, id, granted_org_id, CAST(role_keys AS TEXT), CAST(state AS TEXT), \
         CAST(sequence AS TEXT) FROM project_grants",
    ),
    // The same keys a second time, for filters.
    ("role of project grant", 4, &[], "SELECT org_id, project_id, grant_id, role_key FROM project_grant_roles"),
    (
        "grant",
        2,
        &["user", "project", "roles", "state", "sequence"],
        "SELECT org_id, id, user_id, project_id, CAST(role_keys AS TEXT), CAST(state AS TEXT), \
         CAST(sequence AS TEXT) FROM user_grants",
    ),
    // The same keys a second time, for filters.
    ("grant role", 3, &[], "SELECT org_id, grant_id, role_key FROM user_grant_roles"),
];

/// Rows that the events do not tell of, and what they tell of that is no row.
pub async fn differences(database: &Database) -> Vec<String> {
    let mut snapshot = Snapshot::open(database).await;
    let told = replay(&snapshot.rows(EVENTS).await);
    let stored = tables(&mut snapshot).await;
    let mut all = Vec::new();
    for (name, values) in &told {
        match stored.get(name) {
            None => all.push(format!("{name}: events tell of it, there is no row; {values:?}")),
            Some(row) if row != values => all.push(format!("{name}: events tell {values:?}, the row {row:?}")),
            Some(_) => {}
        }
    }
    all.extend(
        stored.keys().filter(|name| !told.contains_key(*name)).map(|name| format!("{name}: no event tells of it")),
    );
    all
}

async fn tables(snapshot: &mut Snapshot) -> State {
    let mut state = State::new();
    for (kind, names, columns, sql) in TABLES {
        for row in snapshot.rows(sql).await {
            let (name, values) = row.split_at(names);
            let values = columns.iter().copied().zip(values.iter().map(String::as_str));
            state.insert(
                format!("{kind} {}", name.join("/")),
                values.map(|(column, value)| (column, plain(column, value))).collect(),
            );
        }
    }
    state
}

/// Lists and states as they are told, however they are stored.
fn plain(column: &str, value: &str) -> String {
    match column {
        "roles" => match serde_json::from_str::<Vec<String>>(value) {
            Ok(roles) => roles.join(","),
            Err(_) => value.split_whitespace().collect::<Vec<_>>().join(","),
        },
        "state" => match value {
            "active" => "1",
            "inactive" => "2",
            "locked" => "4",
            other => other,
        }
        .to_owned(),
        _ => value.to_owned(),
    }
}

/// One event.
struct Told<'a> {
    org: &'a str,
    id: &'a str,
    sequence: &'a str,
    app: &'a str,
    payload: Value,
}

fn replay(events: &[Vec<String>]) -> State {
    let mut state = State::new();
    for row in events {
        let [org, _, id, sequence, kind, app, payload] = row.as_slice() else { panic!("seven columns: {row:?}") };
        let payload = serde_json::from_str(payload).unwrap_or_else(|e| panic!("{kind}: {e}"));
        let told = Told { org, id, sequence, app, payload };
        match kind.split('.').next().unwrap_or_default() {
            "project" if kind.starts_with("project.application.") => told.application(&mut state, kind),
            "project" => told.project(&mut state, kind),
            "user" if kind.starts_with("user.grant.") => told.grant(&mut state, kind),
            "user" => told.user(&mut state, kind),
            "org" => told.org(&mut state, kind),
            "instance" if kind == "instance.member.removed" => told.member_gone(&mut state, "", ""),
            "instance" if kind.starts_with("instance.member.") => told.member(&mut state, "", ""),
            _ => {}
        }
    }
    let grants: Vec<(String, String)> = state
        .iter()
        .filter_map(|(name, values)| Some((name.strip_prefix("grant ")?.to_owned(), values["roles"].clone())))
        .collect();
    let project_grants: Vec<(String, String)> = state
        .iter()
        .filter_map(|(name, values)| Some((name.strip_prefix("project grant ")?.to_owned(), values["roles"].clone())))
        .collect();
    for (name, roles) in project_grants {
        for role in roles.split(',').filter(|r| !r.is_empty()) {
            state.insert(format!("role of project grant {name}/{role}"), BTreeMap::new());
        }
    }
    for (name, roles) in grants {
        for role in roles.split(',').filter(|r| !r.is_empty()) {
            state.insert(format!("grant role {name}/{role}"), BTreeMap::new());
        }
    }
    state
}

impl Told<'_> {
    fn text(&self, member: &str) -> String {
        text(&self.payload, &format!("/{member}"))
    }

    fn list(&self, member: &str) -> String {
        let list = self.payload[member].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
    }

    /// Sets values of what is there, or of what this event makes.
    fn set(&self, state: &mut State, name: String, values: &[(&'static str, String)]) {
        let entry = state.entry(name).or_default();
        entry.extend(values.iter().cloned());
        entry.insert("sequence", self.sequence.to_owned());
    }

    fn org(&self, state: &mut State, kind: &str) {
        match kind {
            "org.added" => drop(state.insert(format!("org {}", self.id), [("name", self.text("name"))].into())),
            "org.member.added" | "org.member.changed" => self.member(state, self.org, self.id),
            "org.member.removed" => self.member_gone(state, self.org, self.id),
            _ => {}
        }
    }

    /// A membership in an object; whoever is gone has none.
    fn member(&self, state: &mut State, org: &str, object: &str) {
        let user = self.text("userId");
        if state.keys().any(|name| name.starts_with("user ") && name.ends_with(&format!("/{user}"))) {
            let name = format!("member {org}/{object}/{user}");
            self.set(state, name, &[("roles", self.list("roles"))]);
        }
    }

    fn member_gone(&self, state: &mut State, org: &str, object: &str) {
        state.remove(&format!("member {org}/{object}/{}", self.text("userId")));
    }

    fn project_grant(&self, state: &mut State, kind: &str) {
        let id = self.text("grantId");
        let grant = format!("project grant {}/{}/{id}", self.org, self.id);
        let roles = || ("roles", self.list("roleKeys"));
        let to = state.get(&grant).map(|values| values["to"].clone()).unwrap_or_default();
        match kind.trim_start_matches("project.grant.") {
            "added" => {
                let values = [("to", self.text("grantedOrgId")), roles(), ("state", "1".to_owned())];
                self.set(state, grant, &values);
            }
            "changed" | "cascade.changed" => self.set(state, grant, &[roles()]),
            "deactivated" => self.set(state, grant, &[("state", "2".to_owned())]),
            "reactivated" => self.set(state, grant, &[("state", "1".to_owned())]),
            "removed" => {
                let members = format!("member {to}/{id}/");
                state.retain(|name, _| *name != grant && !name.starts_with(&members));
            }
            "member.added" | "member.changed" => self.member(state, &to, &id),
            "member.removed" => self.member_gone(state, &to, &id),
            other => panic!("an event that the checker does not know: {other}"),
        }
    }

    fn project(&self, state: &mut State, kind: &str) {
        let at = format!("{}/{}", self.org, self.id);
        let project = format!("project {at}");
        match kind {
            "project.added" => {
                self.set(state, project, &[("name", self.text("name")), ("state", "1".to_owned())]);
            }
            "project.changed" => self.set(state, project, &[("name", self.text("name"))]),
            "project.deactivated" => self.set(state, project, &[("state", "2".to_owned())]),
            "project.reactivated" => self.set(state, project, &[("state", "1".to_owned())]),
            "project.removed" => {
                let grants = format!("project grant {at}/");
                let grants = state.iter().filter_map(|(name, values)| Some((name.strip_prefix(&grants)?, values)));
                let members: Vec<_> = grants.map(|(id, values)| format!("member {}/{id}/", values["to"])).collect();
                let parts = ["app", "app key", "role", "member", "project grant"].map(|part| format!("{part} {at}/"));
                let parts = [parts.to_vec(), members].concat();
                state.retain(|name, _| *name != project && !parts.iter().any(|part| name.starts_with(part)));
            }
            "project.role.added" | "project.role.changed" => {
                let values = [("name", self.text("displayName")), ("group", self.text("group"))];
                self.set(state, format!("role {at}/{}", self.text("key")), &values);
            }
            "project.role.removed" => drop(state.remove(&format!("role {at}/{}", self.text("key")))),
            "project.member.added" | "project.member.changed" => self.member(state, self.org, self.id),
            "project.member.removed" => self.member_gone(state, self.org, self.id),
            kind if kind.starts_with("project.grant.") => self.project_grant(state, kind),
            other => panic!("an event that the checker does not know: {other}"),
        }
    }

    fn application(&self, state: &mut State, kind: &str) {
        let at = format!("{}/{}/{}", self.org, self.id, self.app);
        let app = format!("app {at}");
        let key = format!("app key {at}/{}", self.text("keyId"));
        let method = self.payload["authMethodType"].to_string();
        match kind.trim_start_matches("project.application.") {
            "added" => self.set(state, app, &[("name", self.text("name")), ("state", "1".to_owned())]),
            "changed" => self.set(state, app, &[("name", self.text("name"))]),
            "deactivated" => self.set(state, app, &[("state", "2".to_owned())]),
            "reactivated" => self.set(state, app, &[("state", "1".to_owned())]),
            "config.api.added" | "config.oidc.added" | "config.api.changed" => {
                self.set(state, app, &[("method", method)]);
            }
            "config.api.secret.changed" => self.set(state, app, &[]),
            "oidc.key.added" => self.set(state, key, &[]),
            "oidc.key.removed" => drop(state.remove(&key)),
            "removed" => {
                let keys = format!("app key {at}/");
                state.retain(|name, _| *name != app && !name.starts_with(&keys));
            }
            other => panic!("an event that the checker does not know: {other}"),
        }
    }

    fn user(&self, state: &mut State, kind: &str) {
        let at = format!("{}/{}", self.org, self.id);
        let user = format!("user {at}");
        let key = format!("machine key {at}/{}", self.text("keyId"));
        let pat = format!("pat {at}/{}", self.text("tokenId"));
        let is = |state: &str| [("state", state.to_owned())];
        match kind.trim_start_matches("user.") {
            "machine.added" => {
                let [name, user_name] = ["name", "userName"].map(|n| self.text(n));
                let values = [("name", name), ("user name", user_name), ("state", "1".to_owned())];
                self.set(state, user, &[&values[..], &[("secret", String::new())]].concat());
            }
            "machine.changed" => self.set(state, user, &[("name", self.text("name"))]),
            "username.changed" => self.set(state, user, &[("user name", self.text("userName"))]),
            "deactivated" => self.set(state, user, &is("2")),
            "locked" => self.set(state, user, &is("4")),
            "reactivated" | "unlocked" => self.set(state, user, &is("1")),
            "machine.secret.set" => self.set(state, user, &[("secret", "yes".to_owned())]),
            "machine.secret.removed" => self.set(state, user, &[("secret", String::new())]),
            "machine.key.added" => self.set(state, key, &[]),
            "machine.key.removed" => drop(state.remove(&key)),
            "pat.added" => self.set(state, pat, &[]),
            "pat.removed" => drop(state.remove(&pat)),
            "removed" => {
                let parts = ["machine key", "pat"].map(|part| format!("{part} {at}/"));
                state.retain(|name, _| *name != user && !parts.iter().any(|part| name.starts_with(part)));
            }
            other => panic!("an event that the checker does not know: {other}"),
        }
    }

    fn grant(&self, state: &mut State, kind: &str) {
        let grant = format!("grant {}/{}", self.org, self.id);
        match kind.trim_start_matches("user.grant.") {
            "added" => {
                let [user, project] = ["userId", "projectId"].map(|n| self.text(n));
                let values = [("user", user), ("project", project), ("roles", self.list("roleKeys"))];
                self.set(state, grant, &[&values[..], &[("state", "1".to_owned())]].concat());
            }
            "changed" | "cascade.changed" => self.set(state, grant, &[("roles", self.list("roleKeys"))]),
            "deactivated" => self.set(state, grant, &[("state", "2".to_owned())]),
            "reactivated" => self.set(state, grant, &[("state", "1".to_owned())]),
            "removed" | "cascade.removed" => drop(state.remove(&grant)),
            other => panic!("an event that the checker does not know: {other}"),
        }
    }
}
