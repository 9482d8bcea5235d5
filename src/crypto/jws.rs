//! Signed tokens (RFC 7515, RFC 7519): reading what a caller presents, checking its signature with a
//! key whose kind decides the algorithm, and signing our own.

use std::sync::LazyLock;

#[expect(clippy::disallowed_types, reason = "the library takes no source but its own")]
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

use super::public_key::Kind;
use crate::error::{Error, Result};

/// Media type of access tokens (RFC 9068, section 2.1).
const ACCESS_TOKEN: &str = "at+jwt";
/// Media type of assertions of clients, for those that name one.
const ASSERTION: &str = "client-authentication+jwt";

/// What the header of a token says (RFC 7515, section 4), as far as anything here depends on it.
#[derive(Deserialize)]
pub struct Head {
    /// The key it names.
    pub kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
}

/// What a token is by its header (RFC 8725, section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typ {
    /// An access token.
    Access,
    /// An assertion of a client.
    Assertion,
    /// It says nothing, or no more than that it is a JWT; ID tokens do.
    Plain,
    /// Something else.
    Other,
}

impl Head {
    /// The header of a token; none if there is none that can be understood. No extension is known here,
    /// so a token that has critical ones is refused (RFC 7515, section 4.1.11), and so is one whose
    /// payload may be unencoded (RFC 7797), whether it says so in the right way or not.
    pub fn of(token: &str) -> Option<Self> {
        let (head, _) = token.split_once('.')?;
        let head: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        (!head.crit && !head.b64).then_some(head)
    }

    /// What the token is; case and the prefix `application/` do not matter (RFC 7515, section 4.1.9).
    pub fn typ(&self) -> Typ {
        let Some(typ) = &self.typ else { return Typ::Plain };
        let name = match typ.split_at_checked("application/".len()) {
            Some((prefix, name)) if prefix.eq_ignore_ascii_case("application/") => name,
            _ => typ.as_str(),
        };
        if name.eq_ignore_ascii_case(ACCESS_TOKEN) {
            Typ::Access
        } else if name.eq_ignore_ascii_case(ASSERTION) {
            Typ::Assertion
        } else if name.rsplit_once('+').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("jwt")) {
            Typ::Other
        } else {
            // Clients write all sorts of things here that claim nothing.
            Typ::Plain
        }
    }
}

/// Whether a member is there, whatever it holds.
fn present<'de, D: Deserializer<'de>>(input: D) -> std::result::Result<bool, D::Error> {
    IgnoredAny::deserialize(input).map(|_| true)
}

/// What a token says of itself, before anything of it is proven.
pub struct Unproven<T> {
    /// Its header.
    pub head: Head,
    /// What it claims.
    pub claims: T,
}

/// Reads a token without believing it: for finding the key that may prove it.
pub fn read<T: DeserializeOwned>(token: &str) -> Option<Unproven<T>> {
    let head = Head::of(token)?;
    let claims = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    Some(Unproven { head, claims })
}

/// A public key that proves tokens. The algorithm follows from the kind of the key, never from the
/// token alone: an RSA key can therefore not be taken for a shared secret.
#[derive(Clone)]
pub struct Verifier {
    key: DecodingKey,
    rules: &'static Validation,
}

static RSA: LazyLock<Validation> = LazyLock::new(|| rules(&[Algorithm::RS256, Algorithm::PS256]));
static P256: LazyLock<Validation> = LazyLock::new(|| rules(&[Algorithm::ES256]));
static P384: LazyLock<Validation> = LazyLock::new(|| rules(&[Algorithm::ES384]));
static ED25519: LazyLock<Validation> = LazyLock::new(|| rules(&[Algorithm::EdDSA]));

/// Signature and algorithm only: times and audiences are compared by their callers, with our clock.
fn rules(algorithms: &[Algorithm]) -> Validation {
    let mut rules = Validation::new(algorithms[0]);
    rules.algorithms = algorithms.to_vec();
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules
}

