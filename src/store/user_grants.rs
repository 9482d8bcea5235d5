//! User grants: the roles of a project that a user has.

use serde::Serialize;
use sqlx::FromRow;

use super::builder::QueryBuilder;
use super::events::Nothing;
use super::filter::push_any_of;
use super::held::lock;
use super::lists::{Source, paged};
use super::sql::{query, statement};
use super::texts::{fold, json};
use super::{
    AggregateKind, Change, Event, EventKind, GrantRow, Held, Listed, Page, ProjectAt, Recorded, Result, Sql, Stamp,
    State, Statement, Store, TextFilter, UserAt, Work,
};

/// A condition on a user grant.
#[derive(Debug, Clone)]
pub enum GrantFilter {
    /// Of this project.
    Project(String),
    /// Of one of these users.
    Users(Vec<String>),
    /// With a role whose key is so.
    RoleKey(TextFilter),
    /// On the login name of the user.
    UserName(TextFilter),
    /// On the display name of the user.
    DisplayName(TextFilter),
    /// On the name of the organization.
    OrgName(TextFilter),
    /// On the primary domain of the organization.
    OrgDomain(TextFilter),
    /// On the name of the project.
    ProjectName(TextFilter),
    /// On what no grant here has, such as an e-mail address of its user.
    Nothing,
}

/// Which grants follow the removal of something.
#[derive(Debug, Clone, Copy)]
pub enum GrantsOf<'a> {
    /// Of a user, in all organizations.
    User(UserAt<'a>),
    /// Of a project.
    Project(ProjectAt<'a>),
    /// Those of a project that have a role.
    Role(ProjectAt<'a>, &'a str),
}

macro_rules! base {
    () => {
        "SELECT g.id, g.org_id, g.user_id, g.project_id, g.role_keys, g.state, g.sequence, g.created_at, g.changed_at, \
         u.user_name, u.user_name_folded, u.name AS user_display, u.name_folded AS user_display_folded, \
         o.name AS org_name, o.name_folded AS org_name_folded, o.primary_domain AS org_domain, \
         o.primary_domain AS org_domain_folded, p.name AS project_name, p.name_folded AS project_name_folded, \
         w.id AS user_org_id, w.name AS user_org_name, w.primary_domain AS user_org_domain \
         FROM user_grants g JOIN users u ON u.org_id = g.user_org_id AND u.id = g.user_id \
         JOIN organizations o ON o.id = g.org_id JOIN projects p ON p.org_id = g.org_id AND p.id = g.project_id \
         JOIN organizations w ON w.id = u.org_id WHERE g.org_id = "
    };
}

pub(super) const GRANT_BY_ID: &str = concat!(base!(), "$1 AND g.id = $2");
pub(super) const GRANT_PLACE: &str = "SELECT project_id FROM user_grants WHERE org_id = $1 AND id = $2";
pub(super) const GRANT_LOCK: Sql = lock!(
    ", u.id, u.project_id, u.role_keys, u.state, u.sequence, u.created_at, u.changed_at",
    "JOIN user_grants u ON u.org_id = g.org_id AND u.id = g.id WHERE 1 = 1"
);
pub(super) const GRANT_INSERT: &str = "INSERT INTO user_grants \
     (org_id, id, user_id, user_org_id, project_id, role_keys, state, sequence, created_at, changed_at) \
     VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $8)";
pub(super) const GRANT_SET_KEYS: &str =
    "UPDATE user_grants SET role_keys = $3, sequence = $4, changed_at = $5 WHERE org_id = $1 AND id = $2";
pub(super) const GRANT_SET_STATE: &str =
    "UPDATE user_grants SET state = $3, sequence = $4, changed_at = $5 WHERE org_id = $1 AND id = $2";
// Its roles go with it.
pub(super) const GRANT_DELETE: &str = "DELETE FROM user_grants WHERE org_id = $1 AND id = $2";
// $4: pairs of a key and its folded twin.
pub(super) const GRANT_ROLES_INSERT: Sql = Sql {
    pg: "INSERT INTO user_grant_roles (org_id, grant_id, project_id, role_key, role_key_folded) \
         SELECT $1, $2, $3, value ->> 0, value ->> 1 FROM json_array_elements(CAST($4 AS json))",
    lite: "INSERT INTO user_grant_roles (org_id, grant_id, project_id, role_key, role_key_folded) \
           SELECT $1, $2, $3, value ->> 0, value ->> 1 FROM json_each($4)",
};
pub(super) const GRANT_ROLES_DELETE: &str = "DELETE FROM user_grant_roles WHERE org_id = $1 AND grant_id = $2";
// In one order everywhere, so that two removals never wait for each other.
pub(super) const GRANTS_OF_USER: &str =
    "SELECT org_id, id FROM user_grants WHERE user_org_id = $1 AND user_id = $2 ORDER BY org_id, id";
pub(super) const GRANTS_OF_PROJECT: &str =
    "SELECT org_id, id FROM user_grants WHERE org_id = $1 AND project_id = $2 ORDER BY org_id, id";
pub(super) const GRANTS_OF_ROLE: &str = "SELECT org_id, grant_id FROM user_grant_roles \
     WHERE org_id = $1 AND project_id = $2 AND role_key = $3 ORDER BY org_id, grant_id";

impl Store {
    /// A user grant of the organization.
    pub async fn grant_by_id(&self, org_id: &str, id: &str) -> Result<Option<GrantRow>> {
        self.row(&query!(GRANT_BY_ID; org_id, id)).await
    }

    /// User grants of the organization that pass all filters.
    pub async fn grant_search(&self, org_id: &str, filters: &[GrantFilter], page: Page) -> Result<Listed<GrantRow>> {
        let mut query = self.builder(concat!("WITH f AS (SELECT * FROM (", base!()));
        query.bind(org_id).push(") b WHERE 1 = 1");
        for filter in filters {
            push(query.push(" AND "), filter);
        }
        paged(&mut query, Source { org_id, kind: AggregateKind::UserGrant, id: None }, "id", page);
        self.list(&query.build(filters.is_empty())).await
    }
}

fn push<'a>(query: &mut QueryBuilder<'a>, filter: &'a GrantFilter) {
    match filter {
        GrantFilter::Project(id) => {
            query.push("project_id = ").bind(id);
        }
        GrantFilter::Users(ids) => push_any_of(query, "user_id", ids),
        GrantFilter::RoleKey(text) => {
            query.push("EXISTS (SELECT 1 FROM user_grant_roles r WHERE r.org_id = b.org_id AND r.grant_id = b.id AND ");
            text.push(query, "r.role_key");
            query.push(")");
        }
        GrantFilter::UserName(text) => text.push(query, "user_name"),
        GrantFilter::DisplayName(text) => text.push(query, "user_display"),
        GrantFilter::OrgName(text) => text.push(query, "org_name"),
        GrantFilter::OrgDomain(text) => text.push(query, "org_domain"),
        GrantFilter::ProjectName(text) => text.push(query, "project_name"),
        GrantFilter::Nothing => {
            query.push("1 = 0");
        }
    }
}

