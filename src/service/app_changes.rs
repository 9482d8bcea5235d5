//! Changes of applications.

use zeroize::Zeroizing;

use super::apps::{ApiMethod, AppId, Apps, NAME_TAKEN, no_app};
use super::oidc_change::OidcChange;
use super::oidc_config::OidcConfig;
use super::outcome::changed;
use super::{oidc, validate};
use crate::auth::Admitted;
use crate::clock::Micros;
use crate::crypto::secrets;
use crate::error::{Error, Result};
use crate::store::{
    AppAt, AppKind, AppMethod, AppMethodChanged, AppRemoved, AppRenamed, AppRow, AppSecretChanged, AppSwitched, Held,
    OidcAppChanged, Stamp, State,
};

/// What changes of an application, all of it or nothing.
#[derive(Debug, Default)]
pub struct AppChange<'a> {
    /// Another name.
    pub name: Option<&'a str>,
    pub config: Option<ConfigChange>,
}

/// What changes of a configuration.
#[derive(Debug)]
pub enum ConfigChange {
    /// Of an API: how it authenticates.
    Api(ApiMethod),
    /// Of an OpenID Connect client.
    Oidc(Box<OidcChange>),
}

/// For what kind of application a secret is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretOf {
    Api,
    Oidc,
    /// Whatever it is.
    Any,
}

impl Apps {
    /// Changes the name of an application, its configuration, or both at once. Where another way to authenticate needs
    /// other credentials, keys sleep or wake, an old secret is forgotten, and none is made.
    ///
    /// # Errors
    /// `COMMAND-28di9` and `COMMAND-2n8uU` no such application, `COMMAND-2m8vx` name unchanged, code 6 name taken,
    /// `COMMAND-Gnwt3` not an API application, `COMMAND-GBr34` not an OpenID Connect client, `COMMAND-1m88i`
    /// configuration unchanged, `COMMAND-5m9fs` not valid, `PROJECT-iZL2Ac` and `PROJECT-msNebo` the address to tell of
    /// a sign-out.
    pub async fn update(&self, who: &Admitted, app: AppId<'_>, change: &AppChange<'_>) -> Result<Stamp> {
        if let Some(ConfigChange::Oidc(change)) = &change.config {
            change.check()?;
        }
        let at = app.at(who);
        let missing = || no_app(if change.name.is_some() { "COMMAND-28di9" } else { "COMMAND-2n8uU" });
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut app = work.app_held(at).await?.ok_or_else(missing)?;
            let mut stamp = app.row.stamp.clone();
            if let Some(name) = change.name {
                stamp = rename(&mut app, at, name).await?;
            }
            Ok(match &change.config {
                Some(ConfigChange::Api(method)) => switch_method(&mut app, at, (*method).into()).await?,
                Some(ConfigChange::Oidc(change)) => configure(&mut app, at, change).await?,
                None => stamp,
            })
        });
        work.await
    }

    /// Gives an application the secret that the caller chooses, or a new one, whatever its method; the old one is void
    /// at once, or when `grace` is over.
    ///
    /// # Errors
    /// `COMMAND-Gr4ce` time out of range, `COMMAND-2g66f` and `COMMAND-Kd92s` no such application, `COMMAND-aeH4` not an
    /// API application, `COMMAND-Ghrh3` not an OpenID Connect client.
    pub async fn regenerate_client_secret(
        &self,
        who: &Admitted,
        app: AppId<'_>,
        of: SecretOf,
        grace: Micros,
        own: Option<&Zeroizing<String>>,
    ) -> Result<(Zeroizing<String>, Stamp)> {
        let grace = validate::grace(grace)?;
        let at = app.at(who);
        let secret = own.cloned().unwrap_or_else(|| secrets::client_secret(&self.0.env.random));
        let hash = secrets::hash(&secret);
        // What is void at once has no end that a clock could bring back.
        let old_until = (grace > 0).then(|| who.now + grace);
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut app = work.app_held(at).await?.ok_or_else(|| of.missing())?;
            of.check(app.row.kind)?;
            let kind = app.row.kind;
            let event = app.record(&AppSecretChanged { at, kind, hash: &hash, old_until }).await?;
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

impl SecretOf {
    /// There is no such application.
    pub fn missing(self) -> Error {
        no_app(if self == Self::Any { "COMMAND-Kd92s" } else { "COMMAND-2g66f" })
    }

    fn check(self, kind: AppKind) -> Result<()> {
        match (self, kind) {
            (Self::Api, AppKind::Oidc) => Err(Error::invalid("COMMAND-aeH4", NOT_API)),
            (Self::Oidc, AppKind::Api) => Err(Error::invalid("COMMAND-Ghrh3", NOT_OIDC)),
            _ => Ok(()),
        }
    }
}

async fn rename(app: &mut Held<'_, AppRow>, at: AppAt<'_>, name: &str) -> Result<Stamp> {
    if app.row.name == name {
        return Err(Error::precondition("COMMAND-2m8vx", "No changes"));
    }
    let event = app.record(&AppRenamed { at, name }).await.map_err(|e| e.taken(NAME_TAKEN))?;
    Ok(changed(&event, app.row.stamp.created_at))
}

async fn switch_method(app: &mut Held<'_, AppRow>, at: AppAt<'_>, method: AppMethod) -> Result<Stamp> {
    if app.row.kind != AppKind::Api {
        return Err(Error::invalid("COMMAND-Gnwt3", NOT_API));
    }
    if app.row.auth_method == method.number {
        return Err(unchanged());
    }
    let event = app.record(&AppMethodChanged { at, method }).await?;
    Ok(changed(&event, app.row.stamp.created_at))
}

async fn configure(app: &mut Held<'_, AppRow>, at: AppAt<'_>, change: &OidcChange) -> Result<Stamp> {
    let stored = app.row.oidc_config.as_deref().filter(|_| app.row.kind == AppKind::Oidc);
    let old = OidcConfig::read(stored.ok_or_else(|| Error::invalid("COMMAND-GBr34", NOT_OIDC))?)?;
    let new = change.of(&old)?;
    if new == old {
        return Err(unchanged());
    }
    let method = oidc::method(&new);
    // Both ways to send a secret take the same one.
    let switched = method.number != app.row.auth_method && !(oidc::needs_secret(&old) && oidc::needs_secret(&new));
    let config = new.stored()?;
    let event = app.record(&OidcAppChanged { at, method, switched, config: &config }).await?;
    Ok(changed(&event, app.row.stamp.created_at))
}

fn unchanged() -> Error {
    Error::precondition("COMMAND-1m88i", "No changes")
}

const NOT_API: &str = "Application is not type API";
const NOT_OIDC: &str = "Application is not type OIDC";
