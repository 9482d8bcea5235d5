//! Public keys that callers bring: PEM (RFC 7468), X.509 certificate or JWK (RFC 7517).
//!
//! Whatever the form in which it came, a key is kept as SubjectPublicKeyInfo in DER.

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1;
use rsa::pkcs8::der::asn1::{AnyRef, BitStringRef, UintRef};
use rsa::pkcs8::der::{Decode as _, Encode as _, pem};
use rsa::pkcs8::spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};
use serde_json::{Map, Value};
use x509_cert::Certificate;

use crate::error::{Error, Result};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Bytes of an RSA modulus: fewer are weak, more are slow to check.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// The points of Ed25519 whose order divides 8, as they are encoded, without the bit of the sign: 0, 1, the
/// two of order 8, and -1; then 0 and 1 again as p and p + 1, which is not canonical but taken by some. With such
/// a key, signatures that nobody made verify.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    near_zero(1),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    near_prime(0xec),
    near_prime(0xed),
    near_prime(0xee),
];

/// A small number in the encoding of Ed25519.
const fn near_zero(lowest: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = lowest;
    bytes
}

/// A number beside the prime p of Ed25519, whose lowest byte is `0xed`.
const fn near_prime(lowest: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = lowest;
    bytes[31] = 0x7f;
    bytes
}

/// Members of a JWK that hold something private (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1; RFC 8037, section 2).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RSA of 2048 to 8192 bits.
    Rsa,
    /// The curve P-256.
    P256,
    /// The curve P-384.
    P384,
    /// Ed25519.
    Ed25519,
}

impl Kind {
    /// What a SubjectPublicKeyInfo holds; none for any other kind of key, nor for one of small order.
    pub fn of(der: &[u8]) -> Option<Self> {
        let info = SubjectPublicKeyInfoRef::from_der(der).ok()?;
        match info.algorithm.oid {
            RSA => Some(Self::Rsa),
            ED25519 => (!is_small_order(&info)).then_some(Self::Ed25519),
            EC => match info.algorithm.parameters_oid().ok()? {
                P256 => Some(Self::P256),
                P384 => Some(Self::P384),
                _ => None,
            },
            _ => None,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Rsa => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::P384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::Ed25519 => &signature::ED25519,
        }
    }
}

/// Reads a key that a caller brings: a PEM public key, a PEM certificate or a JWK.
///
/// # Errors
/// `COMMAND-5F3h1` when it is none of these, of another kind, too weak, or a private key; the text
/// says which.
pub fn read(text: &[u8]) -> Result<Vec<u8>> {
    let text = std::str::from_utf8(text).map(str::trim).map_err(|_| unreadable())?;
    if text.contains("PRIVATE KEY-----") {
        return Err(private());
    }
    let der = if text.starts_with('{') { from_jwk(text)? } else { from_pem(text)? };
    check(&der)?;
    Ok(der)
}

/// Only a key that the verifying library accepts is kept: a point off its curve never gets in.
fn check(der: &[u8]) -> Result<()> {
    let other = || refused("use RSA, P-256, P-384 or Ed25519");
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| other())?;
    if info.algorithm.oid == ED25519 && is_small_order(&info) {
        return Err(refused("it is of small order, so anybody can sign for it; make a new pair"));
    }
    let kind = Kind::of(der).ok_or_else(other)?;
    if kind == Kind::Rsa {
        let key = info.subject_public_key.as_bytes().and_then(|b| pkcs1::RsaPublicKey::<UintRef<'_>>::try_from(b).ok());
        if !RSA_BYTES.contains(&key.ok_or_else(unreadable)?.modulus.as_bytes().len()) {
            return Err(refused("an RSA key must have 2048 to 8192 bits"));
        }
    }
    ParsedPublicKey::new(kind.verification(), der).map(drop).map_err(|_| refused("its numbers make no valid key"))
}

/// Whether the point of an Ed25519 key is of small order, in whatever encoding.
fn is_small_order(info: &SubjectPublicKeyInfoRef<'_>) -> bool {
    let Some(mut point) = info.subject_public_key.as_bytes().and_then(|b| <[u8; 32]>::try_from(b).ok()) else {
        return false;
    };
    point[31] &= 0x7f;
    SMALL_ORDER.contains(&point)
}

fn from_pem(text: &str) -> Result<Vec<u8>> {
    let (label, der) = pem::decode_vec(text.as_bytes()).map_err(|_| unreadable())?;
    match label {
        "PUBLIC KEY" => Ok(der),
        "CERTIFICATE" => {
            let certificate = Certificate::from_der(&der).map_err(|_| unreadable())?;
            certificate.tbs_certificate().subject_public_key_info().to_der().map_err(|_| unreadable())
        }
        _ => Err(unreadable()),
    }
}

