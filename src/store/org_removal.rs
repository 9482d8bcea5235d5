//! Removed organizations: what ends at once, and what goes in steps afterwards.
//!
//! The first change frees name and domains and gives the organization the state 3: whoever belongs to it is let in
//! nowhere from then on, and nothing in it is found. What it held goes in steps, each a unit of work of its own. In the
//! end its row goes too, which foreign keys allow only once nothing is left; from then on they refuse what comes late.

use serde::Serialize;
use sqlx::FromRow;

use super::sql::{Query, locking, query, statement};
use super::{Change, Event, EventKind, OrgRow, Recorded, Result, Sql, Statement, Store, Work};

/// Rows of one step at most.
pub const STEP: i64 = 100;

pub(super) const ORG_SEEN: &str = "SELECT o.id, o.name, o.primary_domain, o.state, o.created_at, g.sequence, \
     g.changed_at FROM organizations o JOIN aggregates g ON g.org_id = o.id AND g.kind = 'org' AND g.id = o.id \
     WHERE o.id = $1 AND o.state <> 3 UNION ALL SELECT r.id, r.name, r.primary_domain, CAST(3 AS BIGINT) AS state, \
     r.created_at, g.sequence, g.changed_at FROM removed_organizations r JOIN aggregates g ON g.org_id = r.id \
     AND g.kind = 'org' AND g.id = r.id WHERE r.id = $1";
pub(super) const ORG_REMOVED: &str = "SELECT id FROM removed_organizations WHERE id = $1";
pub(super) const ORG_ENTOMB: &str = "INSERT INTO removed_organizations (id, name, primary_domain, created_at, \
     removed_by) VALUES ($1, $2, $3, $4, $5)";
// Names and domains never begin with a blank, so that nobody else's is taken.
pub(super) const ORG_LEAVE: &str =
    "UPDATE organizations SET state = 3, name_folded = ' ' || id, primary_domain = ' ' || id WHERE id = $1";
pub(super) const DOMAINS_DELETE: &str = "DELETE FROM org_domains WHERE org_id = $1";
pub(super) const ORGS_LEAVING: &str = "SELECT o.id, r.removed_by FROM organizations o JOIN removed_organizations r \
     ON r.id = o.id WHERE o.state = 3 ORDER BY o.id LIMIT $1";
pub(super) const ORG_LEAVING_LOCK: Sql = locking!("SELECT id FROM organizations WHERE id = $1 AND state = 3");
pub(super) const ORG_DELETE: &str = "DELETE FROM organizations WHERE id = $1 AND state = 3";

macro_rules! first_of {
    ($table:literal, $columns:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE org_id = $1 AND (",
            $columns,
            ") IN (SELECT ",
            $columns,
            " FROM ",
            $table,
            " WHERE org_id = $1 LIMIT $2)"
        )
    };
}
pub(super) const LEAVING_APP_KEYS: &str = first_of!("app_keys", "id");
pub(super) const LEAVING_APPS: &str = first_of!("apps", "id");
pub(super) const LEAVING_ROLES: &str = first_of!("project_roles", "project_id, role_key");
pub(super) const LEAVING_MEMBERS: &str = first_of!("memberships", "scope, object_id, user_id");
pub(super) const LEAVING_METADATA: &str = first_of!("metadata", "user_id, key");
pub(super) const LEAVING_MACHINE_KEYS: &str = first_of!("machine_keys", "user_id, id");
pub(super) const LEAVING_TOKENS: &str = first_of!("personal_access_tokens", "user_id, id");
pub(super) const LEAVING_GRANTS: &str =
    "SELECT org_id, id, '' AS project_id FROM user_grants WHERE org_id = $1 ORDER BY org_id, id LIMIT $2";
pub(super) const LEAVING_GRANTS_ON_PROJECTS: &str =
    "SELECT org_id, id, '' AS project_id FROM user_grants WHERE project_org_id = $1 ORDER BY org_id, id LIMIT $2";
// Those that it gives, and those that it gets.
pub(super) const LEAVING_PROJECT_GRANTS: &str = "SELECT org_id, id, project_id FROM project_grants \
     WHERE org_id = $1 OR granted_org_id = $1 ORDER BY org_id, project_id, id LIMIT $2";
// Those of the users that go next.
pub(super) const LEAVING_GRANTS_ELSEWHERE: &str = "SELECT org_id, id, '' AS project_id FROM user_grants WHERE user_id IN \
     (SELECT id FROM users WHERE org_id = $1 ORDER BY id LIMIT $2) ORDER BY org_id, id LIMIT $2";
pub(super) const LEAVING_PROJECTS: &str =
    "SELECT org_id, id, '' AS project_id FROM projects WHERE org_id = $1 ORDER BY id LIMIT $2";
pub(super) const LEAVING_USERS: &str =
    "SELECT org_id, id, '' AS project_id FROM users WHERE org_id = $1 ORDER BY id LIMIT $2";

