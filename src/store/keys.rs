//! Keys of applications: public halves only.

use serde::Serialize;

use super::sql::{query, statement};
use super::{AppAt, Change, CredentialRow, Event, EventKind, Listed, Page, Recorded, Result, Statement, Store, Work};
use crate::clock::Micros;

// The sequence a client sees is that of the key, or of the last switch of the application's method,
// whichever is later (contract, GetAppKey).
pub(super) const KEY_BY_ID: &str = "SELECT k.id, k.expires_at, k.created_at, k.last_used_at, \
     CASE WHEN a.switched_sequence > k.sequence THEN a.switched_sequence ELSE k.sequence END AS sequence \
     FROM app_keys k JOIN apps a ON a.org_id = k.org_id AND a.project_id = k.project_id AND a.id = k.app_id \
     WHERE k.org_id = $1 AND k.project_id = $2 AND k.app_id = $3 AND k.id = $4 AND a.takes_keys";

// Where the page begins is found in the index alone: rows before it are not fetched to be skipped.
macro_rules! list {
    ($order:literal, $from:literal) => {
        concat!(
            "SELECT CASE WHEN a.takes_keys THEN a.key_count ELSE 0 END AS total, \
             g.sequence AS seen_sequence, g.changed_at AS seen_at, k.id, k.expires_at, k.created_at, k.last_used_at, \
             CASE WHEN a.switched_sequence > k.sequence THEN a.switched_sequence ELSE k.sequence END AS sequence \
             FROM aggregates g \
             LEFT JOIN apps a ON a.org_id = g.org_id AND a.project_id = g.id AND a.id = $3 \
             LEFT JOIN (SELECT id, expires_at, created_at, last_used_at, sequence FROM app_keys \
             WHERE org_id = $1 AND project_id = $2 AND app_id = $3 AND id ",
            $from,
            " (SELECT id FROM app_keys WHERE org_id = $1 AND project_id = $2 AND app_id = $3 ORDER BY id ",
            $order,
            " LIMIT 1 OFFSET $5) ORDER BY id ",
            $order,
            " LIMIT $4) k ON a.takes_keys \
             WHERE g.org_id = $1 AND g.kind = 'project' AND g.id = $2 ORDER BY k.id ",
            $order
        )
    };
}
pub(super) const KEY_LIST_ASC: &str = list!("ASC", ">=");
pub(super) const KEY_LIST_DESC: &str = list!("DESC", "<=");

pub(super) const KEY_INSERT: &str = "INSERT INTO app_keys \
     (org_id, project_id, app_id, id, public_key, expires_at, sequence, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub(super) const KEY_CREATED_AT: &str =
    "SELECT created_at FROM app_keys WHERE org_id = $1 AND project_id = $2 AND app_id = $3 AND id = $4";
pub(super) const KEY_DELETE: &str =
    "DELETE FROM app_keys WHERE org_id = $1 AND project_id = $2 AND app_id = $3 AND id = $4";
// Counted here, so that the total of a list needs no scan of a million keys.
pub(super) const KEY_COUNT_ADD: &str =
    "UPDATE apps SET key_count = key_count + $4 WHERE org_id = $1 AND project_id = $2 AND id = $3";

impl Store {
    /// An enabled key of an application.
    pub async fn key_by_id(&self, app: AppAt<'_>, id: &str) -> Result<Option<CredentialRow>> {
        self.row(&query!(KEY_BY_ID; app.org_id, app.project_id, app.id, id)).await
    }

    /// Enabled keys of an application; an unknown application has none.
    pub async fn key_list(&self, app: AppAt<'_>, page: Page) -> Result<Listed<CredentialRow>> {
        let sql = if page.ascending { KEY_LIST_ASC } else { KEY_LIST_DESC };
        self.list(&query!(sql; app.org_id, app.project_id, app.id, page.limit, page.offset)).await
    }
}

impl Work {
    /// When a key was made, enabled or not; none if there is no such key.
    pub async fn key_created_at(&mut self, app: AppAt<'_>, id: &str) -> Result<Option<Micros>> {
        self.scalar(&query!(KEY_CREATED_AT; app.org_id, app.project_id, app.id, id)).await
    }
}

/// What the events of a key say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Says<'a> {
    application_id: &'a str,
    key_id: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_date: Option<Micros>,
}

/// A new key.
#[derive(Debug)]
pub struct AppKeyAdded<'a> {
    /// The application it belongs to.
    pub app: AppAt<'a>,
    /// Identifier.
    pub id: &'a str,
    /// SubjectPublicKeyInfo in DER.
    pub public_key: &'a [u8],
    /// When it stops being valid.
    pub expires_at: Micros,
}

impl Change for AppKeyAdded<'_> {
    fn events(&self) -> Vec<Event> {
        let expiration_date = Some(self.expires_at);
        let says = Says { application_id: self.app.id, key_id: self.id, kind: Some(1), expiration_date };
        vec![Event::of_app(EventKind::AppKeyAdded, self.app.id, &says)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let app = self.app;
        let key = statement!(
            KEY_INSERT; app.org_id, app.project_id, app.id, self.id, self.public_key, self.expires_at, event.sequence,
            event.at,
        );
        vec![key, statement!(KEY_COUNT_ADD; app.org_id, app.project_id, app.id, 1)]
    }
}

/// A key is void.
#[derive(Debug)]
pub struct AppKeyRemoved<'a> {
    /// The application it belongs to.
    pub app: AppAt<'a>,
    /// Identifier.
    pub id: &'a str,
}

impl Change for AppKeyRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        let says = Says { application_id: self.app.id, key_id: self.id, kind: None, expiration_date: None };
        vec![Event::of_app(EventKind::AppKeyRemoved, self.app.id, &says)]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        let app = self.app;
        vec![
            statement!(KEY_DELETE; app.org_id, app.project_id, app.id, self.id),
            statement!(KEY_COUNT_ADD; app.org_id, app.project_id, app.id, -1),
        ]
    }
}
