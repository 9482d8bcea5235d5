//! What has to be done with projects, applications, and keys.

use super::file::{AnyKey, App, Machine, Oidc, Project, Role, Token};
use super::keep;
use super::planner::{Act, Planner, named, other};
use super::problem::{Mark, shown};
use super::value::{Name, Place, PublicKey, Time};
use crate::crypto::secrets;
use crate::service::oidc_change::OidcChange;
use crate::service::oidc_config::{ClientMethod, ClientType, GrantType, Login, OidcConfig, ResponseType};
use crate::store::{AppKind, MaterialRow, SecretAppRow, State};

/// A key or token of a file.
struct Credential<'f> {
    kind: &'static str,
    id: &'f Name,
    at: Mark,
    expires: Option<Time>,
    public_key: Option<&'f PublicKey>,
    write: Option<&'f Place>,
}

impl<'f> Planner<'f, '_> {
    pub fn project(&mut self, project: &'f Project) {
        let id = &*project.id;
        let found = self.present.projects.get(id);
        match found {
            Some(found) if found.org_id != self.org => return self.elsewhere("project", &project.id, &found.org_id),
            None => {
                self.fresh("project", &project.id, project.name.is_some());
                self.make(1, "project", id, project.at, Act::ProjectAdd(project));
            }
            Some(found) => {
                let row = &found.row;
                let labeling = project.private_labeling.map(|labeling| i64::from(labeling.0));
                let what = named([
                    ("name", other(project.name.as_deref(), &row.name.as_str())),
                    ("role_assertion", other(project.role_assertion, &row.role_assertion)),
                    ("role_check", other(project.role_check, &row.role_check)),
                    ("grant_check", other(project.grant_check, &row.has_project_check)),
                    ("private_labeling", other(labeling, &row.private_labeling)),
                ]);
                self.change(1, ("project", id), what, project.at, Act::ProjectChange(project));
            }
        }
        let there = found.map_or(State::Active, |found| found.row.state);
        if let Some(state) = project.state.map(state_of).filter(|state| *state != there) {
            self.change(5, ("project", id), vec!["state"], project.at, Act::ProjectSwitch(id, state));
        }
        self.roles(project);
        project.apps.iter().for_each(|app| self.app(project, app));
    }

    fn roles(&mut self, project: &'f Project) {
        let mut new: Vec<&'f Role> = Vec::new();
        for role in &project.roles {
            match self.present.roles.get(&(project.id.text.clone(), role.key.text.clone())) {
                None => new.push(role),
                Some(row) => {
                    let what = named([
                        ("name", other(role.name.as_deref(), &row.display_name.as_str())),
                        ("group", other(role.group.as_deref(), &row.group_name.as_str())),
                    ]);
                    self.change(2, ("role", &role.key), what, role.at, Act::RoleChange(&project.id, role));
                }
            }
        }
        for some in new.chunks(100) {
            let keys: Vec<&str> = some.iter().map(|role| &*role.key).collect();
            self.make(2, "roles", &keys.join(", "), some[0].at, Act::RolesAdd(&project.id, some.to_vec()));
        }
    }

    fn app(&mut self, project: &'f Project, app: &'f App) {
        let id = &*app.id;
        let found = self.present.apps.get(id);
        if let Some(found) = found.filter(|f| f.placed.org_id != self.org || f.placed.project_id != project.id.text) {
            return self.elsewhere("application", &app.id, &found.placed.project_id);
        }
        let (takes_keys, takes_secret) = match found {
            None => self.new_app(project, app),
            Some(found) => self.app_change(project, app, found),
        };
        let there = found.map_or(State::Active, |found| found.placed.row.state);
        if let Some(state) = app.state.map(state_of).filter(|state| *state != there) {
            self.change(5, ("application", id), vec!["state"], app.at, Act::AppSwitch(&project.id, id, state));
        }
        if let Some(secret) = app.secret.as_ref().filter(|_| !takes_secret) {
            self.problems.add(secret.at, format!("the method of the application {} takes no secret", shown(id)));
        }
        if let Some(key) = app.keys.iter().find(|key| !takes_keys && !self.present.app_keys.contains_key(&*key.id)) {
            let text = format!("the application {} takes keys with auth_method: private_key_jwt only", shown(id));
            self.problems.add(key.at, text);
            return;
        }
        app.keys.iter().for_each(|key| self.app_key(project, app, key));
    }

    /// Whether a new application takes keys, and a secret.
    fn new_app(&mut self, project: &'f Project, app: &'f App) -> (bool, bool) {
        self.fresh("application", &app.id, app.name.is_some());
        if let Some(id) = &app.client_id {
            self.fresh("client", id, true);
        }
        if app.api.is_none() && app.oidc.is_none() {
            self.problems.add(app.at, "a new application is one of api and oidc, such as api: {auth_method: basic}");
        }
        if let Some(oidc) = &app.oidc
            && let Err(error) = change_of(oidc).of(&OidcConfig::default())
        {
            self.problems.add(oidc.at, error.to_string());
        }
        self.make(2, "application", &app.id, app.at, Act::AppAdd(&project.id, app));
        match (&app.api, &app.oidc) {
            (_, Some(oidc)) => {
                let method = oidc.auth_method.unwrap_or_default().0;
                (method == 3, method < 2)
            }
            (api, None) => {
                let keys = api.as_ref().and_then(|api| api.auth_method).unwrap_or_default().0 == 1;
                (keys, !keys)
            }
        }
    }

    /// As [`Self::new_app`], of one that is there.
    fn app_change(&mut self, project: &'f Project, app: &'f App, found: &SecretAppRow) -> (bool, bool) {
        let row = &found.placed.row;
        if let Some(id) = app.client_id.as_ref().filter(|id| id.text != row.client_id) {
            self.problems.add(id.at, "the application has another client id, which cannot change");
        }
        let wrong =
            if row.kind == AppKind::Api { app.oidc.as_ref().map(|o| o.at) } else { app.api.as_ref().map(|a| a.at) };
        if let Some(at) = wrong {
            self.problems.add(at, "the application is of the other kind, which cannot change");
            return (row.takes_keys, true);
        }
        let oidc = app.oidc.as_ref().is_some_and(|oidc| self.oidc_differs(oidc, row.oidc_config.as_deref()));
        let said = app.api.as_ref().and_then(|api| api.auth_method).map(|method| i64::from(method.0));
        let said = said.or(app.oidc.as_ref().and_then(|oidc| oidc.auth_method).map(|method| i64::from(method.0)));
        let method = said.unwrap_or(row.auth_method);
        let keys = method == if row.kind == AppKind::Api { 1 } else { 3 };
        let secret = method == 0 || row.kind == AppKind::Oidc && method == 1;
        let what = named([
            ("name", other(app.name.as_deref(), &row.name.as_str())),
            ("api", app.api.is_some() && method != row.auth_method),
            ("oidc", oidc),
        ]);
        self.change(2, ("application", &app.id), what, app.at, Act::AppChange(&project.id, app, oidc));
        // Another method forgets the secret of the old one.
        let forgotten = method != row.auth_method;
        let proves = |text: &str| secrets::proves(text, [found.secret_hash.as_deref()]) && !forgotten;
        if app.secret.as_ref().is_some_and(|secret| !proves(&secret.text)) && secret {
            self.change(3, ("application", &app.id), vec!["secret"], app.at, Act::AppSecret(&project.id, app));
        }
        (keys, secret)
    }

    /// Whether a client is to be registered with something else.
    fn oidc_differs(&mut self, oidc: &Oidc, stored: Option<&str>) -> bool {
        let Some(old) = stored.and_then(|stored| OidcConfig::read(stored).ok()) else { return false };
        let change = change_of(oidc);
        match change.check().and_then(|()| change.of(&old)) {
            Ok(new) => new != old,
            Err(error) => {
                self.problems.add(oidc.at, error.to_string());
                false
            }
        }
    }

    fn app_key(&mut self, project: &'f Project, app: &'f App, key: &'f AnyKey) {
        let found = self.present.app_keys.get(&*key.id);
        let kind = "key of an application";
        if self.credential(&of_key(kind, key), &app.id, found) {
            self.make(3, kind, &key.id, key.at, Act::AppKey(&project.id, &app.id, key));
        }
    }

    pub fn user_key(&mut self, user: &'f Machine, key: &'f AnyKey) {
        let found = self.present.machine_keys.get(&*key.id);
        let kind = "key of a user";
        if self.credential(&of_key(kind, key), &user.id, found) {
            self.make(2, kind, &key.id, key.at, Act::UserKey(&user.id, key));
        }
    }

    pub fn token(&mut self, user: &'f Machine, token: &'f Token) {
        let (found, write) = (self.present.tokens.get(&*token.id), token.write.as_ref());
        let kind = "token";
        let (id, at, expires) = (&token.id, token.at, token.expires);
        if found.is_none() && token.kept == Some(true) {
            return;
        }
        if self.credential(&Credential { kind, id, at, expires, public_key: None, write }, &user.id, found) {
            self.make(2, kind, &token.id, token.at, Act::Token(&user.id, token));
        }
    }

    /// Whether a key or token has to be made. What is there must be what the file says, for it cannot change.
    fn credential(&mut self, said: &Credential<'f>, owner: &str, found: Option<&MaterialRow>) -> bool {
        let Some(row) = found else {
            self.new_credential(said);
            return true;
        };
        let name = shown(said.id);
        if row.owner_id != owner {
            self.elsewhere(said.kind, said.id, &row.owner_id);
        } else if said.public_key.is_some_and(|key| key.der != row.material) {
            let text = format!(
                "the {} {name} is another public key, which cannot change; give the new one its own id",
                said.kind
            );
            self.problems.add(said.at, text);
        } else if said.expires.is_some_and(|end| end.0 != row.expires_at) {
            let text = format!(
                "the {} {name} ends at another time, which cannot change; give the new one its own id",
                said.kind
            );
            self.problems.add(said.at, text);
        } else if let Some(write) = said.write.filter(|write| keep::left(&write.path, &row.material)) {
            let act = Act::Publish(&write.path, row.material.clone());
            self.change(3, (said.kind, said.id), vec!["file"], said.at, act);
        }
        false
    }

    fn new_credential(&mut self, said: &Credential<'f>) {
        self.fresh(said.kind, said.id, true);
        if said.expires.is_some_and(|end| end.0 < self.now) {
            self.problems.add(said.at, "it ends before it begins; choose a time to come");
        }
        if said.public_key.is_none() && said.write.is_none() {
            let hint = if said.kind == "token" { "write: path" } else { "public_key, or write: path" };
            let text = format!("there is no {} {} yet: a new one needs {hint}", said.kind, shown(said.id));
            self.problems.add(said.at, text);
        }
        if let Some(write) = said.write
            && let Err(why) = keep::free(&write.path)
        {
            self.problems.add(write.at, why);
        }
    }
}

