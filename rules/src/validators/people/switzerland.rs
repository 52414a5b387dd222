//! The AHV number of Switzerland.
//!
//! Source: Zentrale Ausgleichsstelle, "AHV-Nummer": 756, nine digits and the check digit of EAN-13.

use super::digits::{exactly, weighted};

pub(super) fn is_ahv(secret: &[u8]) -> bool {
    exactly::<13>(secret, b". ").is_some_and(|digits| {
        let sum = weighted(&digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]);
        digits.starts_with(&[7, 5, 6]) && sum.is_multiple_of(10)
    })
}
