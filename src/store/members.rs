//! Members: users with built-in roles in the instance, an organization or a project.

use serde::Serialize;
use sqlx::FromRow;

use super::filter::push_any_of;
use super::lists::{Source, living, paged};
use super::sql::{query, statement};
use super::texts::json;
use super::{
    AggregateKind, Change, Event, EventKind, Held, Listed, MemberRow, Page, ProjectAt, ProjectGrantName, Recorded,
    Result, Sql, Stamp, Statement, Store, UserAt, Work,
};

/// For what a membership gives roles.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// The whole server.
    Instance,
    /// An organization.
    Org(&'a str),
    /// A project of an organization.
    Project(ProjectAt<'a>),
    /// A grant of a project, which counts where it is given to.
    Grant(GrantScope<'a>),
}

/// A grant of a project as what somebody is a member of.
#[derive(Debug, Clone, Copy)]
pub struct GrantScope<'a> {
    /// The project.
    pub project: ProjectAt<'a>,
    /// The grant.
    pub id: &'a str,
    /// The organization that it is given to.
    pub granted_org_id: &'a str,
}

impl<'a> Scope<'a> {
    /// Owner, number and object as the table has them.
    fn key(self) -> (&'a str, i64, &'a str) {
        match self {
            Self::Instance => ("", 0, ""),
            Self::Org(id) => (id, 1, id),
            Self::Project(project) => (project.org_id, 2, project.id),
            Self::Grant(grant) => (grant.granted_org_id, 3, grant.id),
        }
    }

    /// The organization in which the membership counts; empty for the instance.
    pub fn org_id(self) -> &'a str {
        self.key().0
    }

    /// The aggregate whose events tell of the memberships.
    fn aggregate(self) -> Source<'a> {
        let (org_id, kind, id) = match self {
            Self::Instance => ("", AggregateKind::Instance, ""),
            Self::Org(id) => (id, AggregateKind::Org, id),
            Self::Project(at) | Self::Grant(GrantScope { project: at, .. }) => {
                (at.org_id, AggregateKind::Project, at.id)
            }
        };
        Source { org_id, kind, id: Some(id) }
    }
}

/// Who does not count where others are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Beside<'a> {
    /// A user.
    User(&'a str),
    /// All users of an organization.
    Org(&'a str),
}

/// By what members are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberOrder {
    /// When they became members.
    Created,
    /// The ids of the users.
    User,
    /// When their roles last changed.
    Changed,
}

impl MemberOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::User => "id",
            Self::Changed => "changed_at",
        }
    }
}

macro_rules! base {
    () => {
        "SELECT m.user_id AS id, m.roles, m.sequence, m.created_at, m.changed_at, u.org_id AS user_org_id, \
         u.user_name, u.name FROM memberships m JOIN users u ON u.id = m.user_id WHERE "
    };
}

macro_rules! by_id {
    () => {
        concat!(base!(), "m.org_id = $1 AND m.scope = $2 AND m.object_id = $3 AND m.user_id = $4")
    };
}
/// Only the membership is locked: who removes the user takes it along, whatever the lock on the project says.
pub(super) const MEMBER_LOCK: Sql = Sql { pg: concat!(by_id!(), " FOR NO KEY UPDATE OF m"), lite: by_id!() };
pub(super) const MEMBER_INSERT: &str = "INSERT INTO memberships \
     (org_id, scope, object_id, user_id, user_org_id, of_org, of_project, of_grant, roles, sequence, created_at, \
     changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)";
pub(super) const MEMBER_UPDATE: &str = "UPDATE memberships SET roles = $5, sequence = $6, changed_at = $7 \
     WHERE org_id = $1 AND scope = $2 AND object_id = $3 AND user_id = $4";
pub(super) const MEMBER_DELETE: &str =
    "DELETE FROM memberships WHERE org_id = $1 AND scope = $2 AND object_id = $3 AND user_id = $4";
pub(super) const MEMBERSHIPS_OF: &str = "SELECT COUNT(*) FROM memberships WHERE user_id = $1 AND org_id = $2";
// None in what has been removed.
pub(super) const ROLES_HELD: &str = "SELECT m.org_id, m.scope, m.object_id, m.roles FROM memberships m \
     WHERE m.user_id = $1 AND NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = m.org_id AND o.state = 3) \
     ORDER BY m.org_id, m.scope, m.object_id";
pub(super) const ROLES_HELD_IN: &str = "SELECT org_id, scope, object_id, roles FROM memberships WHERE user_id = $1 \
     AND org_id IN ('', $2)";
