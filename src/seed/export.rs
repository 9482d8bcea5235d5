//! Writes what is there in the form of a seed file: without secrets, and without what the server made for itself
//! beyond what has a name of its own.

use std::collections::HashMap;

use super::file::{
    AnyKey, Api, ApiMethod, App, AppType, Domain, GrantKind, Labeling, LoginKind, Machine, Member, Oidc, OidcMethod,
    Org, Project, ProjectGrant, ResponseKind, Role, Seed, State, Token, TokenType, UserGrant, UserState,
};
use super::metadata::Metadata;
use super::names::OWN;
use super::problem::Mark;
use super::seeder::Seeder;
use super::shape::Shape as _;
use super::value::{Name, PublicKey, Skew, Text, Time, Uris};
use super::write::text_of;
use crate::auth::Admitted;
use crate::error::Result;
use crate::service::oidc_config::{Login, OidcConfig};
use crate::store::{
    AppKind, FirstRow, MaterialRow, MembershipOf, Named, OrgIs, SecretAppRow, SecretUserRow, UserGrantOf, names,
};

/// What an exported file begins with.
const HEAD: &str = "\
# yaml-language-server: $schema=seed.schema.json
# Secrets and tokens are not in here: what is there keeps those that it has. On another server an application gets a
# new secret that nobody knows, and a user none, unless you say it (secret: {env: NAME}); a token is made only with
# write: PATH in the place of kept: true. Keys are good there too: their public halves are in here. Those that have
# expired are left out.
";

/// Rows by what they belong to.
fn grouped<T>(rows: Vec<T>, key: impl Fn(&T) -> String) -> HashMap<String, Vec<T>> {
    let mut all: HashMap<String, Vec<T>> = HashMap::new();
    for row in rows {
        all.entry(key(&row)).or_default().push(row);
    }
    all
}

/// An export in the making.
struct Export<'a> {
    seeder: &'a Seeder,
    who: Admitted,
    first: Option<FirstRow>,
}

impl Seeder {
    /// All objects in the form of a seed file.
    ///
    /// # Errors
    /// The store failed.
    pub async fn export(&self) -> Result<String> {
        let who = self.who("");
        let first = self.services.present.first(&who).await?;
        let export = Export { seeder: self, who, first };
        let instance = export.members(0, &[String::new()]).await?;
        let mut seed = Seed { members: instance.into_values().flatten().collect(), ..Seed::default() };
        let ids = self.services.present.org_ids(&export.who).await?;
        for row in self.services.present.orgs(&export.who, &ids).await? {
            seed.organizations.push(export.org(row).await?);
        }
        seed.organizations.sort_by(|a, b| a.id.text.cmp(&b.id.text));
        export.own_names(&mut seed);
        Ok(format!("{HEAD}{}", text_of(&seed.write())))
    }
}

