//! Memberships of one user, and what they give: asked for by itself, or by who may see its memberships.

use super::Deps;
use crate::auth::{Admitted, Membership, permissions};
use crate::error::Result;
use crate::store::{Listed, MembershipFilter, MembershipRow, Page};

/// Memberships of users.
pub struct Memberships(pub(super) Deps);

/// Memberships, and what those of the instance say of it.
#[derive(Debug)]
pub struct MembershipList {
    /// Kind by kind: organizations, the instance, projects, project grants.
    pub list: Listed<MembershipRow>,
    /// Id of the instance.
    pub instance_id: String,
}

impl Memberships {
    /// All memberships of the caller, in whatever organization.
    pub async fn list_own_memberships(
        &self,
        who: &Admitted,
        filters: &[MembershipFilter],
        page: Page,
    ) -> Result<MembershipList> {
        let list = self.0.store.memberships(&who.user_id, None, filters, page).await?;
        self.named(list).await
    }

    /// Memberships of a user of any organization, in this one and in the instance; an unknown user has none.
    pub async fn list_user_memberships(
        &self,
        who: &Admitted,
        user_id: &str,
        filters: &[MembershipFilter],
        page: Page,
    ) -> Result<MembershipList> {
        let list = self.0.store.memberships(user_id, Some(&who.org_id), filters, page).await?;
        self.named(list).await
    }

    /// What the caller may do in the organization: permissions, with a colon and the id of what they are limited to.
    pub async fn list_own_permissions(&self, who: &Admitted) -> Result<Vec<String>> {
        let mut rows = self.0.store.roles_held_in(&who.user_id, &who.org_id).await?;
        // Organizations before the instance, then projects and project grants; each kind by age, as ids are.
        rows.sort_by(|a, b| (rank(a.scope), &a.object_id).cmp(&(rank(b.scope), &b.object_id)));
        let held: Vec<Membership> = rows.into_iter().map(Membership::try_from).collect::<Result<_>>()?;
        Ok(permissions(&held))
    }

    async fn named(&self, list: Listed<MembershipRow>) -> Result<MembershipList> {
        let instance = self.0.store.instance().await?;
        Ok(MembershipList { list, instance_id: instance.map(|i| i.instance_id).unwrap_or_default() })
    }
}

fn rank(scope: i64) -> i64 {
    match scope {
        1 => 0,
        0 => 1,
        other => other,
    }
}
