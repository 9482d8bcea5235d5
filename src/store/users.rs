//! Machine users, their personal access tokens, and who is behind a token.

use super::filter::fold;
use super::{CallerRow, Recorded, Result, Store, Tx, UserRow, on};
use crate::clock::Micros;

/// A new machine user.
#[derive(Debug)]
pub struct UserInsert<'a> {
    /// Organization.
    pub org_id: &'a str,
    /// Identifier.
    pub id: &'a str,
    /// Login name, unique on the server.
    pub user_name: &'a str,
    /// Display name.
    pub name: &'a str,
    /// Free text.
    pub description: &'a str,
    /// Number of `AccessTokenType`.
    pub access_token_type: i64,
}

/// A new personal access token.
#[derive(Debug)]
pub struct PatInsert<'a> {
    /// Organization of the user.
    pub org_id: &'a str,
    /// The user.
    pub user_id: &'a str,
    /// Identifier of the token.
    pub id: &'a str,
    /// SHA-256 of the token.
    pub hash: &'a [u8],
    /// When it ends.
    pub expires_at: Micros,
}

pub(super) const USER_BY_ID: &str = "SELECT id, org_id, user_name, name, description, access_token_type, state, \
     secret_hash IS NOT NULL AS has_secret, sequence, created_at, changed_at FROM users WHERE id = $1";
pub(super) const USER_INSERT: &str = "INSERT INTO users (org_id, id, kind, user_name, user_name_folded, name, description, \
     access_token_type, state, sequence, created_at, changed_at) VALUES ($1, $2, 2, $3, $4, $5, $6, $7, 1, $8, $9, $9)";
pub(super) const PAT_INSERT: &str = "INSERT INTO personal_access_tokens \
     (org_id, user_id, id, token_hash, expires_at, sequence, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
// Who calls, with all its memberships, and whether the organization it names exists: one round trip.
pub(super) const CALLER_BY_PAT: &str = "SELECT t.user_id, u.org_id, u.state AS user_state, t.expires_at, \
     o.id AS context_org, m.scope, m.org_id AS member_org, m.object_id, m.roles \
     FROM personal_access_tokens t JOIN users u ON u.org_id = t.org_id AND u.id = t.user_id \
     LEFT JOIN organizations o ON o.id = CASE WHEN $2 = '' THEN u.org_id ELSE $2 END \
     LEFT JOIN memberships m ON m.user_id = t.user_id WHERE t.token_hash = $1";

impl Store {
    /// A user of any organization.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_by_id(&self, id: &str) -> Result<Option<UserRow>> {
        Ok(on!(&self.read, c => sqlx::query_as(USER_BY_ID).bind(id).fetch_optional(c).await)?)
    }

    /// The user behind a personal access token: one row per membership, or one without, or no row
    /// if the token is unknown. `org_id` is the organization the call names, empty for the user's own.
    ///
    /// # Errors
    /// The store failed.
    pub async fn caller_by_pat(&self, hash: &[u8], org_id: &str) -> Result<Vec<CallerRow>> {
        Ok(on!(&self.read, c => sqlx::query_as(CALLER_BY_PAT).bind(hash).bind(org_id).fetch_all(c).await)?)
    }
}

impl Tx {
    /// A new, active machine user.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when the login name is taken.
    pub async fn user_insert(&mut self, user: &UserInsert<'_>, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(USER_INSERT)
            .bind(user.org_id).bind(user.id).bind(user.user_name).bind(fold(user.user_name))
            .bind(user.name).bind(user.description).bind(user.access_token_type)
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// A new personal access token.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pat_insert(&mut self, pat: &PatInsert<'_>, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(PAT_INSERT)
            .bind(pat.org_id).bind(pat.user_id).bind(pat.id).bind(pat.hash).bind(pat.expires_at)
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}
