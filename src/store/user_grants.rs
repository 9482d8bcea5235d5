//! User grants: the roles of a project that a user has.

use serde::Serialize;
use serde::ser::SerializeMap as _;
use sqlx::FromRow;

use super::events::Nothing;
use super::held::lock;
use super::project_grants::ProjectGrantAt;
use super::sql::{query, statement};
use super::texts::{fold, json};
use super::{
    AggregateKind, Change, Event, EventKind, GrantRow, Held, ProjectAt, Recorded, Result, Sql, Stamp, State, Statement,
    Store, UserAt, Work,
};

/// Which grants follow the removal of something.
#[derive(Debug, Clone, Copy)]
pub enum GrantsOf<'a> {
    /// Of a user, in all organizations.
    User(UserAt<'a>),
    /// Of a project.
    Project(ProjectAt<'a>),
    /// Those of a project that have a role.
    Role(ProjectAt<'a>, &'a [String]),
    /// Those through a project grant.
    ProjectGrant(ProjectGrantAt<'a>),
    /// Those through a project grant that have one of these roles.
    ProjectGrantRoles(ProjectGrantAt<'a>, &'a [String]),
}

impl<'a> GrantsOf<'a> {
    /// The keys of roles that they lose; none if they go.
    pub fn lost(self) -> Option<&'a [String]> {
        match self {
            Self::User(_) | Self::Project(_) | Self::ProjectGrant(_) => None,
            Self::Role(_, keys) | Self::ProjectGrantRoles(_, keys) => Some(keys),
        }
    }
}

/// The project that a user grant is in.
#[derive(Debug, Clone, Copy)]
pub struct GrantIn<'a> {
    /// The project.
    pub project: ProjectAt<'a>,
    /// The grant by which it came to the organization; none for a project of its own.
    pub project_grant_id: Option<&'a str>,
}

/// The beginning of a query for user grants `g`, with the names that belong to them.
macro_rules! base {
    () => {
        "SELECT g.id, g.org_id, g.user_id, g.project_id, g.project_grant_id, g.role_keys, g.state, g.sequence, g.created_at, g.changed_at, \
         u.user_name, u.user_name_folded, u.name AS user_display, u.name_folded AS user_display_folded, \
         o.name AS org_name, o.name_folded AS org_name_folded, o.primary_domain AS org_domain, \
         o.primary_domain AS org_domain_folded, p.name AS project_name, p.name_folded AS project_name_folded, \
         w.id AS user_org_id, w.name AS user_org_name, w.primary_domain AS user_org_domain \
         FROM user_grants g JOIN users u ON u.org_id = g.user_org_id AND u.id = g.user_id \
         JOIN organizations o ON o.id = g.org_id JOIN projects p ON p.org_id = g.project_org_id AND p.id = g.project_id \
         JOIN organizations w ON w.id = u.org_id WHERE "
    };
}
pub(super) use base;

pub(super) const GRANT_BY_ID: &str = concat!(base!(), "g.org_id = $1 AND g.id = $2");
pub(super) const GRANT_PLACE: &str =
    "SELECT project_org_id, project_id, project_grant_id FROM user_grants WHERE org_id = $1 AND id = $2";
pub(super) const GRANT_LOCK: Sql = lock!(
    ", u.id, u.project_org_id, u.project_id, u.project_grant_id, u.role_keys, u.state, u.sequence, u.created_at, u.changed_at",
    "JOIN user_grants u ON u.org_id = g.org_id AND u.id = g.id WHERE 1 = 1"
);
pub(super) const GRANT_INSERT: &str = "INSERT INTO user_grants \
     (org_id, id, user_id, user_org_id, project_org_id, project_id, project_grant_id, role_keys, state, sequence, \
     created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $10)";
pub(super) const GRANT_SET_KEYS: &str =
    "UPDATE user_grants SET role_keys = $3, sequence = $4, changed_at = $5 WHERE org_id = $1 AND id = $2";
pub(super) const GRANT_SET_STATE: &str =
    "UPDATE user_grants SET state = $3, sequence = $4, changed_at = $5 WHERE org_id = $1 AND id = $2";
