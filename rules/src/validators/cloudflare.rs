//! Cloudflare's API credentials: `cfk_`, `cfut_` or `cfat_`, 40 characters, and their CRC-32 in eight digits of hexadecimal.
//!
//! Source: Cloudflare's documentation, "Token formats", says that 40 characters and a checksum follow the prefix; secretlint's
//! rule for them says which, and a token that Cloudflare issued agrees.

use super::crc;

const PREFIXES: [&[u8]; 3] = [b"cfk_", b"cfut_", b"cfat_"];
const RANDOM: usize = 40;

/// Whether `secret` is a whole token with a right checksum.
pub(super) fn is_token(secret: &[u8]) -> bool {
    let body = PREFIXES
        .iter()
        .find_map(|prefix| secret.strip_prefix(*prefix));
    let parts = body.and_then(|body| body.split_at_checked(RANDOM));
    parts.is_some_and(|(random, given)| crc::hex(random).as_bytes() == given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::assert_every_letter_counts;

    #[test]
    fn one_other_letter_behind_the_prefix_is_another_checksum() {
        let random = crate::random::Random::from_word("cloudflare").text(RANDOM, "0aZ9bY");
        for prefix in PREFIXES {
            let token = [
                prefix,
                random.as_bytes(),
                crc::hex(random.as_bytes()).as_bytes(),
            ]
            .concat();
            assert_every_letter_counts(is_token, &token, prefix.len());
            assert!(!is_token(&[token.as_slice(), b"0"].concat()));
            assert!(!is_token(prefix));
        }
    }

    #[test]
    fn the_checksum_covers_the_40_characters_alone() {
        // CRC-32 of 40 digits 0, as zlib makes it.
        let token = [b"cfk_".as_slice(), &[b'0'; RANDOM], b"963fbb8e"].concat();
        assert!(is_token(&token));
    }
}
