//! `zitadel.application.v2.ApplicationService`: applications, addressed by their id alone.

mod apps;
mod keys;
mod lists;
mod oidc;

use std::sync::Arc;

use super::adapter::routes::Table;
use crate::auth::Owners;
use crate::service::Services;

/// Every RPC of the family.
pub fn routes(table: Table, services: &Services, owners: &Owners) -> Table {
    let apps = Arc::new(apps::Parts { apps: Arc::clone(&services.apps), owners: owners.clone() });
    let keys = Arc::new(keys::Parts { keys: Arc::clone(&services.keys), owners: owners.clone() });
    table
        .resource(Arc::clone(&apps), apps::routes)
        .resource(apps, lists::apps)
        .resource(Arc::clone(&keys), keys::routes)
        .resource(keys, lists::keys)
}
