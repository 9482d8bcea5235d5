//! Routes of projects, their roles and members.

use super::routes::Resource;
use crate::service::{Members, Projects, Roles};

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

/// RPCs of [`Roles`].
pub fn roles(table: Resource<Roles>) -> Resource<Roles> {
    table
        .rpc("AddProjectRole", Roles::add_project_role)
        .rpc("BulkAddProjectRoles", Roles::bulk_add_project_roles)
        .rpc("UpdateProjectRole", Roles::update_project_role)
        .rpc("RemoveProjectRole", Roles::remove_project_role)
        .rpc("ListProjectRoles", Roles::list_project_roles)
}

/// RPCs of [`Members`].
pub fn members(table: Resource<Members>) -> Resource<Members> {
    table
        .rpc("ListProjectMemberRoles", Members::list_project_member_roles)
        .rpc("ListProjectMembers", Members::list_project_members)
        .rpc("AddProjectMember", Members::add_project_member)
        .rpc("UpdateProjectMember", Members::update_project_member)
        .rpc("RemoveProjectMember", Members::remove_project_member)
}