/// A JSON Web Key (RFC 7518 section 6, RFC 8037 section 2).
fn from_jwk(text: &str) -> Result<Vec<u8>> {
    let jwk: Map<String, Value> = serde_json::from_str(text).map_err(|_| unreadable())?;
    if PRIVATE.iter().any(|member| jwk.contains_key(*member)) {
        return Err(private());
    }
    let member = |name: &str| jwk.get(name).and_then(Value::as_str).ok_or_else(unreadable);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(member(name)?).map_err(|_| unreadable());
    match (member("kty")?, jwk.get("crv").and_then(Value::as_str)) {
        ("RSA", _) => from_rsa(&bytes("n")?, &bytes("e")?),
        ("EC", Some("P-256")) => from_point(P256, 32, &bytes("x")?, &bytes("y")?),
        ("EC", Some("P-384")) => from_point(P384, 48, &bytes("x")?, &bytes("y")?),
        ("OKP", Some("Ed25519")) => info(ED25519, None, &bytes("x")?),
        _ => Err(refused("use RSA, P-256, P-384 or Ed25519")),
    }
}

fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Vec<u8>> {
    let uint = |bytes| UintRef::new(bytes).map_err(|_| unreadable());
    let key = pkcs1::RsaPublicKey { modulus: uint(modulus)?, public_exponent: uint(exponent)? };
    info(RSA, Some(AnyRef::NULL), &key.to_der().map_err(|_| unreadable())?)
}

/// A point in uncompressed form (SEC 1, section 2.3.3).
fn from_point(curve: ObjectIdentifier, size: usize, x: &[u8], y: &[u8]) -> Result<Vec<u8>> {
    if x.len() != size || y.len() != size {
        return Err(unreadable());
    }
    info(EC, Some(AnyRef::from(&curve)), &[&[4], x, y].concat())
}

fn info(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> Result<Vec<u8>> {
    let subject_public_key = BitStringRef::from_bytes(key).map_err(|_| unreadable())?;
    let info = SubjectPublicKeyInfoRef { algorithm: AlgorithmIdentifierRef { oid, parameters }, subject_public_key };
    info.to_der().map_err(|_| unreadable())
}

fn refused(why: &'static str) -> Error {
    let mut error = unreadable();
    error.message = format!("Public key cannot be used: {why}").into();
    error
}

fn private() -> Error {
    Error::invalid(
        "COMMAND-5F3h1",
        "This is a private key. Send only its public half, and replace the pair: a private key that has been sent is no secret",
    )
}

fn unreadable() -> Error {
    Error::invalid(
        "COMMAND-5F3h1",
        "Public key cannot be read: send a PEM public key (PKIX), a PEM certificate or a JWK",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_refused_with_a_text_that_says_what_to_do() {
        for (text, part) in [
            ("", "cannot be read"),
            ("nonsense", "cannot be read"),
            ("{}", "cannot be read"),
            (r#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}"#, "use RSA, P-256"),
            (r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#, "cannot be read"),
            (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, "2048 to 8192 bits"),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}"#, "private key"),
            ("-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----", "private key"),
            ("-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----", "use RSA, P-256"),
        ] {
            let error = read(text.as_bytes()).expect_err(text);
            assert_eq!(error.id, "COMMAND-5F3h1");
            assert!(error.message.contains(part), "{text}: {}", error.message);
        }
    }

    #[test]
    fn points_of_small_order_are_refused_in_every_encoding_and_verify_nothing() {
        for mut point in SMALL_ORDER {
            for sign in [0, 0x80] {
                point[31] = point[31] & 0x7f | sign;
                let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(point));
                let error = read(jwk.as_bytes()).expect_err("small order");
                assert!(error.message.contains("small order"), "{point:?}: {}", error.message);
                let der = info(ED25519, None, &point).expect("DER");
                assert!(crate::crypto::jws::Verifier::new(&der).is_none(), "a stored one verifies nothing");
            }
        }
    }

    #[test]
    fn any_private_member_of_a_jwk_is_refused() {
        for member in PRIVATE {
            for value in [r#""AA""#, "null", "[]"] {
                let jwk = format!(r#"{{"kty":"RSA","n":"AQAB","e":"AQAB","{member}":{value}}}"#);
                assert!(read(jwk.as_bytes()).expect_err(member).message.contains("private key"), "{member}");
            }
        }
    }

    #[test]
    fn a_point_off_its_curve_is_refused() {
        let off = format!(r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#, "A".repeat(43));
        assert!(read(off.as_bytes()).expect_err("off").message.contains("no valid key"));
    }
}
