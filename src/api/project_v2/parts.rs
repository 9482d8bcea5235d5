//! What the functions of this family work with.

use std::sync::Arc;

use crate::auth::{Admitted, Caller, Denied, Owners, Target};
use crate::error::{Error, Result};
use crate::proto::Call;
use crate::service::project_grants::ProjectGrants;
use crate::service::projects::Projects;
use crate::service::roles::Roles;

/// What the functions of this family work with.
pub struct Parts {
    /// Projects.
    pub projects: Arc<Projects>,
    /// Their roles.
    pub roles: Arc<Roles>,
    /// What of them is granted to other organizations.
    pub grants: Arc<ProjectGrants>,
    /// Whose they are.
    pub owners: Owners,
}

impl Parts {
    /// Lets a caller do with a project, or with what is in it, what the request is for.
    ///
    /// # Errors
    /// As [`Owners::find`] and [`Owners::admit`]; `missing` there is no such project.
    pub async fn admit<C: Call + Sync>(
        &self,
        caller: Caller,
        request: &C,
        id: &str,
        missing: impl FnOnce() -> Error + Send,
    ) -> Result<Admitted> {
        let found = self.owners.find(request, Target::Project(id)).await?.ok_or_else(missing)?;
        self.owners.admit(caller, request, &found, Denied::Object).await
    }
}
