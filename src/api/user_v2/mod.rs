//! `zitadel.user.v2.UserService`: machine users, their keys, tokens and secrets, addressed by their ids alone.

mod keys;
mod queries;
mod states;
mod tokens;
mod users;

use std::sync::Arc;

use super::adapter::routes::Table;
use crate::auth::Owners;
use crate::service::Services;
use crate::service::machine_keys::MachineKeys;
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
    /// Whose they are.
    pub owners: Owners,
}

/// Every RPC of the family.
pub fn routes(table: Table, services: &Services, owners: &Owners) -> Table {
    let parts = Arc::new(Parts {
        users: Arc::clone(&services.users),
        keys: Arc::clone(&services.machine_keys),
        tokens: Arc::clone(&services.tokens),
        owners: owners.clone(),
    });
    table
        .resource(Arc::clone(&parts), users::routes)
        .resource(Arc::clone(&parts), states::routes)
        .resource(Arc::clone(&parts), keys::routes)
        .resource(parts, tokens::routes)
}
