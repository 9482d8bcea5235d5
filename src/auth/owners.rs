//! Admits callers to objects that are addressed by their id alone: what counts are the roles that a caller has where
//! the object belongs, whichever organization the head of the request names.

use std::borrow::Cow;

use super::admitted::{Admitted, Caller};
use super::permission::{Granted, Membership, evaluate};
use crate::error::{Code, Error, Result};
use crate::proto::{Call, Permission};
use crate::store::{HeldRolesRow, Store, names};

/// Finds out whose something is. Cheap to clone.
#[derive(Clone)]
pub struct Owners(Store);

impl Owners {
    /// Over a store.
    pub fn new(store: Store) -> Self {
        Self(store)
    }

    /// Lets a caller do with an application what the request is for; gives the project of the application too.
    ///
    /// # Errors
    /// Code 3 for a field rule; `missing` for an unknown application, whoever asks; `AUTHZ-cdgFk` the caller has no
    /// role there, `AUTH-Swrgg2` none with the permission (contract, `v2.md`, section 1).
    pub async fn admit_to_app<C: Call>(
        &self,
        caller: Caller,
        request: &C,
        id: &str,
        missing: fn() -> Error,
    ) -> Result<(Admitted, String)> {
        request.validate()?;
        let place = self.0.app_place(id).await?.ok_or_else(missing)?;
        let granted = match C::RPC.permission {
            Permission::Public | Permission::Authenticated => Granted::Everywhere,
            Permission::Named(permission) | Permission::OfOwner(permission) => {
                let held = self.memberships(&caller, &place.org_id).await?;
                evaluate(&held, &place.org_id, permission).map_err(refused)?
            }
        };
        if matches!(&granted, Granted::Projects(ids) if !ids.contains(&place.project_id)) {
            return Err(no_permission());
        }
        Ok((caller.admitted_at(place.org_id, granted), place.project_id))
    }

    /// What the caller has in an organization, and in the instance.
    async fn memberships<'c>(&self, caller: &'c Caller, org_id: &str) -> Result<Cow<'c, [Membership]>> {
        if caller.org_id == org_id {
            return Ok(Cow::Borrowed(&caller.memberships));
        }
        let rows = self.0.roles_held_in(&caller.user_id, org_id).await?;
        let one = |row: HeldRolesRow| {
            let project_id = (row.scope == 2).then_some(row.object_id);
            Ok(Membership { org_id: row.org_id, project_id, roles: names(&row.roles)? })
        };
        rows.into_iter().map(one).collect()
    }
}

/// Who has roles but not the permission is told so by another id than in version 1.
fn refused(error: Error) -> Error {
    if error.code == Code::PermissionDenied { no_permission() } else { error }
}

fn no_permission() -> Error {
    Error::denied("AUTH-Swrgg2", "No matching permissions found")
}
