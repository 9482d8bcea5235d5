//! RSA key pairs: 2048 bit, public exponent 65537 (contract, AddAppKey).

use rsa::pkcs1::{EncodeRsaPrivateKey as _, LineEnding};
use rsa::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

use super::secrets::system_rng;
use crate::error::{Error, Result};

const BITS: usize = 2048;

/// A fresh pair on its way to its owner.
pub struct KeyPair {
    /// Private half, PKCS#1 in PEM (`RSA PRIVATE KEY`). Wiped when dropped.
    pub private_pem: Zeroizing<String>,
    /// Public half, SubjectPublicKeyInfo in DER.
    pub public_der: Vec<u8>,
}

impl KeyPair {
    /// Makes a pair: some 60 ms of CPU, so never on an async thread.
    ///
    /// # Errors
    /// No primes were found or the encoder refused; neither happens with a working random source.
    pub fn generate() -> Result<Self> {
        let key = RsaPrivateKey::new(&mut system_rng(), BITS).map_err(Error::internal)?;
        Self::from_private(&key)
    }

    /// The pair of a private key that exists already.
    ///
    /// # Errors
    /// The text is not a PKCS#1 PEM key.
    pub fn from_pem(pem: &str) -> Result<Self> {
        use rsa::pkcs1::DecodeRsaPrivateKey as _;
        Self::from_private(&RsaPrivateKey::from_pkcs1_pem(pem).map_err(Error::internal)?)
    }

    fn from_private(key: &RsaPrivateKey) -> Result<Self> {
        Ok(Self {
            private_pem: key.to_pkcs1_pem(LineEnding::LF).map_err(Error::internal)?,
            public_der: key.to_public_key().to_public_key_der().map_err(Error::internal)?.into_vec(),
        })
    }
}

/// A public key that a caller brings, as SubjectPublicKeyInfo in DER.
///
/// # Errors
/// `COMMAND-5F3h1` unless it is a PEM `PUBLIC KEY` with an RSA key of at least 2048 bits.
pub fn public_der(pem: &[u8]) -> Result<Vec<u8>> {
    let invalid =
        || Error::invalid("COMMAND-5F3h1", "Public key is not a valid RSA public key in PKIX format with PEM encoding");
    let pem = std::str::from_utf8(pem).map_err(|_| invalid())?;
    let key = RsaPublicKey::from_public_key_pem(pem.trim()).map_err(|_| invalid())?;
    if usize::try_from(key.n().bits()).is_ok_and(|bits| bits < BITS) {
        return Err(invalid());
    }
    key.to_public_key_der().map(rsa::pkcs8::Document::into_vec).map_err(|_| invalid())
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyPair(..)")
    }
}
