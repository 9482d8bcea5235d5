//! `zitadel.admin.v1.AdminService`.

mod health;

use std::sync::Arc;

use super::adapter::routes::Table;

/// Every RPC of the family.
pub fn routes(table: Table) -> Table {
    table.resource(Arc::new(()), health::routes)
}
