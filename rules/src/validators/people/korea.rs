//! The resident registration number of Korea. Those given since October 2020 end by chance and mostly fail here.
//!
//! Source: 주민등록법 시행규칙 (Enforcement Rule of the Resident Registration Act), article 2: birthday, century and sex, region, and a check digit by weights.

use super::digits::{exactly, is_day, number, weighted};

pub(super) fn is_rrn(secret: &[u8]) -> bool {
    exactly::<13>(secret, b"-").is_some_and(|digits| {
        let sum = weighted(&digits, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
        let date = number(&digits) / 10_000_000;
        is_day(date / 100 % 100, date % 100) && digits.last() == Some(&((11 - sum % 11) % 10))
    })
}
