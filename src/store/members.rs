//! Members: users with built-in roles in the instance, an organization or a project.

use serde::Serialize;
use sqlx::FromRow;

use super::filter::push_any_of;
use super::lists::{Source, paged};
use super::sql::{query, statement};
use super::texts::json;
use super::{
    AggregateKind, Change, Event, EventKind, Listed, MemberRow, Page, ProjectAt, Recorded, Result, Sql, Statement,
    Store, UserAt, Work,
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
}

impl<'a> Scope<'a> {
    /// Owner, number and object as the table has them.
    fn key(self) -> (&'a str, i64, &'a str) {
        match self {
            Self::Instance => ("", 0, ""),
            Self::Org(id) => (id, 1, id),
            Self::Project(project) => (project.org_id, 2, project.id),
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
     (org_id, scope, object_id, user_id, user_org_id, of_org, of_project, roles, sequence, created_at, changed_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)";
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

/// Roles that a user has somewhere.
#[derive(Debug, Clone, FromRow)]
pub struct HeldRolesRow {
    /// Owner of the membership; empty for the instance.
    pub org_id: String,
    /// 0 instance, 1 organization, 2 project.
    pub scope: i64,
    /// The organization or project.
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

    /// Members of a project; with `user_ids`, only these.
    pub async fn project_members(
        &self,
        project: ProjectAt<'_>,
        user_ids: Option<&[String]>,
        page: Page,
    ) -> Result<Listed<MemberRow>> {
        let mut query = self.builder(concat!("WITH f AS (", base!(), "m.scope = 2 AND m.org_id = "));
        query.bind(project.org_id).push(" AND m.object_id = ").bind(project.id);
        if let Some(user_ids) = user_ids {
            push_any_of(query.push(" AND "), "m.user_id", user_ids);
        }
        let source = Source { org_id: project.org_id, kind: AggregateKind::Project, id: Some(project.id) };
        paged(&mut query, source, "created_at", page);
        self.list(&query.build(true)).await
    }
}

impl Work {
    /// A member, locked until the unit of work ends.
    pub async fn member_held(&mut self, scope: Scope<'_>, user_id: &str) -> Result<Option<MemberRow>> {
        let (org_id, number, object_id) = scope.key();
        self.row(&query!(MEMBER_LOCK; org_id, number, object_id, user_id)).await
    }

    /// How many memberships a user has in an organization and its projects.
    pub async fn memberships_of(&mut self, user_id: &str, org_id: &str) -> Result<i64> {
        Ok(self.scalar(&query!(MEMBERSHIPS_OF; user_id, org_id)).await?.unwrap_or_default())
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
    roles: Option<&'a [&'a str]>,
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
        };
        vec![Event::new(kind, &Says { user_id: self.user.id, roles: Some(self.roles) })]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let (org_id, number, object_id) = self.scope.key();
        let of_org = (number > 0).then_some(org_id);
        let of_project = (number == 2).then_some(object_id);
        vec![statement!(
            MEMBER_INSERT; org_id, number, object_id, self.user.id, self.user.org_id, of_org, of_project,
            json(self.roles), event.sequence, event.at,
        )]
    }
}

/// A member of a project gets other roles.
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
        vec![Event::new(EventKind::ProjectMemberChanged, &Says { user_id: self.user_id, roles: Some(self.roles) })]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let (org_id, number, object_id) = self.scope.key();
        vec![statement!(
            MEMBER_UPDATE; org_id, number, object_id, self.user_id, json(self.roles), event.sequence, event.at,
        )]
    }
}

/// A membership of a project ends.
#[derive(Debug)]
pub struct MemberRemoved<'a> {
    /// Where.
    pub scope: Scope<'a>,
    /// The user.
    pub user_id: &'a str,
}

impl Change for MemberRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::ProjectMemberRemoved, &Says { user_id: self.user_id, roles: None })]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        let (org_id, number, object_id) = self.scope.key();
        vec![statement!(MEMBER_DELETE; org_id, number, object_id, self.user_id)]
    }
}
