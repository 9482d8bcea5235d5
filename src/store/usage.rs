//! When credentials were last used.

use super::sql::statement;
use super::{Actor, Heap, Store};
use crate::clock::Micros;

/// A credential in use. Their order is that in which rows are locked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Credentials {
    /// The secret of a machine by the user id.
    MachineSecret(String),
    /// A machine key by its id.
    MachineKey(String),
    /// A personal access token by its hash.
    Pat([u8; 32]),
    /// A client secret by the client id.
    AppSecret(String),
    /// An application key by its id.
    AppKey(String),
}

impl Heap for Credentials {
    fn heap(&self) -> usize {
        match self {
            Self::AppKey(id) | Self::AppSecret(id) | Self::MachineKey(id) | Self::MachineSecret(id) => id.heap(),
            Self::Pat(_) => 0,
        }
    }
}

pub(super) const USED_APP_KEY: &str =
    "UPDATE app_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
pub(super) const USED_APP_SECRET: &str =
    "UPDATE apps SET secret_used_at = $2 WHERE client_id = $1 AND (secret_used_at IS NULL OR secret_used_at < $2)";
pub(super) const USED_MACHINE_KEY: &str =
    "UPDATE machine_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
pub(super) const USED_MACHINE_SECRET: &str =
    "UPDATE users SET secret_used_at = $2 WHERE id = $1 AND (secret_used_at IS NULL OR secret_used_at < $2)";
pub(super) const USED_PAT: &str = "UPDATE personal_access_tokens SET last_used_at = $2 \
     WHERE token_hash = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

impl Store {
    /// Writes when credentials were last used, in one unit of work. `uses` must be in order, which is that of the
    /// locks: users and applications before what belongs to them.
    pub async fn uses_write(&self, uses: &[(Credentials, Micros)]) -> crate::error::Result<()> {
        let actor = Actor::new("", "", 0);
        self.work(actor, async |mut work| {
            work.touch("");
            for (what, at) in uses {
                let used = match what {
                    Credentials::AppSecret(id) => statement!(USED_APP_SECRET; id, *at),
                    Credentials::AppKey(id) => statement!(USED_APP_KEY; id, *at),
                    Credentials::MachineSecret(id) => statement!(USED_MACHINE_SECRET; id, *at),
                    Credentials::MachineKey(id) => statement!(USED_MACHINE_KEY; id, *at),
                    Credentials::Pat(hash) => statement!(USED_PAT; hash.as_slice(), *at),
                };
                work.execute(&used.any()).await?;
            }
            Ok(())
        })
        .await
    }
}
