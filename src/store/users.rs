//! Users, and who is behind a token.

use serde::Serialize;
use sqlx::FromRow;

use super::events::Nothing;
use super::held::lock;
use super::sql::{keeping, query, statement};
use super::texts::fold;
use super::{
    AggregateKind, CallerRow, Change, Event, EventKind, Held, Recorded, Result, Sql, Statement, Store, UserRow,
    UserState, Work,
};

/// What a caller can set on a machine user beside its login name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineValues {
    /// Display name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Number of `AccessTokenType`.
    #[serde(skip)]
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
        "u.id, u.org_id, u.user_name, u.name, u.description, u.access_token_type, u.state, \
         u.secret_hash IS NOT NULL AS has_secret, u.secret_used_at, u.sequence, u.created_at, u.changed_at"
    };
}
pub(super) use columns;

pub(super) const USER_BY_ID: &str = concat!("SELECT ", columns!(), " FROM users u WHERE u.org_id = $1 AND u.id = $2");
pub(super) const USER_BY_LOGIN_NAME: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM users u JOIN organizations o ON o.id = u.org_id AND o.state <> 3 WHERE u.user_name_folded = $1"
);
pub(super) const USER_FOUND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM users u WHERE u.id = $1 \
     AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = u.org_id AND o.state <> 3)"
);
pub(super) const USER_LOCK: Sql =
    lock!(concat!(", ", columns!()), "JOIN users u ON u.org_id = g.org_id AND u.id = g.id WHERE 1 = 1");
pub(super) const USER_LOCK_TO_END: Sql =
    lock!(ending, concat!(", ", columns!()), "JOIN users u ON u.org_id = g.org_id AND u.id = g.id WHERE 1 = 1");
// Users of an organization that has been removed are gone, though their rows may still go.
macro_rules! place {
    () => {
        "SELECT u.org_id FROM users u WHERE u.id = $1 \
         AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = u.org_id AND o.state <> 3)"
    };
}
pub(super) const USER_ORG: &str = place!();
pub(super) const USER_KEPT: Sql = keeping!(place!());
pub(super) const HANDLES_TAKEN: &str = "SELECT h.handle, h.user_id, h.is_id, NOT h.is_id AND EXISTS (SELECT 1 FROM \
     users u JOIN organizations o ON o.id = u.org_id AND o.state = 3 WHERE u.id = h.user_id) AS is_free \
     FROM user_handles h WHERE h.handle IN ($1, $2)";
pub(super) const HANDLES_RELEASE: &str = "DELETE FROM user_handles WHERE handle = $1 AND NOT is_id AND user_id IN \
     (SELECT u.id FROM users u JOIN organizations o ON o.id = u.org_id AND o.state = 3 WHERE u.user_name_folded = $1)";
// Login names never begin with a blank.
pub(super) const NAMES_RELEASE: &str = "UPDATE users SET user_name_folded = ' ' || id WHERE user_name_folded = $1 \
     AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = users.org_id AND o.state = 3)";
pub(super) const HANDLE_INSERT: &str = "INSERT INTO user_handles (handle, user_id, is_id) VALUES ($1, $2, $3)";
// An id stays for ever; the login name that equals the own id is that very row.
pub(super) const HANDLE_KEEP: &str = "INSERT INTO user_handles (handle, user_id, is_id) SELECT $1, $2, false \
     WHERE NOT EXISTS (SELECT 1 FROM user_handles WHERE handle = $1 AND user_id = $2)";
pub(super) const HANDLE_DELETE: &str = "DELETE FROM user_handles WHERE handle = $1 AND user_id = $2 AND NOT is_id";
pub(super) const USER_NAME_TAKEN: &str = "SELECT h.user_id FROM user_handles h WHERE h.handle = $1 AND (h.is_id \
     OR NOT EXISTS (SELECT 1 FROM users u JOIN organizations o ON o.id = u.org_id AND o.state = 3 \
     WHERE u.id = h.user_id))";
pub(super) const USER_INSERT: &str = "INSERT INTO users (org_id, id, kind, user_name, user_name_folded, name, \
     name_folded, description, access_token_type, state, token_epoch, sequence, created_at, changed_at) \
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
// Keys, tokens and memberships go with it, in whatever organization; user grants must have gone before.
pub(super) const USER_DELETE: &str = "DELETE FROM users WHERE org_id = $1 AND id = $2";
// Who calls, with its memberships in the instance and in the organization of the call, and whether that
// exists: one round trip. What other organizations gave the user is none of this call's, however much it is.
macro_rules! caller {
    ($columns:literal, $table:literal, $rest:literal) => {
        concat!(
            "SELECT t.user_id, u.org_id, u.state AS user_state, t.expires_at, t.token_hash, ",
            $columns,
            ", o.id AS context_org, o.state AS context_state, m.scope, m.org_id AS member_org, m.object_id, m.roles FROM ",
            $table,
            " t JOIN users u ON u.org_id = t.org_id AND u.id = t.user_id \
             JOIN organizations w ON w.id = u.org_id AND w.state <> 3 \
             LEFT JOIN organizations o ON o.id = CASE WHEN $2 = '' THEN u.org_id ELSE $2 END \
             LEFT JOIN memberships m ON m.user_id = t.user_id AND m.user_org_id = t.org_id AND m.org_id IN ('', o.id) ",
            $rest
        )
    };
}
pub(super) const CALLER_BY_PAT: &str =
    caller!("CAST(NULL AS TEXT) AS scopes", "personal_access_tokens", "WHERE t.token_hash = $1");