impl Export<'_> {
    /// Those that have not expired.
    fn good(&self, mut rows: Vec<MaterialRow>) -> Vec<MaterialRow> {
        rows.retain(|row| row.expires_at > self.who.now);
        rows
    }

    /// Puts the names for what the server made for itself in the place of its ids.
    fn own_names(&self, seed: &mut Seed) {
        let Some(first) = &self.first else { return };
        let ids = [Some(&first.org_id), Some(&first.project_id), first.user_id.as_ref()];
        for (of, name) in seed.identifiers() {
            for ((own, kind), id) in OWN.iter().zip(ids) {
                if *kind == of && id == Some(&name.text) {
                    (*own).clone_into(&mut name.text);
                }
            }
        }
    }

    async fn org(&self, row: OrgIs) -> Result<Org> {
        let present = &self.seeder.services.present;
        let (who, id) = (&self.who, [row.id.clone()]);
        let domains = present.domains(who, &id).await?;
        let user_rows = present.users(who, Named::In(&id)).await?;
        let mut keepers: Vec<String> = user_rows.iter().map(|user| user.row.id.clone()).collect();
        keepers.push(String::new());
        let kept = present.metadata(who, &id, &keepers).await?;
        let mut metadata: HashMap<String, Metadata> = HashMap::new();
        for row in kept {
            metadata.entry(row.user_id).or_default().0.push((row.key, row.value));
        }
        let own = metadata.remove("");
        let members = self.members(1, &id).await?.remove(&row.id).unwrap_or_default();
        let grants = present.user_grants(who, Named::In(&id)).await?;
        let domain = |domain: crate::store::OwnedDomainRow| Domain {
            at: Mark::default(),
            name: Name::new(&domain.domain),
            primary: domain.is_primary.then_some(true),
        };
        Ok(Org {
            at: Mark::default(),
            id: Name::new(&row.id),
            name: Some(Name::new(&row.name)),
            state: inactive(row.state.number()),
            domains: self.own_domains(domains).map(domain).collect(),
            metadata: own,
            users: self.users(&id, user_rows, metadata).await?,
            projects: self.projects(&id).await?,
            members,
            user_grants: grants.iter().map(user_grant).collect::<Result<_>>()?,
        })
    }

    /// Domains, unless there is only the one that follows from the name on each server.
    fn own_domains(
        &self,
        domains: Vec<crate::store::OwnedDomainRow>,
    ) -> impl Iterator<Item = crate::store::OwnedDomainRow> {
        let below = format!(".{}", self.seeder.domain);
        let follows = domains.len() == 1 && domains[0].domain.ends_with(&below);
        domains.into_iter().filter(move |_| !follows)
    }

    async fn users(
        &self,
        org: &[String],
        rows: Vec<SecretUserRow>,
        mut metadata: HashMap<String, Metadata>,
    ) -> Result<Vec<Machine>> {
        let present = &self.seeder.services.present;
        let of = |row: &MaterialRow| row.owner_id.clone();
        let mut keys = grouped(self.good(present.machine_keys(&self.who, Named::In(org)).await?), of);
        let mut tokens = grouped(self.good(present.tokens(&self.who, Named::In(org)).await?), of);
        let first = self.first.as_ref().and_then(|first| first.user_id.as_ref());
        let user = |found: SecretUserRow| {
            let row = found.row;
            let mut user = Machine {
                at: Mark::default(),
                id: Name::new(&row.id),
                user_name: Some(Name::new(&row.user_name)),
                name: Some(Name::new(&row.name)),
                description: (!row.description.is_empty()).then(|| Text::new(&row.description)),
                token_type: Some(TokenType(word(row.access_token_type))),
                state: Some(UserState(word(row.state.number()))).filter(|state| state.0 != 1),
                metadata: metadata.remove(&row.id),
                secret: None,
                keys: keys.remove(&row.id).unwrap_or_default().into_iter().map(key).collect(),
                tokens: tokens.remove(&row.id).unwrap_or_default().iter().map(token).collect(),
            };
            // Each server makes the first token of its first user itself.
            if first == Some(&row.id) && !user.tokens.is_empty() {
                user.tokens.remove(0);
            }
            user
        };
        Ok(rows.into_iter().map(user).collect())
    }

    async fn projects(&self, org: &[String]) -> Result<Vec<Project>> {
        let present = &self.seeder.services.present;
        let who = &self.who;
        let rows = present.projects(who, Named::In(org)).await?;
        let mut roles = grouped(present.roles(who, org, None).await?, |role| role.project_id.clone());
        let mut members = self.members(2, org).await?;
        let mut grants = self.grants(org).await?;
        let mut apps = self.apps(org).await?;
        let project = |found: crate::store::ProjectOf| {
            let row = found.row;
            let role = |role: crate::store::OwnedRoleRow| Role {
                at: Mark::default(),
                key: Name::new(&role.role_key),
                name: (!role.display_name.is_empty()).then(|| Name::new(&role.display_name)),
                group: (!role.group_name.is_empty()).then(|| Text::new(&role.group_name)),
            };
            Project {
                at: Mark::default(),
                id: Name::new(&row.id),
                name: Some(Name::new(&row.name)),
                state: inactive(row.state.number()),
                role_assertion: Some(row.role_assertion),
                role_check: Some(row.role_check),
                grant_check: Some(row.has_project_check),
                private_labeling: Some(Labeling(word(row.private_labeling))),
                roles: roles.remove(&row.id).unwrap_or_default().into_iter().map(role).collect(),
                apps: apps.remove(&row.id).unwrap_or_default(),
                members: members.remove(&row.id).unwrap_or_default(),
                grants: grants.remove(&row.id).unwrap_or_default(),
            }
        };
        Ok(rows.into_iter().map(project).collect())
    }

    async fn apps(&self, org: &[String]) -> Result<HashMap<String, Vec<App>>> {
        let present = &self.seeder.services.present;
        let rows = present.apps(&self.who, Named::In(org)).await?;
        let mut keys = grouped(self.good(present.app_keys(&self.who, Named::In(org)).await?), |row: &MaterialRow| {
            row.owner_id.clone()
        });
        let mut all: HashMap<String, Vec<App>> = HashMap::new();
        for row in rows {
            let keys = keys.remove(&row.placed.row.id).unwrap_or_default();
            all.entry(row.placed.project_id.clone()).or_default().push(app(row, keys)?);
        }
        Ok(all)
    }

    async fn grants(&self, org: &[String]) -> Result<HashMap<String, Vec<ProjectGrant>>> {
        let rows = self.seeder.services.present.project_grants(&self.who, Named::In(org)).await?;
        // Those count where the grant is given to.
        let to: Vec<String> = rows.iter().map(|grant| grant.granted_org_id.clone()).collect();
        let mut members = self.members(3, &to).await?;
        let mut all: HashMap<String, Vec<ProjectGrant>> = HashMap::new();
        for row in rows {
            let grant = ProjectGrant {
                at: Mark::default(),
                organization: Name::new(&row.granted_org_id),
                roles: list(&row.role_keys)?,
                state: inactive(row.state.number()),
                members: members.remove(&row.id).unwrap_or_default(),
            };
            all.entry(row.project_id).or_default().push(grant);
        }
        Ok(all)
    }

    /// Members of what is in organizations.
    async fn members(&self, scope: i64, ids: &[String]) -> Result<HashMap<String, Vec<Member>>> {
        let rows = self.seeder.services.present.members(&self.who, scope, Named::In(ids)).await?;
        let mut all: HashMap<String, Vec<Member>> = HashMap::new();
        for MembershipOf { object_id, user_id, roles, .. } in rows {
            let member = Member { at: Mark::default(), user: Name::new(&user_id), roles: list(&roles)? };
            all.entry(object_id).or_default().push(member);
        }
        Ok(all)
    }
}

