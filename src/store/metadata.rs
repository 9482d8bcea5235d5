//! Metadata: values that callers keep with an organization or a user.

use serde::Serialize;
use sqlx::FromRow;

use super::lists::{Source, paged};
use super::sql::{query, statement};
use super::texts::fold;
use super::{
    AggregateKind, Change, Event, EventKind, Listed, MetadataRow, Page, Recorded, Result, Stamp, Statement, Store,
    TextFilter, Work,
};

macro_rules! base {
    () => {
        "SELECT key AS id, value, sequence, created_at, changed_at FROM metadata WHERE org_id = "
    };
}

pub(super) const METADATA_BY_KEY: &str = concat!(base!(), "$1 AND user_id = $2 AND key = $3");
pub(super) const METADATA_HELD: &str = "SELECT key, digest, size, sequence, created_at, changed_at FROM metadata \
     WHERE org_id = $1 AND user_id = $2";
pub(super) const METADATA_SET: &str = "INSERT INTO metadata \
     (org_id, user_id, of_user, key, key_folded, value, digest, size, sequence, created_at, changed_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT (org_id, user_id, key) DO UPDATE SET \
     value = excluded.value, digest = excluded.digest, size = excluded.size, sequence = excluded.sequence, \
     changed_at = excluded.changed_at";
pub(super) const METADATA_DELETE: &str = "DELETE FROM metadata WHERE org_id = $1 AND user_id = $2 AND key = $3";

/// Whose values.
#[derive(Debug, Clone, Copy)]
pub struct MetadataOwner<'a> {
    /// The organization.
    pub org_id: &'a str,
    /// A user of it; none for those of the organization itself.
    pub user_id: Option<&'a str>,
}

impl<'a> MetadataOwner<'a> {
    fn user(self) -> &'a str {
        self.user_id.unwrap_or_default()
    }

    fn source(self) -> Source<'a> {
        let org_id = self.org_id;
        match self.user_id {
            None => Source { org_id, kind: AggregateKind::Org, id: Some(org_id) },
            Some(user_id) => Source { org_id, kind: AggregateKind::User, id: Some(user_id) },
        }
    }
}

/// What is known of a value without reading it.
#[derive(Debug, Clone, FromRow)]
pub struct MetadataHeld {
    /// Its key.
    pub key: String,
    /// SHA-256 of the value, in hex.
    pub digest: String,
    /// Bytes of the value.
    pub size: i64,
    /// Sequence and dates.
    #[sqlx(flatten)]
    pub stamp: Stamp,
}

impl Store {
    /// One value.
    pub async fn metadata_by_key(&self, owner: MetadataOwner<'_>, key: &str) -> Result<Option<MetadataRow>> {
        self.row(&query!(METADATA_BY_KEY; owner.org_id, owner.user(), key)).await
    }

    /// The values of an owner whose keys pass all filters.
    pub async fn metadata_search(
        &self,
        owner: MetadataOwner<'_>,
        keys: &[TextFilter],
        page: Page,
    ) -> Result<Listed<MetadataRow>> {
        let mut query = self.builder(concat!("WITH f AS (", base!()));
        query.bind(owner.org_id).push(" AND user_id = ").bind(owner.user());
        for filter in keys {
            filter.push(query.push(" AND "), "key");
        }
        paged(&mut query, owner.source(), "created_at", page);
        self.list(&query.build(keys.is_empty())).await
    }
}

impl Work {
    /// What there is of an owner that the unit of work has locked.
    pub async fn metadata_held(&mut self, owner: MetadataOwner<'_>) -> Result<Vec<MetadataHeld>> {
        self.rows(&query!(METADATA_HELD; owner.org_id, owner.user())).await
    }
}

/// A key, its value, and what the events say of the value.
#[derive(Debug, Clone, Serialize)]
pub struct MetadataEntry<'a> {
    /// The key.
    pub key: &'a str,
    /// The value, which no event repeats.
    #[serde(skip)]
    pub value: &'a [u8],
    /// SHA-256 of the value, in hex.
    pub digest: String,
}

/// Values are set.
#[derive(Debug)]
pub struct MetadataSet<'a> {
    /// Whose.
    pub owner: MetadataOwner<'a>,
    /// In this order; of those with one key the last one counts.
    pub entries: Vec<&'a MetadataEntry<'a>>,
}

impl Change for MetadataSet<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = self.owner.user_id.map_or(EventKind::OrgMetadataSet, |_| EventKind::UserMetadataSet);
        self.entries.iter().map(|entry| Event::new(kind, entry)).collect()
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let owner = self.owner;
        let count = i64::try_from(self.entries.len()).unwrap_or_default();
        let mut rows = Vec::with_capacity(self.entries.len());
        for (sequence, entry) in (event.sequence - count + 1..).zip(&self.entries) {
            let size = i64::try_from(entry.value.len()).unwrap_or_default();
            rows.push(statement!(
                METADATA_SET; owner.org_id, owner.user(), owner.user_id, entry.key, fold(entry.key), entry.value,
                entry.digest.as_str(), size, sequence, event.at,
            ));
        }
        rows
    }
}

/// Values go.
#[derive(Debug)]
pub struct MetadataRemoved<'a> {
    /// Whose.
    pub owner: MetadataOwner<'a>,
    /// Their keys, each once.
    pub keys: Vec<&'a str>,
}

#[derive(Serialize)]
struct KeySays<'a> {
    key: &'a str,
}

impl Change for MetadataRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = self.owner.user_id.map_or(EventKind::OrgMetadataRemoved, |_| EventKind::UserMetadataRemoved);
        self.keys.iter().map(|key| Event::new(kind, &KeySays { key })).collect()
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        let owner = self.owner;
        self.keys.iter().map(|key| statement!(METADATA_DELETE; owner.org_id, owner.user(), *key)).collect()
    }
}
