//! Fields that many requests share, as the plain types of the services.

use buffa_types::google::protobuf::{Duration, Timestamp};

pub use crate::api::adapter::filters::text_filter;
use crate::api::adapter::pages::{offset, rows};
use crate::clock::Micros;
use crate::error::{Code, Error, Result};
use crate::proto::Part;
use crate::proto::zitadel::change::v1::ChangeQuery;
use crate::proto::zitadel::v1::ListQuery;
use crate::store::{ChangePage, Page};

/// 0001-01-01T00:00:00Z, which counts as absent (contract, AddAppKey).
const YEAR_ONE: i64 = -62_135_596_800;
/// The last second that a protobuf timestamp may have.
const LAST_SECOND: i64 = 253_402_300_799;

/// The expiration a request asks for, cut to microseconds.
///
/// # Errors
/// Code 3 when it is no valid time.
pub fn expiration(date: &Part<Timestamp>) -> Result<Option<Micros>> {
    let Some(date) = date.as_option() else { return Ok(None) };
    if (date.seconds, date.nanos) == (YEAR_ONE, 0) {
        return Ok(None);
    }
    if !(YEAR_ONE..=LAST_SECOND).contains(&date.seconds) || !(0..1_000_000_000).contains(&date.nanos) {
        return Err(Error::native(
            Code::InvalidArgument,
            "invalid expiration date: send a time between 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z",
        ));
    }
    Ok(Some(date.seconds * 1_000_000 + i64::from(date.nanos / 1000)))
}

/// A length of time; absent is none at all. What is no length becomes one that no rule allows.
pub fn length_of_time(time: &Part<Duration>) -> Micros {
    let Some(time) = time.as_option() else { return 0 };
    if time.nanos < 0 {
        return -1;
    }
    time.seconds.saturating_mul(1_000_000).saturating_add(i64::from(time.nanos / 1000))
}

/// The page a list request asks for. Without `asc` rows come in order of creation, as old clients
/// know it; `asc: false` turns that round (design, section 4).
pub fn page(query: &Part<ListQuery>) -> Page {
    let query = query.as_option();
    Page {
        offset: query.map_or(0, |q| offset(q.offset)),
        limit: rows(query.map_or(0, |q| q.limit)),
        ascending: query.and_then(|q| q.asc).unwrap_or(true),
    }
}

/// The part of a change list a request asks for: newest first unless `asc`.
pub fn change_page(query: &Part<ChangeQuery>) -> ChangePage {
    let query = query.as_option();
    ChangePage {
        after: query.map_or(0, |q| offset(q.sequence)),
        limit: rows(query.map_or(0, |q| q.limit)),
        ascending: query.is_some_and(|q| q.asc),
    }
}
