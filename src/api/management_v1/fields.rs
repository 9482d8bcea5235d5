//! Fields that many requests share, as the plain types of the services.

use buffa_types::google::protobuf::Duration;

pub use crate::api::adapter::filters::text_filter;
use crate::api::adapter::pages::{offset, rows};
pub use crate::api::adapter::times::expiration;
use crate::clock::Micros;
use crate::proto::Part;
use crate::proto::zitadel::change::v1::ChangeQuery;
use crate::proto::zitadel::v1::ListQuery;
use crate::store::{ChangePage, Page};

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
        from: query.map_or(0, |q| offset(q.sequence)),
        limit: rows(query.map_or(0, |q| q.limit)),
        ascending: query.is_some_and(|q| q.asc),
    }
}
