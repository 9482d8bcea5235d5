//! Keys of applications: public halves only.

use super::lists::ListRow;
use super::{AppAt, KeyRow, Listed, Page, Recorded, Result, Store, Tx, on};
use crate::clock::Micros;

/// A new key.
#[derive(Debug)]
pub struct KeyInsert<'a> {
    /// The application it belongs to.
    pub app: AppAt<'a>,
    /// Identifier.
    pub id: &'a str,
    /// SubjectPublicKeyInfo in DER.
    pub public_key: &'a [u8],
    /// When it stops being valid.
    pub expires_at: Micros,
}

// The sequence a client sees is that of the key, or of the last switch of the application's method,
// whichever is later (contract, GetAppKey).
macro_rules! sequence {
    () => {
        "CASE WHEN a.switched_sequence > k.sequence THEN a.switched_sequence ELSE k.sequence END AS sequence"
    };
}

pub(super) const KEY_BY_ID: &str = concat!(
    "SELECT k.id, k.expires_at, k.created_at, k.last_used_at, ",
    sequence!(),
    " FROM app_keys k JOIN apps a ON a.org_id = k.org_id AND a.project_id = k.project_id AND a.id = k.app_id ",
    "WHERE k.org_id = $1 AND k.project_id = $2 AND k.app_id = $3 AND k.id = $4 AND a.takes_keys"
);

macro_rules! list {
    ($order:literal, $from:literal) => {
        concat!(
            "SELECT CASE WHEN a.takes_keys THEN a.key_count ELSE 0 END AS total, ",
            "g.sequence AS seen_sequence, g.changed_at AS seen_at, k.id, k.expires_at, k.created_at, k.last_used_at, ",
            sequence!(),
            " FROM aggregates g ",
            "LEFT JOIN apps a ON a.org_id = g.org_id AND a.project_id = g.id AND a.id = $3 ",
            // Where the page begins is found in the index alone: rows before it are not fetched to be skipped.
            "LEFT JOIN (SELECT id, expires_at, created_at, last_used_at, sequence FROM app_keys ",
            "WHERE org_id = $1 AND project_id = $2 AND app_id = $3 AND id ",
            $from,
            " (SELECT id FROM app_keys WHERE org_id = $1 AND project_id = $2 AND app_id = $3 ORDER BY id ",
            $order,
            " LIMIT 1 OFFSET $5) ORDER BY id ",
            $order,
            " LIMIT $4) k ON a.takes_keys ",
            "WHERE g.org_id = $1 AND g.kind = 'project' AND g.id = $2 ORDER BY k.id ",
            $order
        )
    };
}
pub(super) const KEY_LIST_ASC: &str = list!("ASC", ">=");
pub(super) const KEY_LIST_DESC: &str = list!("DESC", "<=");

pub(super) const KEY_INSERT: &str = "INSERT INTO app_keys \
     (org_id, project_id, app_id, id, public_key, expires_at, sequence, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub(super) const KEY_CREATED_AT: &str =
    "SELECT created_at FROM app_keys WHERE org_id = $1 AND project_id = $2 AND app_id = $3 AND id = $4";
pub(super) const KEY_DELETE: &str =
    "DELETE FROM app_keys WHERE org_id = $1 AND project_id = $2 AND app_id = $3 AND id = $4";
// Counted here, so that the total of a list needs no scan of a million keys.
pub(super) const KEY_COUNT_ADD: &str =
    "UPDATE apps SET key_count = key_count + $4 WHERE org_id = $1 AND project_id = $2 AND id = $3";

impl Store {
    /// An enabled key of an application.
    ///
    /// # Errors
    /// The store failed.
    pub async fn key_by_id(&self, app: AppAt<'_>, id: &str) -> Result<Option<KeyRow>> {
        Ok(on!(&self.read, c => sqlx::query_as(KEY_BY_ID)
            .bind(app.org_id).bind(app.project_id).bind(app.id).bind(id).fetch_optional(c).await)?)
    }

    /// Enabled keys of an application; an unknown application has none.
    ///
    /// # Errors
    /// The store failed.
    pub async fn key_list(&self, app: AppAt<'_>, page: Page) -> Result<Listed<KeyRow>> {
        let sql = if page.ascending { KEY_LIST_ASC } else { KEY_LIST_DESC };
        let rows: Vec<ListRow<KeyRow>> = on!(&self.read, c => sqlx::query_as(sql)
            .bind(app.org_id).bind(app.project_id).bind(app.id).bind(page.limit).bind(page.offset)
            .fetch_all(c).await)?;
        Ok(rows.into())
    }
}

impl Tx {
    /// A new key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn key_insert(&mut self, key: &KeyInsert<'_>, event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(KEY_INSERT)
            .bind(key.app.org_id).bind(key.app.project_id).bind(key.app.id).bind(key.id)
            .bind(key.public_key).bind(key.expires_at).bind(event.sequence).bind(event.at)
            .execute(&mut **c).await.map(drop))?;
        self.key_count_add(key.app, 1).await
    }

    /// When a key was made, enabled or not; none if there is no such key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn key_created_at(&mut self, app: AppAt<'_>, id: &str) -> Result<Option<Micros>> {
        Ok(on!(&mut self.0, c => sqlx::query_scalar(KEY_CREATED_AT)
            .bind(app.org_id).bind(app.project_id).bind(app.id).bind(id).fetch_optional(&mut **c).await)?)
    }

    /// Removes a key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn key_delete(&mut self, app: AppAt<'_>, id: &str, _event: &Recorded) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(KEY_DELETE)
            .bind(app.org_id).bind(app.project_id).bind(app.id).bind(id).execute(&mut **c).await.map(drop))?;
        self.key_count_add(app, -1).await
    }

    async fn key_count_add(&mut self, app: AppAt<'_>, change: i64) -> Result<()> {
        on!(&mut self.0, c => sqlx::query(KEY_COUNT_ADD)
            .bind(app.org_id).bind(app.project_id).bind(app.id).bind(change).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}