/// Something that goes with its event.
#[derive(Debug, Clone, FromRow)]
pub struct LeavingThing {
    /// The organization that it belongs to.
    pub org_id: String,
    /// Identifier.
    pub id: String,
    /// Of a project grant, the project.
    pub project_id: String,
}

/// An organization that has been removed and still holds something, or did so a moment ago.
#[derive(Debug, Clone, FromRow)]
pub struct LeavingRow {
    /// Identifier.
    pub id: String,
    /// Who removed it.
    pub removed_by: String,
}

/// What goes without an event of its own: that of the organization tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// Keys of applications.
    AppKeys,
    /// Applications.
    Apps,
    /// Roles of projects.
    Roles,
    /// Memberships in the organization and its projects.
    Members,
    /// Metadata of the organization and its users.
    Metadata,
    /// Keys of users.
    MachineKeys,
    /// Personal access tokens.
    Tokens,
}

impl Swept {
    fn sql(self) -> &'static str {
        match self {
            Self::AppKeys => LEAVING_APP_KEYS,
            Self::Apps => LEAVING_APPS,
            Self::Roles => LEAVING_ROLES,
            Self::Members => LEAVING_MEMBERS,
            Self::Metadata => LEAVING_METADATA,
            Self::MachineKeys => LEAVING_MACHINE_KEYS,
            Self::Tokens => LEAVING_TOKENS,
        }
    }
}

/// What goes one by one, each with its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// User grants of the organization.
    Grants,
    /// User grants that other organizations gave for projects of it.
    GrantsOnProjects,
    /// User grants that other organizations gave to users of it.
    GrantsElsewhere,
    /// Project grants, those that it gives and those that it gets.
    ProjectGrants,
    /// Projects.
    Projects,
    /// Users.
    Users,
}

impl Leaving {
    fn query(self, org_id: &str) -> Query<'_> {
        let sql = match self {
            Self::Grants => LEAVING_GRANTS,
            Self::GrantsOnProjects => LEAVING_GRANTS_ON_PROJECTS,
            Self::GrantsElsewhere => LEAVING_GRANTS_ELSEWHERE,
            Self::ProjectGrants => LEAVING_PROJECT_GRANTS,
            Self::Projects => LEAVING_PROJECTS,
            Self::Users => LEAVING_USERS,
        };
        query!(sql; org_id, STEP)
    }
}

impl Store {
    /// An organization, also one that has been removed.
    pub async fn org_seen(&self, id: &str) -> Result<Option<OrgRow>> {
        self.row(&query!(ORG_SEEN; id)).await
    }

    /// Whether there was such an organization, which has been removed.
    pub async fn org_was_removed(&self, id: &str) -> Result<bool> {
        Ok(self.scalar::<String>(&query!(ORG_REMOVED; id)).await?.is_some())
    }

    /// Removed organizations that may still hold something.
    pub async fn orgs_leaving(&self, limit: i64) -> Result<Vec<LeavingRow>> {
        self.rows(&query!(ORGS_LEAVING; limit)).await
    }
}

impl Work {
    /// Locks a removed organization that may still hold something; false if it is gone for good.
    pub async fn org_leaving(&mut self, id: &str) -> Result<bool> {
        Ok(self.scalar::<String>(&query!(ORG_LEAVING_LOCK; id)).await?.is_some())
    }

    /// The next of what goes one by one, in the order in which they are to be locked.
    pub async fn leaving(&mut self, what: Leaving, org_id: &str) -> Result<Vec<LeavingThing>> {
        self.rows(&what.query(org_id)).await
    }

    /// Deletes the next rows of a removed organization; gives how many.
    pub async fn leave(&mut self, what: Swept, org_id: &str) -> Result<u64> {
        self.touch(org_id);
        self.execute(&statement!(what.sql(); org_id, STEP).any()).await
    }

    /// Ends an organization that holds nothing any more.
    pub async fn org_end(&mut self, org_id: &str) -> Result<()> {
        self.touch(org_id);
        self.execute(&statement!(ORG_DELETE; org_id)).await.map(drop)
    }
}

/// An organization is removed. What is in it goes afterwards.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrgRemoved<'a> {
    /// Its identifier.
    #[serde(skip)]
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its primary domain.
    pub primary_domain: &'a str,
    /// When it was made.
    #[serde(skip)]
    pub created_at: crate::clock::Micros,
    /// Who removes it.
    #[serde(skip)]
    pub by: &'a str,
}

impl Change for OrgRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::OrgRemoved, self)]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        vec![
            statement!(ORG_ENTOMB; self.id, self.name, self.primary_domain, self.created_at, self.by),
            statement!(ORG_LEAVE; self.id),
            statement!(DOMAINS_DELETE; self.id).any(),
        ]
    }
}
