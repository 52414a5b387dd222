//! Numbers of Australia: tax file, and Medicare.
//!
//! Sources: Australian Taxation Office, "Tax file number algorithm" (weights, modulus 11); Services Australia and METeOR 270101, "Medicare card number" (weights,
//! modulus 10; the first digit is 2 to 6).

use super::digits::{exactly, is_one_digit, weighted};

pub(super) fn is_tfn(secret: &[u8]) -> bool {
    exactly::<9>(secret, b" -").is_some_and(|digits| {
        let sum = weighted(&digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]);
        sum.is_multiple_of(11) && !is_one_digit(&digits)
    })
}

/// Ten digits, or eleven with that of the person on the card.
pub(super) fn is_medicare(secret: &[u8]) -> bool {
    let digits = match exactly::<11>(secret, b" -/") {
        Some([digits @ .., _]) => Some(digits),
        None => exactly::<10>(secret, b" -"),
    };
    digits.is_some_and(|digits| {
        let sum = weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9]);
        let [first, .., check, issue] = digits;
        matches!(first, 2..=6) && sum % 10 == check && issue > 0
    })
}
