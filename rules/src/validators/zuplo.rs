//! Zuplo's API keys: `zpka_`, random characters, `_`, and the CRC-32 of the random ones in eight digits of hexadecimal.
//!
//! Source: Zuplo's documentation, "API key best practices", names the three parts; that the middle one alone is covered was
//! checked against four keys.

use super::crc;

const PREFIX: &[u8] = b"zpka_";
/// `_` and eight digits.
const END: usize = 9;

/// Whether `secret` is a key with a right checksum.
pub(super) fn is_key(secret: &[u8]) -> bool {
    let body = secret.strip_prefix(PREFIX);
    let parts = body.and_then(|body| crc::split_end(body, END));
    parts.is_some_and(|(random, given)| {
        given
            .strip_prefix(b"_")
            .is_some_and(|digits| digits == crc::hex(random).as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::assert_every_letter_counts;

    #[test]
    fn the_checksum_covers_what_stands_between_the_underscores() {
        // CRC-32 of 32 digits 0, as zlib makes it.
        let key = [PREFIX, &[b'0'; 32], b"_a0f292d0"].concat();
        assert_every_letter_counts(is_key, &key, 0);
        assert!(!is_key(PREFIX));
    }
}
