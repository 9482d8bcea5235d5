//! What is there, for whoever compares it with what should be there: only the server itself does.

use super::{Deps, chosen};
use crate::auth::Admitted;
use crate::error::{Error, Result};
use crate::store::{
    Credential, FirstRow, InstanceRow, KeptRow, MaterialRow, MembershipOf, Named, OrgIs, OwnedDomainRow, OwnedRoleRow,
    ProjectGrantOf, ProjectOf, SecretAppRow, SecretUserRow, UserGrantOf,
};

/// What is there of the whole server.
pub struct Present(pub(super) Deps);

impl Present {
    /// The server's own row.
    ///
    /// # Errors
    /// It has not been set up.
    pub async fn instance(&self, _who: &Admitted) -> Result<InstanceRow> {
        let row = self.0.store.instance().await?;
        row.ok_or_else(|| Error::internal("the server has not been set up"))
    }

    /// What the server made for itself.
    pub async fn first(&self, _who: &Admitted) -> Result<Option<FirstRow>> {
        Ok(self.0.store.first().await?)
    }

    /// Identifiers of all organizations.
    pub async fn org_ids(&self, _who: &Admitted) -> Result<Vec<String>> {
        Ok(self.0.store.org_ids().await?)
    }

    /// Organizations.
    pub async fn orgs(&self, _who: &Admitted, ids: &[String]) -> Result<Vec<OrgIs>> {
        Ok(self.0.store.orgs_named(ids).await?)
    }

    /// Domains of organizations.
    pub async fn domains(&self, _who: &Admitted, orgs: &[String]) -> Result<Vec<OwnedDomainRow>> {
        Ok(self.0.store.domains_in(orgs).await?)
    }

    /// Values that are kept with organizations, which have the user "", or with users of them.
    pub async fn metadata(&self, _who: &Admitted, orgs: &[String], users: &[String]) -> Result<Vec<KeptRow>> {
        Ok(self.0.store.metadata_in(orgs, users).await?)
    }

    /// Users.
    pub async fn users(&self, _who: &Admitted, which: Named<'_>) -> Result<Vec<SecretUserRow>> {
        Ok(self.0.store.users_named(which).await?)
    }

    /// Projects.
    pub async fn projects(&self, _who: &Admitted, which: Named<'_>) -> Result<Vec<ProjectOf>> {
        Ok(self.0.store.projects_named(which).await?)
    }

    /// Roles of projects of organizations; of all of them, if none is named.
    pub async fn roles(
        &self,
        _who: &Admitted,
        orgs: &[String],
        projects: Option<&[String]>,
    ) -> Result<Vec<OwnedRoleRow>> {
        Ok(self.0.store.roles_in(orgs, projects).await?)
    }

    /// Applications.
    pub async fn apps(&self, _who: &Admitted, which: Named<'_>) -> Result<Vec<SecretAppRow>> {
        Ok(self.0.store.apps_named(which).await?)
    }

    /// Keys of applications, sleeping ones too.
    pub async fn app_keys(&self, _who: &Admitted, which: Named<'_>) -> Result<Vec<MaterialRow>> {
        Ok(self.0.store.app_keys_named(which).await?)
    }

    /// Keys of users.
    pub async fn machine_keys(&self, _who: &Admitted, which: Named<'_>) -> Result<Vec<MaterialRow>> {
        Ok(self.0.store.materials_named(Credential::MachineKey, which).await?)
    }

    /// Personal access tokens of users.
    pub async fn tokens(&self, _who: &Admitted, which: Named<'_>) -> Result<Vec<MaterialRow>> {
        Ok(self.0.store.materials_named(Credential::Pat, which).await?)
    }

    /// Memberships in places of one scope, of users or in what is named.
    pub async fn members(&self, _who: &Admitted, scope: i64, which: Named<'_>) -> Result<Vec<MembershipOf>> {
        Ok(self.0.store.members_named(scope, which).await?)
    }

    /// Project grants of projects, or those that organizations give.
    pub async fn project_grants(&self, _who: &Admitted, which: Named<'_>) -> Result<Vec<ProjectGrantOf>> {
        Ok(self.0.store.project_grants_named(which).await?)
    }

    /// User grants of users, or of organizations.
    pub async fn user_grants(&self, _who: &Admitted, which: Named<'_>) -> Result<Vec<UserGrantOf>> {
        Ok(self.0.store.user_grants_named(which).await?)
    }
}

/// Why the signs of a text make no id, if so.
pub fn signs(id: &str) -> Option<&'static str> {
    chosen::signs(id)
}

/// Why nobody can choose an id on a server whose first number is this, if so.
pub fn not_to_choose(id: &str, first: &str) -> Option<&'static str> {
    chosen::like_given(id, first).then_some(chosen::GIVEN)
}
