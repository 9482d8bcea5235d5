//! Rules on input that many services share.

use crate::clock::{Micros, NEVER};
use crate::error::{Error, Result};

/// How long an old secret may stay good: 30 days.
const MAX_GRACE: Micros = 30 * 24 * 3600 * 1_000_000;

/// When a credential ends: at the time asked for, or never.
///
/// # Errors
/// `DOMAIN-dv3t5` that lies before `now`.
pub fn expiration(at: Option<Micros>, now: Micros) -> Result<Micros> {
    match at {
        Some(at) if at < now => Err(Error::invalid("DOMAIN-dv3t5", "Errors.AuthNKey.ExpireBeforeNow")),
        at => Ok(at.unwrap_or(NEVER)),
    }
}

/// How long an old secret may stay good beside the new one.
///
/// # Errors
/// `COMMAND-Gr4ce` unless it is between nothing and 30 days.
pub fn grace(time: Micros) -> Result<Micros> {
    if (0..=MAX_GRACE).contains(&time) {
        return Ok(time);
    }
    Err(Error::invalid("COMMAND-Gr4ce", "The old secret can stay valid for 0s to 2592000s (30 days)"))
}
