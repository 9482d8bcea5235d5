//! Credentials of users: machine keys and personal access tokens. Public halves and hashes only.

use serde::Serialize;

use super::lists::{Source, paged};
use super::sql::{query, statement};
use super::{
    AggregateKind, Change, CredentialRow, Event, EventKind, Listed, Page, Recorded, Result, Statement, Store, UserAt,
    Work,
};
use crate::clock::Micros;

/// Kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A key with which a machine signs assertions.
    MachineKey,
    /// A token that is used as it is.
    Pat,
}

pub(super) const MACHINE_KEY_BY_ID: &str = "SELECT id, expires_at, sequence, created_at, last_used_at FROM \
     machine_keys WHERE org_id = $1 AND user_id = $2 AND id = $3";
pub(super) const MACHINE_KEY_INSERT: &str = "INSERT INTO machine_keys \
     (org_id, user_id, id, public_key, expires_at, sequence, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
pub(super) const MACHINE_KEY_DELETE: &str = "DELETE FROM machine_keys WHERE org_id = $1 AND user_id = $2 AND id = $3";
pub(super) const PAT_BY_ID: &str = "SELECT id, expires_at, sequence, created_at, last_used_at FROM \
     personal_access_tokens WHERE org_id = $1 AND user_id = $2 AND id = $3";
pub(super) const PAT_INSERT: &str = "INSERT INTO personal_access_tokens \
     (org_id, user_id, id, token_hash, expires_at, sequence, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
pub(super) const PAT_DELETE: &str = "DELETE FROM personal_access_tokens WHERE org_id = $1 AND user_id = $2 AND id = $3";

impl Credential {
    fn by_id(self) -> &'static str {
        match self {
            Self::MachineKey => MACHINE_KEY_BY_ID,
            Self::Pat => PAT_BY_ID,
        }
    }

    /// Where they are.
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::MachineKey => "machine_keys",
            Self::Pat => "personal_access_tokens",
        }
    }
}

impl Store {
    /// A credential of a user.
    pub async fn credential_by_id(
        &self,
        kind: Credential,
        user: UserAt<'_>,
        id: &str,
    ) -> Result<Option<CredentialRow>> {
        self.row(&query!(kind.by_id(); user.org_id, user.id, id)).await
    }

    /// Credentials of a user, expired ones included; an unknown user has none.
    pub async fn credential_list(
        &self,
        kind: Credential,
        user: UserAt<'_>,
        page: Page,
    ) -> Result<Listed<CredentialRow>> {
        let mut query = self.builder("WITH f AS (SELECT id, expires_at, sequence, created_at, last_used_at FROM ");
        query.push(kind.table()).push(" WHERE org_id = ").bind(user.org_id).push(" AND user_id = ").bind(user.id);
        let source = Source { org_id: user.org_id, kind: AggregateKind::User, id: Some(user.id) };
        paged(&mut query, source, "id", page);
        self.list(&query.build(true)).await
    }
}

impl Work {
    /// A credential as the unit of work sees it.
    pub async fn credential_by_id(
        &mut self,
        kind: Credential,
        user: UserAt<'_>,
        id: &str,
    ) -> Result<Option<CredentialRow>> {
        self.row(&query!(kind.by_id(); user.org_id, user.id, id)).await
    }
}

/// A new credential.
#[derive(Debug)]
pub struct CredentialAdded<'a> {
    /// Its kind.
    pub kind: Credential,
    /// Its user.
    pub user: UserAt<'a>,
    /// Identifier.
    pub id: &'a str,
    /// SubjectPublicKeyInfo in DER of a key, SHA-256 of a token.
    pub material: &'a [u8],
    /// When it ends.
    pub expires_at: Micros,
}

/// What the events of a key say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeySays<'a> {
    key_id: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_date: Option<Micros>,
}

/// What the events of a token say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenSays<'a> {
    token_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_date: Option<Micros>,
}

impl Change for CredentialAdded<'_> {
    fn events(&self) -> Vec<Event> {
        let expiration_date = Some(self.expires_at);
        vec![match self.kind {
            Credential::MachineKey => {
                Event::new(EventKind::MachineKeyAdded, &KeySays { key_id: self.id, kind: Some(1), expiration_date })
            }
            Credential::Pat => Event::new(EventKind::PatAdded, &TokenSays { token_id: self.id, expiration_date }),
        }]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let sql = match self.kind {
            Credential::MachineKey => MACHINE_KEY_INSERT,
            Credential::Pat => PAT_INSERT,
        };
        vec![statement!(
            sql; self.user.org_id, self.user.id, self.id, self.material, self.expires_at, event.sequence, event.at,
        )]
    }
}

/// A credential is void.
#[derive(Debug)]
pub struct CredentialRemoved<'a> {
    /// Its kind.
    pub kind: Credential,
    /// Its user.
    pub user: UserAt<'a>,
    /// Identifier.
    pub id: &'a str,
}

impl Change for CredentialRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        vec![match self.kind {
            Credential::MachineKey => {
                let says = KeySays { key_id: self.id, kind: None, expiration_date: None };
                Event::new(EventKind::MachineKeyRemoved, &says)
            }
            Credential::Pat => {
                Event::new(EventKind::PatRemoved, &TokenSays { token_id: self.id, expiration_date: None })
            }
        }]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        let sql = match self.kind {
            Credential::MachineKey => MACHINE_KEY_DELETE,
            Credential::Pat => PAT_DELETE,
        };
        vec![statement!(sql; self.user.org_id, self.user.id, self.id)]
    }
}
