//! What is there of what a file names.

use std::collections::{BTreeSet, HashMap};

use futures_util::try_join;

use super::names::{Names, OWN};
use crate::auth::Admitted;
use crate::error::Result;
use crate::service::Services;
use crate::store::{
    MaterialRow, Named, OrgIs, OrgState, OwnedDomainRow, OwnedRoleRow, ProjectGrantOf, ProjectOf, ProjectRow,
    SecretAppRow, SecretUserRow, Stamp, State, UserGrantOf, UserRow, UserState, fold, names,
};

/// Scope of a membership, what it is in, and the user.
pub type MemberKey = (i64, String, String);

/// What is there of it.
#[derive(Debug, Default)]
pub struct Present {
    /// The first number that the server gave; ids that look like later ones are its own.
    pub first_number: String,
    pub orgs: HashMap<String, OrgIs>,
    /// By organization and folded name.
    pub domains: HashMap<(String, String), OwnedDomainRow>,
    /// By organization, user ("" for the organization itself) and key.
    pub metadata: HashMap<(String, String, String), Vec<u8>>,
    pub users: HashMap<String, SecretUserRow>,
    pub projects: HashMap<String, ProjectOf>,
    /// By project and key.
    pub roles: HashMap<(String, String), OwnedRoleRow>,
    pub apps: HashMap<String, SecretAppRow>,
    pub app_keys: HashMap<String, MaterialRow>,
    pub machine_keys: HashMap<String, MaterialRow>,
    pub tokens: HashMap<String, MaterialRow>,
    /// Roles of members.
    pub members: HashMap<MemberKey, Vec<String>>,
    /// By project and the organization that gets it.
    pub project_grants: HashMap<(String, String), ProjectGrantOf>,
    /// By organization, user and project.
    pub user_grants: HashMap<(String, String, String), UserGrantOf>,
}

/// Something by what tells it from others.
fn by<K: Eq + std::hash::Hash, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, V> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

fn list(names: &BTreeSet<String>) -> Vec<String> {
    names.iter().cloned().collect()
}

impl Present {
    /// What there is on a server that nobody has used, as far as it has a name of its own.
    pub fn of_new_server() -> Self {
        let stamp = Stamp { sequence: 0, created_at: 0, changed_at: 0 };
        let [org, project, user] = OWN.map(|(name, _)| name.to_owned());
        let row = OrgIs { id: org.clone(), name: String::new(), state: OrgState::Active };
        let orgs = HashMap::from([(org.clone(), row)]);
        let row = ProjectRow {
            id: project.clone(),
            name: String::new(),
            state: State::Active,
            role_assertion: false,
            role_check: false,
            has_project_check: false,
            private_labeling: 0,
            stamp: stamp.clone(),
        };
        let projects = HashMap::from([(project, ProjectOf { org_id: org.clone(), row })]);
        let row = UserRow {
            id: user.clone(),
            org_id: org,
            user_name: String::new(),
            name: String::new(),
            description: String::new(),
            access_token_type: 0,
            state: UserState::Active,
            has_secret: false,
            secret_used_at: None,
            stamp,
        };
        let users = HashMap::from([(user, SecretUserRow { row, secret_hash: None })]);
        // Later than any number: which ones are refused is known when the server has been set up.
        Self { first_number: "x".repeat(201), orgs, projects, users, ..Self::default() }
    }
}

/// Looks at what is there, with one question for each kind of object.
pub async fn look(services: &Services, who: &Admitted, seen: &Names) -> Result<Present> {
    let present = &services.present;
    let (orgs, users, projects, apps) = (list(&seen.orgs), list(&seen.users), list(&seen.projects), list(&seen.apps));
    let (app_keys, machine_keys) = (list(&seen.app_keys), list(&seen.machine_keys));
    let (tokens, keepers) = (list(&seen.tokens), list(&seen.keepers));
    let (instance, org_rows, domains, metadata, user_rows, project_rows, roles) = try_join!(
        present.instance(who),
        present.orgs(who, &orgs),
        present.domains(who, &orgs),
        present.metadata(who, &orgs, &keepers),
        present.users(who, Named::Ids(&users)),
        present.projects(who, Named::Ids(&projects)),
        present.roles(who, &orgs, Some(&projects)),
    )?;
    let (app_rows, app_keys, machine_keys, tokens, project_grants, user_grants) = try_join!(
        present.apps(who, Named::Ids(&apps)),
        present.app_keys(who, Named::Ids(&app_keys)),
        present.machine_keys(who, Named::Ids(&machine_keys)),
        present.tokens(who, Named::Ids(&tokens)),
        present.project_grants(who, Named::Ids(&projects)),
        present.user_grants(who, Named::Ids(&users)),
    )?;
    let mut members = HashMap::new();
    let (a, b, c, d) = try_join!(
        present.members(who, 0, Named::Ids(&users)),
        present.members(who, 1, Named::Ids(&users)),
        present.members(who, 2, Named::Ids(&users)),
        present.members(who, 3, Named::Ids(&users)),
    )?;
    for row in a.into_iter().chain(b).chain(c).chain(d) {
        members.insert((row.scope, row.object_id, row.user_id), names(&row.roles)?);
    }
    Ok(Present {
        first_number: instance.instance_id,
        orgs: by(org_rows, |row| row.id.clone()),
        domains: by(domains, |row| (row.org_id.clone(), fold(&row.domain))),
        metadata: metadata.into_iter().map(|row| ((row.org_id, row.user_id, row.key), row.value)).collect(),
        users: by(user_rows, |user| user.row.id.clone()),
        projects: by(project_rows, |project| project.row.id.clone()),
        roles: by(roles, |role| (role.project_id.clone(), role.role_key.clone())),
        apps: by(app_rows, |app| app.placed.row.id.clone()),
        app_keys: by(app_keys, |key| key.id.clone()),
        machine_keys: by(machine_keys, |key| key.id.clone()),
        tokens: by(tokens, |token| token.id.clone()),
        members,
        project_grants: by(project_grants, |grant| (grant.project_id.clone(), grant.granted_org_id.clone())),
        user_grants: by(user_grants, |g| (g.org_id.clone(), g.user_id.clone(), g.project_id.clone())),
    })
}