macro_rules! others_with {
    ($column:literal) => {
        concat!(
            "SELECT COUNT(*) FROM memberships m \
             JOIN users u ON u.org_id = m.user_org_id AND u.id = m.user_id AND u.state = 1 \
             WHERE m.org_id = '' AND m.scope = 0 AND m.object_id = '' AND ",
            $column,
            " <> $1 AND replace(m.roles, $2, '') <> m.roles AND ",
            living!("u")
        )
    };
}
pub(super) const OTHERS_WITH: &str = others_with!("m.user_id");
pub(super) const OTHER_ORGS_WITH: &str = others_with!("m.user_org_id");
pub(super) const USER_WITH: &str = "SELECT COUNT(*) FROM memberships WHERE user_id = $1 AND org_id = '' \
     AND user_org_id = $2 AND replace(roles, $3, '') <> roles";

/// Roles that a user has somewhere.
#[derive(Debug, Clone, FromRow)]
pub struct HeldRolesRow {
    /// Where the membership counts; empty for the instance.
    pub org_id: String,
    /// 0 instance, 1 organization, 2 project, 3 project grant.
    pub scope: i64,
    /// The organization, project or project grant.
    pub object_id: String,
    /// Role names as a JSON list.
    pub roles: String,
}

impl Store {
    /// All memberships of a user.
    pub async fn all_roles_held(&self, user_id: &str) -> Result<Vec<HeldRolesRow>> {
        self.rows(&query!(ROLES_HELD; user_id)).await
    }

    /// Memberships of a user in an organization and in the instance.
    pub async fn roles_held_in(&self, user_id: &str, org_id: &str) -> Result<Vec<HeldRolesRow>> {
        self.rows(&query!(ROLES_HELD_IN; user_id, org_id)).await
    }

    /// Members of a place; with `user_ids`, only these.
    pub async fn members(
        &self,
        scope: Scope<'_>,
        user_ids: Option<&[String]>,
        order: MemberOrder,
        page: Page,
    ) -> Result<Listed<MemberRow>> {
        let (org_id, number, object_id) = scope.key();
        let mut query = self.builder(concat!("WITH f AS (", base!(), "m.scope = "));
        query.bind(number).push(" AND m.org_id = ").bind(org_id).push(" AND m.object_id = ").bind(object_id);
        if let Some(user_ids) = user_ids {
            push_any_of(query.push(" AND "), "m.user_id", user_ids);
        }
        paged(&mut query, scope.aggregate(), order.column(), page);
        self.list(&query.build(true)).await
    }
}

impl Work {
    /// Locks what somebody is or becomes a member of; none if it is not there. Its row is its newest event.
    pub async fn place_held(&mut self, scope: Scope<'_>) -> Result<Option<Held<'_, Stamp>>> {
        Ok(match scope {
            Scope::Instance => self.aggregate_held(AggregateKind::Instance, "", "").await?.map(|held| held.stamped(0)),
            Scope::Org(id) => self.org_held(id).await?.map(|held| {
                let made = held.row.stamp.created_at;
                held.stamped(made)
            }),
            Scope::Project(at) => self.project_held(at).await?.map(|held| {
                let made = held.row.stamp.created_at;
                held.stamped(made)
            }),
            Scope::Grant(grant) => {
                let Some(held) = self.project_held(grant.project).await? else { return Ok(None) };
                let name = ProjectGrantName::Id(grant.id);
                let there = held.work.project_grant_held(grant.project, name).await?;
                there.map(|row| held.stamped(row.stamp.created_at))
            }
        })
    }

    /// Whether a user has a role for the whole server.
    pub async fn has_role(&mut self, role: &str, user: UserAt<'_>) -> Result<bool> {
        let named = format!("\"{role}\"");
        Ok(self.scalar::<i64>(&query!(USER_WITH; user.id, user.org_id, named)).await?.unwrap_or_default() > 0)
    }

    /// Whether another active user has a role for the whole server.
    pub async fn has_role_beside(&mut self, role: &str, beside: Beside<'_>) -> Result<bool> {
        let named = format!("\"{role}\"");
        let query = match beside {
            Beside::User(id) => query!(OTHERS_WITH; id, named),
            Beside::Org(id) => query!(OTHER_ORGS_WITH; id, named),
        };
        Ok(self.scalar::<i64>(&query).await?.unwrap_or_default() > 0)
    }

    /// A member, locked until the unit of work ends.
    pub async fn member_held(&mut self, scope: Scope<'_>, user_id: &str) -> Result<Option<MemberRow>> {
        let (org_id, number, object_id) = scope.key();
        self.row(&query!(MEMBER_LOCK; org_id, number, object_id, user_id)).await
    }

    /// How many memberships a user has in an organization and its projects.
    pub async fn memberships_of(&mut self, user_id: &str, org_id: &str) -> Result<i64> {
        Ok(self.scalar(&query!(MEMBERSHIPS_OF; user_id, org_id)).await?.unwrap_or_default())
    }

    /// Memberships of a user in an organization and in the instance.
    pub async fn roles_held_in(&mut self, user_id: &str, org_id: &str) -> Result<Vec<HeldRolesRow>> {
        self.rows(&query!(ROLES_HELD_IN; user_id, org_id)).await
    }

    /// All memberships of a user.
    pub async fn roles_held(&mut self, user_id: &str) -> Result<Vec<HeldRolesRow>> {
        self.rows(&query!(ROLES_HELD; user_id)).await
    }
}

/// What the events of a membership say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Says<'a> {
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<&'a [&'a str]>,
}

