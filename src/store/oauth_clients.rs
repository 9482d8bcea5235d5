//! Who may ask and who may get a token: applications by client id, machines by key or login name.

use sqlx::FromRow;

use super::sql::query;
use super::texts::fold;
use super::{Result, Store, UserAt, UserState};
use crate::clock::Micros;

/// An active application of an active project and organization, with the key it names.
#[derive(Debug, Clone, FromRow)]
pub struct ClientRow {
    /// Organization.
    pub org_id: String,
    /// Project.
    pub project_id: String,
    /// Client id.
    pub client_id: String,
    /// Whether it authenticates with keys.
    pub takes_keys: bool,
    /// SHA-256 of its secret, if it has one.
    pub secret_hash: Option<Vec<u8>>,
    /// SHA-256 of the secret before.
    pub old_secret_hash: Option<Vec<u8>>,
    /// How long the secret before is good.
    pub old_secret_until: Micros,
    /// SubjectPublicKeyInfo in DER of the key asked for, if the application has it.
    pub public_key: Option<Vec<u8>>,
    /// When that key ends.
    pub key_expires_at: Option<Micros>,
}

/// A machine user with the key it names or its secret.
#[derive(Debug, Clone, FromRow)]
pub struct MachineRow {
    /// Identifier.
    pub id: String,
    /// Organization.
    pub org_id: String,
    /// Login name.
    pub user_name: String,
    /// Its state.
    pub state: UserState,
    /// Number of `AccessTokenType`.
    pub access_token_type: i64,
    /// Tokens of another epoch are void.
    pub token_epoch: i64,
    /// Name of the organization.
    pub org_name: String,
    /// Primary domain of the organization.
    pub org_domain: String,
    /// SHA-256 of its secret, if it has one.
    pub secret_hash: Option<Vec<u8>>,
    /// SubjectPublicKeyInfo in DER of the key asked for.
    pub public_key: Option<Vec<u8>>,
    /// When that key ends.
    pub key_expires_at: Option<Micros>,
}

/// Roles that a user has in a project by the grant of one organization.
#[derive(Debug, Clone, FromRow)]
pub struct RolesRow {
    /// Project.
    pub project_id: String,
    /// Organization that grants them.
    pub org_id: String,
    /// Its primary domain.
    pub org_domain: String,
    /// Keys of the roles as a JSON list.
    pub role_keys: String,
}

pub(super) const CLIENT_BY_ID: &str = "SELECT a.org_id, a.project_id, a.client_id, a.takes_keys, a.secret_hash, \
     a.old_secret_hash, a.old_secret_until, k.public_key, k.expires_at AS key_expires_at FROM apps a \
     JOIN projects p ON p.org_id = a.org_id AND p.id = a.project_id AND p.state = 1 \
     JOIN organizations o ON o.id = a.org_id AND o.state = 1 \
     LEFT JOIN app_keys k ON k.org_id = a.org_id AND k.project_id = a.project_id AND k.app_id = a.id AND k.id = $2 \
     WHERE a.client_id = $1 AND a.state = 1";

pub(super) const MACHINE_BY_KEY: &str = "SELECT u.id, u.org_id, u.user_name, u.state, u.access_token_type, \
     u.token_epoch, o.name AS org_name, o.primary_domain AS org_domain, u.secret_hash, k.public_key, \
     k.expires_at AS key_expires_at FROM users u JOIN organizations o ON o.id = u.org_id AND o.state = 1 \
     JOIN machine_keys k ON k.org_id = u.org_id AND k.user_id = u.id \
     WHERE k.id = $1 AND (u.id = $2 OR u.user_name = $2)";
pub(super) const MACHINE_BY_NAME: &str = "SELECT u.id, u.org_id, u.user_name, u.state, u.access_token_type, \
     u.token_epoch, o.name AS org_name, o.primary_domain AS org_domain, u.secret_hash, \
     CASE WHEN 1 = 0 THEN u.secret_hash END AS public_key, CAST(NULL AS BIGINT) AS key_expires_at \
     FROM users u JOIN organizations o ON o.id = u.org_id AND o.state = 1 WHERE u.user_name_folded = $1";
pub(super) const ROLES_OF_USER: &str = "SELECT g.project_id, g.org_id, o.primary_domain AS org_domain, g.role_keys \
     FROM user_grants g JOIN organizations o ON o.id = g.org_id AND o.state <> 3 \
     JOIN organizations p ON p.id = g.project_org_id AND p.state <> 3 \
     WHERE g.user_org_id = $1 AND g.user_id = $2 AND g.state = 1 ORDER BY g.id";

impl Store {
    /// The application with this client id, if it may act at present, and its key `kid`.
    pub async fn client_by_id(&self, client_id: &str, kid: &str) -> Result<Option<ClientRow>> {
        self.row(&query!(CLIENT_BY_ID; client_id, kid)).await
    }

    /// The machine that owns the key `kid`, if `subject` is its id or login name; in any state.
    pub async fn machine_by_key(&self, kid: &str, subject: &str) -> Result<Option<MachineRow>> {
        self.row(&query!(MACHINE_BY_KEY; kid, subject)).await
    }

    /// The machine with this login name, in any state.
    pub async fn machine_by_name(&self, user_name: &str) -> Result<Option<MachineRow>> {
        self.row(&query!(MACHINE_BY_NAME; fold(user_name))).await
    }

    /// Roles of a user in all projects.
    pub async fn roles_of_user(&self, user: UserAt<'_>) -> Result<Vec<RolesRow>> {
        self.rows(&query!(ROLES_OF_USER; user.org_id, user.id)).await
    }
}
