//! Keys of machine users.

use super::credentials::{NewCredential, may_speak_for};
use super::material::Material;
use super::outcome::CreatedKey;
use super::texts::USER_NOT_FOUND;
use super::{Deps, credentials, validate};
use crate::auth::{Admitted, Reach};
use crate::clock::Micros;
use crate::crypto::keyfile;
use crate::error::{Error, Result};
use crate::store::{
    Credential, CredentialFilter, CredentialOrder, CredentialRow, Listed, OwnedCredentialRow, Page, Stamp, UserAt,
};

/// Keys with which machine users sign assertions.
pub struct MachineKeys(pub(super) Deps);

/// A new key.
#[derive(Debug)]
pub struct NewMachineKey<'a> {
    /// User it will belong to.
    pub user_id: &'a str,
    /// The identifier that the caller chooses; one is made if there is none.
    pub id: Option<&'a str>,
    /// When it ends; never if it is not said.
    pub expires_at: Option<Micros>,
    /// The public key that the caller brings; a pair is made if it is empty.
    pub public_key: &'a [u8],
}

impl MachineKeys {
    /// Makes a key pair, keeps the public half and returns the private one, once; or keeps the public half that the
    /// caller brings, and returns nothing of it.
    ///
    /// # Errors
    /// `COMMAND-5F3h1` the caller's key cannot be used, `DOMAIN-dv3t5` expiration in the past, `COMMAND-bnipwm1` no
    /// such user, `COMMAND-8gK2d` the user has roles that the caller may not give, code 6 the chosen id is used,
    /// or looks like one of the server; code 8 when too many wait for a pair.
    pub async fn add_machine_key(&self, who: &Admitted, new: NewMachineKey<'_>) -> Result<CreatedKey> {
        let expires_at = validate::expiration(new.expires_at, who.now)?;
        let user = UserAt { org_id: &who.org_id, id: new.user_id };
        // Refused here, a request costs no key pair; the transaction that keeps it looks again.
        self.0.store.user_by_id(user).await?.ok_or_else(no_user)?;
        if new.public_key.is_empty() {
            let look = async |mut work| may_speak_for(who, &mut work, user.id).await;
            let allowed = self.0.store.work(who.onlooker(), look);
            allowed.await?;
        }
        let material = Material::of(new.public_key, &self.0.keys, &who.org_id).await?;
        let kept =
            NewCredential { kind: Credential::MachineKey, user, id: new.id, material: material.public(), expires_at };
        let (id, stamp) = credentials::add(&self.0, who, kept, no_user).await?;
        let file = material.file(|pair| keyfile::service_account(pair, &id, user.id, expires_at))?;
        Ok(CreatedKey { id, file, stamp })
    }

    /// A key of a user.
    pub async fn machine_key(&self, who: &Admitted, user_id: &str, key_id: &str) -> Result<Option<CredentialRow>> {
        let user = UserAt { org_id: &who.org_id, id: user_id };
        Ok(self.0.store.credential_by_id(Credential::MachineKey, user, key_id).await?)
    }

    /// Keys of a user, expired ones included; an unknown user has none.
    pub async fn list_machine_keys(&self, who: &Admitted, user_id: &str, page: Page) -> Result<Listed<CredentialRow>> {
        let user = UserAt { org_id: &who.org_id, id: user_id };
        Ok(self.0.store.credential_list(Credential::MachineKey, user, page).await?)
    }

    /// Keys of all users that the caller may see, expired ones included.
    pub async fn list_all_machine_keys(
        &self,
        reach: &Reach,
        filters: &[CredentialFilter],
        order: CredentialOrder,
        page: Page,
    ) -> Result<Listed<OwnedCredentialRow>> {
        let kind = Credential::MachineKey;
        Ok(self.0.store.credentials_everywhere(kind, reach.users(), filters, order, page).await?)
    }

    /// Removes a key of a user.
    ///
    /// # Errors
    /// `COMMAND-4m77G` no such key.
    pub async fn remove_machine_key(&self, who: &Admitted, user_id: &str, key_id: &str) -> Result<Stamp> {
        credentials::remove(&self.0, who, (Credential::MachineKey, user_id, key_id), no_key).await
    }
}

/// There is no user for whom a key could be made.
pub fn no_user() -> Error {
    Error::precondition("COMMAND-bnipwm1", USER_NOT_FOUND)
}

/// There is no key that could be removed.
pub fn no_key() -> Error {
    Error::not_found("COMMAND-4m77G", "Machine key not found")
}
