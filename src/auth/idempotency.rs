//! Idempotency keys: names that callers give to calls, so that a call that is made again changes nothing.

use std::fmt;

use crate::crypto::secrets;
use crate::crypto::vault::Vault;
use crate::error::{Code, Error, Result};

/// Longest key in bytes.
const LONGEST: usize = 255;
/// What the key of answers is for, apart from all else that is made of tokens.
const PURPOSE: &str = "claviger: answers of idempotent calls";

/// The idempotency key of a call, and what opens the answer that is kept under it.
pub struct IdempotencyKey {
    /// Who calls, what, and under which key, as a hash.
    pub id: [u8; 32],
    /// Opens the answer; only who has the token and the key can make it.
    pub vault: Vault,
}

impl IdempotencyKey {
    /// The key of a call of an RPC that a user makes with a token.
    ///
    /// # Errors
    /// Code 3 when the key is not 1 to 255 visible ASCII characters.
    pub(super) fn of(user_id: &str, rpc: &str, token: &str, key: &[u8]) -> Result<Self> {
        if key.is_empty() || key.len() > LONGEST || !key.iter().all(u8::is_ascii_graphic) {
            let rule = "the idempotency key must be 1 to 255 visible ASCII characters without blanks, such as a UUID";
            return Err(Error::native(Code::InvalidArgument, rule));
        }
        // None of the first two can hold a blank, so no two calls share an id.
        let name = [user_id.as_bytes(), rpc.as_bytes(), key].join(&b' ');
        let vault = Vault::derived(token.as_bytes(), key, PURPOSE)?;
        Ok(Self { id: secrets::digest(&name), vault })
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &[u8]) -> Result<IdempotencyKey> {
        IdempotencyKey::of("1", "service/AddKey", "token", key)
    }

    #[test]
    fn keys_are_visible_and_short() {
        for good in [&b"a"[..], b"\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", &[b'~'; 255]] {
            assert!(key(good).is_ok(), "{good:?}");
        }
        for bad in [&b""[..], b"a b", b"\x7f", "ü".as_bytes(), &[b'a'; 256]] {
            assert!(key(bad).is_err_and(|e| e.code == Code::InvalidArgument), "{bad:?}");
        }
    }
}
