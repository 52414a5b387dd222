//! Exeat's own tokens: `exeat_`, 30 random characters of base62, and their checksum as GitHub makes it.

use super::crc::base62 as checksum;

const PREFIX: &[u8] = b"exeat_";
const RANDOM: usize = 30;

/// Whether `secret` is a whole token with a right checksum.
pub(super) fn is_token(secret: &[u8]) -> bool {
    let body = secret.strip_prefix(PREFIX);
    let parts = body.and_then(|body| body.split_at_checked(RANDOM));
    parts.is_some_and(|(random, given)| {
        random.iter().all(u8::is_ascii_alphanumeric) && checksum(random) == given
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::assert_every_letter_counts;

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
