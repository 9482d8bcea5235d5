//! `zitadel.org.v2.OrganizationService`: organizations, addressed by their id.

mod admit;
mod domains;
mod metadata;
mod orgs;

use std::sync::Arc;

use super::adapter::routes::Table;
use crate::auth::Owners;
use crate::service::Services;

/// Every RPC of the family.
pub fn routes(table: Table, services: &Services, owners: &Owners) -> Table {
    let orgs = orgs::Parts {
        orgs: Arc::clone(&services.orgs),
        removal: Arc::clone(&services.removal),
        instance: Arc::clone(&services.instance),
        owners: owners.clone(),
    };
    let metadata = metadata::Parts { metadata: Arc::clone(&services.metadata), owners: owners.clone() };
    let domains = domains::Parts { domains: Arc::clone(&services.org_domains), owners: owners.clone() };
    table
        .resource(Arc::new(orgs), orgs::routes)
        .resource(Arc::new(metadata), metadata::routes)
        .resource(Arc::new(domains), domains::routes)
}
