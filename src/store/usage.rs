//! When credentials were last used.

use super::sql::statement;
use super::{Actor, Store};
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
    /// Writes when credentials were last used, in one unit of work. `uses` must be in order, which is that of the
    /// locks: users and applications before what belongs to them.
    ///
    /// # Errors
    /// The store failed; then nothing is written.
    pub async fn uses_write(&self, uses: &[(Credentials, Micros)]) -> crate::error::Result<()> {
        let actor = Actor { id: "", org_id: "", now: 0 };
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
