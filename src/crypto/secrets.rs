//! Random secrets and their hashes.
//!
//! Everything made here carries at least 256 random bits, so a plain SHA-256 is what is stored: a
//! slow hash protects guessable passwords, and these cannot be guessed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng as _;
use rand::rngs::SysRng;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const SECRET_LENGTH: usize = 64;

/// Prefix of personal access tokens, for secret scanners to find.
pub const PAT_PREFIX: &str = "cvg_pat_";
const PAT_RANDOM: usize = 32;
const PAT_CHECK: usize = 6;

/// The random source of the operating system, for key generation.
pub(super) fn system_rng() -> impl rand::CryptoRng {
    rand::rand_core::UnwrapErr(SysRng)
}

/// Random bytes of the operating system.
fn random<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    #[expect(clippy::expect_used, reason = "without a random source no answer could be safe")]
    SysRng.try_fill_bytes(bytes.as_mut_slice()).expect("the operating system gives random bytes");
    bytes
}

/// SHA-256, as stored and compared.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A client secret: 64 characters of `a-z A-Z 0-9`, evenly distributed (contract 5.2).
pub fn client_secret() -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(SECRET_LENGTH));
    while out.len() < SECRET_LENGTH {
        // 248 is the largest multiple of 62 in a byte: bytes above it would favour some characters.
        for byte in random::<64>().iter().filter(|b| **b < 248).take(SECRET_LENGTH - out.len()) {
            out.push(char::from(ALPHABET[usize::from(byte % 62)]));
        }
    }
    out
}

/// A personal access token: prefix, 256 random bits, checksum.
pub fn personal_access_token() -> Zeroizing<String> {
    let mut token = Zeroizing::new(String::with_capacity(64));
    token.push_str(PAT_PREFIX);
    URL_SAFE_NO_PAD.encode_string(random::<PAT_RANDOM>().as_slice(), &mut token);
    let check = checksum(&token);
    token.push_str(&check);
    token
}

/// Whether a text has the form and checksum of a personal access token: spares a look-up of noise.
pub fn is_personal_access_token(token: &str) -> bool {
    let length = PAT_PREFIX.len() + (PAT_RANDOM * 4).div_ceil(3) + PAT_CHECK;
    token.len() == length
        && token.is_ascii()
        && token.starts_with(PAT_PREFIX)
        && token.split_at(length - PAT_CHECK).1 == checksum(&token[..length - PAT_CHECK])
}

fn checksum(body: &str) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(hash(body));
    text.truncate(PAT_CHECK);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_secrets_have_the_promised_form() {
        let secret = client_secret();
        assert_eq!(secret.len(), 64);
        assert!(secret.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(*secret, *client_secret());
    }

    #[test]
    fn tokens_are_known_by_prefix_and_checksum() {
        let token = personal_access_token();
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
