//! Assertions: signed statements by which a client or machine proves who it is (RFC 7523, section 3;
//! contract, `oauth.md` 2.1).

use serde::{Deserialize, Deserializer};

use super::Issuer;
use crate::auth::can_name;
use crate::clock::Micros;
use crate::crypto::jws::{self, Typ};

/// What a request must name its assertion to be.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Oldest age of an assertion in seconds.
const MAX_AGE: f64 = 3600.0;
/// Seconds that the clock of the sender may be ahead.
const LEEWAY: f64 = 1.0;

/// An assertion with everything but its signature found good.
pub struct Assertion<'a> {
    /// The token, whose signature is still to be checked.
    pub token: &'a str,
    /// Who signed, according to itself.
    pub subject: String,
    /// With which key.
    pub kid: String,
}

/// What it claims.
#[derive(Deserialize)]
struct AssertionClaims {
    iss: String,
    sub: String,
    #[serde(deserialize_with = "one_or_many")]
    aud: Vec<String>,
    exp: f64,
    iat: f64,
}

/// The signature alone is still to be checked, so nothing of it is read twice.
#[derive(Deserialize)]
pub struct Signed {}

impl<'a> Assertion<'a> {
    /// Reads an assertion; the error says for the log what is wrong with it.
    ///
    /// # Errors
    /// It cannot be read, is not for us, or is too old, too new or expired.
    pub fn read(token: &'a str, issuer: &Issuer, now: Micros) -> Result<Self, &'static str> {
        let jws::Unproven { head, claims } = jws::read::<AssertionClaims>(token).ok_or("assertion cannot be read")?;
        // What says that it is something else, such as an access token, proves nobody (RFC 8725, section 3.11).
        if matches!(head.typ(), Typ::Access | Typ::Other) {
            return Err("assertion is typed as another kind of token");
        }
        let kid = head.kid.ok_or("assertion names no key")?;
        // Exact to far more than a second until the year 10000.
        #[expect(clippy::cast_precision_loss, reason = "microseconds of the present fit into 53 bits")]
        let now = now as f64 / 1e6;
        if !claims.aud.iter().any(|aud| issuer.is_audience(aud)) {
            return Err("assertion has another audience");
        }
        // JSON knows no NaN, so these comparisons are total.
        if claims.exp <= now {
            return Err("assertion has expired");
        }
        if claims.iat > now + LEEWAY || claims.iat < now - MAX_AGE {
            return Err("assertion is too old or from the future");
        }
        if claims.iss != claims.sub || claims.sub.is_empty() {
            return Err("issuer and subject of the assertion differ");
        }
        if !can_name(&claims.sub) || !can_name(&kid) {
            return Err("assertion names nobody");
        }
        Ok(Self { token, subject: claims.sub, kid })
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Audience::deserialize(input)? {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    })
}
