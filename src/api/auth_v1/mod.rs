//! `zitadel.auth.v1.AuthService`: what callers ask about themselves.

mod memberships;
mod orgs;
mod user_grants;
mod users;

use std::sync::Arc;

use super::adapter::routes::Table;
use crate::service::Services;

/// Every RPC of the family.
pub fn routes(table: Table, services: &Services) -> Table {
    table
        .resource(Arc::new(()), orgs::routes)
        .resource(Arc::clone(&services.users), users::routes)
        .resource(Arc::clone(&services.memberships), memberships::routes)
        .resource(Arc::clone(&services.user_grants), user_grants::routes)
}