/// The event of a membership; that of a project grant stands in its change list, too.
fn told(scope: Scope<'_>, kind: EventKind, user_id: &str, roles: Option<&[&str]>) -> Event {
    match scope {
        Scope::Grant(grant) => Event::of_part(kind, grant.id, &Says { user_id, grant_id: Some(grant.id), roles }),
        _ => Event::new(kind, &Says { user_id, grant_id: None, roles }),
    }
}

/// A user gets roles.
#[derive(Debug)]
pub struct MemberAdded<'a> {
    /// Where.
    pub scope: Scope<'a>,
    /// The user.
    pub user: UserAt<'a>,
    /// Names of the roles.
    pub roles: &'a [&'a str],
}

impl Change for MemberAdded<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = match self.scope {
            Scope::Instance => EventKind::InstanceMemberAdded,
            Scope::Org(_) => EventKind::OrgMemberAdded,
            Scope::Project(_) => EventKind::ProjectMemberAdded,
            Scope::Grant(_) => EventKind::ProjectGrantMemberAdded,
        };
        vec![told(self.scope, kind, self.user.id, Some(self.roles))]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let (org_id, number, object_id) = self.scope.key();
        let of_org = (number > 0).then_some(org_id);
        let of_project = (number == 2).then_some(object_id);
        let of_grant = (number == 3).then_some(object_id);
        vec![statement!(
            MEMBER_INSERT; org_id, number, object_id, self.user.id, self.user.org_id, of_org, of_project, of_grant,
            json(self.roles), event.sequence, event.at,
        )]
    }
}

/// A member gets other roles.
#[derive(Debug)]
pub struct MemberChanged<'a> {
    /// Where.
    pub scope: Scope<'a>,
    /// The user.
    pub user_id: &'a str,
    /// Names of the roles that replace the old ones.
    pub roles: &'a [&'a str],
}

impl Change for MemberChanged<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = match self.scope {
            Scope::Instance => EventKind::InstanceMemberChanged,
            Scope::Org(_) => EventKind::OrgMemberChanged,
            Scope::Project(_) => EventKind::ProjectMemberChanged,
            Scope::Grant(_) => EventKind::ProjectGrantMemberChanged,
        };
        vec![told(self.scope, kind, self.user_id, Some(self.roles))]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let (org_id, number, object_id) = self.scope.key();
        vec![statement!(
            MEMBER_UPDATE; org_id, number, object_id, self.user_id, json(self.roles), event.sequence, event.at,
        )]
    }
}

/// A membership ends.
#[derive(Debug)]
pub struct MemberRemoved<'a> {
    /// Where.
    pub scope: Scope<'a>,
    /// The user.
    pub user_id: &'a str,
}

impl Change for MemberRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = match self.scope {
            Scope::Instance => EventKind::InstanceMemberRemoved,
            Scope::Org(_) => EventKind::OrgMemberRemoved,
            Scope::Project(_) => EventKind::ProjectMemberRemoved,
            Scope::Grant(_) => EventKind::ProjectGrantMemberRemoved,
        };
        vec![told(self.scope, kind, self.user_id, None)]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        let (org_id, number, object_id) = self.scope.key();
        vec![statement!(MEMBER_DELETE; org_id, number, object_id, self.user_id)]
    }
}
