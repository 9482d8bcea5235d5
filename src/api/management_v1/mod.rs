//! `zitadel.management.v1.ManagementService`: a file for each noun, a function for each RPC.

mod apps;
mod changes;
pub mod fields;
mod health;
mod instance;
mod keys;
mod machine_keys;
pub mod members;
pub mod memberships;
mod metadata;
mod oidc;
mod org_domains;
pub mod orgs;
mod policies;
mod project_grant_members;
mod project_grants;
mod projects;
mod roles;
mod tokens;
mod user_grants;
mod user_metadata;
mod user_queries;
pub mod users;

use std::sync::Arc;

use super::adapter::routes::Table;
use crate::service::Services;

/// Every RPC of the family.
pub fn routes(table: Table, services: &Services) -> Table {
    table
        .resource(Arc::new(()), health::routes)
        .resource(Arc::clone(&services.orgs), orgs::routes)
        .resource(Arc::clone(&services.issuer), instance::issuer_routes)
        .resource(Arc::clone(&services.instance), instance::routes)
        .resource(Arc::clone(&services.instance), policies::routes)
        .resource(Arc::clone(&services.removal), orgs::removal_routes)
        .resource(Arc::clone(&services.org_domains), org_domains::routes)
        .resource(Arc::clone(&services.metadata), metadata::routes)
        .resource(Arc::clone(&services.metadata), user_metadata::routes)
        .resource(Arc::clone(&services.users), users::routes)
        .resource(Arc::clone(&services.machine_keys), machine_keys::routes)
        .resource(Arc::clone(&services.tokens), tokens::routes)
        .resource(Arc::clone(&services.user_grants), user_grants::routes)
        .resource(Arc::clone(&services.projects), projects::routes)
        .resource(Arc::clone(&services.project_grants), project_grants::routes)
        .resource(Arc::clone(&services.roles), roles::routes)
        .resource(Arc::clone(&services.members), members::routes)
        .resource(Arc::clone(&services.memberships), memberships::routes)
        .resource(Arc::clone(&services.members), project_grant_members::routes)
        .resource(Arc::clone(&services.apps), apps::routes)
        .resource(Arc::clone(&services.keys), keys::routes)
}
