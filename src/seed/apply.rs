//! Does the steps of a plan, by the functions that the APIs call.

use futures_util::{StreamExt as _, stream};
use zeroize::Zeroizing;

use super::file::{AnyKey, App, Machine, Project, ProjectGrant, Token};
use super::keep::{self, Draft};
use super::metadata::Metadata;
use super::plan_projects::change_of;
use super::planner::{Act, In, STAGES, Step};
use super::seeder::Seeder;
use super::value;
use super::value::{Name, Place, PublicKey};
use crate::auth::Admitted;
use crate::crypto::rsa::KeyPair;
use crate::crypto::{keyfile, secrets};
use crate::error::{Error, Result};
use crate::service::app_changes::{AppChange, ConfigChange, SecretOf};
use crate::service::apps::{ApiMethod, AppId, NewApiApp, NewOidcApp, Own};
use crate::service::keys::NewKey;
use crate::service::machine_keys::NewMachineKey;
use crate::service::members::Place as MemberPlace;
use crate::service::metadata::Owner;
use crate::service::oidc_config::OidcConfig;
use crate::service::orgs::NewOrg;
use crate::service::project_grants::{NewProjectGrant, ProjectGrantId};
use crate::service::projects::{NewProject, ProjectChange};
use crate::service::tokens::OwnToken;
use crate::service::user_grants::NewUserGrant;
use crate::service::users::{MachineChange, NewMachine, SwitchErrors};
use crate::store::{MachineValues, ProjectGrantName, ProjectValues, RoleValues, State, UserSwitch};

/// How many steps are done at once: as many as writers of PostgreSQL and a group of SQLite have use for.
const AT_ONCE: usize = 24;
/// What a service tells of a user that is gone meanwhile.
const GONE: &str = "COMMAND-k2una";

/// Does all steps, stage by stage. What fails ends its stage; the stages before it are done.
///
/// # Errors
/// Each step that failed, and why.
pub async fn apply<'f, 'p>(
    seeder: &Seeder,
    steps: &'p [Step<'f>],
) -> std::result::Result<(), Vec<(&'p Step<'f>, Error)>> {
    for stage in 0..STAGES {
        let all = steps.iter().filter(|step| step.stage == stage);
        let done = stream::iter(all).map(|step| async move { (step, Box::pin(seeder.step(step)).await) });
        let done: Vec<_> = done.buffer_unordered(AT_ONCE).collect().await;
        let failed: Vec<_> = done.into_iter().filter_map(|(step, done)| Some((step, done.err()?))).collect();
        if !failed.is_empty() {
            return Err(failed);
        }
    }
    Ok(())
}

fn texts(names: &[Name]) -> Vec<String> {
    names.iter().map(|name| name.text.clone()).collect()
}

fn text<const MIN: usize, const MAX: usize>(text: Option<&value::Text<MIN, MAX>>, or: &str) -> String {
    text.map_or_else(|| or.to_owned(), |text| text.text.clone())
}

impl Seeder {
    async fn step(&self, step: &Step<'_>) -> Result<()> {
        let who = self.who(step.org);
        match &step.act {
            Act::OrgAdd(..) | Act::OrgRename(_) | Act::OrgSwitch(_) | Act::OrgMetadata(_) => self.org(&who, step).await,
            Act::DomainAdd(name) => match self.services.org_domains.add_org_domain(&who, name).await {
                // That which follows from the name came with the organization.
                Err(error) if error.id == "V2-e1wse" => Ok(()),
                done => done.map(drop),
            },
            Act::DomainPrimary(name) => self.services.org_domains.set_primary_org_domain(&who, name).await.map(drop),
            Act::UserAdd(user) => self.user_add(&who, user).await,
            Act::UserChange(user) => self.user_change(&who, user).await,
            Act::UserSwitch(id, switches) => self.user_switch(&who, id, switches).await,
            Act::UserSecret(user) => self.user_secret(&who, user).await,
            Act::UserKey(user, key) => self.user_key(&who, user, key).await,
            Act::Token(user, token) => Box::pin(self.token(&who, user, token)).await,
            Act::Publish(path, material) => keep::mend(path, material).map_err(Error::internal),
            Act::ProjectAdd(_) | Act::ProjectChange(_) | Act::ProjectSwitch(..) => self.project(&who, &step.act).await,
            Act::RolesAdd(..) | Act::RoleChange(..) => self.role(&who, &step.act).await,
            Act::AppAdd(project, app) => self.app_add(&who, project, app).await,
            Act::AppChange(..) | Act::AppSwitch(..) | Act::AppSecret(..) => self.app(&who, &step.act).await,
            Act::AppKey(project, app, key) => self.app_key(&who, AppId { project_id: project, id: app }, key).await,
            _ => self.grant(&who, &step.act).await,
        }
    }

