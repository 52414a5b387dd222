//! The individual number of Japan ("My Number").
//!
//! Source: 行政手続における特定の個人を識別するための番号の利用等に関する法律施行令, 総務省令第85号 (2014), article 5.

use super::digits::{exactly, is_one_digit, weighted};

pub(super) fn is_my_number(secret: &[u8]) -> bool {
    exactly::<12>(secret, b" -").is_some_and(|digits| {
        let sum = weighted(&digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
        let check = match sum % 11 {
            0 | 1 => 0,
            remainder => 11 - remainder,
        };
        digits.last() == Some(&check) && !is_one_digit(&digits)
    })
}
