//! Routes of projects.

use super::routes::Resource;
use crate::service::Projects;

/// RPCs of [`Projects`].
pub fn routes(table: Resource<Projects>) -> Resource<Projects> {
    table
        .rpc("AddProject", Projects::add_project)
        .rpc("GetProjectByID", Projects::get_project_by_id)
        .rpc("ListProjects", Projects::list_projects)
        .rpc("UpdateProject", Projects::update_project)
        .rpc("DeactivateProject", Projects::deactivate_project)
        .rpc("ReactivateProject", Projects::reactivate_project)
        .rpc("RemoveProject", Projects::remove_project)
        .rpc("ListProjectChanges", Projects::list_project_changes)
}
