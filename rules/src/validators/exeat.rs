//! Exeat's own tokens: `exeat_`, 30 random characters of base62, and their checksum as GitHub makes it.

use super::crc;

const PREFIX: &[u8] = b"exeat_";

/// Whether `secret` is a whole token with a right checksum.
pub(super) fn is_token(secret: &[u8]) -> bool {
    secret
        .strip_prefix(PREFIX)
        .is_some_and(crc::is_thirty_and_sum)
}

#[cfg(test)]
mod tests {
    use super::crc::base62 as checksum;
    use super::*;
    use crate::validators::assert_every_letter_counts;

    const RANDOM: usize = 30;

    #[test]
    fn one_other_letter_anywhere_is_another_checksum() {
        let random = crate::random::Random::from_word("exeat").text(RANDOM, "0aZ9bY");
        let token = [PREFIX, random.as_bytes(), &checksum(random.as_bytes())].concat();
        assert_every_letter_counts(is_token, &token, 0);
        assert!(!is_token(&[token.as_slice(), b"0"].concat()));
        assert!(!is_token(PREFIX));
    }

    #[test]
    fn the_random_part_is_base62() {
        let random = [b'-'; RANDOM];
        assert!(!is_token(
            &[PREFIX, random.as_slice(), &checksum(&random)].concat()
        ));
    }
}
