//! One page of a list, its total and the newest event, all from one statement and so of one moment.

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::builder::QueryBuilder;
use super::sql::Query;
use super::{AggregateKind, Heap, Result, Seen, Store};
use crate::clock::Micros;

/// The condition that something is not in an organization that is on its way out: hardly ever is there one.
macro_rules! living {
    ($table:literal) => {
        $crate::store::lists::living!($table, "org_id")
    };
    ($table:literal, $column:literal) => {
        concat!($table, ".", $column, " NOT IN (SELECT r.id FROM organizations r WHERE r.state = 3)")
    };
}
pub(super) use living;

/// Which rows of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Page {
    /// Rows to skip.
    pub offset: i64,
    /// Rows at most.
    pub limit: i64,
    /// In order of creation; else newest first.
    pub ascending: bool,
}

/// One page of a list.
#[derive(Debug)]
pub struct Listed<T> {
    /// Rows that match, on all pages.
    pub total: i64,
    /// Newest event of that kind of object.
    pub seen: Option<Seen>,
    /// This page.
    pub rows: Vec<T>,
}

impl Heap for Page {
    fn heap(&self) -> usize {
        0
    }
}

impl<T: Heap> Heap for Listed<T> {
    fn heap(&self) -> usize {
        self.rows.capacity() * size_of::<T>() + self.rows.iter().map(Heap::heap).sum::<usize>()
    }
}

/// A row of such a statement: the head repeats in each; an empty page has one row without item.
pub(super) struct ListRow<T> {
    total: i64,
    seen: Option<Seen>,
    item: Option<T>,
}

impl<'r, R, T> FromRow<'r, R> for ListRow<T>
where
    R: Row,
    T: FromRow<'r, R>,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let sequence: Option<i64> = row.try_get("seen_sequence")?;
        let changed_at: Option<Micros> = row.try_get("seen_at")?;
        let id: Option<String> = row.try_get("id")?;
        Ok(Self {
            total: row.try_get("total")?,
            seen: sequence.zip(changed_at).map(|(sequence, changed_at)| Seen { sequence, changed_at }),
            item: id.map(|_| T::from_row(row)).transpose()?,
        })
    }
}

impl<T> From<Vec<ListRow<T>>> for Listed<T> {
    fn from(rows: Vec<ListRow<T>>) -> Self {
        let head = rows.first();
        Self {
            total: head.map_or(0, |r| r.total),
            seen: head.and_then(|r| r.seen.clone()),
            rows: rows.into_iter().filter_map(|r| r.item).collect(),
        }
    }
}

impl Store {
    /// The page that a query ended by [`paged`] finds.
    pub(super) async fn list<T>(&self, query: &Query<'_>) -> Result<Listed<T>>
    where
        ListRow<T>: super::executor::Row,
    {
        Ok(self.rows::<ListRow<T>>(query).await?.into())
    }
}

/// Whose events tell how fresh a list is.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// Organization.
    pub org_id: &'a str,
    /// Kind of aggregate.
    pub kind: AggregateKind,
    /// One of them, or the newest of all in the organization.
    pub id: Option<&'a str>,
}

/// Ends a query that begins with `WITH f AS (SELECT … WHERE …`: counts `f`, adds the newest event and
/// takes one page in the order of `column`, rows of the same value in order of creation.
pub(super) fn paged<'a>(query: &mut QueryBuilder<'a>, source: Source<'a>, column: &'static str, page: Page) {
    query.push(HEAD).push("SELECT sequence, changed_at FROM aggregates WHERE kind = ");
    query.bind(source.kind.name()).push(" AND org_id = ").bind(source.org_id);
    if let Some(id) = source.id {
        query.push(" AND id = ").bind(id);
    }
    query.push(" ORDER BY changed_at DESC LIMIT 1");
    tail(query, column, page);
}

/// As [`paged`] for rows of several organizations, which have no newest event in common: the newest of the rows counts.
pub(super) fn newest_of_rows(query: &mut QueryBuilder<'_>, column: &'static str, page: Page) {
    query.push(HEAD).push("SELECT sequence, changed_at FROM f ORDER BY changed_at DESC LIMIT 1");
    tail(query, column, page);
}

const HEAD: &str = ") SELECT (SELECT count(*) FROM f) AS total, g.sequence AS seen_sequence, g.changed_at AS seen_at, p.* \
     FROM (SELECT 1 AS one) o LEFT JOIN (";

fn tail(query: &mut QueryBuilder<'_>, column: &'static str, page: Page) {
    end(query.push(") g ON 1 = 1 LEFT JOIN (SELECT * FROM f"), &[column, "id"], page);
}

/// As [`paged`], for lists over all organizations, whose newest event nobody asks for. The query begins with
/// `WITH f AS NOT MATERIALIZED (`, so that an index that has the order serves the page.
pub(super) fn paged_everywhere(query: &mut QueryBuilder<'_>, column: &'static str, page: Page) {
    query.push(") SELECT (SELECT count(*) FROM f)").push(NOTHING_NEW).push("SELECT * FROM f");
    end(query, &[column, "id"], page);
}

const NOTHING_NEW: &str = " AS total, CAST(NULL AS BIGINT) AS seen_sequence, CAST(NULL AS BIGINT) AS seen_at, p.* \
     FROM (SELECT 1 AS one) o LEFT JOIN (";

/// Stands between the halves of a query that begins with `WITH a AS NOT MATERIALIZED (` and ends with [`paged_halves`].
pub(super) fn other_half<'q, 'a>(query: &'q mut QueryBuilder<'a>) -> &'q mut QueryBuilder<'a> {
    query.push("), b AS NOT MATERIALIZED (")
}

/// As [`paged_everywhere`] for rows of two tables, in the order of these columns, of which no two rows have the same
/// values. Each half finds its first rows by itself, so that an index of its own that has the order serves it.
pub(super) fn paged_halves(query: &mut QueryBuilder<'_>, columns: &[&'static str], page: Page) {
    let last = page.offset.saturating_add(page.limit);
    query.push(") SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b)").push(NOTHING_NEW);
    ordered(query.push("SELECT * FROM (SELECT * FROM a"), "", columns, page);
    query.push(" LIMIT ").bind(last).push(") x UNION ALL SELECT * FROM (SELECT * FROM b");
    ordered(query, "", columns, page);
    query.push(" LIMIT ").bind(last).push(") y");
    end(query, columns, page);
}

/// Appends which rows of those before it are the page, and their order.
fn end(query: &mut QueryBuilder<'_>, columns: &[&'static str], page: Page) {
    ordered(query, "", columns, page);
    query.push(" LIMIT ").bind(page.limit).push(" OFFSET ").bind(page.offset);
    ordered(query.push(") p ON 1 = 1"), "p.", columns, page);
}

fn ordered(query: &mut QueryBuilder<'_>, table: &'static str, columns: &[&'static str], page: Page) {
    for (at, column) in columns.iter().enumerate() {
        query.push(if at == 0 { " ORDER BY " } else { ", " }).push(table).push(*column);
        query.push(if page.ascending { " ASC" } else { " DESC" });
    }
}