/// A user grant as it is before a change.
#[derive(Debug, FromRow)]
pub struct GrantHeld {
    /// Identifier.
    pub id: String,
    /// The project.
    pub project_id: String,
    /// Keys of its roles as a JSON list.
    pub role_keys: String,
    /// Its state.
    pub state: State,
    /// Sequence and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

impl Work {
    /// The project of a grant; none if there is no such grant.
    pub async fn grant_project(&mut self, at: GrantAt<'_>) -> Result<Option<String>> {
        self.scalar(&query!(GRANT_PLACE; at.org_id, at.id)).await
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
            GrantsOf::Role(at, key) => query!(GRANTS_OF_ROLE; at.org_id, at.id, key),
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
    /// A project of the organization.
    pub project_id: &'a str,
    /// Keys of its roles.
    pub role_keys: &'a [String],
}

fn id_of<S: serde::Serializer>(user: &UserAt<'_>, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(user.id)
}

impl Change for GrantAdded<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::GrantAdded, self)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let (at, user) = (self.at, self.user);
        let grant = statement!(
            GRANT_INSERT; at.org_id, at.id, user.id, user.org_id, self.project_id, json(self.role_keys), event.sequence,
            event.at,
        );
        vec![grant, roles(at, self.project_id, self.role_keys)]
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
    pub project_id: &'a str,
    /// Keys of its roles from now on.
    pub role_keys: &'a [String],
    /// It follows the removal of a role.
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
        vec![keys, old, roles(at, self.project_id, self.role_keys)]
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
    /// It follows the removal of its user or project.
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

fn roles<'a>(at: GrantAt<'a>, project_id: &'a str, keys: &[String]) -> Statement<'a> {
    let pairs: Vec<[String; 2]> = keys.iter().map(|key| [key.clone(), fold(key)]).collect();
    statement!(GRANT_ROLES_INSERT; at.org_id, at.id, project_id, json(&pairs)).any()
}
