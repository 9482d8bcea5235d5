//! `zitadel.application.v2.ApplicationService`: applications, addressed by their id alone.

mod apps;
mod oidc;

use std::sync::Arc;

use super::adapter::routes::Table;
use crate::auth::Owners;
use crate::service::Services;

/// Every RPC of the family.
pub fn routes(table: Table, services: &Services, owners: &Owners) -> Table {
    let apps = apps::Parts { apps: Arc::clone(&services.apps), owners: owners.clone() };
    table.resource(Arc::new(apps), apps::routes)
}