    async fn org(&self, who: &Admitted, step: &Step<'_>) -> Result<()> {
        let orgs = &self.services.orgs;
        match &step.act {
            Act::OrgAdd(org) => {
                let name = text(org.name.as_ref(), "");
                orgs.add_org(who, NewOrg { id: Some(&org.id), name: &name, owners: &[] }).await.map(drop)
            }
            Act::OrgRename(name) => orgs.update_org(who, name).await.map(drop),
            Act::OrgSwitch(true) => orgs.reactivate_org(who).await.map(drop),
            Act::OrgSwitch(false) => orgs.deactivate_org(who).await.map(drop),
            Act::OrgMetadata(all) => self.services.metadata.bulk_set(who, Owner::Org, all).await.map(drop),
            _ => Ok(()),
        }
    }

    async fn user_add(&self, who: &Admitted, user: &Machine) -> Result<()> {
        let values = MachineValues {
            name: text(user.name.as_ref(), ""),
            description: text(user.description.as_ref(), ""),
            access_token_type: user.token_type.map_or(0, |kind| i64::from(kind.0)),
        };
        let metadata = user.metadata.as_ref().map(Metadata::pairs).unwrap_or_default();
        let user_name = user.user_name.as_deref();
        let new = NewMachine { id: Some(&user.id), user_name, values: &values, metadata: &metadata };
        self.services.users.add_machine_user(who, new).await.map(drop)
    }

    async fn user_change(&self, who: &Admitted, user: &Machine) -> Result<()> {
        let metadata = user.metadata.as_ref().map(Metadata::pairs).unwrap_or_default();
        let change = MachineChange {
            user_name: user.user_name.as_deref(),
            name: user.name.as_deref(),
            description: user.description.as_deref(),
            access_token_type: user.token_type.map(|kind| i64::from(kind.0)),
            metadata: &metadata,
        };
        self.services.users.update_machine(who, &user.id, &change, GONE).await.map(drop)
    }

    async fn user_switch(&self, who: &Admitted, id: &str, switches: &[UserSwitch]) -> Result<()> {
        for switch in switches {
            let errors = SwitchErrors { missing: GONE, refused: GONE };
            self.services.users.switch_user(who, id, *switch, errors).await?;
        }
        Ok(())
    }

    async fn user_secret(&self, who: &Admitted, user: &Machine) -> Result<()> {
        let own = user.secret.as_ref().map(|secret| &secret.text);
        let no_user = crate::service::tokens::no_user;
        self.services.tokens.generate_machine_secret(who, &user.id, own, no_user).await.map(drop)
    }

    async fn user_key(&self, who: &Admitted, user_id: &str, key: &AnyKey) -> Result<()> {
        let expires_at = key.expires.map(|end| end.0);
        let keys = &self.services.machine_keys;
        let add = async |pem: String| {
            let new = NewMachineKey { user_id, id: Some(&key.id), expires_at, public_key: pem.as_bytes() };
            keys.add_machine_key(who, new).await.map(drop)
        };
        let end = expires_at.unwrap_or(crate::clock::NEVER);
        self.key(who, key, async |pair| keyfile::service_account(pair, &key.id, user_id, end), add).await
    }

    async fn app_key(&self, who: &Admitted, app: AppId<'_>, key: &AnyKey) -> Result<()> {
        let expires_at = key.expires.map(|end| end.0);
        let add = async |pem: String| {
            let new = NewKey { app, id: Some(&key.id), expires_at, public_key: pem.as_bytes() };
            self.services.keys.add_app_key(who, new).await.map(drop)
        };
        let file = async |pair: &KeyPair| {
            let found = self.services.apps.app(who, app).await?.ok_or_else(crate::service::keys::no_app)?;
            keyfile::application(pair, &key.id, app.id, &found.row.client_id)
        };
        self.key(who, key, file, add).await
    }

    /// Adds the public key that the file brings, or makes a pair whose file is on disk before it is added.
    async fn key(
        &self,
        who: &Admitted,
        key: &AnyKey,
        file: impl AsyncFnOnce(&KeyPair) -> Result<Vec<u8>>,
        add: impl AsyncFnOnce(String) -> Result<()>,
    ) -> Result<()> {
        let pem = |der: &[u8]| PublicKey { der: der.to_vec() }.pem();
        let (None, Some(place)) = (&key.public_key, &key.write) else {
            return add(key.public_key.as_ref().map(PublicKey::pem).unwrap_or_default()).await;
        };
        let pair = self.keys.take(&who.org_id).await?;
        let text = Zeroizing::new(file(&pair).await?);
        keeping(place, &text, add(pem(&pair.public_der))).await
    }

