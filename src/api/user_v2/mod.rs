//! `zitadel.user.v2.UserService`: machine users, their keys, tokens, secrets and metadata, addressed by their ids alone.

mod keys;
mod metadata;
mod parts;
mod queries;
mod states;
mod tokens;
mod users;

use std::sync::Arc;

use parts::Parts;

use super::adapter::routes::Table;
use crate::auth::Owners;
use crate::service::Services;

/// Every RPC of the family.
pub fn routes(table: Table, services: &Services, owners: &Owners) -> Table {
    let parts = Arc::new(Parts {
        users: Arc::clone(&services.users),
        keys: Arc::clone(&services.machine_keys),
        tokens: Arc::clone(&services.tokens),
        metadata: Arc::clone(&services.metadata),
        owners: owners.clone(),
    });
    table
        .resource(Arc::clone(&parts), users::routes)
        .resource(Arc::clone(&parts), states::routes)
        .resource(Arc::clone(&parts), keys::routes)
        .resource(Arc::clone(&parts), tokens::routes)
        .resource(parts, metadata::routes)
}
