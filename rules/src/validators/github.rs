//! GitHub's token checksum.
//!
//! Source: GitHub's engineering blog, "Behind GitHub's new authentication token formats" (2021): 30 random characters, then the
//! CRC-32 of them in base62, padded to 6 with zeros. That the prefix is not covered and the digits run 0-9 A-Z a-z was checked
//! against a published, revoked token; the test below repeats it.

use super::crc;

const PREFIXES: [&[u8]; 5] = [b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"];
const RANDOM: usize = 30;

/// Whether `secret` is a whole token with a right checksum.
pub(super) fn is_token(secret: &[u8]) -> bool {
    let Some((prefix, body)) = secret.split_at_checked(4) else {
        return false;
    };
    let Some((random, given)) = body.split_at_checked(RANDOM) else {
        return false;
    };
    PREFIXES.contains(&prefix) && crc::base62(random) == given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_revoked_token_has_a_right_checksum() {
        let token = [
            b"ghp".as_slice(),
            b"_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ",
            b"0mLq17",
        ]
        .concat();
        assert!(is_token(&token));
        let mut other = token.clone();
        other[10] ^= 1;
        assert!(!is_token(&other));
        assert!(!is_token(&token[..39]));
        assert!(!is_token(&[token.as_slice(), b"A"].concat()));
        assert!(!is_token(b"ghp_"));
    }

    #[test]
    fn short_checksums_are_padded_with_zeros() {
        let mut random = crate::random::Random::from_word("padding");
        let alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let padded = (0..20_000)
            .map(|_| random.text(RANDOM, alphabet))
            .find(|text| crc::base62(text.as_bytes())[1] == b'0');
        let text = padded.unwrap();
        assert!(is_token(
            &[
                b"gho_".as_slice(),
                text.as_bytes(),
                &crc::base62(text.as_bytes())
            ]
            .concat()
        ));
    }
}