pub(super) const CALLER_BY_TOKEN: &str =
    caller!("t.scopes", "access_tokens", "WHERE t.id = $1 AND t.epoch = u.token_epoch");

impl Store {
    /// The organization of a user; none if there is no such user.
    pub async fn org_of_user(&self, id: &str) -> Result<Option<String>> {
        self.scalar(&query!(USER_ORG; id)).await
    }

    /// A user of the organization.
    pub async fn user_by_id(&self, at: UserAt<'_>) -> Result<Option<UserRow>> {
        self.row(&query!(USER_BY_ID; at.org_id, at.id)).await
    }

    /// The user of this login name, in whatever case, unless its organization has been removed.
    pub async fn user_by_login_name(&self, login_name: &str) -> Result<Option<UserRow>> {
        self.row(&query!(USER_BY_LOGIN_NAME; fold(login_name))).await
    }

    /// A user, of whatever organization.
    pub async fn user_found(&self, id: &str) -> Result<Option<UserRow>> {
        self.row(&query!(USER_FOUND; id)).await
    }

    /// Whether a user of any organization has this login name, in whatever case, or ever had it as its id.
    pub async fn user_name_taken(&self, user_name: &str) -> Result<bool> {
        Ok(self.scalar::<String>(&query!(USER_NAME_TAKEN; fold(user_name))).await?.is_some())
    }

    /// The user behind a personal access token: one row per membership in the instance and in the
    /// organization of the call, or one without, or no row if the token is unknown. `org_id` is the
    /// organization the call names, empty for the user's own.
    pub async fn caller_by_pat(&self, hash: &[u8], org_id: &str) -> Result<Vec<CallerRow>> {
        self.rows(&query!(CALLER_BY_PAT; hash, org_id)).await
    }

    /// The user behind an access token, as [`Store::caller_by_pat`].
    pub async fn caller_by_token(&self, id: i64, org_id: &str) -> Result<Vec<CallerRow>> {
        self.rows(&query!(CALLER_BY_TOKEN; id, org_id)).await
    }
}

/// A name or id by which somebody is known already.
#[derive(Debug, FromRow)]
pub struct HandleRow {
    /// In lower case.
    pub handle: String,
    /// Whose it is.
    pub user_id: String,
    /// An id, of whoever has or had it; else a login name.
    pub is_id: bool,
    /// A login name in an organization that has been removed: whoever wants it may have it.
    is_free: bool,
}

impl Work {
    /// Locks a user; none if there is no such user.
    pub async fn user_held(&mut self, at: UserAt<'_>) -> Result<Option<Held<'_, UserRow>>> {
        self.hold(USER_LOCK, AggregateKind::User, [at.org_id, at.id], None).await
    }

    /// As [`Work::user_held`], for a user that is going to be removed.
    pub async fn user_held_to_end(&mut self, at: UserAt<'_>) -> Result<Option<Held<'_, UserRow>>> {
        self.hold(USER_LOCK_TO_END, AggregateKind::User, [at.org_id, at.id], None).await
    }

    /// The organization of a user, of whatever organization; the user may be gone a moment later.
    pub async fn user_org(&mut self, id: &str) -> Result<Option<String>> {
        self.scalar(&query!(USER_ORG; id)).await
    }

    /// The organization of a user, of whatever organization; the user stays until the unit of work ends.
    pub async fn user_kept(&mut self, id: &str) -> Result<Option<String>> {
        self.scalar(&query!(USER_KEPT; id)).await
    }

    /// Who has this id or this login name, or had the id. Names in removed organizations are free.
    pub async fn handles_taken(&mut self, id: &str, user_name: &str) -> Result<Vec<HandleRow>> {
        let found: Vec<HandleRow> = self.rows(&query!(HANDLES_TAKEN; fold(id), fold(user_name))).await?;
        let (free, taken): (Vec<_>, Vec<_>) = found.into_iter().partition(|row| row.is_free);
        for row in free {
            self.execute(&statement!(HANDLES_RELEASE; row.handle.clone()).any()).await?;
            self.execute(&statement!(NAMES_RELEASE; row.handle).any()).await?;
        }
        Ok(taken)
    }
}

/// A new, active machine user.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineAdded<'a> {
    /// Where it will be.
    #[serde(skip)]
    pub at: UserAt<'a>,
    /// Login name, unique on the server.
    pub user_name: &'a str,
    /// What else it says.
    #[serde(flatten)]
    pub values: &'a MachineValues,
}

impl Change for MachineAdded<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::MachineAdded, self)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let (at, values) = (self.at, self.values);
        let user = statement!(
            USER_INSERT; at.org_id, at.id, self.user_name, fold(self.user_name), &values.name, fold(&values.name),
            &values.description, values.access_token_type, event.sequence, event.at,
        );
        let id = statement!(HANDLE_INSERT; fold(at.id), at.id, true);
        let name = statement!(HANDLE_KEEP; fold(self.user_name), at.id).any();
        vec![user, id, name]
    }
}

