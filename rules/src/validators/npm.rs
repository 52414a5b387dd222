//! npm's access tokens: `npm_`, 30 random characters of base62, and their checksum as GitHub makes it.
//!
//! Source: GitHub's blog, "Announcing npm's new access token format" (2021), which says that the format follows GitHub's. That
//! the prefix is not covered was checked against a token npm issued; the tests repeat it with two that were published as samples.

use super::crc;

const PREFIX: &[u8] = b"npm_";

/// Whether `secret` is a whole token with a right checksum.
pub(super) fn is_token(secret: &[u8]) -> bool {
    secret
        .strip_prefix(PREFIX)
        .is_some_and(crc::is_thirty_and_sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::assert_every_letter_counts;

    #[test]
    fn published_samples_have_a_right_checksum() {
        for end in [
            ["qkJaB6MffYVzZXWqmcoF49yrUxP3wf", "0LsakP"],
            ["Alm0StFaK3t0kEN8uTval1DcRC32dc", "1Bscp5"],
        ] {
            let token = [PREFIX, end.concat().as_bytes()].concat();
            assert_every_letter_counts(is_token, &token, 0);
            assert!(!is_token(&[token.as_slice(), b"0"].concat()));
        }
        assert!(!is_token(PREFIX));
    }
}
