//! What the functions of this family work with.

use std::sync::Arc;

use crate::auth::{Admitted, Caller, Denied, Owners, Target};
use crate::error::{Error, Result};
use crate::proto::Call;
use crate::service::machine_keys::MachineKeys;
use crate::service::metadata::Metadata;
use crate::service::tokens::Tokens;
use crate::service::users::Users;

/// What the functions of this family work with.
pub struct Parts {
    /// Users.
    pub users: Arc<Users>,
    /// Their keys.
    pub keys: Arc<MachineKeys>,
    /// Their tokens and secrets.
    pub tokens: Arc<Tokens>,
    /// Values that are kept with them.
    pub metadata: Arc<Metadata>,
    /// Whose they are.
    pub owners: Owners,
}

impl Parts {
    /// Lets a caller do with a user what the request is for.
    ///
    /// # Errors
    /// As [`Owners::find`] and [`Owners::admit`]; `missing` there is no such user.
    pub async fn admit<C: Call + Sync>(
        &self,
        caller: Caller,
        request: &C,
        id: &str,
        missing: impl FnOnce() -> Error + Send,
    ) -> Result<Admitted> {
        let found = self.owners.find(request, Target::User(id)).await?.ok_or_else(missing)?;
        self.owners.admit(caller, request, &found, Denied::Command).await
    }

    /// As [`Parts::admit`], for what users may do for themselves, too.
    ///
    /// # Errors
    /// As [`Parts::admit`].
    pub async fn admit_or_self<C: Call + Sync>(
        &self,
        caller: Caller,
        request: &C,
        id: &str,
        missing: impl FnOnce() -> Error + Send,
    ) -> Result<Admitted> {
        let found = self.owners.find(request, Target::User(id)).await?.ok_or_else(missing)?;
        self.owners.admit_or_self(caller, request, &found, Denied::Command).await
    }
}
