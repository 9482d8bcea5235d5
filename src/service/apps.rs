//! Applications.

use zeroize::Zeroizing;

use super::oidc_config::OidcConfig;
use super::outcome::made;
use super::{Deps, back_channel, chosen, oidc};
use crate::auth::{Admitted, Reach, Sealed};
use crate::crypto::secrets;
use crate::error::{Error, Result};
use crate::store::{
    AggregateKind, AppAdded, AppAt, AppConfig, AppFilter, AppMethod, AppOrder, AppRow, AppTaken, ChangePage, ChangeRow,
    Listed, Page, Placed, ProjectAt, Stamp, TextFilter,
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
    /// The identifier that the caller chooses; one is made if there is none.
    pub id: Option<&'a str>,
    pub name: &'a str,
    /// How it authenticates.
    pub method: ApiMethod,
    /// What else the caller chooses.
    pub own: Own<'a>,
}

/// What a caller may choose of a new application beside its identifier; the rest is made.
#[derive(Debug, Default, Clone, Copy)]
pub struct Own<'a> {
    /// Its client id.
    pub client_id: Option<&'a str>,
    /// Its client secret; of no use to a method without one.
    pub secret: Option<&'a Zeroizing<String>>,
}

/// A new OpenID Connect client.
#[derive(Debug)]
pub struct NewOidcApp<'a> {
    /// Project it will belong to.
    pub project_id: &'a str,
    /// The identifier that the caller chooses; one is made if there is none.
    pub id: Option<&'a str>,
    pub name: &'a str,
    /// What it asks to be registered with.
    pub config: OidcConfig,
    /// What else the caller chooses.
    pub own: Own<'a>,
}

/// A new application of either kind.
struct NewApp<'a> {
    project_id: &'a str,
    id: Option<&'a str>,
    name: &'a str,
    method: AppMethod,
    client_id: Option<&'a str>,
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

/// An application, and where it is.
#[derive(Debug)]
pub struct PlacedApp {
    /// Project.
    pub project_id: String,
    /// The application.
    pub app: App,
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
    /// `COMMAND-EbFMN` no such project, code 6 name taken, `PROJECT-mabu12` the chosen id is used, or looks like one of
    /// the server; code 3 it has other signs than ids may have.
    pub async fn add_api_app(&self, who: &Admitted, new: NewApiApp<'_>) -> Result<CreatedApp> {
        let secret = (new.method == ApiMethod::Basic).then(|| self.secret(new.own));
        let NewApiApp { project_id, id, name, method, own } = new;
        let (client_id, method, config) = (own.client_id, method.into(), AppConfig::Api);
        let new = NewApp { project_id, id, name, method, client_id, secret, config };
        self.insert(who, new, || Ok(())).await
    }

    /// Adds an OpenID Connect client; this server runs no login flows for it.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, `PROJECT-1n8df` configuration invalid, `PROJECT-iZL2Ac` and `PROJECT-msNebo` the
    /// address to tell of a sign-out, code 6 name taken, `PROJECT-lxowmp` the chosen id is used, or looks like one of
    /// the server; code 3 it has other signs than ids may have.
    pub async fn add_oidc_app(&self, who: &Admitted, new: NewOidcApp<'_>) -> Result<(CreatedApp, OidcConfig)> {
        let NewOidcApp { project_id, id, name, config, own } = new;
        let config = config.completed();
        let check = || {
            if !oidc::is_valid(&config) {
                return Err(Error::invalid("PROJECT-1n8df", "Application invalid"));
            }
            back_channel::check(&config.back_channel_logout_uri)
        };
        let secret = oidc::needs_secret(&config).then(|| self.secret(own));
        let (method, stored) = (oidc::method(&config), AppConfig::Oidc(config.stored()?));
        let new = NewApp { project_id, id, name, method, client_id: own.client_id, secret, config: stored };
        let app = self.insert(who, new, check).await?;
        Ok((app, config))
    }

    /// An application of any kind; none of another organization.
    ///
    /// # Errors
    /// Its configuration cannot be read.
    pub async fn app(&self, who: &Admitted, app: AppId<'_>) -> Result<Option<App>> {
        let row = self.0.store.app_by_id(&who.org_id, app.project_id, app.id).await?;
        row.map(App::of).transpose()
    }