    async fn token(&self, who: &Admitted, user_id: &str, token: &Token) -> Result<()> {
        let Some(place) = &token.write else { return Ok(()) };
        let made = secrets::personal_access_token(&self.env.random);
        let own = OwnToken { id: &token.id, token: &made };
        let expires_at = token.expires.map(|end| end.0);
        let add = self.services.tokens.add_personal_access_token(who, user_id, expires_at, Some(own));
        let text = Zeroizing::new(format!("{}\n", *made));
        Box::pin(keeping(place, text.as_bytes(), async { add.await.map(drop) })).await
    }

    async fn project(&self, who: &Admitted, act: &Act<'_>) -> Result<()> {
        let projects = &self.services.projects;
        match act {
            Act::ProjectAdd(project) => {
                let values = project_values(project);
                projects.add_project(who, NewProject { id: Some(&project.id), values: &values }).await.map(drop)
            }
            Act::ProjectChange(project) => {
                let change = ProjectChange {
                    name: project.name.as_deref(),
                    role_assertion: project.role_assertion,
                    role_check: project.role_check,
                    has_project_check: project.grant_check,
                    private_labeling: project.private_labeling.map(|labeling| i64::from(labeling.0)),
                };
                projects.update_project(who, &project.id, &change).await.map(drop)
            }
            Act::ProjectSwitch(id, State::Active) => projects.reactivate_project(who, id).await.map(drop),
            Act::ProjectSwitch(id, State::Inactive) => projects.deactivate_project(who, id).await.map(drop),
            _ => Ok(()),
        }
    }

