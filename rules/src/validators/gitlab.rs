//! GitLab's routable tokens: a prefix, base64url of 16 random bytes and the routing payload, the format's version, the length
//! of the base64url in base 36, and the CRC-32 of all before it in seven digits of base 36.
//!
//! Source: GitLab's design document "Routable tokens" (Cells), and `Authn::TokenField::Generator::RoutableToken` in GitLab's
//! source, whose own test holds the token of the test below. The first version, without a version field, has the same checksum.
//! An instance may put a word of its own and a hyphen before the prefix, which is covered too.

use super::crc;

const CHECKSUM: usize = 7;
/// Of the length field, in digits of base 36.
const LENGTH: usize = 2;

/// Longest word of an instance before the prefix, with its hyphen; some bytes more do no harm.
const INSTANCE: usize = 40;

/// Whether `secret` has the checksum of a routable token, or is of the older form that has no parts and no checksum.
///
/// What stands before the prefix may be a word of the instance or none of the token, so both are tried.
pub(super) fn is_token(secret: &[u8]) -> bool {
    !secret.contains(&b'.')
        || (0..INSTANCE)
            .map_while(|from| secret.get(from..))
            .any(is_routable)
}

fn is_routable(secret: &[u8]) -> bool {
    crc::split_end(secret, CHECKSUM).is_some_and(|(covered, given)| {
        let length =
            crc::split_end(covered, LENGTH).is_some_and(|(before, _)| before.ends_with(b"."));
        length && crc::base36(covered) == given
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::assert_every_letter_counts;

    #[test]
    fn the_token_of_gitlabs_own_test_has_a_right_checksum() {
        let token = [
            b"glrtr-".as_slice(),
            b"W5m1cHR6skC98Bx7XkuYjmM6MQpnOjgKbzpyegp0OjIQ",
            b".01.18",
            b"1uebm4k",
        ]
        .concat();
        assert_every_letter_counts(is_token, &token, 0);
        assert!(!is_token(&token[1..]));
        assert!(!is_token(b".0000000"));
    }

    #[test]
    fn the_first_version_had_no_version_field() {
        let covered = b"glpat-bzoxCnU6MhFhYWFhYWFhYWFhYWFhYWFhEA.13";
        assert!(is_token(
            &[covered.as_slice(), &crc::base36(covered)].concat()
        ));
    }

    #[test]
    fn an_instance_may_have_a_word_before_the_prefix() {
        let covered = b"acme-glpat-bzoxCnU6MhFhYWFhYWFhYWFhYWFhYWFhEA.01.13";
        let token = [covered.as_slice(), &crc::base36(covered)].concat();
        assert!(is_token(&token));
        assert!(!is_token(&token[1..]));
        assert!(is_token(&[b"my-token-".as_slice(), &token].concat()));
    }

    #[test]
    fn older_tokens_have_none() {
        assert!(is_token(b"glpat-aaaaaaaaaaaaaaaaaaaa"));
        assert!(is_token(b""));
    }
}
