//! Signed tokens (RFC 7515, RFC 7519): reading what a caller presents, checking its signature with a
//! key whose kind decides the algorithm, and signing our own.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::public_key::Kind;
use crate::error::{Error, Result};

/// What a token says of itself, before anything of it is proven.
pub struct Unproven<T> {
    /// The key it names.
    pub kid: String,
    /// What it claims.
    pub claims: T,
}

/// Reads a token without believing it: for finding the key that may prove it.
pub fn read<T: DeserializeOwned>(token: &str) -> Option<Unproven<T>> {
    let data = jsonwebtoken::dangerous::insecure_decode::<T>(token).ok()?;
    Some(Unproven { kid: data.header.kid?, claims: data.claims })
}

/// The key that a token names.
pub fn kid(token: &str) -> Option<String> {
    jsonwebtoken::decode_header(token).ok()?.kid
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

    /// What a token claims, if this key signed it.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        jsonwebtoken::decode(token, &self.key, self.rules).ok().map(|data| data.claims)
    }
}

/// A private key that signs with RS256. Not printable.
pub struct Signer {
    header: String,
    key: RsaKeyPair,
}

impl Signer {
    /// A signer with an RSA key as PKCS#1 DER, known to others as `kid`.
    ///
    /// # Errors
    /// It is no such key.
    pub fn new(kid: &str, der: &[u8]) -> Result<Self> {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) };
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).map_err(Error::internal)?);
        Ok(Self { header, key: RsaKeyPair::from_der(der).map_err(Error::internal)? })
    }

    /// A signed token in compact form, `typ` JWT.
    ///
    /// # Errors
    /// The key is broken.
    pub fn sign<T: Serialize>(&self, claims: &T) -> Result<String> {
        // The library reads the key anew for each token, which costs as much as signing; this keeps it.
        let mut token = format!("{}.", self.header);
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).map_err(Error::internal)?, &mut token);
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(Error::internal)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}
