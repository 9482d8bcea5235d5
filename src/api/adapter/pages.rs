//! Pages of the lists of version 2, and what is told of them.

use buffa::MessageField;

use super::details::{count, date};
use crate::error::{Error, Result};
use crate::proto::Part;
use crate::proto::zitadel::filter::v2::{PaginationRequest, PaginationResponse};
use crate::proto::zitadel::object::v2::{Details, ListDetails, ListQuery};
use crate::store::{Listed, Page, Stamp};

/// Most rows of one page where nothing else is said (design, section 4).
const MAX_ROWS: i64 = 10_000;
/// Rows of a page of version 2 that does not say how many.
const USUAL_ROWS: i64 = 100;
/// Most rows that a page of version 2 may ask for.
const MOST_ROWS: i64 = 1000;

/// Rows of a page; 0 asks for as many as there may be.
pub fn rows(limit: u32) -> i64 {
    match i64::from(limit) {
        0 => MAX_ROWS,
        limit => limit.min(MAX_ROWS),
    }
}

/// Rows to skip.
pub fn offset(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// The page that a list of version 2 asks for: 100 rows if it does not say how many, the largest first unless `asc`
/// (contract, `v2.md`, section 1).
///
/// # Errors
/// `QUERY-4M0fs` more than 1000 rows.
pub fn page(asked: &Part<PaginationRequest>) -> Result<Page> {
    let asked = asked.as_option().cloned().unwrap_or_default();
    let limit = match i64::from(asked.limit) {
        0 => USUAL_ROWS,
        limit if limit > MOST_ROWS => return Err(Error::invalid("QUERY-4M0fs", "Limit exceeded")),
        limit => limit,
    };
    Ok(Page { offset: offset(asked.offset), limit, ascending: asked.asc })
}

/// What is told of such a page.
pub fn pagination<T>(list: &Listed<T>, page: Page) -> Part<PaginationResponse> {
    MessageField::some(PaginationResponse { total_result: count(list.total), applied_limit: count(page.limit) })
}

/// The page that a list of users or organizations of version 2 asks for: as many rows as there may be if it does not
/// say how many, and more than 1000 are not refused (contract, `v2.md`, corrections).
pub fn list_page(asked: &Part<ListQuery>) -> Page {
    let asked = asked.as_option().cloned().unwrap_or_default();
    Page { offset: offset(asked.offset), limit: rows(asked.limit), ascending: asked.asc }
}

/// What is told of such a page: rows in all, and the newest event of that kind of object, if there is one.
pub fn list_details<T>(list: &Listed<T>) -> Part<ListDetails> {
    let seen = list.seen.as_ref();
    MessageField::some(ListDetails {
        total_result: count(list.total),
        processed_sequence: seen.map_or(0, |s| count(s.sequence)),
        timestamp: seen.map_or_else(MessageField::none, |s| date(s.changed_at)),
    })
}

/// When an object of an organization was made and last changed, in version 2.
pub fn details(org_id: &str, stamp: &Stamp) -> Part<Details> {
    MessageField::some(Details {
        sequence: count(stamp.sequence),
        change_date: date(stamp.changed_at),
        resource_owner: org_id.to_owned(),
        creation_date: date(stamp.created_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_100_rows_and_never_more_than_1000() {
        let of = |limit| page(&MessageField::some(PaginationRequest { limit, ..PaginationRequest::default() }));
        assert_eq!(page(&MessageField::none()).expect("a page"), Page { offset: 0, limit: 100, ascending: false });
        assert_eq!(of(1000).expect("the most").limit, 1000);
        assert_eq!(of(1001).expect_err("too many").id, "QUERY-4M0fs");
        assert_eq!(of(u32::MAX).expect_err("too many").id, "QUERY-4M0fs");
        let all = ListQuery { offset: u64::MAX, limit: u32::MAX, asc: true };
        let all = list_page(&MessageField::some(all));
        assert_eq!(all, Page { offset: i64::MAX, limit: MAX_ROWS, ascending: true });
    }
}
