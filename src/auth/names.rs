//! What can be the name of anything at all: what cannot is not worth a look at the store.

/// Characters of an identifier or login name at most (contract, messages; ADR 4).
const LONGEST_NAME: usize = 200;
/// Bytes of a token at most: what fits into a form (ADR 4).
const LONGEST_TOKEN: usize = 64 << 10;

/// Whether a text can be an identifier or a login name: at most 200 characters, without U+0000.
pub fn can_name(text: &str) -> bool {
    // Most are short enough in bytes already.
    (text.len() <= LONGEST_NAME || text.chars().nth(LONGEST_NAME).is_none()) && !text.contains('\0')
}

/// Whether a text can be a token: at most 64 KiB.
pub fn can_be_token(text: &str) -> bool {
    text.len() <= LONGEST_TOKEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_count_and_not_bytes() {
        assert!(can_name("") && can_name(&"é".repeat(200)));
        assert!(!can_name(&"é".repeat(201)) && !can_name(&"x".repeat(201)) && !can_name("a\0"));
    }
}
