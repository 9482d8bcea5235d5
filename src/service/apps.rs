//! Applications.

use zeroize::Zeroizing;

use super::oidc_config::OidcConfig;
use super::outcome::{changed, made};
use super::{Deps, oidc, validate};
use crate::auth::Admitted;
use crate::clock::Micros;
use crate::crypto::secrets;
use crate::error::{Error, Result};
use crate::store::{
    AggregateKind, AppAdded, AppAt, AppConfig, AppKind, AppMethod, AppMethodChanged, AppRemoved, AppRenamed, AppRow,
    AppSecretChanged, AppSwitched, ChangePage, ChangeRow, Listed, Page, ProjectAt, Stamp, State, TextFilter,
};

/// Applications of projects.
pub struct Apps(pub(super) Deps);

/// How an API application authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiMethod {
    /// With a secret.
    Basic,
    /// With assertions that one of its keys signs.
    PrivateKeyJwt,
}

/// A new API application.
#[derive(Debug)]
pub struct NewApiApp<'a> {
    /// Project it will belong to.
    pub project_id: &'a str,
    pub name: &'a str,
    /// How it authenticates.
    pub method: ApiMethod,
}

/// A new OpenID Connect client.
#[derive(Debug)]
pub struct NewOidcApp<'a> {
    /// Project it will belong to.
    pub project_id: &'a str,
    pub name: &'a str,
    /// What it asks to be registered with.
    pub config: OidcConfig,
}

/// A new application of either kind.
struct NewApp<'a> {
    project_id: &'a str,
    name: &'a str,
    method: AppMethod,
    secret: Option<Zeroizing<String>>,
    config: AppConfig,
}

/// A new application. Its secret is here and nowhere else.
#[derive(Debug)]
pub struct CreatedApp {
    pub id: String,
    pub client_id: String,
    /// Its secret, if its method has one.
    pub secret: Option<Zeroizing<String>>,
    /// Its first events.
    pub stamp: Stamp,
}

/// An application.
#[derive(Debug)]
pub struct App {
    /// What all kinds have.
    pub row: AppRow,
    /// What an OpenID Connect client is registered with.
    pub oidc: Option<OidcConfig>,
}

/// Which application of the organization, by project and identifier.
#[derive(Debug, Clone, Copy)]
pub struct AppId<'a> {
    pub project_id: &'a str,
    pub id: &'a str,
}

impl<'a> AppId<'a> {
    /// The same, where the caller is admitted.
    pub(super) fn at(self, who: &'a Admitted) -> AppAt<'a> {
        AppAt { org_id: &who.org_id, project_id: self.project_id, id: self.id }
    }
}

impl Apps {
    /// Adds an API application, active at once.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, code 6 name taken.
    pub async fn add_api_app(&self, who: &Admitted, new: NewApiApp<'_>) -> Result<CreatedApp> {
        let secret = (new.method == ApiMethod::Basic).then(|| secrets::client_secret(&self.0.env.random));
        let NewApiApp { project_id, name, method } = new;
        self.insert(who, NewApp { project_id, name, method: method.into(), secret, config: AppConfig::Api }).await
    }

    /// Adds an OpenID Connect client; this server runs no login flows for it.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, `PROJECT-1n8df` configuration invalid, code 6 name taken.
    pub async fn add_oidc_app(&self, who: &Admitted, new: NewOidcApp<'_>) -> Result<(CreatedApp, OidcConfig)> {
        let NewOidcApp { project_id, name, config } = new;
        let config = config.completed();
        if self.0.store.project_by_id(&who.org_id, project_id).await?.is_none() {
            return Err(no_project());
        }
        oidc::check(&config)?;
        let secret = oidc::needs_secret(&config).then(|| secrets::client_secret(&self.0.env.random));
        let (method, stored) = (oidc::method(&config), AppConfig::Oidc(config.stored()?));
        let app = self.insert(who, NewApp { project_id, name, method, secret, config: stored }).await?;
        Ok((app, config))
    }

