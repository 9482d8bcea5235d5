//! Application keys: what the server is for.

use std::sync::Arc;

use super::Deps;
use super::apps::AppId;
use super::material::Material;
use super::outcome::{CreatedKey, changed, made};
use super::{chosen, validate};
use crate::auth::{Admitted, Reach, Sealed};
use crate::clock::Micros;
use crate::crypto::keyfile;
use crate::error::{Error, Result};
use crate::store::{
    Answer, AppAt, AppKeyAdded, AppKeyFilter, AppKeyOrder, AppKeyRemoved, AppKeyRow, AppRow, Cache, CredentialRow,
    Listed, Page, Placed, Stamp,
};

/// Bytes of memory for keys, and for lists of them.
const KEYS: u64 = 1 << 20;
const PAGES: u64 = 2 << 20;

/// Organization, project, application and key.
type At = (String, String, String, String);

/// Keys of applications that authenticate with a private key JWT.
pub struct Keys {
    deps: Deps,
    found: Cache<At, CredentialRow>,
    pages: Cache<(At, Page), Listed<CredentialRow>>,
}

/// A new key.
#[derive(Debug)]
pub struct NewKey<'a> {
    /// Application it will belong to.
    pub app: AppId<'a>,
    /// The identifier that the caller chooses; one is made if there is none.
    pub id: Option<&'a str>,
    /// When it ends; never if it is not said.
    pub expires_at: Option<Micros>,
    /// The public key that the caller brings; a pair is made if it is empty.
    pub public_key: &'a [u8],
}

impl Keys {
    pub(super) fn new(deps: Deps) -> Self {
        let (found, pages) = (Cache::exact(&deps.store, KEYS), Cache::exact(&deps.store, PAGES));
        Self { deps, found, pages }
    }

    /// Makes a key pair, keeps the public half and returns the private one, once; or keeps the public half that the
    /// caller brings, and returns nothing of it.
    ///
    /// # Errors
    /// `COMMAND-5F3h1` the caller's key cannot be used, `COMMAND-sak25` no such application, `COMMAND-Dff54` its
    /// method needs no key, `DOMAIN-dv3t5` expiration in the past, code 6 the chosen id is used, or looks like
    /// one of the server; code 8 when too many wait for a pair.
    pub async fn add_app_key(&self, who: &Admitted, new: NewKey<'_>) -> Result<CreatedKey> {
        let at = new.app.at(who);
        // Refused here, a request costs no key pair; the transaction below looks again.
        let app = self.deps.store.app_by_id(at.org_id, at.project_id, at.id).await?;
        takes_keys(&app.ok_or_else(no_app)?)?;
        let expires_at = validate::expiration(new.expires_at, who.now)?;
        if let Some(id) = new.id {
            chosen::check(&self.deps, id, "key id", chosen::used).await?;
        }
        let material = Material::of(new.public_key, &self.deps.keys, &who.org_id).await?;

        let work = self.deps.store.work(who.actor(), async |mut work| {
            let mut project = work.app_held(at).await?.ok_or_else(no_app)?;
            takes_keys(&project.row)?;
            // Made under the lock: the order of ids is that of sequences.
            let id = match new.id {
                Some(id) => id.to_owned(),
                None => self.deps.env.ids.next().await,
            };
            let public_key = material.public();
            let event = project.record(&AppKeyAdded { app: at, id: &id, public_key, expires_at }).await;
            let event = event.map_err(|e| if new.id.is_some() { chosen::taken(e) } else { e.into() })?;
            Ok((id, made(&event), project.row.client_id.clone()))
        });
        let (id, stamp, client_id) = work.await?;
        let file = material.file(|pair| keyfile::application(pair, &id, at.id, &client_id))?;
        Ok(CreatedKey { id, file, stamp })
    }

    /// A key of an application that takes keys at present.
    pub async fn app_key(
        &self,
        who: &Admitted,
        app: AppId<'_>,
        id: &str,
    ) -> Result<Option<Arc<Answer<CredentialRow>>>> {
        let at = app.at(who);
        let read = || async {
            let key = self.deps.store.key_by_id(at, id).await?;
            Ok(key.map(|key| Answer::new(key).of(at.org_id)))
        };
        self.found.get(place(at, id), read).await
    }

    /// Keys of an application; an unknown application has none.
    pub async fn list_app_keys(
        &self,
        who: &Admitted,
        app: AppId<'_>,
        page: Page,
    ) -> Result<Arc<Answer<Listed<CredentialRow>>>> {
        let at = app.at(who);
        let read = || async { Ok(Some(Answer::new(self.deps.store.key_list(at, page).await?).of(at.org_id))) };
        let list = self.pages.get((place(at, ""), page), read).await?;
        list.ok_or_else(|| Error::internal("a list is always there"))
    }

    /// A key that was found with its place, for somebody who has been admitted there.
    pub fn found(who: &Admitted, key: Sealed<Placed<AppKeyRow>>) -> CredentialRow {
        key.open(who).row.key
    }

    /// Keys of applications that take keys at present and that the caller may see, in whichever organization.
    pub async fn list_all_app_keys(
        &self,
        reach: &Reach,
        filters: &[AppKeyFilter],
        order: AppKeyOrder,
        page: Page,
    ) -> Result<Listed<Placed<AppKeyRow>>> {
        Ok(self.deps.store.app_keys_everywhere(reach.within.as_ref(), filters, order, page).await?)
    }

    /// Removes a key, also while the application takes none.
    ///
    /// # Errors
    /// `COMMAND-4m77G` no such key.
    pub async fn remove_app_key(&self, who: &Admitted, app: AppId<'_>, id: &str) -> Result<Stamp> {
        let at = app.at(who);
        let work = self.deps.store.work(who.actor(), async |mut work| {
            let mut project = work.app_held(at).await?.ok_or_else(no_key)?;
            let created_at = project.work.key_created_at(at, id).await?.ok_or_else(no_key)?;
            let event = project.record(&AppKeyRemoved { app: at, id }).await?;
            Ok(changed(&event, created_at))
        });
        work.await
    }
}

fn place(at: AppAt<'_>, key_id: &str) -> At {
    (at.org_id.to_owned(), at.project_id.to_owned(), at.id.to_owned(), key_id.to_owned())
}

fn takes_keys(app: &AppRow) -> Result<()> {
    if !app.takes_keys {
        return Err(Error::precondition("COMMAND-Dff54", "Chosen Auth Method does not require a key"));
    }
    Ok(())
}

/// There is no such application to make a key for.
pub fn no_app() -> Error {
    Error::precondition("COMMAND-sak25", "Application not found")
}

/// There is no such key to remove.
pub fn no_key() -> Error {
    Error::not_found("COMMAND-4m77G", "Application key not found")
}
