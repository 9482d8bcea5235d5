//! What kind of token somebody presents: three kinds, told apart by form.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::names::can_be_token;
use super::signing::SigningKeys;
use crate::clock::Micros;
use crate::crypto::jws::{self, Typ};
use crate::crypto::secrets;
use crate::error::Result;
use crate::store::Asked;

/// A token of a form that this server makes. Whether it is good is for the store to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presented {
    /// A personal access token.
    Pat {
        /// SHA-256 of the token.
        hash: [u8; 32],
    },
    /// An opaque access token.
    Opaque {
        /// Its jti.
        id: i64,
        /// SHA-256 of the token.
        hash: [u8; 32],
    },
    /// An access token that is a JWT, with a good signature.
    Jwt {
        /// Its jti.
        id: i64,
        /// Whom it claims to be.
        user_id: String,
        /// When the keys that prove it were asked for.
        proven: Option<Asked>,
    },
}

/// Claims of an access token that matter when it is presented.
#[derive(Deserialize)]
struct TokenClaims {
    iss: String,
    sub: String,
    exp: i64,
    /// ID tokens have none.
    jti: String,
    scope: Option<IgnoredAny>,
    /// Only ID tokens have it.
    at_hash: Option<IgnoredAny>,
}

impl Presented {
    /// What a text is as a token, by form and signature; none if it is no token of this server.
    ///
    /// # Errors
    /// The signing keys cannot be read.
    pub async fn of(token: &str, signing: &SigningKeys, issuer: &str, now: Micros) -> Result<Option<Self>> {
        if !can_be_token(token) {
            return Ok(None);
        }
        if let Some(opaque) = Self::opaque(token) {
            return Ok(Some(opaque));
        }
        // Noise is not worth a look at the keys.
        if token.bytes().filter(|b| *b == b'.').count() != 2 {
            return Ok(None);
        }
        let Some(head) = jws::Head::of(token) else { return Ok(None) };
        let Some(kid) = &head.kid else { return Ok(None) };
        let Some(ring) = signing.ring_with(kid).await? else { return Ok(None) };
        let Some(claims) = ring.verify(kid, token) else { return Ok(None) };
        Ok(Self::jwt(head.typ(), claims, ring.asked(), issuer, now))
    }

    /// An opaque token, by its form alone.
    fn opaque(token: &str) -> Option<Self> {
        if secrets::is_personal_access_token(token) {
            return Some(Self::Pat { hash: secrets::hash(token) });
        }
        secrets::access_token_id(token).map(|id| Self::Opaque { id, hash: secrets::hash(token) })
    }

    /// An access token of ours that is a JWT and has not expired (RFC 9068; contract, `oauth.md` 2.3). An ID
    /// token is none.
    fn jwt(typ: Typ, claims: TokenClaims, proven: Option<Asked>, issuer: &str, now: Micros) -> Option<Self> {
        let access = match typ {
            Typ::Access => true,
            // Access tokens were typed as ID tokens are before this server told them apart. Those that are
            // still good stay so until they end; what they claim tells them from ID tokens.
            Typ::Plain => claims.scope.is_some() && claims.at_hash.is_none(),
            Typ::Assertion | Typ::Other => false,
        };
        let good = access && claims.iss == issuer && claims.exp.checked_mul(1_000_000)? > now;
        let id = claims.jti.parse().ok()?;
        good.then_some(Self::Jwt { id, user_id: claims.sub, proven })
    }

    /// When what proves it was asked of the store, if it was.
    pub fn proven(&self) -> Option<Asked> {
        match self {
            Self::Jwt { proven, .. } => *proven,
            _ => None,
        }
    }

    /// Whether a stored token is the one presented: an id alone opens nothing.
    pub fn is(&self, user_id: &str, stored_hash: Option<&[u8]>) -> bool {
        match (self, stored_hash) {
            (Self::Pat { hash } | Self::Opaque { hash, .. }, Some(stored)) => secrets::matches(hash, stored),
            (Self::Jwt { user_id: claimed, .. }, None) => claimed == user_id,
            _ => false,
        }
    }
}