    /// An application that was found with its place, for somebody who has been admitted there.
    ///
    /// # Errors
    /// Its configuration cannot be read.
    pub fn found(who: &Admitted, app: Sealed<Placed<AppRow>>) -> Result<PlacedApp> {
        PlacedApp::of(app.open(who))
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

    /// Applications that the caller may see, in whichever organization.
    ///
    /// # Errors
    /// A configuration cannot be read.
    pub async fn list_all_apps(
        &self,
        reach: &Reach,
        filters: &[AppFilter],
        order: AppOrder,
        page: Page,
    ) -> Result<Listed<PlacedApp>> {
        let list = self.0.store.apps_everywhere(reach.within.as_ref(), filters, order, page).await?;
        let Listed { total, seen, rows } = list;
        Ok(Listed { total, seen, rows: rows.into_iter().map(PlacedApp::of).collect::<Result<_>>()? })
    }

    /// What happened to an application and its keys; an unknown one has no past.
    pub async fn list_app_changes(&self, who: &Admitted, app: AppId<'_>, page: ChangePage) -> Result<Vec<ChangeRow>> {
        let AppId { project_id, id } = app;
        Ok(self.0.store.changes(AggregateKind::Project, &who.org_id, project_id, Some(id), page).await?)
    }

    async fn insert(&self, who: &Admitted, new: NewApp<'_>, check: impl Fn() -> Result<()>) -> Result<CreatedApp> {
        let NewApp { project_id, id: chosen, name, method, client_id: own_client, secret, config } = new;
        let taken = id_taken(&config);
        let id = match chosen {
            Some(id) => self.own(id, taken).await?,
            None => self.0.env.ids.next().await,
        };
        let client_id = match own_client {
            Some(client_id) => self.own(client_id, taken).await?,
            None => self.0.env.ids.next().await,
        };
        let hash = secret.as_ref().map(|s| secrets::hash(s));
        let at = AppAt { org_id: &who.org_id, project_id, id: &id };
        let secret_hash = hash.as_ref().map(<[u8; 32]>::as_slice);
        let app = AppAdded { at, name, client_id: &client_id, method, secret_hash, config };
        let place = ProjectAt { org_id: &who.org_id, id: project_id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut project = work.project_held(place).await?.ok_or_else(no_project)?;
            check()?;
            if chosen.is_none() && own_client.is_none() {
                return project.record(&app).await.map_err(|e| e.taken(NAME_TAKEN));
            }
            // Two values may be taken. Who overtakes this look makes it look again.
            match project.work.app_taken(at, name, &client_id).await? {
                None => Ok(project.record(&app).await?),
                Some(AppTaken::Name) => Err(Error::already_exists(NAME_TAKEN)),
                Some(AppTaken::Id) => Err(Error::precondition(taken, NAME_TAKEN)),
            }
        });
        let stamp = made(&work.await?);
        Ok(CreatedApp { id, client_id, secret, stamp })
    }

    /// The secret that a caller has chosen, or a new one.
    fn secret(&self, own: Own<'_>) -> Zeroizing<String> {
        own.secret.cloned().unwrap_or_else(|| secrets::client_secret(&self.0.env.random))
    }

    /// The identifier that a caller has chosen, if it can be one.
    async fn own(&self, id: &str, taken: &'static str) -> Result<String> {
        let refused = |text| Error::precondition(taken, text);
        chosen::check(&self.0, id, "CreateApplicationRequest.ApplicationId", refused).await?;
        Ok(id.to_owned())
    }
}

impl App {
    fn of(row: AppRow) -> Result<Self> {
        let oidc = row.oidc_config.as_deref().map(OidcConfig::read).transpose()?;
        Ok(Self { row, oidc })
    }
}

impl PlacedApp {
    fn of(app: Placed<AppRow>) -> Result<Self> {
        let Placed { project_id, row, .. } = app;
        Ok(Self { project_id, app: App::of(row)? })
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

/// There is no such application; the id says for what it was wanted.
pub fn no_app(id: &'static str) -> Error {
    Error::not_found(id, "Application doesn't exist")
}

/// There is no such project to make an application in.
pub fn no_project() -> Error {
    Error::precondition("COMMAND-EbFMN", "Project not found")
}

/// The id of the error for an identifier that is used.
fn id_taken(config: &AppConfig) -> &'static str {
    match config {
        AppConfig::Api => "PROJECT-mabu12",
        AppConfig::Oidc(_) => "PROJECT-lxowmp",
    }
}

pub(super) const NAME_TAKEN: &str = "Application already exists";
