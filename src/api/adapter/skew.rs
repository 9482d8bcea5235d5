//! How far clocks may differ, as clients of OpenID Connect say it.

use buffa_types::google::protobuf::Duration;

use crate::error::{Code, Error, Result};
use crate::proto::Part;
use crate::service::oidc::is_skew;

/// Seconds and nanoseconds of a field called `ClockSkew`; absent is none.
///
/// # Errors
/// Code 3 unless it is between nothing and five seconds; `message` is what the field is in, after the text of each
/// message around that.
pub fn clock_skew(field: &Part<Duration>, message: &str) -> Result<(i64, i32)> {
    let skew = field.as_option().map_or((0, 0), |skew| (skew.seconds, skew.nanos));
    if is_skew(skew) {
        return Ok(skew);
    }
    let text = format!("invalid {message}.ClockSkew: value must be inside range [0s, 5s]");
    Err(Error::native(Code::InvalidArgument, text))
}
