//! Encryption of what the database must hold and only the server may read: AES-256-GCM under a master
//! key that lives outside the database.

use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::secrets::random;
use crate::error::{Error, Result};

/// Bytes of a master key.
const KEY_LEN: usize = 32;

/// Seals and opens. Cheap to share, never printed.
pub struct Vault(LessSafeKey);

impl Vault {
    /// A vault under a master key: 32 bytes in base64, as `openssl rand -base64 32` makes them.
    ///
    /// # Errors
    /// The text is no such key.
    pub fn from_text(text: &str) -> Result<Self> {
        let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new).ok().filter(|b| b.len() == KEY_LEN);
        let bytes = bytes.ok_or_else(|| {
            Error::internal("the master key must be 32 bytes in base64, as `openssl rand -base64 32` makes them")
        })?;
        UnboundKey::new(&AES_256_GCM, &bytes).map(|key| Self(LessSafeKey::new(key))).map_err(Error::internal)
    }

    /// A vault under the key in a file, which is made at the first call: one line, readable by the
    /// owner only. Of processes that start together, all get the key of the first.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub fn from_file(path: &Path) -> Result<Self> {
        let named = |e: std::io::Error| Error::internal(format!("master key file {}: {e}", path.display()));
        match std::fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) => Self::from_text(&text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let text = Zeroizing::new(STANDARD.encode(random::<KEY_LEN>().as_slice()));
                crate::files::create_private(path, &text).map_err(named)?;
                let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(named)?;
                Self::from_text(&text)
            }
            Err(e) => Err(named(e)),
        }
    }

    /// Encrypts; `name` is bound to the result, so that it opens under no other name.
    ///
    /// # Errors
    /// Never in practice.
    pub fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_LEN>();
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
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("master.key");
        let vault = Vault::from_file(&path).expect("made");
        let sealed = vault.seal("1", b"secret").expect("sealed");
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
        let again = Vault::from_file(&path).expect("read");
        assert_eq!(again.open("1", &sealed).expect("opens").as_slice(), b"secret");
        assert!(again.open("2", &sealed).is_none(), "another name");
        let other = Vault::from_file(&dir.path().join("other.key")).expect("made");
        assert!(other.open("1", &sealed).is_none(), "another key");
        let mut broken = sealed.clone();
        broken[NONCE_LEN] ^= 1;
        assert!(vault.open("1", &broken).is_none(), "tampered");
        assert!(vault.open("1", b"short").is_none());
    }

    #[test]
    fn a_master_key_of_another_length_is_refused() {
        for text in ["", "AAAA", "not base64", &STANDARD.encode([0; 33])] {
            assert!(Vault::from_text(text).is_err(), "{text}");
        }
    }
}