impl Verifier {
    /// A verifier for a SubjectPublicKeyInfo in DER; none for a kind of key that proves nothing here.
    pub fn new(der: &[u8]) -> Option<Self> {
        let (key, rules) = match Kind::of(der)? {
            Kind::Rsa => (DecodingKey::from_rsa_der(der), &*RSA),
            Kind::P256 => (DecodingKey::from_ec_der(der), &*P256),
            Kind::P384 => (DecodingKey::from_ec_der(der), &*P384),
            Kind::Ed25519 => (DecodingKey::from_ed_der(der), &*ED25519),
        };
        Some(Self { key, rules })
    }

    /// What a token claims, if this key signed it. Its header is for [`Head::of`] to read before.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        jsonwebtoken::decode(token, &self.key, self.rules).ok().map(|data| data.claims)
    }
}

/// A private key that signs with RS256. Not printable.
pub struct Signer {
    access: String,
    id: String,
    key: RsaKeyPair,
}

/// What is signed. The two differ in `typ`, so that neither passes for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// An access token, `at+jwt` (RFC 9068, section 2.1).
    Access,
    /// An ID token, `JWT`.
    Id,
}

impl Signer {
    /// A signer with an RSA key as PKCS#1 DER, known to others as `kid`.
    ///
    /// # Errors
    /// It is no such key.
    pub fn new(kid: &str, der: &[u8]) -> Result<Self> {
        let header = |typ: &str| {
            let typ = Some(typ.to_owned());
            let header = Header { kid: Some(kid.to_owned()), typ, ..Header::new(Algorithm::RS256) };
            Ok::<_, Error>(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).map_err(Error::internal)?))
        };
        let key = RsaKeyPair::from_der(der).map_err(Error::internal)?;
        Ok(Self { access: header(ACCESS_TOKEN)?, id: header("JWT")?, key })
    }

    /// A signed token in compact form.
    ///
    /// # Errors
    /// The key is broken.
    pub fn sign<T: Serialize>(&self, what: Use, claims: &T) -> Result<String> {
        // The library reads the key anew for each token, which costs as much as signing; this keeps it.
        let header = match what {
            Use::Access => &self.access,
            Use::Id => &self.id,
        };
        let mut token = format!("{header}.");
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).map_err(Error::internal)?, &mut token);
        let mut signature = vec![0; self.key.public_modulus_len()];
        // The library wants a source of its own for the kinds of signature that need one; for this one it draws
        // nothing: the same key and text give the same signature.
        #[expect(clippy::disallowed_types, reason = "the library takes no source but its own")]
        let unused = SystemRandom::new();
        self.key.sign(&RSA_PKCS1_SHA256, &unused, token.as_bytes(), &mut signature).map_err(Error::internal)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(json: &str) -> Option<Head> {
        Head::of(&format!("{}.e30.", URL_SAFE_NO_PAD.encode(json)))
    }

    #[test]
    fn the_type_of_a_token_is_read_as_media_types_are() {
        for (json, typ) in [
            ("{}", Typ::Plain),
            (r#"{"typ":"JWT"}"#, Typ::Plain),
            (r#"{"typ":"application/jwt"}"#, Typ::Plain),
            (r#"{"typ":"at+jwt"}"#, Typ::Access),
            (r#"{"typ":"AT+JWT"}"#, Typ::Access),
            (r#"{"typ":"Application/at+jwt"}"#, Typ::Access),
            (r#"{"typ":"client-authentication+jwt"}"#, Typ::Assertion),
            (r#"{"typ":"logout+jwt"}"#, Typ::Other),
        ] {
            assert_eq!(head(json).expect(json).typ(), typ, "{json}");
        }
    }

    #[test]
    fn what_a_header_demands_is_not_passed_over() {
        for json in [
            r#"{"crit":["x"],"x":1}"#,
            r#"{"crit":[]}"#,
            r#"{"crit":null}"#,
            r#"{"crit":"x"}"#,
            r#"{"b64":false}"#,
            r#"{"b64":true}"#,
            r#"{"b64":null}"#,
            r#"{"crit":["b64"],"b64":false}"#,
            r#"{"typ":"JWT","typ":"at+jwt"}"#,
            r#"{"typ":1}"#,
            "[]",
        ] {
            assert!(head(json).is_none(), "{json}");
        }
    }
}