// Its roles go with it.
pub(super) const GRANT_DELETE: &str = "DELETE FROM user_grants WHERE org_id = $1 AND id = $2";
// $6: pairs of a key and its folded twin.
pub(super) const GRANT_ROLES_INSERT: Sql = Sql {
    pg: "INSERT INTO user_grant_roles \
         (org_id, grant_id, project_org_id, project_id, project_grant_id, role_key, role_key_folded) \
         SELECT $1, $2, $3, $4, CAST($5 AS TEXT), value ->> 0, value ->> 1 FROM json_array_elements(CAST($6 AS json))",
    lite: "INSERT INTO user_grant_roles \
           (org_id, grant_id, project_org_id, project_id, project_grant_id, role_key, role_key_folded) \
           SELECT $1, $2, $3, $4, $5, value ->> 0, value ->> 1 FROM json_each($6)",
};
pub(super) const GRANT_ROLES_DELETE: &str = "DELETE FROM user_grant_roles WHERE org_id = $1 AND grant_id = $2";
// In one order everywhere, so that two removals never wait for each other.
pub(super) const GRANTS_OF_USER: &str =
    "SELECT org_id, id FROM user_grants WHERE user_org_id = $1 AND user_id = $2 ORDER BY org_id, id";
pub(super) const GRANTS_OF_PROJECT: &str =
    "SELECT org_id, id FROM user_grants WHERE project_org_id = $1 AND project_id = $2 ORDER BY org_id, id";
pub(super) const GRANTS_OF_PROJECT_GRANT: &str =
    "SELECT org_id, id FROM user_grants WHERE project_org_id = $1 AND project_grant_id = $2 ORDER BY org_id, id";
macro_rules! with_role {
    ($column:literal) => {
        Sql {
            pg: concat!(
                "SELECT DISTINCT org_id, grant_id FROM user_grant_roles WHERE project_org_id = $1 AND ",
                $column,
                " = $2 AND role_key IN (SELECT value FROM json_array_elements_text(CAST($3 AS json))) \
                 ORDER BY org_id, grant_id"
            ),
            lite: concat!(
                "SELECT DISTINCT org_id, grant_id FROM user_grant_roles WHERE project_org_id = $1 AND ",
                $column,
                " = $2 AND role_key IN (SELECT value FROM json_each($3)) ORDER BY org_id, grant_id"
            ),
        }
    };
}
pub(super) const GRANTS_OF_ROLE: Sql = with_role!("project_id");
pub(super) const GRANTS_OF_PROJECT_GRANT_ROLES: Sql = with_role!("project_grant_id");

impl Store {
    /// A user grant of the organization.
    pub async fn grant_by_id(&self, org_id: &str, id: &str) -> Result<Option<GrantRow>> {
        self.row(&query!(GRANT_BY_ID; org_id, id)).await
    }
}

/// A user grant as it is before a change.
#[derive(Debug, FromRow)]
pub struct GrantHeld {
    /// Identifier.
    pub id: String,
    /// Its project, which is one of the organization or granted to it.
    #[sqlx(flatten)]
    pub place: GrantPlace,
    /// Keys of its roles as a JSON list.
    pub role_keys: String,
    /// Its state.
    pub state: State,
    /// Sequence and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

/// The project of a user grant.
#[derive(Debug, Clone, FromRow)]
pub struct GrantPlace {
    /// The organization of the project.
    pub project_org_id: String,
    /// The project.
    pub project_id: String,
    /// The grant by which it came to the organization; none for a project of its own.
    pub project_grant_id: Option<String>,
}

impl GrantPlace {
    /// The same, borrowed.
    pub fn of(&self) -> GrantIn<'_> {
        let project = ProjectAt { org_id: &self.project_org_id, id: &self.project_id };
        GrantIn { project, project_grant_id: self.project_grant_id.as_deref() }
    }
}

impl Work {
    /// The project of a grant; none if there is no such grant.
    pub async fn grant_place(&mut self, at: GrantAt<'_>) -> Result<Option<GrantPlace>> {
        self.row(&query!(GRANT_PLACE; at.org_id, at.id)).await
    }

    /// Locks a user grant; none if there is no such grant.
    pub async fn grant_held(&mut self, at: GrantAt<'_>) -> Result<Option<Held<'_, GrantHeld>>> {
        self.hold(GRANT_LOCK, AggregateKind::UserGrant, [at.org_id, at.id], None).await
    }

    /// Grants that follow a removal: organization and id of each, in the order in which they are to be locked.
    pub async fn grants_of(&mut self, whose: GrantsOf<'_>) -> Result<Vec<(String, String)>> {
        let query = match whose {
            GrantsOf::User(at) => query!(GRANTS_OF_USER; at.org_id, at.id),
            GrantsOf::Project(at) => query!(GRANTS_OF_PROJECT; at.org_id, at.id),
            GrantsOf::Role(at, keys) => query!(GRANTS_OF_ROLE; at.org_id, at.id, json(keys)),
            GrantsOf::ProjectGrant(at) => query!(GRANTS_OF_PROJECT_GRANT; at.org_id, at.id),
            GrantsOf::ProjectGrantRoles(at, keys) => {
                query!(GRANTS_OF_PROJECT_GRANT_ROLES; at.org_id, at.id, json(keys))
            }
        };
        self.rows(&query).await
    }
}

/// Where a user grant is.
#[derive(Debug, Clone, Copy)]
pub struct GrantAt<'a> {
    /// Organization.
    pub org_id: &'a str,
    /// Identifier.
    pub id: &'a str,
}

