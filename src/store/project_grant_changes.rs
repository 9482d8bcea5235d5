//! What happens to project grants. Their events are those of the project.

use serde::Serialize;

use super::project_grants::ProjectGrantAt;
use super::sql::statement;
use super::texts::json;
use super::{Change, Event, EventKind, ProjectAt, Recorded, Sql, State, Statement};

pub(super) const PROJECT_GRANT_INSERT: &str = "INSERT INTO project_grants \
     (org_id, id, project_id, granted_org_id, role_keys, state, sequence, created_at, changed_at) \
     VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $7)";
pub(super) const PROJECT_GRANT_SET_KEYS: &str =
    "UPDATE project_grants SET role_keys = $3, sequence = $4, changed_at = $5 WHERE org_id = $1 AND id = $2";
pub(super) const PROJECT_GRANT_SET_STATE: &str =
    "UPDATE project_grants SET state = $3, sequence = $4, changed_at = $5 WHERE org_id = $1 AND id = $2";
// Its roles and members go with it; user grants through it must have gone before.
pub(super) const PROJECT_GRANT_DELETE: &str = "DELETE FROM project_grants WHERE org_id = $1 AND id = $2";
pub(super) const PROJECT_GRANTS_DELETE: &str = "DELETE FROM project_grants WHERE org_id = $1 AND project_id = $2";
pub(super) const PROJECT_GRANT_ROLES_INSERT: Sql = Sql {
    pg: "INSERT INTO project_grant_roles (org_id, grant_id, project_id, role_key) \
         SELECT $1, $2, $3, value FROM json_array_elements_text(CAST($4 AS json))",
    lite: "INSERT INTO project_grant_roles (org_id, grant_id, project_id, role_key) \
           SELECT $1, $2, $3, value FROM json_each($4)",
};
// Only what falls away: user grants refer to what stays.
pub(super) const PROJECT_GRANT_ROLES_DELETE: Sql = Sql {
    pg: "DELETE FROM project_grant_roles WHERE org_id = $1 AND grant_id = $2 \
         AND role_key IN (SELECT value FROM json_array_elements_text(CAST($3 AS json)))",
    lite: "DELETE FROM project_grant_roles WHERE org_id = $1 AND grant_id = $2 \
           AND role_key IN (SELECT value FROM json_each($3))",
};

/// A new, active grant of a project.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectGrantAdded<'a> {
    /// The project.
    #[serde(skip)]
    pub project: ProjectAt<'a>,
    /// Identifier.
    #[serde(rename = "grantId")]
    pub id: &'a str,
    /// The organization that it is given to.
    pub granted_org_id: &'a str,
    /// Keys of its roles.
    pub role_keys: &'a [String],
}

impl Change for ProjectGrantAdded<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::of_part(EventKind::ProjectGrantAdded, self.id, self)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let project = self.project;
        let grant = statement!(
            PROJECT_GRANT_INSERT; project.org_id, self.id, project.id, self.granted_org_id, json(self.role_keys),
            event.sequence, event.at,
        );
        vec![grant, roles(project, self.id, self.role_keys)]
    }
}

/// A project grant gets other roles. User grants must have lost what falls away.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectGrantChanged<'a> {
    /// The project.
    #[serde(skip)]
    pub project: ProjectAt<'a>,
    /// Identifier.
    #[serde(rename = "grantId")]
    pub id: &'a str,
    /// Keys of its roles from now on.
    pub role_keys: &'a [String],
    /// Keys among them that are new.
    #[serde(skip)]
    pub more: &'a [String],
    /// Keys that fall away.
    #[serde(skip)]
    pub less: &'a [String],
    /// It follows the removal of a role.
    #[serde(skip)]
    pub cascade: bool,
}

impl Change for ProjectGrantChanged<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = if self.cascade { EventKind::ProjectGrantCascadeChanged } else { EventKind::ProjectGrantChanged };
        vec![Event::of_part(kind, self.id, self)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let org_id = self.project.org_id;
        let keys = statement!(PROJECT_GRANT_SET_KEYS; org_id, self.id, json(self.role_keys), event.sequence, event.at);
        let less = statement!(PROJECT_GRANT_ROLES_DELETE; org_id, self.id, json(self.less)).any();
        vec![keys, less, roles(self.project, self.id, self.more)]
    }
}

/// What the events of a project grant say that have nothing else to say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Says<'a> {
    grant_id: &'a str,
}

/// A project grant is switched on or off.
#[derive(Debug)]
pub struct ProjectGrantSwitched<'a> {
    /// Where it is.
    pub at: ProjectGrantAt<'a>,
    /// Its state from now on.
    pub state: State,
}

impl Change for ProjectGrantSwitched<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = match self.state {
            State::Active => EventKind::ProjectGrantReactivated,
            State::Inactive => EventKind::ProjectGrantDeactivated,
        };
        vec![Event::of_part(kind, self.at.id, &Says { grant_id: self.at.id })]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let state = self.state.number();
        vec![statement!(PROJECT_GRANT_SET_STATE; self.at.org_id, self.at.id, state, event.sequence, event.at)]
    }
}

/// A project grant ends, with its members. User grants through it must have gone before.
#[derive(Debug)]
pub struct ProjectGrantRemoved<'a> {
    /// Where it was.
    pub at: ProjectGrantAt<'a>,
}

impl Change for ProjectGrantRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::of_part(EventKind::ProjectGrantRemoved, self.at.id, &Says { grant_id: self.at.id })]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(PROJECT_GRANT_DELETE; self.at.org_id, self.at.id)]
    }
}

fn roles<'a>(project: ProjectAt<'a>, id: &'a str, keys: &[String]) -> Statement<'a> {
    statement!(PROJECT_GRANT_ROLES_INSERT; project.org_id, id, project.id, json(keys)).any()
}
