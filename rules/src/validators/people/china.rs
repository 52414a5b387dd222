//! The resident identity number of China.
//!
//! Source: GB 11643-1999: region, birthday, serial number, and the check character of ISO 7064, MOD 11-2.

use super::digits::{exactly, is_day, number, weighted};

pub(super) fn is_resident_id(secret: &[u8]) -> bool {
    let Some((body, [check])) = secret.split_at_checked(17) else {
        return false;
    };
    let Some(digits) = exactly::<17>(body, b"") else {
        return false;
    };
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let wanted = b"10X98765432".get((weighted(&digits, &weights) % 11) as usize);
    let date = number(&digits) / 1000 % 100_000_000;
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    matches!(digits.first(), Some(1..=6 | 8 | 9))
        && (1850..2100).contains(&year)
        && is_day(month, day)
        && wanted == Some(&check.to_ascii_uppercase())
}