/// A machine user says something else.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct MachineChanged<'a> {
    /// Where it is.
    #[serde(skip)]
    pub at: UserAt<'a>,
    /// What it says from now on.
    pub values: &'a MachineValues,
}

impl Change for MachineChanged<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::MachineChanged, self)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let (at, values) = (self.at, self.values);
        vec![statement!(
            USER_UPDATE; at.org_id, at.id, &values.name, fold(&values.name), &values.description,
            values.access_token_type, event.sequence, event.at,
        )]
    }
}

/// A user gets another login name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserRenamed<'a> {
    /// Where it is.
    #[serde(skip)]
    pub at: UserAt<'a>,
    /// Its login name so far.
    #[serde(skip)]
    pub old: &'a str,
    /// Its login name from now on.
    pub user_name: &'a str,
}

impl Change for UserRenamed<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::UserNameChanged, self)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let at = self.at;
        let (old, new) = (fold(self.old), fold(self.user_name));
        let mut rows = vec![statement!(
            USER_RENAME; at.org_id, at.id, self.user_name, new.clone(), event.sequence, event.at,
        )];
        if old != new {
            rows.push(statement!(HANDLE_DELETE; old, at.id).any());
            rows.push(statement!(HANDLE_KEEP; new, at.id).any());
        }
        rows
    }
}

/// What is done to a user as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserSwitch {
    /// It is switched off.
    Deactivate,
    /// It is switched on again.
    Reactivate,
    /// It is locked.
    Lock,
    /// Its lock is taken away.
    Unlock,
}

/// A user is switched on or off.
#[derive(Debug)]
pub struct UserSwitched<'a> {
    /// Where it is.
    pub at: UserAt<'a>,
    /// What is done.
    pub switch: UserSwitch,
}

impl Change for UserSwitched<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = match self.switch {
            UserSwitch::Deactivate => EventKind::UserDeactivated,
            UserSwitch::Reactivate => EventKind::UserReactivated,
            UserSwitch::Lock => EventKind::UserLocked,
            UserSwitch::Unlock => EventKind::UserUnlocked,
        };
        vec![Event::new(kind, &Nothing {})]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let state = match self.switch {
            UserSwitch::Deactivate => UserState::Inactive,
            UserSwitch::Reactivate | UserSwitch::Unlock => UserState::Active,
            UserSwitch::Lock => UserState::Locked,
        };
        vec![statement!(USER_SET_STATE; self.at.org_id, self.at.id, state.number(), event.sequence, event.at)]
    }
}

/// A machine gets a client secret, or loses it.
#[derive(Debug)]
pub struct MachineSecretSet<'a> {
    /// Where it is.
    pub at: UserAt<'a>,
    /// SHA-256 of the secret; none for none.
    pub hash: Option<&'a [u8]>,
}

impl Change for MachineSecretSet<'_> {
    fn events(&self) -> Vec<Event> {
        let removed = EventKind::MachineSecretRemoved;
        vec![Event::new(self.hash.map_or(removed, |_| EventKind::MachineSecretSet), &Nothing {})]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(USER_SET_SECRET; self.at.org_id, self.at.id, self.hash, event.sequence, event.at)]
    }
}

/// A user goes, with its keys, tokens and memberships. Its grants must have gone before; events stay, and its id is
/// never given again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserRemoved<'a> {
    /// Where it was.
    #[serde(skip)]
    pub at: UserAt<'a>,
    /// Its login name.
    pub user_name: &'a str,
}

impl Change for UserRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::UserRemoved, self)]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        let at = self.at;
        let name = statement!(HANDLE_DELETE; fold(self.user_name), at.id).any();
        vec![statement!(USER_DELETE; at.org_id, at.id), name]
    }
}
