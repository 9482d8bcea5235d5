//! Points in time in requests.

use buffa_types::google::protobuf::Timestamp;

use crate::clock::Micros;
use crate::error::{Code, Error, Result};
use crate::proto::Part;
use crate::proto::zitadel::filter::v2::{TimestampFilter, TimestampFilterMethod};
use crate::store::{TimeFilter, TimeMatch};

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

/// A filter on a time. Clients that leave the time out mean the beginning of 1970, as protobuf has it.
pub fn time_filter(filter: &TimestampFilter) -> TimeFilter {
    use TimestampFilterMethod as M;
    // The field rules have refused unknown numbers already.
    let how = match filter.method.as_known().unwrap_or_default() {
        M::TIMESTAMP_FILTER_METHOD_EQUALS => TimeMatch::At,
        M::TIMESTAMP_FILTER_METHOD_AFTER => TimeMatch::After,
        M::TIMESTAMP_FILTER_METHOD_AFTER_OR_EQUALS => TimeMatch::From,
        M::TIMESTAMP_FILTER_METHOD_BEFORE => TimeMatch::Before,
        M::TIMESTAMP_FILTER_METHOD_BEFORE_OR_EQUALS => TimeMatch::Until,
    };
    let at = filter
        .timestamp
        .as_option()
        .map_or(0, |at| at.seconds.saturating_mul(1_000_000).saturating_add(i64::from(at.nanos / 1000)));
    TimeFilter { how, at }
}
