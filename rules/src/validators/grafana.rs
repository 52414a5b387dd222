//! Grafana's service account tokens: `glsa_`, 32 random characters, `_`, and the CRC-32 of all before that in hexadecimal, the
//! least byte first.
//!
//! Source: `pkg/components/satokengen` in Grafana's source, whose own test holds the token of the test below.

use super::crc;

const PREFIX: &[u8] = b"glsa_";
/// `_` and eight digits.
const END: usize = 9;

/// Whether `secret` is a token with a right checksum.
pub(super) fn is_token(secret: &[u8]) -> bool {
    secret.starts_with(PREFIX)
        && crc::split_end(secret, END).is_some_and(|(covered, given)| {
            given
                .strip_prefix(b"_")
                .is_some_and(|digits| digits == checksum(covered).as_bytes())
        })
}

/// What stands behind the second `_`. `covered` begins with the prefix.
pub(crate) fn checksum(covered: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(covered).swap_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::assert_every_letter_counts;

    #[test]
    fn the_token_of_grafanas_own_test_has_a_right_checksum() {
        let token = [PREFIX, b"iNValIdinValiDinvalidinvalidinva", b"_5b582697"].concat();
        assert_every_letter_counts(is_token, &token, 0);
        assert!(!is_token(PREFIX));
    }
}
