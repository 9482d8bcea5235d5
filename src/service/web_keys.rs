//! The keys with which the server signs tokens, as somebody manages them; the server itself makes the first ones and
//! rotates them (`auth::SigningKeys`).

use super::Deps;
use crate::auth::{Admitted, SigningKeys};
use crate::clock::Micros;
use crate::error::{Error, Result};
use crate::place;
use crate::store::{
    AggregateKind, SigningKeyAdded, SigningKeyRemoved, SigningKeyRow, SigningKeySwitched, SigningState,
};

/// Most keys there may be: each is in the key set that every client fetches.
const MOST: usize = 32;

/// The keys of the server.
pub struct WebKeys {
    deps: Deps,
    signing: SigningKeys,
}

/// A key, without either of its halves.
#[derive(Debug)]
pub struct WebKey {
    /// Identifier, `kid` of what it signs.
    pub id: String,
    pub state: SigningState,
    pub created_at: Micros,
    /// Time of the last change of its state.
    pub changed_at: Micros,
}

impl WebKeys {
    pub(super) fn new(deps: Deps, signing: SigningKeys) -> Self {
        Self { deps, signing }
    }

    /// Makes a key that is published and does not sign yet.
    ///
    /// # Errors
    /// `COMMAND-wK32m` there are as many as there may be; code 8 when too many wait for a pair.
    pub async fn create_web_key(&self, who: &Admitted) -> Result<WebKey> {
        self.signing.ring().await?;
        // Refused here, a request costs no key pair; the transaction below looks again.
        room(&self.deps.store.signing_keys().await?)?;
        let pair = place::away(self.deps.keys.take(&who.org_id)).await?;
        let key = self.signing.sealed(pair, SigningState::Next).await?;
        let work = self.deps.store.work(who.actor(), async |mut work| {
            let instance = work.aggregate_held(AggregateKind::Instance, "", "").await?;
            let mut instance = instance.ok_or_else(not_set_up)?;
            room(&instance.work.signing_keys().await?)?;
            Ok(instance.record(&SigningKeyAdded(&key)).await?.at)
        });
        let at = work.await?;
        Ok(WebKey { id: key.id, state: key.state, created_at: at, changed_at: at })
    }

    /// Lets a key sign from now on; the one that did goes on verifying. Gives when it began to.
    ///
    /// # Errors
    /// `COMMAND-teiG3` no such key.
    pub async fn activate_web_key(&self, who: &Admitted, id: &str) -> Result<Micros> {
        let work = self.deps.store.work(who.actor(), async |mut work| {
            let instance = work.aggregate_held(AggregateKind::Instance, "", "").await?;
            let mut instance = instance.ok_or_else(not_set_up)?;
            let rows = instance.work.signing_keys().await?;
            let key = rows.iter().find(|key| key.id == id);
            let key = key.ok_or_else(|| Error::not_found("COMMAND-teiG3", "Web key not found"))?;
            if key.state == SigningState::Active {
                return Ok(key.changed_at);
            }
            for old in rows.iter().filter(|key| key.state == SigningState::Active) {
                instance.record(&SigningKeySwitched { id: &old.id, state: SigningState::Retired }).await?;
            }
            Ok(instance.record(&SigningKeySwitched { id, state: SigningState::Active }).await?.at)
        });
        work.await
    }

    /// Removes a key, and with it all that it signed. Gives when; nothing if there was no such key.
    ///
    /// # Errors
    /// `COMMAND-Chai1` it signs at present.
    pub async fn delete_web_key(&self, who: &Admitted, id: &str) -> Result<Option<Micros>> {
        let work = self.deps.store.work(who.actor(), async |mut work| {
            let instance = work.aggregate_held(AggregateKind::Instance, "", "").await?;
            let mut instance = instance.ok_or_else(not_set_up)?;
            let rows = instance.work.signing_keys().await?;
            let Some(key) = rows.iter().find(|key| key.id == id) else { return Ok(None) };
            if key.state == SigningState::Active {
                return Err(Error::precondition("COMMAND-Chai1", "Cannot delete active web key"));
            }
            Ok(Some(instance.record(&SigningKeyRemoved { id }).await?.at))
        });
        work.await
    }

    /// All keys, oldest first.
    pub async fn list_web_keys(&self, _who: &Admitted) -> Result<Vec<WebKey>> {
        self.signing.ring().await?;
        let key = |row: SigningKeyRow| WebKey {
            id: row.id,
            state: row.state,
            created_at: row.created_at,
            changed_at: row.changed_at,
        };
        Ok(self.deps.store.signing_keys().await?.into_iter().map(key).collect())
    }
}

fn room(keys: &[SigningKeyRow]) -> Result<()> {
    if keys.len() >= MOST {
        let text = "there are 32 web keys, and no more may be: delete those whose tokens have all ended";
        return Err(Error::precondition("COMMAND-wK32m", text));
    }
    Ok(())
}

fn not_set_up() -> Error {
    Error::internal("the server has not been set up")
}