    async fn role(&self, who: &Admitted, act: &Act<'_>) -> Result<()> {
        let roles = &self.services.roles;
        let values = |role: &super::file::Role, name: &str, group: &str| RoleValues {
            key: role.key.text.clone(),
            display_name: text(role.name.as_ref(), name),
            group: text(role.group.as_ref(), group),
        };
        match act {
            Act::RolesAdd(project, new) => {
                let new: Vec<_> = new.iter().map(|role| values(role, &role.key, "")).collect();
                roles.bulk_add_project_roles(who, project, &new).await.map(drop)
            }
            Act::RoleChange(project, role) => {
                let there = self
                    .services
                    .present
                    .roles(who, std::slice::from_ref(&who.org_id), Some(&[(*project).to_owned()]))
                    .await?;
                let there = there.into_iter().find(|row| row.role_key == role.key.text);
                let (name, group) = there.map(|row| (row.display_name, row.group_name)).unwrap_or_default();
                roles.update_project_role(who, project, &values(role, &name, &group)).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    async fn app_add(&self, who: &Admitted, project_id: &str, app: &App) -> Result<()> {
        let apps = &self.services.apps;
        let own = Own { client_id: app.client_id.as_deref(), secret: app.secret.as_ref().map(|secret| &secret.text) };
        let name = text(app.name.as_ref(), "");
        let id = Some(&*app.id);
        if let Some(oidc) = &app.oidc {
            let config = change_of(oidc).of(&OidcConfig::default())?;
            let new = NewOidcApp { project_id, id, name: &name, config, own };
            return apps.add_oidc_app(who, new).await.map(drop);
        }
        let method = api_method(app).unwrap_or(ApiMethod::Basic);
        apps.add_api_app(who, NewApiApp { project_id, id, name: &name, method, own }).await.map(drop)
    }

    async fn app(&self, who: &Admitted, act: &Act<'_>) -> Result<()> {
        let apps = &self.services.apps;
        match act {
            Act::AppChange(project_id, app, oidc) => {
                let at = AppId { project_id, id: &app.id };
                let there = apps.app(who, at).await?.ok_or_else(crate::service::keys::no_app)?;
                let api =
                    api_method(app).filter(|method| there.row.takes_keys != (*method == ApiMethod::PrivateKeyJwt));
                let oidc =
                    app.oidc.as_ref().filter(|_| *oidc).map(|oidc| ConfigChange::Oidc(Box::new(change_of(oidc))));
                let name = app.name.as_deref().filter(|name| *name != there.row.name);
                let change = AppChange { name, config: oidc.or(api.map(ConfigChange::Api)) };
                apps.update(who, at, &change).await.map(drop)
            }
            Act::AppSwitch(project_id, id, State::Active) => {
                apps.reactivate_app(who, AppId { project_id, id }).await.map(drop)
            }
            Act::AppSwitch(project_id, id, State::Inactive) => {
                apps.deactivate_app(who, AppId { project_id, id }).await.map(drop)
            }
            Act::AppSecret(project_id, app) => {
                let own = app.secret.as_ref().map(|secret| &secret.text);
                let at = AppId { project_id, id: &app.id };
                apps.regenerate_client_secret(who, at, SecretOf::Any, 0, own).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    async fn grant(&self, who: &Admitted, act: &Act<'_>) -> Result<()> {
        match act {
            Act::Member(place, member, new) => self.member(who, *place, member, *new).await,
            Act::GrantAdd(project, grant) => self.grant_add(who, project, grant).await,
            Act::GrantChange(project, grant) => {
                let id = granted(project, &grant.organization);
                let roles = texts(&grant.roles);
                self.services.project_grants.update_project_grant(who, id, &roles).await.map(drop)
            }
            Act::GrantSwitch(project, org, State::Active) => {
                self.services.project_grants.reactivate_project_grant(who, granted(project, org)).await.map(drop)
            }
            Act::GrantSwitch(project, org, State::Inactive) => {
                self.services.project_grants.deactivate_project_grant(who, granted(project, org)).await.map(drop)
            }
            _ => self.user_grant(who, act).await,
        }
    }

    async fn grant_add(&self, who: &Admitted, project_id: &str, grant: &ProjectGrant) -> Result<()> {
        let role_keys = texts(&grant.roles);
        let new = NewProjectGrant { project_id, granted_org_id: &grant.organization, role_keys: &role_keys };
        self.services.project_grants.add_project_grant(who, new).await.map(drop)
    }

    async fn user_grant(&self, who: &Admitted, act: &Act<'_>) -> Result<()> {
        let grants = &self.services.user_grants;
        match act {
            Act::UserGrantAdd(grant) => {
                let (user_id, project_id, role_keys) = (&*grant.user, &*grant.project, &texts(&grant.roles)[..]);
                let new = NewUserGrant { user_id, project_id, project_grant_id: "", role_keys };
                grants.add_user_grant(who, new).await.map(drop)
            }
            Act::UserGrantChange(id, grant) => grants.update_user_grant(who, id, &texts(&grant.roles)).await.map(drop),
            Act::UserGrantSwitch(grant, state) => {
                let of = [grant.user.text.clone()];
                let all = self.services.present.user_grants(who, crate::store::Named::Ids(&of)).await?;
                let found = all.iter().find(|row| row.org_id == who.org_id && row.project_id == grant.project.text);
                match (found, state) {
                    (Some(row), State::Active) => grants.reactivate_user_grant(who, &row.id).await.map(drop),
                    (Some(row), State::Inactive) => grants.deactivate_user_grant(who, &row.id).await.map(drop),
                    (None, _) => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    async fn member(&self, who: &Admitted, place: In<'_>, member: &super::file::Member, new: bool) -> Result<()> {
        let grant_id;
        let place = match place {
            In::Instance => MemberPlace::Instance,
            In::Org => MemberPlace::Org,
            In::Project(id) => MemberPlace::Project(id),
            In::Grant(project_id, org) => {
                let all = self
                    .services
                    .present
                    .project_grants(who, crate::store::Named::Ids(&[project_id.to_owned()]))
                    .await?;
                let found = all.into_iter().find(|row| row.granted_org_id == org);
                grant_id = found.ok_or_else(crate::service::project_grants::missing)?.id;
                MemberPlace::Grant { project_id, id: &grant_id }
            }
        };
        let (members, roles) = (&self.services.members, texts(&member.roles));
        if new {
            return members.add_member(who, place, &member.user, &roles).await.map(drop);
        }
        members.update_member(who, place, &member.user, &roles).await.map(drop)
    }
}

/// Writes a file, adds what is in it, and then gives the file its name.
async fn keeping(place: &Place, text: &[u8], add: impl Future<Output = Result<()>>) -> Result<()> {
    let draft = Draft::write(&place.path, text).map_err(Error::internal)?;
    add.await?;
    draft.publish(&place.path).map_err(Error::internal)
}

fn granted<'a>(project_id: &'a str, org: &'a str) -> ProjectGrantId<'a> {
    ProjectGrantId { project_id, name: ProjectGrantName::To(org) }
}

fn project_values(project: &Project) -> ProjectValues {
    ProjectValues {
        name: text(project.name.as_ref(), ""),
        role_assertion: project.role_assertion.unwrap_or_default(),
        role_check: project.role_check.unwrap_or_default(),
        has_project_check: project.grant_check.unwrap_or_default(),
        private_labeling: project.private_labeling.map_or(0, |labeling| i64::from(labeling.0)),
    }
}

fn api_method(app: &App) -> Option<ApiMethod> {
    let method = app.api.as_ref()?.auth_method?;
    Some(if method.0 == 1 { ApiMethod::PrivateKeyJwt } else { ApiMethod::Basic })
}