/// A new, active user grant.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantAdded<'a> {
    /// Where it will be.
    #[serde(skip)]
    pub at: GrantAt<'a>,
    /// The user, of whatever organization.
    #[serde(serialize_with = "id_of")]
    #[serde(rename = "userId")]
    pub user: UserAt<'a>,
    /// A project of the organization, or one that is granted to it.
    #[serde(flatten, serialize_with = "place_of")]
    pub of: GrantIn<'a>,
    /// Keys of its roles.
    pub role_keys: &'a [String],
}

fn place_of<S: serde::Serializer>(of: &GrantIn<'_>, to: S) -> std::result::Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(None)?;
    map.serialize_entry("projectId", of.project.id)?;
    if let Some(id) = of.project_grant_id {
        map.serialize_entry("projectGrantId", id)?;
    }
    map.end()
}

fn id_of<S: serde::Serializer>(user: &UserAt<'_>, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(user.id)
}

impl Change for GrantAdded<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::GrantAdded, self)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let (at, user, of) = (self.at, self.user, self.of);
        let grant = statement!(
            GRANT_INSERT; at.org_id, at.id, user.id, user.org_id, of.project.org_id, of.project.id, of.project_grant_id,
            json(self.role_keys), event.sequence, event.at,
        );
        vec![grant, roles(at, of, self.role_keys)]
    }
}

/// A user grant gets other roles.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantChanged<'a> {
    /// Where it is.
    #[serde(skip)]
    pub at: GrantAt<'a>,
    /// Its project.
    #[serde(skip)]
    pub of: GrantIn<'a>,
    /// Keys of its roles from now on.
    pub role_keys: &'a [String],
    /// It follows the removal of a role, from its project or from the grant of that.
    #[serde(skip)]
    pub cascade: bool,
}

impl Change for GrantChanged<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = if self.cascade { EventKind::GrantCascadeChanged } else { EventKind::GrantChanged };
        vec![Event::new(kind, self)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let at = self.at;
        let keys = statement!(GRANT_SET_KEYS; at.org_id, at.id, json(self.role_keys), event.sequence, event.at);
        let old = statement!(GRANT_ROLES_DELETE; at.org_id, at.id).any();
        vec![keys, old, roles(at, self.of, self.role_keys)]
    }
}

/// A user grant is switched on or off.
#[derive(Debug)]
pub struct GrantSwitched<'a> {
    /// Where it is.
    pub at: GrantAt<'a>,
    /// Its state from now on.
    pub state: State,
}

impl Change for GrantSwitched<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = match self.state {
            State::Active => EventKind::GrantReactivated,
            State::Inactive => EventKind::GrantDeactivated,
        };
        vec![Event::new(kind, &Nothing {})]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(GRANT_SET_STATE; self.at.org_id, self.at.id, self.state.number(), event.sequence, event.at)]
    }
}

/// A user grant ends.
#[derive(Debug)]
pub struct GrantRemoved<'a> {
    /// Where it was.
    pub at: GrantAt<'a>,
    /// It follows the removal of its user, its project or the grant of that.
    pub cascade: bool,
}

impl Change for GrantRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = if self.cascade { EventKind::GrantCascadeRemoved } else { EventKind::GrantRemoved };
        vec![Event::new(kind, &Nothing {})]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(GRANT_DELETE; self.at.org_id, self.at.id)]
    }
}

fn roles<'a>(at: GrantAt<'a>, of: GrantIn<'a>, keys: &[String]) -> Statement<'a> {
    let pairs: Vec<[String; 2]> = keys.iter().map(|key| [key.clone(), fold(key)]).collect();
    let GrantIn { project, project_grant_id } = of;
    statement!(
        GRANT_ROLES_INSERT; at.org_id, at.id, project.org_id, project.id, project_grant_id, json(&pairs)
    )
    .any()
}
