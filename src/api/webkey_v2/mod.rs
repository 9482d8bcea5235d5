//! `zitadel.webkey.v2.WebKeyService`: the keys with which the server signs tokens.

mod keys;

use std::sync::Arc;

use super::adapter::routes::Table;
use crate::service::Services;

/// Every RPC of the family.
pub fn routes(table: Table, services: &Services) -> Table {
    table.resource(Arc::clone(&services.web_keys), keys::routes)
}
