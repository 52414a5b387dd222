//! The citizen service number of the Netherlands (BSN).
//!
//! Source: Logisch Ontwerp BSN, "elfproef": by the weights 9 to 2 and -1 the digits come to a multiple of eleven.

use super::digits::{exactly, is_one_digit, weighted};

pub(super) fn is_bsn(secret: &[u8]) -> bool {
    let Some(digits) = exactly::<9>(secret, b". ") else {
        return false;
    };
    let [.., last] = digits;
    let sum = weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]);
    // -1 is 10.
    (sum + 10 * last).is_multiple_of(11) && !is_one_digit(&digits)
}
