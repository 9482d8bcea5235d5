//! RSA key pairs: 2048 bit, public exponent 65537 (contract, AddAppKey).

use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey as _, LineEnding};
use rsa::pkcs8::EncodePublicKey as _;
use zeroize::Zeroizing;

use crate::env::Random;
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
    pub fn generate(random: &Random) -> Result<Self> {
        let key = RsaPrivateKey::new(&mut random.clone(), BITS).map_err(Error::internal)?;
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

    /// The private half as PKCS#1 in DER, for a key that the server itself keeps.
    ///
    /// # Errors
    /// Never in practice: the PEM is our own.
    pub fn private_der(&self) -> Result<Zeroizing<Vec<u8>>> {
        let (_, der) = rsa::pkcs8::der::pem::decode_vec(self.private_pem.as_bytes()).map_err(Error::internal)?;
        Ok(Zeroizing::new(der))
    }

    fn from_private(key: &RsaPrivateKey) -> Result<Self> {
        Ok(Self {
            private_pem: key.to_pkcs1_pem(LineEnding::LF).map_err(Error::internal)?,
            public_der: key.to_public_key().to_public_key_der().map_err(Error::internal)?.into_vec(),
        })
    }
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyPair(..)")
    }
}
