//! Application keys: what the server is for.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::{Deps, validate};
use crate::auth::Ctx;
use crate::crypto::keypool::KeyPool;
use crate::crypto::rsa::KeyPair;
use crate::crypto::{keyfile, public_key};
use crate::error::{Error, Result};
use crate::place;
use crate::proto::zitadel::authn::v1::{Key, KeyType};
use crate::proto::zitadel::management::v1::{
    AddAppKeyRequest, AddAppKeyResponse, GetAppKeyRequest, GetAppKeyResponse, ListAppKeysRequest, ListAppKeysResponse,
    RemoveAppKeyRequest, RemoveAppKeyResponse,
};
use crate::proto::{change_details, full_details, list_details, optional_timestamp, timestamp};
use crate::store::{Answer, AppAt, AppKeyAdded, AppKeyRemoved, AppRow, Cache, KeyRow, Listed, Page, Stamp};

/// Bytes of memory for keys, and for lists of them.
const KEYS: u64 = 1 << 20;
const PAGES: u64 = 2 << 20;

/// Organization, project, application and key.
type At = (String, String, String, String);

/// Keys of applications that authenticate with a private key JWT.
pub struct Keys {
    deps: Deps,
    found: Cache<At, KeyRow>,
    pages: Cache<(At, Page), Listed<KeyRow>>,
}

impl Keys {
    /// The service over its dependencies.
    pub(super) fn new(deps: Deps) -> Self {
        let (found, pages) = (Cache::exact(&deps.store, KEYS), Cache::exact(&deps.store, PAGES));
        Self { deps, found, pages }
    }

    /// `AddAppKey`: makes a key pair, keeps the public half and returns the private one, once; or
    /// keeps the public half that the caller brings, and returns nothing of it.
    ///
    /// # Errors
    /// `COMMAND-5F3h1` the caller's key cannot be used, `COMMAND-sak25` no such application, `COMMAND-Dff54` its method needs no key, `DOMAIN-dv3t5`
    /// expiration in the past; code 8 when too many wait for a pair.
    pub async fn add_app_key(self: Arc<Self>, cx: Ctx, request: AddAppKeyRequest) -> Result<AddAppKeyResponse> {
        cx.admit(&request)?;
        let at = AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &request.app_id };
        // Refused here, a request costs no key pair; the transaction below looks again.
        let app = self.deps.store.app_by_id(at.org_id, at.project_id, at.id).await?;
        takes_keys(&app.ok_or_else(no_app)?)?;
        let expires_at = validate::expiration(&request.expiration_date, cx.now)?;
        let material = Material::of(&request.public_key, &self.deps.keys, &cx.org_id).await?;

        let work = self.deps.store.work(cx.actor(), async |mut work| {
            let mut project = work.app_lock(at).await?.ok_or_else(no_app)?;
            takes_keys(&project.row)?;
            // Made under the lock: the order of ids is that of sequences.
            let id = self.deps.ids.next().await;
            let public_key = material.public();
            let event = project.record(&AppKeyAdded { app: at, id: &id, public_key, expires_at }).await?;
            Ok((id, event, project.row.client_id.clone()))
        });
        let (id, event, client_id) = work.await?;

