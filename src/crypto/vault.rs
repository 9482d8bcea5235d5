//! Encryption of what the database must hold and only the server may read: AES-256-GCM under a master
//! key that lives outside the database.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::env::Random;
use crate::error::{Error, Result};

/// What is wrong with a text that is no master key; follows its name.
pub const NO_MASTER_KEY: &str = "must be 32 bytes in base64, as `openssl rand -base64 32` makes them";

/// Bytes of a master key.
const KEY_LEN: usize = 32;

/// Seals and opens. Cheap to share, never printed.
pub struct Vault(LessSafeKey);

impl Vault {
    /// A vault under a master key: 32 bytes in base64, as `openssl rand -base64 32` makes them. None if
    /// the text is no such key.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new).ok().filter(|b| b.len() == KEY_LEN)?;
        UnboundKey::new(&AES_256_GCM, &bytes).map(|key| Self(LessSafeKey::new(key))).ok()
    }

    /// A vault under a key that is made of a secret and a salt (HKDF, RFC 5869) for one purpose.
    pub fn derived(secret: &[u8], salt: &[u8], purpose: &str) -> Result<Self> {
        let purpose = [purpose.as_bytes()];
        let key = Salt::new(HKDF_SHA256, salt).extract(secret);
        let key = key.expand(&purpose, &AES_256_GCM).map_err(Error::internal)?;
        Ok(Self(LessSafeKey::new(UnboundKey::from(key))))
    }

    /// A new master key in base64.
    pub fn new_key(random: &Random) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(random.bytes::<KEY_LEN>().as_slice()))
    }

    /// Encrypts; `name` is bound to the result, so that it opens under no other name.
    pub fn seal(&self, random: &Random, name: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = random.bytes::<NONCE_LEN>();
        let mut sealed = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(*nonce), Aad::from(name), &mut sealed)
            .map_err(Error::internal)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what was sealed under this name; none under another key or name.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = self.0.open_in_place(nonce, Aad::from(name), &mut buffer).ok()?.len();
        buffer.truncate(length);
        Some(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_the_same_key_and_name_only() {
        let random = Random::system();
        let key = Vault::new_key(&random);
        let vault = Vault::from_text(&key).expect("a key");
        let sealed = vault.seal(&random, "1", b"secret").expect("sealed");
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
        let again = Vault::from_text(&format!("{}\n", *key)).expect("the same key");
        assert_eq!(again.open("1", &sealed).expect("opens").as_slice(), b"secret");
        assert!(again.open("2", &sealed).is_none(), "another name");
        let other = Vault::from_text(&Vault::new_key(&random)).expect("a key");
        assert!(other.open("1", &sealed).is_none(), "another key");
        let mut broken = sealed.clone();
        broken[NONCE_LEN] ^= 1;
        assert!(vault.open("1", &broken).is_none(), "tampered");
        assert!(vault.open("1", b"short").is_none());
    }

    #[test]
    fn a_derived_key_hangs_on_secret_salt_and_purpose() {
        let derived = |secret: &str, salt: &str, purpose| {
            Vault::derived(secret.as_bytes(), salt.as_bytes(), purpose).expect("a key")
        };
        let sealed = derived("secret", "salt", "one").seal(&Random::system(), "1", b"plain").expect("sealed");
        assert_eq!(derived("secret", "salt", "one").open("1", &sealed).expect("opens").as_slice(), b"plain");
        for (secret, salt, purpose) in [("other", "salt", "one"), ("secret", "other", "one"), ("secret", "salt", "two")]
        {
            assert!(derived(secret, salt, purpose).open("1", &sealed).is_none(), "{secret} {salt} {purpose}");
        }
    }

    #[test]
    fn a_master_key_of_another_length_is_refused() {
        for text in ["", "AAAA", "not base64", &STANDARD.encode([0; 33])] {
            assert!(Vault::from_text(text).is_none(), "{text}");
        }
    }
}
