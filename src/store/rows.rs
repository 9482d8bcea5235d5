//! Rows as the statements give them.

use sqlx::FromRow;

use super::{AppKind, Heap, State, UserState};
use crate::clock::Micros;

/// When an object was made and last changed.
#[derive(Debug, Clone, FromRow)]
pub struct Stamp {
    /// Sequence of the last event of the object.
    pub sequence: i64,
    /// Time of its first event.
    pub created_at: Micros,
    /// Time of its last event.
    pub changed_at: Micros,
}

/// The newest event of a kind of object.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its sequence.
    pub sequence: i64,
    /// Its time.
    pub changed_at: Micros,
}

/// A project.
#[derive(Debug, Clone, FromRow)]
pub struct ProjectRow {
    /// Identifier.
    pub id: String,
    /// Name as given.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Roles are put into tokens.
    pub role_assertion: bool,
    /// Users need a role to use it.
    pub role_check: bool,
    /// Organizations need a grant to use it.
    pub has_project_check: bool,
    /// Number of `PrivateLabelingSetting`.
    pub private_labeling: i64,
    /// Sequence and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

/// An application without its secret.
#[derive(Debug, Clone, FromRow)]
pub struct AppRow {
    /// Identifier.
    pub id: String,
    /// What it is.
    pub kind: AppKind,
    /// Name as given.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Client id.
    pub client_id: String,
    /// Number of the kind's own enum of methods.
    pub auth_method: i64,
    /// Whether the method is a private key JWT.
    pub takes_keys: bool,
    /// Configuration of an OIDC application, as `service::oidc_config` stores it.
    pub oidc_config: Option<String>,
    /// When its secret was last used.
    pub secret_used_at: Option<Micros>,
    /// Sequence and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

/// An organization.
#[derive(Debug, Clone, FromRow)]
pub struct OrgRow {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Primary domain.
    pub primary_domain: String,
    /// Number of `OrgState`.
    pub state: i64,
    /// Sequence and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

/// A machine user.
#[derive(Debug, Clone, FromRow)]
pub struct UserRow {
    /// Identifier.
    pub id: String,
    /// Organization it belongs to.
    pub org_id: String,
    /// Login name.
    pub user_name: String,
    /// Display name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Number of `AccessTokenType`.
    pub access_token_type: i64,
    /// Its state.
    pub state: UserState,
    /// Whether a client secret is set.
    pub has_secret: bool,
    /// When its secret was last used.
    pub secret_used_at: Option<Micros>,
    /// Sequence and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

/// A key or personal access token without its material. It never changes.
#[derive(Debug, Clone, FromRow)]
pub struct CredentialRow {
    /// Identifier; of a key, `kid` of the tokens it signs.
    pub id: String,
    /// When it ends.
    pub expires_at: Micros,
    /// Sequence of its event; of an application key, of the last change of the application's method if that came later.
    pub sequence: i64,
    /// When it was made.
    pub created_at: Micros,
    /// When it was last used.
    pub last_used_at: Option<Micros>,
}

impl CredentialRow {
    /// Both its dates are that of its making.
    pub fn stamp(&self) -> Stamp {
        Stamp { sequence: self.sequence, created_at: self.created_at, changed_at: self.created_at }
    }
}

impl Heap for CredentialRow {
    fn heap(&self) -> usize {
        self.id.heap()
    }
}

/// A role of a project.
#[derive(Debug, Clone, FromRow)]
pub struct RoleRow {
    /// Its key.
    pub id: String,
    /// Name for people.
    pub display_name: String,
    /// Group for people.
    pub group_name: String,
    /// Sequence and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

/// A member of a project or organization.
#[derive(Debug, Clone, FromRow)]
pub struct MemberRow {
    /// The user.
    pub id: String,
    /// Role names as a JSON list.
    pub roles: String,
    /// Organization of the user.
    pub user_org_id: String,
    /// Its login name.
    pub user_name: String,
    /// Its display name.
    pub name: String,
    /// Sequence and dates of the membership.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

/// A user grant with the names that belong to it.
#[derive(Debug, Clone, FromRow)]
pub struct GrantRow {
    /// Identifier.
    pub id: String,
    /// Its organization.
    pub org_id: String,
    /// The user.
    pub user_id: String,
    /// The project.
    pub project_id: String,
    /// The grant by which the project came to the organization; none for a project of its own.
    pub project_grant_id: Option<String>,
    /// Keys of its roles as a JSON list.
    pub role_keys: String,
    /// Its state.
    pub state: State,
    /// Login name of the user.
    pub user_name: String,
    /// Display name of the user.
    pub user_display: String,
    /// Name of the organization.
    pub org_name: String,
    /// Primary domain of the organization.
    pub org_domain: String,
    /// Name of the project.
    pub project_name: String,
    /// Organization of the user.
    pub user_org_id: String,
    /// Its name.
    pub user_org_name: String,
    /// Its primary domain.
    pub user_org_domain: String,
    /// Sequence and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

/// An event of a change list.
#[derive(Debug, Clone, FromRow)]
pub struct ChangeRow {
    /// Sequence in its aggregate.
    pub sequence: i64,
    /// Event type.
    pub kind: String,
    /// Who did it.
    pub editor_id: String,
    /// When.
    pub created_at: Micros,
    /// Display name of the editor, if it still exists.
    pub editor_name: Option<String>,
    /// Login name of the editor, if it still exists.
    pub editor_login_name: Option<String>,
}

/// One membership of a caller, beside what is known of the caller and the organization it asks for.
#[derive(Debug, Clone, FromRow)]
pub struct CallerRow {
    /// The user behind the token.
    pub user_id: String,
    /// Its organization.
    pub org_id: String,
    /// State of the user.
    pub user_state: UserState,
    /// When the token ends.
    pub expires_at: Micros,
    /// SHA-256 of the token; none for a JWT.
    pub token_hash: Option<Vec<u8>>,
    /// Scopes of an access token with blanks between; none for a personal access token.
    pub scopes: Option<String>,
    /// The organization the call is about, if it exists.
    pub context_org: Option<String>,
    /// 0 instance, 1 organization, 2 project, 3 project grant; none if the user has no membership at all.
    pub scope: Option<i64>,
    /// Where the membership counts; empty for the instance.
    pub member_org: Option<String>,
    /// The organization, project or project grant it is for.
    pub object_id: Option<String>,
    /// Role names as a JSON list.
    pub roles: Option<String>,
}
