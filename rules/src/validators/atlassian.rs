//! Atlassian's tokens: `ATATT`, `ATCTT` or `ATBB`, and at the end the CRC-32 of all before it, in eight capital digits of
//! hexadecimal. Other kinds end alike; no token of theirs was seen, so they pass.
//!
//! Atlassian publishes no description; the filter for them in CredSweeper's source says how, and every token of this kind that
//! was looked at agrees. Those of the tests are CredSweeper's samples.

use super::crc;

const CHECKSUM: usize = 8;

const CHECKED: [&[u8]; 3] = [b"ATATT", b"ATCTT", b"ATBB"];

/// Whether `secret` has a right checksum if it is of a kind that is checked.
pub(super) fn is_token(secret: &[u8]) -> bool {
    !CHECKED.iter().any(|kind| secret.starts_with(kind))
        || crc::split_end(secret, CHECKSUM)
            .is_some_and(|(covered, given)| checksum(covered).as_bytes() == given)
}

/// The last eight characters. `covered` is all before them, with the `=` that stands there in most forms.
pub(crate) fn checksum(covered: &[u8]) -> String {
    crc::hex(covered).to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::assert_every_letter_counts;

    /// Samples of an account token, a repository token and an app password, in pieces.
    const SAMPLES: [&[&str]; 3] = [
        &[
            "ATATT",
            "3xFfGF0vNZ7oy6ON4KrWEzKEu96n-r2bCLOOcdOADizvJqPd89yKyP853uTZSflBi1Lk1zD460BqyMTa08VUEy8-oOzr1esg3j_mZKZwAELn",
            "RkCDTJZXhHsv5jaWHyAj4LRL-6h8LI-5MrYs4l7xXSaY8odQxDKJB4hDvdkmuh61xea2jE=",
            "00203E68",
        ],
        &[
            "ATCTT",
            "3xFfGN0zXtbKHz2POF86xa-2aBiYC4o_T3-myk01bmFVluUIFtGm_VFQwLizp4o1FKw-AMZhtdA0NzizshnA8WzRdfgv6GeTyowCD101oqKb",
            "J4nx9DFsar5YyUNkwO9maR9-00tQvfciyfOHtPKG6K1d76Ki3iFo7roGeyJu4j1jM3GwQ4=",
            "EDDE81AD",
        ],
        &["ATBB", "cCe6fczW96Vzwgvb4r8F2gZS", "54D591C4"],
    ];

    #[test]
    fn samples_have_a_right_checksum() {
        for sample in SAMPLES {
            let token = sample.concat().into_bytes();
            assert_every_letter_counts(is_token, &token, 5);
        }
        assert!(!is_token(b"ATATT"));
        assert!(is_token(b"ATSTT3"));
    }
}