fn of_key<'f>(kind: &'static str, key: &'f AnyKey) -> Credential<'f> {
    let (public_key, write) = (key.public_key.as_ref(), key.write.as_ref());
    Credential { kind, id: &key.id, at: key.at, expires: key.expires, public_key, write }
}

pub fn state_of(state: super::file::State) -> State {
    if state.0 == 2 { State::Inactive } else { State::Active }
}

/// What a file says of a client. What it leaves out stays.
pub fn change_of(oidc: &Oidc) -> OidcChange {
    let responses = oidc.response_types.iter().map(|kind| ResponseType(kind.0)).collect::<Vec<_>>();
    let grants = oidc.grant_types.iter().map(|kind| GrantType(kind.0)).collect::<Vec<_>>();
    let uri = || oidc.login_uri.as_ref().map(|uri| uri.text.clone());
    OidcChange {
        redirect_uris: oidc.redirect_uris.as_ref().map(super::value::Uris::texts),
        post_logout_redirect_uris: oidc.post_logout_redirect_uris.as_ref().map(super::value::Uris::texts),
        additional_origins: oidc.additional_origins.as_ref().map(super::value::Uris::texts),
        response_types: (!responses.is_empty()).then_some(responses),
        grant_types: (!grants.is_empty()).then_some(grants),
        app_type: oidc.app_type.map(|kind| ClientType(kind.0)),
        auth_method: oidc.auth_method.map(|method| ClientMethod(method.0)),
        access_token_type: oidc.access_token_type.map(|kind| kind.0),
        version: None,
        dev_mode: oidc.dev_mode,
        roles_in_access_token: oidc.access_token_role_assertion,
        roles_in_id_token: oidc.id_token_role_assertion,
        userinfo_in_id_token: oidc.id_token_userinfo_assertion,
        skip_native_app_success_page: oidc.skip_native_app_success_page,
        clock_skew: oidc.clock_skew.map(|skew| skew.0),
        back_channel_logout_uri: oidc.back_channel_logout_uri.as_ref().map(|uri| uri.text.clone()),
        login: oidc.login.map(|login| match login.0 {
            1 => Login::V1,
            2 => Login::V2(uri()),
            _ => Login::Default,
        }),
    }
}
