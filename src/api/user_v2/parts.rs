//! What the functions of this family work with.

use std::sync::Arc;

use crate::auth::Owners;
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