/// A number of the store that fits a choice.
fn word(number: i64) -> i32 {
    i32::try_from(number).unwrap_or_default()
}

/// Said of what is not in use only.
fn inactive(number: i64) -> Option<State> {
    Some(State(word(number))).filter(|state| state.0 != 1)
}

fn list(stored: &str) -> Result<Vec<Name>> {
    Ok(names(stored)?.iter().map(|name| Name::new(name)).collect())
}

fn key(row: MaterialRow) -> AnyKey {
    let public_key = Some(PublicKey { der: row.material });
    AnyKey { at: Mark::default(), id: Name::new(&row.id), expires: Time::end(row.expires_at), public_key, write: None }
}

fn token(row: &MaterialRow) -> Token {
    let expires = Time::end(row.expires_at);
    Token { at: Mark::default(), id: Name::new(&row.id), expires, write: None, kept: Some(true) }
}

fn user_grant(row: &UserGrantOf) -> Result<UserGrant> {
    Ok(UserGrant {
        at: Mark::default(),
        user: Name::new(&row.user_id),
        project: Name::new(&row.project_id),
        roles: list(&row.role_keys)?,
        state: inactive(row.state.number()),
    })
}

fn app(found: SecretAppRow, keys: Vec<MaterialRow>) -> Result<App> {
    let row = found.placed.row;
    let api = Api { at: Mark::default(), auth_method: Some(ApiMethod(word(row.auth_method))) };
    let config = row.oidc_config.as_deref().map(OidcConfig::read).transpose()?;
    Ok(App {
        at: Mark::default(),
        id: Name::new(&row.id),
        name: Some(Name::new(&row.name)),
        state: inactive(row.state.number()),
        client_id: Some(Name::new(&row.client_id)),
        secret: None,
        api: (row.kind == AppKind::Api).then_some(api),
        oidc: config.as_ref().map(oidc),
        keys: keys.into_iter().map(key).collect(),
    })
}

fn oidc(config: &OidcConfig) -> Oidc {
    let uris = |all: &[String]| Some(Uris(all.iter().map(|uri| Text::new(uri)).collect()));
    let (login, login_uri) = match &config.login {
        Login::Default => (0, None),
        Login::V1 => (1, None),
        Login::V2(uri) => (2, uri.as_deref().filter(|uri| !uri.is_empty()).map(Text::new)),
    };
    Oidc {
        at: Mark::default(),
        app_type: Some(AppType(config.app_type.0)),
        auth_method: Some(OidcMethod(config.auth_method.0)),
        redirect_uris: uris(&config.redirect_uris),
        post_logout_redirect_uris: uris(&config.post_logout_redirect_uris),
        additional_origins: uris(&config.additional_origins),
        response_types: config.response_types.iter().map(|kind| ResponseKind(kind.0)).collect(),
        grant_types: config.grant_types.iter().map(|kind| GrantKind(kind.0)).collect(),
        access_token_type: Some(TokenType(config.access_token_type)),
        dev_mode: Some(config.dev_mode),
        access_token_role_assertion: Some(config.roles_in_access_token),
        id_token_role_assertion: Some(config.roles_in_id_token),
        id_token_userinfo_assertion: Some(config.userinfo_in_id_token),
        clock_skew: Some(Skew(config.clock_skew)),
        skip_native_app_success_page: Some(config.skip_native_app_success_page),
        back_channel_logout_uri: Some(Text::new(&config.back_channel_logout_uri)),
        login: Some(LoginKind(login)),
        login_uri,
    }
}
