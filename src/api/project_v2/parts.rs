//! What the functions of this family work with.

use std::sync::Arc;

use crate::auth::Owners;
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