    /// Gives any kind of application another name.
    ///
    /// # Errors
    /// `COMMAND-28di9` no such application, `COMMAND-2m8vx` name unchanged, code 6 name taken.
    pub async fn update_app(&self, who: &Admitted, app: AppId<'_>, name: &str) -> Result<Stamp> {
        let at = app.at(who);
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut app = work.app_held(at).await?.ok_or_else(|| no_app("COMMAND-28di9"))?;
            if app.row.name == name {
                return Err(Error::precondition("COMMAND-2m8vx", "No changes"));
            }
            let event = app.record(&AppRenamed { at, name }).await.map_err(|e| e.taken(NAME_TAKEN))?;
            Ok(changed(&event, app.row.stamp.created_at))
        });
        work.await
    }

    /// Switches the method of an API application. Towards BASIC keys sleep and no secret is made; an old secret is
    /// forgotten.
    ///
    /// # Errors
    /// `COMMAND-2n8uU` no such application, `COMMAND-Gnwt3` not an API application,
    /// `COMMAND-1m88i` method unchanged.
    pub async fn update_api_app_config(&self, who: &Admitted, app: AppId<'_>, method: ApiMethod) -> Result<Stamp> {
        let (at, method) = (app.at(who), AppMethod::from(method));
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut app = work.app_held(at).await?.ok_or_else(|| no_app("COMMAND-2n8uU"))?;
            if app.row.kind != AppKind::Api {
                return Err(Error::invalid("COMMAND-Gnwt3", NOT_API));
            }
            if app.row.auth_method == method.number {
                return Err(Error::precondition("COMMAND-1m88i", "No changes"));
            }
            let event = app.record(&AppMethodChanged { at, method }).await?;
            Ok(changed(&event, app.row.stamp.created_at))
        });
        work.await
    }

    /// Makes a secret for an API application of either method; the old one is void at once, or when `grace` is over.
    ///
    /// # Errors
    /// `COMMAND-Gr4ce` time out of range, `COMMAND-2g66f` no such application, `COMMAND-aeH4` not an API
    /// application.
    pub async fn regenerate_api_client_secret(
        &self,
        who: &Admitted,
        app: AppId<'_>,
        grace: Micros,
    ) -> Result<(Zeroizing<String>, Stamp)> {
        let grace = validate::grace(grace)?;
        let at = app.at(who);
        let secret = secrets::client_secret(&self.0.env.random);
        let hash = secrets::hash(&secret);
        // What is void at once has no end that a clock could bring back.
        let old_until = (grace > 0).then(|| who.now + grace);
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut app = work.app_held(at).await?.ok_or_else(|| no_app("COMMAND-2g66f"))?;
            if app.row.kind != AppKind::Api {
                return Err(Error::invalid("COMMAND-aeH4", NOT_API));
            }
            let event = app.record(&AppSecretChanged { at, hash: &hash, old_until }).await?;
            Ok(changed(&event, app.row.stamp.created_at))
        });
        let stamp = work.await?;
        Ok((secret, stamp))
    }

    /// Switches an application off.
    ///
    /// # Errors
    /// `COMMAND-ov9d3` no such application, `COMMAND-dsh35` not active.
    pub async fn deactivate_app(&self, who: &Admitted, app: AppId<'_>) -> Result<Stamp> {
        let not_active = || Error::precondition("COMMAND-dsh35", "Application is not active");
        self.switch(who, app, State::Inactive, not_active).await
    }

    /// Switches an application on.
    ///
    /// # Errors
    /// `COMMAND-ov9d3` no such application, `COMMAND-1n8cM` not inactive.
    pub async fn reactivate_app(&self, who: &Admitted, app: AppId<'_>) -> Result<Stamp> {
        let not_inactive = || Error::precondition("COMMAND-1n8cM", "Application is not inactive");
        self.switch(who, app, State::Active, not_inactive).await
    }

    /// Removes an application with its keys.
    ///
    /// # Errors
    /// `COMMAND-0po9s` no such application.
    pub async fn remove_app(&self, who: &Admitted, app: AppId<'_>) -> Result<Stamp> {
        let at = app.at(who);
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut app = work.app_held(at).await?.ok_or_else(|| no_app("COMMAND-0po9s"))?;
            let name = app.row.name.clone();
            let event = app.record(&AppRemoved { at, name: &name }).await?;
            Ok(changed(&event, app.row.stamp.created_at))
        });
        work.await
    }

    /// An application of any kind; none of another organization.
    ///
    /// # Errors
    /// Its configuration cannot be read.
    pub async fn app(&self, who: &Admitted, app: AppId<'_>) -> Result<Option<App>> {
        let row = self.0.store.app_by_id(&who.org_id, app.project_id, app.id).await?;
        row.map(App::of).transpose()
    }

    /// Applications of a project, of all kinds and in all states; an unknown project has none.
    ///
    /// # Errors
    /// A configuration cannot be read.
    pub async fn list_apps(
        &self,
        who: &Admitted,
        project_id: &str,
        filters: &[TextFilter],
        page: Page,
    ) -> Result<Listed<App>> {
        let Listed { total, seen, rows } = self.0.store.app_search(&who.org_id, project_id, filters, page).await?;
        Ok(Listed { total, seen, rows: rows.into_iter().map(App::of).collect::<Result<_>>()? })
    }

    /// What happened to an application and its keys; an unknown one has no past.
    pub async fn list_app_changes(&self, who: &Admitted, app: AppId<'_>, page: ChangePage) -> Result<Vec<ChangeRow>> {
        let AppId { project_id, id } = app;
        Ok(self.0.store.changes(AggregateKind::Project, &who.org_id, project_id, Some(id), page).await?)
    }

    async fn insert(&self, who: &Admitted, new: NewApp<'_>) -> Result<CreatedApp> {
        let NewApp { project_id, name, method, secret, config } = new;
        let (id, client_id) = (self.0.env.ids.next().await, self.0.env.ids.next().await);
        let hash = secret.as_ref().map(|s| secrets::hash(s));
        let app = AppAdded {
            at: AppAt { org_id: &who.org_id, project_id, id: &id },
            name,
            client_id: &client_id,
            method,
            secret_hash: hash.as_ref().map(<[u8; 32]>::as_slice),
            config,
        };
        let at = ProjectAt { org_id: &who.org_id, id: project_id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut project = work.project_held(at).await?.ok_or_else(no_project)?;
            project.record(&app).await.map_err(|e| e.taken(NAME_TAKEN))
        });
        let stamp = made(&work.await?);
        Ok(CreatedApp { id, client_id, secret, stamp })
    }

    /// Switches an application on or off, if it is not so already.
    async fn switch(&self, who: &Admitted, app: AppId<'_>, state: State, refusal: fn() -> Error) -> Result<Stamp> {
        let at = app.at(who);
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut app = work.app_held(at).await?.ok_or_else(|| no_app("COMMAND-ov9d3"))?;
            if app.row.state == state {
                return Err(refusal());
            }
            let event = app.record(&AppSwitched { at, state }).await?;
            Ok(changed(&event, app.row.stamp.created_at))
        });
        work.await
    }
}

impl App {
    fn of(row: AppRow) -> Result<Self> {
        let oidc = row.oidc_config.as_deref().map(OidcConfig::read).transpose()?;
        Ok(Self { row, oidc })
    }
}

impl From<ApiMethod> for AppMethod {
    fn from(method: ApiMethod) -> Self {
        match method {
            ApiMethod::Basic => Self { number: 0, takes_keys: false },
            ApiMethod::PrivateKeyJwt => Self { number: 1, takes_keys: true },
        }
    }
}

fn no_app(id: &'static str) -> Error {
    Error::not_found(id, "Application doesn't exist")
}

const NAME_TAKEN: &str = "Application already exists";
const NOT_API: &str = "Application is not type API";

fn no_project() -> Error {
    Error::precondition("COMMAND-EbFMN", "Project not found")
}
