//! Rules on input that need more than the field itself.

use buffa::EnumValue;
use buffa_types::google::protobuf::{Duration, Timestamp};

use crate::clock::{Micros, NEVER};
use crate::error::{Code, Error, Result};
use crate::proto::Part;
use crate::proto::zitadel::change::v1::ChangeQuery;
use crate::proto::zitadel::v1::{ListQuery, TextQueryMethod};
use crate::store::{ChangePage, Page, TextFilter, TextMatch};

/// Most rows of one page (design, section 4).
pub const MAX_ROWS: i64 = 10_000;

/// How long an old secret may stay good: 30 days.
const MAX_GRACE: Micros = 30 * 24 * 3600 * 1_000_000;

/// 0001-01-01T00:00:00Z, which counts as absent (contract, AddAppKey).
const YEAR_ONE: i64 = -62_135_596_800;
/// The last second that a protobuf timestamp may have.
const LAST_SECOND: i64 = 253_402_300_799;

/// The expiration a request asks for, cut to microseconds; absent means never.
///
/// # Errors
/// Code 3 when it is no valid time or lies before `now`.
pub fn expiration(date: &Part<Timestamp>, now: Micros) -> Result<Micros> {
    let Some(date) = date.as_option() else { return Ok(NEVER) };
    if (date.seconds, date.nanos) == (YEAR_ONE, 0) {
        return Ok(NEVER);
    }
    if !(YEAR_ONE..=LAST_SECOND).contains(&date.seconds) || !(0..1_000_000_000).contains(&date.nanos) {
        return Err(Error::native(
            Code::InvalidArgument,
            "invalid expiration date: send a time between 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z",
        ));
    }
    let at = date.seconds * 1_000_000 + i64::from(date.nanos / 1000);
    if at < now {
        return Err(Error::invalid("DOMAIN-dv3t5", "Errors.AuthNKey.ExpireBeforeNow"));
    }
    Ok(at)
}

/// How long an old secret may stay good beside the new one; absent means not at all.
///
/// # Errors
/// `COMMAND-Gr4ce` unless it is between nothing and 30 days.
pub fn grace(lifetime: &Part<Duration>) -> Result<Micros> {
    let Some(lifetime) = lifetime.as_option() else { return Ok(0) };
    let micros = lifetime.seconds.checked_mul(1_000_000).map(|s| s.saturating_add(i64::from(lifetime.nanos / 1000)));
    micros
        .filter(|m| (0..=MAX_GRACE).contains(m) && lifetime.nanos >= 0)
        .ok_or_else(|| Error::invalid("COMMAND-Gr4ce", "The old secret can stay valid for 0s to 2592000s (30 days)"))
}

/// The page a list request asks for. Without `asc` rows come in order of creation, as old clients
/// know it; `asc: false` turns that round (design, section 4).
pub fn page(query: &Part<ListQuery>) -> Page {
    let query = query.as_option();
    Page {
        offset: query.map_or(0, |q| i64::try_from(q.offset).unwrap_or(i64::MAX)),
        limit: rows(query.map_or(0, |q| q.limit)),
        ascending: query.and_then(|q| q.asc).unwrap_or(true),
    }
}

/// The part of a change list a request asks for: newest first unless `asc`.
pub fn change_page(query: &Part<ChangeQuery>) -> ChangePage {
    let query = query.as_option();
    ChangePage {
        after: query.map_or(0, |q| i64::try_from(q.sequence).unwrap_or(i64::MAX)),
        limit: rows(query.map_or(0, |q| q.limit)),
        ascending: query.is_some_and(|q| q.asc),
    }
}

/// Rows of a page; 0 asks for as many as there may be.
fn rows(limit: u32) -> i64 {
    match i64::from(limit) {
        0 => MAX_ROWS,
        limit => limit.min(MAX_ROWS),
    }
}

/// Most filters of one list, nested ones included.
const MAX_QUERIES: usize = 100;
/// Most values of all filters of one list together. Each is a parameter of a statement, of which SQLite
/// takes 32,766.
const MAX_VALUES: usize = 1000;

/// What the filters of one list cost the database, counted while they are read. The contract bounds each
/// list of its own; filters may hold lists and be nested, so their sums are bounded here.
#[derive(Default)]
pub struct Budget {
    queries: usize,
    values: usize,
}

impl Budget {
    /// One filter more.
    ///
    /// # Errors
    /// Code 3 for more than 100.
    pub fn query(&mut self) -> Result<()> {
        self.queries += 1;
        if self.queries > MAX_QUERIES {
            let text = format!("too many queries: send at most {MAX_QUERIES}, nested ones included");
            return Err(Error::native(Code::InvalidArgument, text));
        }
        Ok(())
    }

    /// So many values more.
    ///
    /// # Errors
    /// Code 3 for more than 1000.
    pub fn values(&mut self, count: usize) -> Result<()> {
        self.values = self.values.saturating_add(count);
        if self.values > MAX_VALUES {
            let text = format!("too many values in the queries: send at most {MAX_VALUES} in all of them together");
            return Err(Error::native(Code::InvalidArgument, text));
        }
        Ok(())
    }
}

/// A text filter of a list.
pub fn text_filter(method: EnumValue<TextQueryMethod>, value: &str) -> TextFilter {
    use TextQueryMethod as M;
    // The field rules have refused unknown numbers already.
    let (how, ignore_case) = match method.as_known().unwrap_or_default() {
        M::TEXT_QUERY_METHOD_EQUALS => (TextMatch::Equals, false),
        M::TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE => (TextMatch::Equals, true),
        M::TEXT_QUERY_METHOD_STARTS_WITH => (TextMatch::Starts, false),
        M::TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE => (TextMatch::Starts, true),
        M::TEXT_QUERY_METHOD_CONTAINS => (TextMatch::Contains, false),
        M::TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE => (TextMatch::Contains, true),
        M::TEXT_QUERY_METHOD_ENDS_WITH => (TextMatch::Ends, false),
        M::TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE => (TextMatch::Ends, true),
    };
    TextFilter::new(how, ignore_case, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_and_their_values_are_counted_together() {
        let mut budget = Budget::default();
        assert!((0..100).all(|_| budget.query().is_ok()) && budget.query().is_err());
        let mut budget = Budget::default();
        assert!(budget.values(600).is_ok() && budget.values(400).is_ok() && budget.values(1).is_err());
        assert!(Budget::default().values(usize::MAX).is_err());
    }
}
