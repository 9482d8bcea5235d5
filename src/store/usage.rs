//! When credentials were last used.

use super::{Result, Store, on};
use crate::clock::Micros;

/// A credential in use.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Credentials {
    /// An application key by its id.
    AppKey(String),
    /// A client secret by the client id.
    AppSecret(String),
    /// A machine key by its id.
    MachineKey(String),
    /// The secret of a machine by the user id.
    MachineSecret(String),
    /// A personal access token by its hash.
    Pat([u8; 32]),
}

macro_rules! used {
    ($table:literal, $column:literal, $key:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET ",
            $column,
            " = $2 WHERE ",
            $key,
            " = $1 AND (",
            $column,
            " IS NULL OR ",
            $column,
            " < $2)"
        )
    };
}
pub(super) const USED_APP_KEY: &str = used!("app_keys", "last_used_at", "id");
pub(super) const USED_APP_SECRET: &str = used!("apps", "secret_used_at", "client_id");
pub(super) const USED_MACHINE_KEY: &str = used!("machine_keys", "last_used_at", "id");
pub(super) const USED_MACHINE_SECRET: &str = used!("users", "secret_used_at", "id");
pub(super) const USED_PAT: &str = used!("personal_access_tokens", "last_used_at", "token_hash");

impl Store {
    /// Writes when credentials were last used, in one transaction. `uses` must be in order, so that
    /// two processes never wait for each other in turn.
    ///
    /// # Errors
    /// The store failed; then nothing is written.
    pub async fn uses_write(&self, uses: &[(Credentials, Micros)]) -> Result<()> {
        let changed = self.changes.guard();
        let mut tx = self.begin("").await?;
        for (what, at) in uses {
            on!(&mut tx, c => match what {
                Credentials::AppKey(id) => sqlx::query(USED_APP_KEY).bind(id),
                Credentials::AppSecret(id) => sqlx::query(USED_APP_SECRET).bind(id),
                Credentials::MachineKey(id) => sqlx::query(USED_MACHINE_KEY).bind(id),
                Credentials::MachineSecret(id) => sqlx::query(USED_MACHINE_SECRET).bind(id),
                Credentials::Pat(hash) => sqlx::query(USED_PAT).bind(hash.as_slice()),
            }.bind(*at).execute(&mut **c).await.map(drop))?;
        }
        tx.commit(changed).await
    }
}
