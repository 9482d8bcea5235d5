//! Users, and who is behind a token.

use super::filter::fold;
use super::{CallerRow, Recorded, Result, Store, Tx, UserRow, on};

/// Number of `USER_STATE_ACTIVE`.
pub const USER_ACTIVE: i64 = 1;

/// A new machine user.
#[derive(Debug)]
pub struct UserInsert<'a> {
    /// Organization.
    pub org_id: &'a str,
    /// Identifier.
    pub id: &'a str,
    /// Login name, unique on the server.
    pub user_name: &'a str,
    /// What else a caller can set.
    pub values: &'a MachineValues,
}

/// What a caller can set on a machine user beside its login name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineValues {
    /// Display name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Number of `AccessTokenType`.
    pub access_token_type: i64,
}

/// Where a user is.
#[derive(Debug, Clone, Copy)]
pub struct UserAt<'a> {
    /// Organization.
    pub org_id: &'a str,
    /// Identifier.
    pub id: &'a str,
}

macro_rules! columns {
    () => {
        "id, org_id, user_name, name, description, access_token_type, state, secret_hash IS NOT NULL AS has_secret, \
         secret_used_at, sequence, created_at, changed_at"
    };
}
pub(super) use columns;

pub(super) const USER_BY_ID: &str = concat!("SELECT ", columns!(), " FROM users WHERE org_id = $1 AND id = $2");
pub(super) const USER_NAME_TAKEN: &str = "SELECT id FROM users WHERE user_name = $1";
pub(super) const USER_INSERT: &str = "INSERT INTO users (org_id, id, kind, user_name, user_name_folded, name, name_folded, \
     description, access_token_type, state, token_epoch, sequence, created_at, changed_at) \
     VALUES ($1, $2, 2, $3, $4, $5, $6, $7, $8, 1, $9, $9, $10, $10)";
pub(super) const USER_UPDATE: &str = "UPDATE users SET name = $3, name_folded = $4, description = $5, \
     access_token_type = $6, sequence = $7, changed_at = $8 WHERE org_id = $1 AND id = $2";
pub(super) const USER_RENAME: &str = "UPDATE users SET user_name = $3, user_name_folded = $4, sequence = $5, \
     changed_at = $6 WHERE org_id = $1 AND id = $2";
// A user that stops being active loses its access tokens for good: they stay void when it is back.
pub(super) const USER_SET_STATE: &str = "UPDATE users SET state = $3, \
     token_epoch = CASE WHEN CAST($3 AS BIGINT) = 1 THEN token_epoch ELSE $4 END, sequence = $4, changed_at = $5 \
     WHERE org_id = $1 AND id = $2";
pub(super) const USER_SET_SECRET: &str =
    "UPDATE users SET secret_hash = $3, sequence = $4, changed_at = $5 WHERE org_id = $1 AND id = $2";
pub(super) const USER_DELETE: &str = "DELETE FROM users WHERE org_id = $1 AND id = $2";
pub(super) const USER_DELETE_KEYS: &str = "DELETE FROM machine_keys WHERE org_id = $1 AND user_id = $2";
pub(super) const USER_DELETE_PATS: &str = "DELETE FROM personal_access_tokens WHERE org_id = $1 AND user_id = $2";
// A user may be a member of other organizations.
pub(super) const USER_DELETE_MEMBERSHIPS: &str = "DELETE FROM memberships WHERE user_id = $1";
// Who calls, with its memberships in the instance and in the organization of the call, and whether that
// exists: one round trip. What other organizations gave the user is none of this call's, however much it is.
macro_rules! caller {
    ($columns:literal, $table:literal, $rest:literal) => {
        concat!(
            "SELECT t.user_id, u.org_id, u.state AS user_state, t.expires_at, t.token_hash, ",
            $columns,
            ", o.id AS context_org, m.scope, m.org_id AS member_org, m.object_id, m.roles FROM ",
            $table,
            " t JOIN users u ON u.org_id = t.org_id AND u.id = t.user_id ",
            "LEFT JOIN organizations o ON o.id = CASE WHEN $2 = '' THEN u.org_id ELSE $2 END ",
            "LEFT JOIN memberships m ON m.user_id = t.user_id AND m.org_id IN ('', o.id) ",
            $rest
        )
    };
}
pub(super) const CALLER_BY_PAT: &str =
    caller!("CAST(NULL AS TEXT) AS scopes", "personal_access_tokens", "WHERE t.token_hash = $1");
