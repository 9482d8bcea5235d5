//! `zitadel.auth.v1.AuthService`: what callers ask about themselves.

mod users;

use std::sync::Arc;

use super::adapter::routes::Table;
use crate::service::Services;

/// Every RPC of the family.
pub fn routes(table: Table, services: &Services) -> Table {
    table.resource(Arc::clone(&services.users), users::routes)
}
