//! Routes of organizations.

use super::routes::Resource;
use crate::service::Orgs;

/// RPCs of [`Orgs`].
pub fn routes(table: Resource<Orgs>) -> Resource<Orgs> {
    table.rpc("AddOrg", Orgs::add_org).rpc("GetMyOrg", Orgs::get_my_org)
}