        Ok(AddAppKeyResponse {
            details: change_details(&cx.org_id, &event, event.at),
            key_details: material.file(|pair| keyfile::application(pair, &id, at.id, &client_id))?,
            id,
        })
    }

    /// `GetAppKey`.
    ///
    /// # Errors
    /// `QUERY-Dgr3g` no such key, or its application takes no keys at present.
    pub async fn get_app_key(self: Arc<Self>, cx: Ctx, request: GetAppKeyRequest) -> Result<GetAppKeyResponse> {
        cx.admit(&request)?;
        let at = AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &request.app_id };
        let read = || async {
            let key = self.deps.store.key_by_id(at, &request.key_id).await?;
            Ok(key.map(|key| Answer::new(key).of(at.org_id)))
        };
        let key = self.found.get(place(at, &request.key_id), read).await?;
        let key = key.ok_or_else(|| Error::not_found("QUERY-Dgr3g", "Errors.AuthNKey.NotFound"))?;
        Ok(GetAppKeyResponse { key: MessageField::some(message(&cx.org_id, &key)) })
    }

    /// `ListAppKeys`: an unknown application has no keys.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_app_keys(self: Arc<Self>, cx: Ctx, request: ListAppKeysRequest) -> Result<ListAppKeysResponse> {
        cx.admit(&request)?;
        let at = AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &request.app_id };
        let page = validate::page(&request.query);
        let read = || async { Ok(Some(Answer::new(self.deps.store.key_list(at, page).await?).of(at.org_id))) };
        let list = self.pages.get((place(at, ""), page), read).await?;
        let list = list.ok_or_else(|| Error::internal("a list is always there"))?;
        Ok(ListAppKeysResponse {
            details: list_details(list.total, list.seen.as_ref()),
            result: list.rows.iter().map(|key| message(&cx.org_id, key)).collect(),
        })
    }

    /// `RemoveAppKey`: also while the application takes no keys.
    ///
    /// # Errors
    /// `COMMAND-4m77G` no such key.
    pub async fn remove_app_key(
        self: Arc<Self>,
        cx: Ctx,
        request: RemoveAppKeyRequest,
    ) -> Result<RemoveAppKeyResponse> {
        cx.admit(&request)?;
        let at = AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &request.app_id };
        let details = self.deps.store.work(cx.actor(), async |mut work| {
            let mut project = work.app_lock(at).await?.ok_or_else(no_key)?;
            let created_at = project.work.key_created_at(at, &request.key_id).await?.ok_or_else(no_key)?;
            let event = project.record(&AppKeyRemoved { app: at, id: &request.key_id }).await?;
            Ok(change_details(at.org_id, &event, created_at))
        });
        Ok(RemoveAppKeyResponse { details: details.await? })
    }
}

/// The pair of a new key: fresh, or the public half of one that only the caller has.
pub(super) enum Material {
    Made(KeyPair),
    Brought(Vec<u8>),
}

impl Material {
    /// The key that a request brings, or a fresh pair if it brings none. Who waits for one holds no place
    /// among the requests in work.
    ///
    /// # Errors
    /// `COMMAND-5F3h1` the key cannot be used, code 8 when too many wait for a pair.
    pub async fn of(brought: &[u8], pool: &KeyPool, org_id: &str) -> Result<Self> {
        if brought.is_empty() {
            return Ok(Self::Made(place::away(pool.take(org_id)).await?));
        }
        Ok(Self::Brought(public_key::read(brought)?))
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn public(&self) -> &[u8] {
        match self {
            Self::Made(pair) => &pair.public_der,
            Self::Brought(der) => der,
        }
    }

    /// The key file of a fresh pair; nothing for a key that the caller brought.
    pub fn file(&self, write: impl FnOnce(&KeyPair) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        match self {
            Self::Made(pair) => write(pair),
            Self::Brought(_) => Ok(Vec::new()),
        }
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

fn no_app() -> Error {
    Error::precondition("COMMAND-sak25", "Application not found")
}

fn no_key() -> Error {
    Error::not_found("COMMAND-4m77G", "Application key not found")
}

/// A key never changes, so both its dates are that of its making.
fn message(org_id: &str, key: &KeyRow) -> Key {
    let stamp = Stamp { sequence: key.sequence, created_at: key.created_at, changed_at: key.created_at };
    Key {
        id: key.id.clone(),
        details: full_details(org_id, &stamp),
        r#type: EnumValue::from(KeyType::KEY_TYPE_JSON),
        expiration_date: MessageField::some(timestamp(key.expires_at)),
        last_used: optional_timestamp(key.last_used_at),
    }
}
