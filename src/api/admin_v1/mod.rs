//! `zitadel.admin.v1.AdminService`.

mod health;
mod members;

use std::sync::Arc;

use super::adapter::routes::Table;
use crate::service::Services;

/// Every RPC of the family.
pub fn routes(table: Table, services: &Services) -> Table {
    table.resource(Arc::new(()), health::routes).resource(Arc::clone(&services.members), members::routes)
}
