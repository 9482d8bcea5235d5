//! `zitadel.project.v2.ProjectService`: projects and their roles, addressed by their ids alone.

mod grants;
mod parts;
mod projects;
mod roles;

use std::sync::Arc;

use parts::Parts;

use super::adapter::routes::Table;
use crate::auth::Owners;
use crate::service::Services;

/// Every RPC of the family.
pub fn routes(table: Table, services: &Services, owners: &Owners) -> Table {
    let parts = Arc::new(Parts {
        projects: Arc::clone(&services.projects),
        roles: Arc::clone(&services.roles),
        grants: Arc::clone(&services.project_grants),
        owners: owners.clone(),
    });
    table
        .resource(Arc::clone(&parts), projects::routes)
        .resource(Arc::clone(&parts), roles::routes)
        .resource(parts, grants::routes)
}