pub(super) const CALLER_BY_TOKEN: &str =
    caller!("t.scopes", "access_tokens", "WHERE t.id = $1 AND t.epoch = u.token_epoch");

impl Store {
    /// A user of the organization.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_by_id(&self, at: UserAt<'_>) -> Result<Option<UserRow>> {
        Ok(on!(&self.read, c => sqlx::query_as(USER_BY_ID).bind(at.org_id).bind(at.id).fetch_optional(c).await)?)
    }

    /// Whether a user of any organization has exactly this login name.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_name_taken(&self, user_name: &str) -> Result<bool> {
        let found = on!(&self.read, c => sqlx::query_scalar::<_, String>(USER_NAME_TAKEN)
            .bind(user_name).fetch_optional(c).await)?;
        Ok(found.is_some())
    }

    /// The user behind a personal access token: one row per membership in the instance and in the
    /// organization of the call, or one without, or no row if the token is unknown. `org_id` is the
    /// organization the call names, empty for the user's own.
    ///
    /// # Errors
    /// The store failed.
    pub async fn caller_by_pat(&self, hash: &[u8], org_id: &str) -> Result<Vec<CallerRow>> {
        Ok(on!(&self.read, c => sqlx::query_as(CALLER_BY_PAT).bind(hash).bind(org_id).fetch_all(c).await)?)
    }

    /// The user behind an access token, as [`Store::caller_by_pat`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn caller_by_token(&self, id: i64, org_id: &str) -> Result<Vec<CallerRow>> {
        Ok(on!(&self.read, c => sqlx::query_as(CALLER_BY_TOKEN).bind(id).bind(org_id).fetch_all(c).await)?)
    }
}

impl Tx {
    /// A user as the transaction sees it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_by_id(&mut self, at: UserAt<'_>) -> Result<Option<UserRow>> {
        Ok(on!(&mut self.0, c => sqlx::query_as(USER_BY_ID)
            .bind(at.org_id).bind(at.id).fetch_optional(&mut **c).await)?)
    }

    /// A new, active machine user.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when the login name is taken.
    pub async fn user_insert(&mut self, user: &UserInsert<'_>, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(USER_INSERT)
            .bind(user.org_id).bind(user.id).bind(user.user_name).bind(fold(user.user_name))
            .bind(&user.values.name).bind(fold(&user.values.name)).bind(&user.values.description)
            .bind(user.values.access_token_type)
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Replaces the values of a machine user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_update(&mut self, at: UserAt<'_>, values: &MachineValues, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(USER_UPDATE)
            .bind(at.org_id).bind(at.id).bind(&values.name).bind(fold(&values.name)).bind(&values.description)
            .bind(values.access_token_type)
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Gives a user another login name.
    ///
    /// # Errors
    /// [`super::StoreError::Taken`] when the login name is taken.
    pub async fn user_rename(&mut self, at: UserAt<'_>, user_name: &str, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(USER_RENAME)
            .bind(at.org_id).bind(at.id).bind(user_name).bind(fold(user_name))
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Sets the state of a user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_set_state(&mut self, at: UserAt<'_>, state: i64, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(USER_SET_STATE)
            .bind(at.org_id).bind(at.id).bind(state)
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Sets or removes the hash of the client secret.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_set_secret(&mut self, at: UserAt<'_>, hash: Option<&[u8]>, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(USER_SET_SECRET)
            .bind(at.org_id).bind(at.id).bind(hash)
            .bind(event.sequence).bind(event.at).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Removes a user with its keys, tokens and memberships; its events stay.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_delete(&mut self, at: UserAt<'_>, _event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(USER_DELETE_MEMBERSHIPS).bind(at.id).execute(&mut **c).await.map(drop))?;
        for sql in [USER_DELETE_KEYS, USER_DELETE_PATS, USER_DELETE] {
            on!(&mut self.0, c => sqlx::query(sql).bind(at.org_id).bind(at.id).execute(&mut **c).await.map(drop))?;
        }
        Ok(())
    }
}
