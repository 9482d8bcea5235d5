//! Random secrets and their hashes.
//!
//! Everything made here carries at least 256 random bits, so a plain SHA-256 is what is stored: a
//! slow hash protects guessable passwords, and these cannot be guessed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::env::{PORTION, Random};

const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const SECRET_LENGTH: usize = 64;

/// Prefix of personal access tokens, for secret scanners to find.
pub const PAT_PREFIX: &str = "cvg_pat_";
/// Prefix of opaque access tokens, likewise.
pub const ACCESS_PREFIX: &str = "cvg_at_";
/// Random bytes in a token.
const RANDOM: usize = 32;
/// Characters of the checksum at its end.
const CHECK: usize = 6;

const REQUEST_ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// An id for a request: 18 characters with 90 random bits. It tells nothing and opens nothing.
pub fn request_id(random: &Random) -> [u8; PORTION] {
    random.portion().map(|byte| REQUEST_ALPHABET[usize::from(byte % 32)])
}

/// SHA-256, as stored and compared.
pub fn hash(secret: &str) -> [u8; 32] {
    digest(secret.as_bytes())
}

/// SHA-256 of bytes.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A client secret: 64 characters of `a-z A-Z 0-9`, evenly distributed (contract 5.2).
pub fn client_secret(random: &Random) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(SECRET_LENGTH));
    while out.len() < SECRET_LENGTH {
        // 248 is the largest multiple of 62 in a byte: bytes above it would favour some characters.
        for byte in random.bytes::<64>().iter().filter(|b| **b < 248).take(SECRET_LENGTH - out.len()) {
            out.push(char::from(ALPHABET[usize::from(byte % 62)]));
        }
    }
    out
}

/// A personal access token: prefix, 256 random bits, checksum.
pub fn personal_access_token(random: &Random) -> Zeroizing<String> {
    token(PAT_PREFIX, random.bytes::<RANDOM>().as_slice())
}

/// Whether a text has the form and checksum of a personal access token: spares a look-up of noise.
pub fn is_personal_access_token(token: &str) -> bool {
    body(PAT_PREFIX, token).is_some_and(|b| b.len() == RANDOM)
}

/// An opaque access token: prefix, its id, 256 random bits, checksum. The id makes it findable, the
/// random bits make it a secret.
pub fn access_token(random: &Random, id: i64) -> Zeroizing<String> {
    token(
        ACCESS_PREFIX,
        Zeroizing::new([id.to_be_bytes().as_slice(), random.bytes::<RANDOM>().as_slice()].concat()).as_slice(),
    )
}

/// The id in an opaque access token; none if the text has not the form and checksum of one.
pub fn access_token_id(token: &str) -> Option<i64> {
    let body = body(ACCESS_PREFIX, token).filter(|b| b.len() == 8 + RANDOM)?;
    body.first_chunk().map(|id| i64::from_be_bytes(*id))
}

/// Whether a presented text has this stored hash, in a time that tells nothing of either.
pub fn matches(presented: &[u8; 32], stored: &[u8]) -> bool {
    presented.as_slice().ct_eq(stored).into()
}

/// Compared with where nothing is stored. No text is known that has this hash.
const NOTHING: [u8; 32] = [0; 32];

/// Whether a secret has one of these stored hashes. Costs the same whichever it has and whether they are
/// there at all: one hash, and one comparison for each.
pub fn proves<const N: usize>(secret: &str, stored: [Option<&[u8]>; N]) -> bool {
    let presented = hash(secret);
    let mut good = Choice::from(0);
    for stored in stored {
        #[cfg(test)]
        tests::COMPARED.set(tests::COMPARED.get() + 1);
        let same = presented.as_slice().ct_eq(stored.unwrap_or(&NOTHING));
        good |= same & Choice::from(u8::from(stored.is_some()));
    }
    good.into()
}

fn token(prefix: &str, bytes: &[u8]) -> Zeroizing<String> {
    let mut token = Zeroizing::new(String::with_capacity(80));
    token.push_str(prefix);
    URL_SAFE_NO_PAD.encode_string(bytes, &mut token);
    let check = checksum(&token);
    token.push_str(&check);
    token
}

fn body(prefix: &str, token: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (text, check) = token.split_at_checked(token.len().checked_sub(CHECK)?)?;
    let encoded = text.strip_prefix(prefix)?;
    if checksum(text) != check {
        return None;
    }
    URL_SAFE_NO_PAD.decode(encoded).ok().map(Zeroizing::new)
}

fn checksum(body: &str) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(hash(body));
    text.truncate(CHECK);
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// Comparisons made by this thread.
        pub static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn what_is_not_stored_proves_nothing() {
        let (good, other) = (hash("good"), hash("other"));
        assert!(proves("good", [Some(&good)]) && proves("good", [Some(&other), Some(&good)]));
        assert!(proves("good", [Some(&good), None]) && proves("good", [None, Some(&good)]));
        for stored in [[None, None], [Some(&other[..]), None], [None, Some(&other[..])], [Some(&[]), Some(&good[1..])]]
        {
            assert!(!proves("good", stored), "{stored:?}");
        }
        assert!(!proves("", [None]));
    }

    #[test]
    fn client_secrets_have_the_promised_form() {
        let secret = client_secret(&Random::system());
        assert_eq!(secret.len(), 64);
        assert!(secret.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(*secret, *client_secret(&Random::system()));
    }

    #[test]
    fn request_ids_do_not_repeat() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| request_id(&Random::system())).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().flatten().all(u8::is_ascii_alphanumeric));
    }

    #[test]
    fn access_tokens_carry_their_id() {
        let random = Random::system();
        let token = access_token(&random, 1234);
        assert_eq!(access_token_id(&token), Some(1234));
        assert_eq!(token.bytes().filter(|b| *b == b'.').count(), 0, "clients take three parts for a JWT");
        assert!(!is_personal_access_token(&token));
        assert_eq!(access_token_id(&personal_access_token(&random)), None);
        assert_eq!(access_token_id(&token.replace("cvg_at_", "cvg_at_A")), None);
    }

    #[test]
    fn hashes_are_compared_whole() {
        let hash = hash("secret");
        assert!(matches(&hash, &hash));
        assert!(!matches(&hash, &hash[..31]));
        assert!(!matches(&hash, &[]));
    }

    #[test]
    fn tokens_are_known_by_prefix_and_checksum() {
        let token = personal_access_token(&Random::system());
        assert!(is_personal_access_token(&token), "{}", token.len());
        let mut broken = token.to_string();
        let last = if broken.pop() == Some('x') { 'y' } else { 'x' };
        broken.push(last);
        assert!(!is_personal_access_token(&broken));
        for noise in ["", "cvg_pat_", "foobar", &token[1..], &format!("{}é", &token[..token.len() - 2])] {
            assert!(!is_personal_access_token(noise), "{noise}");
        }
    }
}
