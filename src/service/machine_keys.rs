//! Keys of machine users.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::keys::Material;
use super::tokens::may_speak_for;
use super::users::NOT_FOUND;
use super::{Deps, validate};
use crate::auth::Ctx;
use crate::crypto::keyfile;
use crate::crypto::rsa::KeyPair;
use crate::error::{Error, Result};
use crate::proto::zitadel::authn::v1::{Key, KeyType};
use crate::proto::zitadel::management::v1::{
    AddMachineKeyRequest, AddMachineKeyResponse, GetMachineKeyByIDsRequest, GetMachineKeyByIDsResponse,
    ListMachineKeysRequest, ListMachineKeysResponse, RemoveMachineKeyRequest, RemoveMachineKeyResponse,
};
use crate::proto::{change_details, full_details, list_details, optional_timestamp, timestamp};
use crate::store::{Credential, CredentialAdded, CredentialRemoved, CredentialRow, Stamp, UserAt};

/// Keys with which machine users sign assertions.
pub struct MachineKeys(pub(super) Deps);

impl MachineKeys {
    /// `AddMachineKey`: a fresh pair whose private half is in this answer only, or the public half
    /// that the caller brings.
    ///
    /// # Errors
    /// `COMMAND-5F3h1` the public key cannot be read, `DOMAIN-dv3t5` expiration in the past,
    /// `COMMAND-bnipwm1` no such user; code 8 when too many wait for a pair.
    pub async fn add_machine_key(
        self: Arc<Self>,
        cx: Ctx,
        request: AddMachineKeyRequest,
    ) -> Result<AddMachineKeyResponse> {
        cx.admit(&request)?;
        let no_user = || Error::precondition("COMMAND-bnipwm1", NOT_FOUND);
        let expires_at = validate::expiration(&request.expiration_date, cx.now)?;
        let user = UserAt { org_id: &cx.org_id, id: &request.user_id };
        // Refused here, a request costs no key pair; the transaction below looks again.
        self.0.store.user_by_id(user).await?.ok_or_else(no_user)?;
        if request.public_key.is_empty() {
            let allowed = self.0.store.work(cx.actor(), async |mut work| may_speak_for(&cx, &mut work, user.id).await);
            allowed.await?;
        }
        let material = Material::of(&request.public_key, &self.0.keys, &cx.org_id).await?;

        let work = self.0.store.work(cx.actor(), async |mut work| {
            let mut found = work.user_lock(user).await?.ok_or_else(no_user)?;
            may_speak_for(&cx, found.work, user.id).await?;
            let id = self.0.ids.next().await;
            let (kind, material) = (Credential::MachineKey, material.public());
            let event = found.record(&CredentialAdded { kind, user, id: &id, material, expires_at }).await?;
            Ok((id, event))
        });
        let (id, event) = work.await?;
        let file = |pair: &KeyPair| keyfile::service_account(pair, &id, &request.user_id, expires_at);
        Ok(AddMachineKeyResponse {
            details: change_details(&cx.org_id, &event, event.at),
            key_details: material.file(file)?,
            key_id: id,
        })
    }

    /// `GetMachineKeyByIDs`.
    ///
    /// # Errors
    /// `QUERY-Dgr3g` no such key.
    pub async fn get_machine_key_by_ids(
        self: Arc<Self>,
        cx: Ctx,
        request: GetMachineKeyByIDsRequest,
    ) -> Result<GetMachineKeyByIDsResponse> {
        cx.admit(&request)?;
        let user = UserAt { org_id: &cx.org_id, id: &request.user_id };
        let key = self.0.store.credential_by_id(Credential::MachineKey, user, &request.key_id).await?;
        let key = key.ok_or_else(|| Error::not_found("QUERY-Dgr3g", "Errors.AuthNKey.NotFound"))?;
        Ok(GetMachineKeyByIDsResponse { key: MessageField::some(message(&cx.org_id, key)) })
    }

    /// `ListMachineKeys`: an unknown user has none.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_machine_keys(
        self: Arc<Self>,
        cx: Ctx,
        request: ListMachineKeysRequest,
    ) -> Result<ListMachineKeysResponse> {
        cx.admit(&request)?;
        let user = UserAt { org_id: &cx.org_id, id: &request.user_id };
        let list = self.0.store.credential_list(Credential::MachineKey, user, validate::page(&request.query)).await?;
        Ok(ListMachineKeysResponse {
            details: list_details(list.total, list.seen.as_ref()),
            result: list.rows.into_iter().map(|key| message(&cx.org_id, key)).collect(),
        })
    }

    /// `RemoveMachineKey`.
    ///
    /// # Errors
    /// `COMMAND-4m77G` no such key.
    pub async fn remove_machine_key(
        self: Arc<Self>,
        cx: Ctx,
        request: RemoveMachineKeyRequest,
    ) -> Result<RemoveMachineKeyResponse> {
        cx.admit(&request)?;
        let no_key = || Error::not_found("COMMAND-4m77G", "Machine key not found");
        let user = UserAt { org_id: &cx.org_id, id: &request.user_id };
        let kind = Credential::MachineKey;
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut found = work.user_lock(user).await?.ok_or_else(no_key)?;
            let key = found.work.credential_by_id(kind, user, &request.key_id).await?.ok_or_else(no_key)?;
            let event = found.record(&CredentialRemoved { kind, user, id: &key.id }).await?;
            Ok(change_details(user.org_id, &event, key.created_at))
        });
        Ok(RemoveMachineKeyResponse { details: details.await? })
    }
}

/// A key never changes, so both its dates are that of its making.
fn message(org_id: &str, key: CredentialRow) -> Key {
    let stamp = Stamp { sequence: key.sequence, created_at: key.created_at, changed_at: key.created_at };
    Key {
        id: key.id,
        details: full_details(org_id, &stamp),
        r#type: EnumValue::from(KeyType::KEY_TYPE_JSON),
        expiration_date: MessageField::some(timestamp(key.expires_at)),
        last_used: optional_timestamp(key.last_used_at),
    }
}
