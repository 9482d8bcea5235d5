//! What is there of many objects at once: of those that are named, or of all in what is named. For whoever compares
//! it with what should be there.

use sqlx::FromRow;

use super::apps::columns as app_columns;
use super::builder::QueryBuilder;
use super::filter::push_any_of;
use super::projects::columns as project_columns;
use super::sql::query;
use super::users::columns as user_columns;
use super::{AppRow, Credential, OrgState, Placed, ProjectRow, Result, State, Store, UserRow};
use crate::clock::Micros;

/// Which objects.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// Those with these identifiers.
    Ids(&'a [String]),
    /// All that belong to these organizations.
    In(&'a [String]),
}

impl<'a> Named<'a> {
    fn push(self, query: &mut QueryBuilder<'a>, id: &'static str, org: &'static str) {
        match self {
            Self::Ids(ids) => push_any_of(query, id, ids),
            Self::In(ids) => push_any_of(query, org, ids),
        }
    }
}

/// An organization.
#[derive(Debug, Clone, FromRow)]
pub struct OrgIs {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: OrgState,
}

/// What the server made for itself when it was set up, as far as it is there.
#[derive(Debug, Clone, FromRow)]
pub struct FirstRow {
    /// Its organization.
    pub org_id: String,
    /// Its project.
    pub project_id: String,
    /// Its user.
    pub user_id: Option<String>,
}

/// Something of one organization or user.
#[derive(Debug, Clone, FromRow)]
pub struct KeptRow {
    /// The organization.
    pub org_id: String,
    /// The user; empty for the organization itself.
    pub user_id: String,
    /// Its key.
    pub key: String,
    /// The value.
    pub value: Vec<u8>,
}

/// A domain, and whose it is.
#[derive(Debug, Clone, FromRow)]
pub struct OwnedDomainRow {
    /// The organization.
    pub org_id: String,
    /// The domain as given.
    pub domain: String,
    /// Whether it is the primary one.
    pub is_primary: bool,
}

/// A role, and whose it is.
#[derive(Debug, Clone, FromRow)]
pub struct OwnedRoleRow {
    /// The project.
    pub project_id: String,
    /// Its key.
    pub role_key: String,
    /// Name for people.
    pub display_name: String,
    /// Group for people.
    pub group_name: String,
}

/// A user with what its secret is compared with.
#[derive(Debug, Clone, FromRow)]
pub struct SecretUserRow {
    /// The user.
    #[sqlx(flatten)]
    pub row: UserRow,
    /// SHA-256 of its secret, if it has one.
    pub secret_hash: Option<Vec<u8>>,
}

/// A project, and whose it is.
#[derive(Debug, Clone, FromRow)]
pub struct ProjectOf {
    /// The organization.
    pub org_id: String,
    /// The project.
    #[sqlx(flatten)]
    pub row: ProjectRow,
}

/// An application with what its secret is compared with.
#[derive(Debug, Clone, FromRow)]
pub struct SecretAppRow {
    /// The application.
    #[sqlx(flatten)]
    pub placed: Placed<AppRow>,
    /// SHA-256 of its secret, if it has one.
    pub secret_hash: Option<Vec<u8>>,
}

/// A key or token with its public half or hash.
#[derive(Debug, Clone, FromRow)]
pub struct MaterialRow {
    /// The application or user.
    pub owner_id: String,
    /// Its identifier.
    pub id: String,
    /// SubjectPublicKeyInfo in DER of a key, SHA-256 of a token.
    pub material: Vec<u8>,
    /// When it ends.
    pub expires_at: Micros,
}

/// A membership.
#[derive(Debug, Clone, FromRow)]
pub struct MembershipOf {
    /// 0 instance, 1 organization, 2 project, 3 project grant.
    pub scope: i64,
    /// The organization, project or project grant; empty for the instance.
    pub object_id: String,
    /// The user.
    pub user_id: String,
    /// Role names as a JSON list.
    pub roles: String,
}

/// A project grant without names.
#[derive(Debug, Clone, FromRow)]
pub struct ProjectGrantOf {
    /// Its identifier.
    pub id: String,
    /// The project.
    pub project_id: String,
    /// The organization that gets it.
    pub granted_org_id: String,
    /// Keys of its roles as a JSON list.
    pub role_keys: String,
    /// Its state.
    pub state: State,
}

/// A user grant without names.
#[derive(Debug, Clone, FromRow)]
pub struct UserGrantOf {
    /// Its identifier.
    pub id: String,
    /// Its organization.
    pub org_id: String,
    /// The user.
    pub user_id: String,
    /// The project.
    pub project_id: String,
    /// Keys of its roles as a JSON list.
    pub role_keys: String,
    /// Its state.
    pub state: State,
}

pub(super) const FIRST: &str = "SELECT p.org_id, p.id AS project_id, (SELECT min(u.id) FROM users u \
     WHERE u.org_id = p.org_id AND u.created_at = i.created_at) AS user_id FROM instance i \
     JOIN projects p ON p.id = i.iam_project_id WHERE i.id = 1";
pub(super) const ORG_IDS: &str = "SELECT id FROM organizations WHERE state <> 3 ORDER BY id";

impl Store {
    /// What the server made for itself, if its project is still there.
    pub async fn first(&self) -> Result<Option<FirstRow>> {
        self.row(&query!(FIRST)).await
    }

    /// Identifiers of all organizations.
    pub async fn org_ids(&self) -> Result<Vec<String>> {
        Ok(self.rows::<(String,)>(&query!(ORG_IDS)).await?.into_iter().map(|(id,)| id).collect())
    }

    /// Organizations that have not been removed.
    pub async fn orgs_named(&self, ids: &[String]) -> Result<Vec<OrgIs>> {
        let mut query = self.builder("SELECT id, name, state FROM organizations WHERE state <> 3 AND ");
        push_any_of(&mut query, "id", ids);
        self.rows(&query.build(true)).await
    }

    /// Domains of organizations.
    pub async fn domains_in(&self, orgs: &[String]) -> Result<Vec<OwnedDomainRow>> {
        let begin = "SELECT d.org_id, d.domain, d.domain = o.primary_domain AS is_primary FROM org_domains d \
                     JOIN organizations o ON o.id = d.org_id WHERE ";
        let mut query = self.builder(begin);
        push_any_of(&mut query, "d.org_id", orgs);
        query.push(" ORDER BY d.org_id, d.domain");
        self.rows(&query.build(true)).await
    }

    /// Values that are kept with organizations, or with users of them.
    pub async fn metadata_in(&self, orgs: &[String], users: &[String]) -> Result<Vec<KeptRow>> {
        let mut query = self.builder("SELECT org_id, user_id, key, value FROM metadata WHERE ");
        push_any_of(&mut query, "org_id", orgs);
        push_any_of(query.push(" AND "), "user_id", users);
        query.push(" ORDER BY org_id, user_id, key");
        self.rows(&query.build(true)).await
    }

    /// Users.
    pub async fn users_named(&self, which: Named<'_>) -> Result<Vec<SecretUserRow>> {
        let mut query = self.builder(concat!("SELECT ", user_columns!(), ", u.secret_hash FROM users u WHERE "));
        which.push(&mut query, "u.id", "u.org_id");
        query.push(" ORDER BY u.id");
        self.rows(&query.build(true)).await
    }

    /// Projects.
    pub async fn projects_named(&self, which: Named<'_>) -> Result<Vec<ProjectOf>> {
        let mut query = self.builder(concat!("SELECT p.org_id, ", project_columns!(), " FROM projects p WHERE "));
        which.push(&mut query, "p.id", "p.org_id");
        query.push(" ORDER BY p.id");
        self.rows(&query.build(true)).await
    }

    /// Roles of projects of organizations; of all of them, if none is named.
    pub async fn roles_in(&self, orgs: &[String], projects: Option<&[String]>) -> Result<Vec<OwnedRoleRow>> {
        let mut query = self.builder("SELECT project_id, role_key, display_name, group_name FROM project_roles WHERE ");
        push_any_of(&mut query, "org_id", orgs);
        if let Some(projects) = projects {
            push_any_of(query.push(" AND "), "project_id", projects);
        }
        query.push(" ORDER BY project_id, role_key");
        self.rows(&query.build(true)).await
    }

    /// Applications.
    pub async fn apps_named(&self, which: Named<'_>) -> Result<Vec<SecretAppRow>> {
        let begin = concat!("SELECT a.org_id, a.project_id, a.secret_hash, ", app_columns!(), " FROM apps a WHERE ");
        let mut query = self.builder(begin);
        which.push(&mut query, "a.id", "a.org_id");
        query.push(" ORDER BY a.id");
        self.rows(&query.build(true)).await
    }

    /// Keys of applications, sleeping ones too.
    pub async fn app_keys_named(&self, which: Named<'_>) -> Result<Vec<MaterialRow>> {
        let begin = "SELECT app_id AS owner_id, id, public_key AS material, expires_at FROM app_keys WHERE ";
        let mut query = self.builder(begin);
        which.push(&mut query, "id", "org_id");
        query.push(" ORDER BY id");
        self.rows(&query.build(true)).await
    }

    /// Keys or tokens of users.
    pub async fn materials_named(&self, kind: Credential, which: Named<'_>) -> Result<Vec<MaterialRow>> {
        let begin = match kind {
            Credential::MachineKey => "SELECT user_id AS owner_id, id, public_key AS material, expires_at FROM ",
            Credential::Pat => "SELECT user_id AS owner_id, id, token_hash AS material, expires_at FROM ",
        };
        let mut query = self.builder(begin);
        which.push(query.push(kind.table()).push(" WHERE "), "id", "org_id");
        query.push(" ORDER BY id");
        self.rows(&query.build(true)).await
    }

    /// Memberships of users, or those that count in organizations ("" for the instance); in either case of places of one
    /// scope.
    pub async fn members_named(&self, scope: i64, which: Named<'_>) -> Result<Vec<MembershipOf>> {
        let begin = "SELECT scope, object_id, user_id, roles FROM memberships WHERE scope = ";
        let mut query = self.builder(begin);
        which.push(query.bind(scope).push(" AND "), "user_id", "org_id");
        query.push(" ORDER BY object_id, user_id");
        self.rows(&query.build(true)).await
    }

    /// Project grants of projects, or those that organizations give.
    pub async fn project_grants_named(&self, which: Named<'_>) -> Result<Vec<ProjectGrantOf>> {
        let begin = "SELECT id, project_id, granted_org_id, role_keys, state FROM project_grants WHERE ";
        let mut query = self.builder(begin);
        which.push(&mut query, "project_id", "org_id");
        query.push(" ORDER BY id");
        self.rows(&query.build(true)).await
    }

    /// User grants of users, or those of organizations.
    pub async fn user_grants_named(&self, which: Named<'_>) -> Result<Vec<UserGrantOf>> {
        let begin = "SELECT id, org_id, user_id, project_id, role_keys, state FROM user_grants WHERE ";
        let mut query = self.builder(begin);
        which.push(&mut query, "user_id", "org_id");
        query.push(" ORDER BY id");
        self.rows(&query.build(true)).await
    }
}
