//! Tokens that machines present: access tokens and personal access tokens, as introspection sees them.

use sqlx::FromRow;

use super::sql::{query, statement};
use super::{Actor, Result, Sql, Store};
use crate::clock::Micros;

/// A new access token.
#[derive(Debug)]
pub struct TokenInsert<'a> {
    /// The jti.
    pub id: i64,
    /// Organization of the user.
    pub org_id: &'a str,
    /// The user.
    pub user_id: &'a str,
    /// Epoch of the user.
    pub epoch: i64,
    /// SHA-256 of an opaque token, none for a JWT.
    pub hash: Option<&'a [u8]>,
    /// Scopes with blanks between.
    pub scopes: &'a str,
    /// The user authenticated with a secret.
    pub by_secret: bool,
    /// When it is made.
    pub created_at: Micros,
    /// When it ends.
    pub expires_at: Micros,
}

/// A token of an active user, with one grant of the user in the project asked for, or none. There is
/// one row per grant.
#[derive(Debug, Clone, FromRow)]
pub struct TokenRow {
    /// The jti.
    pub id: String,
    /// SHA-256 of the token; none for a JWT.
    pub token_hash: Option<Vec<u8>>,
    /// Scopes with blanks between; none for a personal access token.
    pub scopes: Option<String>,
    /// The user authenticated with a secret.
    pub by_secret: bool,
    /// When it was made.
    pub created_at: Micros,
    /// When it ends.
    pub expires_at: Micros,
    /// The user.
    pub user_id: String,
    /// Its login name.
    pub user_name: String,
    /// Its display name.
    pub name: String,
    /// When the user last changed.
    pub changed_at: Micros,
    /// Its organization.
    pub org_id: String,
    /// Name of the organization.
    pub org_name: String,
    /// Primary domain of the organization.
    pub org_domain: String,
    /// Keys of all roles of the project as a JSON list; for personal access tokens only.
    pub project_roles: Option<String>,
    /// Organization that grants roles.
    pub grant_org: Option<String>,
    /// Its primary domain.
    pub grant_domain: Option<String>,
    /// Keys of the roles it grants as a JSON list.
    pub role_keys: Option<String>,
}

macro_rules! token {
    ($columns:expr, $table:literal, $rest:literal) => {
        concat!(
            "SELECT CAST(t.id AS TEXT) AS id, t.token_hash, t.created_at, t.expires_at, t.user_id, u.user_name, \
             u.name, u.changed_at, u.org_id, o.name AS org_name, o.primary_domain AS org_domain, \
             g.org_id AS grant_org, h.primary_domain AS grant_domain, g.role_keys, ",
            $columns,
            " FROM ",
            $table,
            " t JOIN users u ON u.org_id = t.org_id AND u.id = t.user_id AND u.state = 1 \
             JOIN organizations o ON o.id = u.org_id AND o.state = 1 \
             LEFT JOIN user_grants g ON g.user_id = t.user_id AND g.user_org_id = t.org_id \
             AND g.project_id = $2 AND g.state = 1 \
             AND g.org_id NOT IN (SELECT r.id FROM organizations r WHERE r.state = 3) \
             LEFT JOIN organizations h ON h.id = g.org_id ",
            $rest
        )
    };
}
pub(super) const TOKEN_BY_ID: &str = token!(
    "t.scopes, t.by_secret, CAST(NULL AS TEXT) AS project_roles",
    "access_tokens",
    "WHERE t.id = $1 AND t.epoch = u.token_epoch ORDER BY g.id"
);
macro_rules! by_pat {
    ($list:literal) => {
        token!(
            concat!(
                "CAST(NULL AS TEXT) AS scopes, FALSE AS by_secret, (SELECT ",
                $list,
                " FROM project_roles r WHERE r.org_id = $3 AND r.project_id = $2) AS project_roles"
            ),
            "personal_access_tokens",
            "WHERE t.token_hash = $1 ORDER BY g.id"
        )
    };
}
pub(super) const TOKEN_BY_PAT: Sql = Sql {
    pg: by_pat!("CAST(json_agg(r.role_key ORDER BY r.role_key) AS TEXT)"),
    lite: by_pat!("json_group_array(r.role_key ORDER BY r.role_key)"),
};
pub(super) const TOKEN_INSERT: &str = "INSERT INTO access_tokens \
     (id, org_id, user_id, epoch, token_hash, scopes, by_secret, created_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
pub(super) const TOKEN_DELETE: &str = "DELETE FROM access_tokens WHERE id = $1";
pub(super) const TOKENS_SWEEP: &str = "DELETE FROM access_tokens WHERE id IN \
     (SELECT id FROM access_tokens WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";

impl Store {
    /// An access token by its jti, with the user's roles in a project; nothing if it is unknown or
    /// void. Whether it has expired is for the caller to see.
    pub async fn token_by_id(&self, id: i64, project_id: &str) -> Result<Vec<TokenRow>> {
        self.rows(&query!(TOKEN_BY_ID; id, project_id)).await
    }

    /// A personal access token by its hash, as [`Store::token_by_id`].
    pub async fn token_by_pat(&self, hash: &[u8], org_id: &str, project_id: &str) -> Result<Vec<TokenRow>> {
        self.rows(&query!(TOKEN_BY_PAT; hash, project_id, org_id)).await
    }

    /// A new access token: one insert. Nothing that a cache may hold changes by it.
    pub async fn token_insert(&self, token: &TokenInsert<'_>) -> Result<()> {
        let insert = statement!(
            TOKEN_INSERT; token.id, token.org_id, token.user_id, token.epoch, token.hash, token.scopes, token.by_secret,
            token.created_at, token.expires_at,
        );
        self.alone(token.org_id, &insert).await.map(drop)
    }

    /// Revokes an access token of a user of the organization.
    pub async fn token_delete(&self, org_id: &str, id: i64) -> crate::error::Result<()> {
        let actor = Actor::new("", org_id, 0);
        self.work(actor, async |mut work| {
            work.touch(org_id);
            work.execute(&statement!(TOKEN_DELETE; id).any()).await?;
            Ok(())
        })
        .await
    }

    /// Deletes tokens that have expired, at most `limit`; gives how many.
    pub async fn tokens_sweep(&self, now: Micros, limit: i64) -> Result<u64> {
        self.alone("", &statement!(TOKENS_SWEEP; now, limit).any()).await
    }
}
