//! Social security numbers of the United States. They have no check digit.
//!
//! Source: Social Security Administration, "Social Security Number Randomization" and "The Story of the Social Security Number" (which numbers
//! are never given, and which were printed in advertisements).

use super::digits::{exactly, is_one_digit, number};

pub(super) fn is_ssn(secret: &[u8]) -> bool {
    let Some(digits) = exactly::<9>(secret, b"- ") else {
        return false;
    };
    let whole = number(&digits);
    let (area, group, serial) = (whole / 1_000_000, whole / 10_000 % 100, whole % 10_000);
    let is_given = !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0;
    let is_known = matches!(whole, 78_051_120 | 219_099_999 | 457_555_462 | 123_456_789);
    is_given && !is_known && !is_one_digit(&digits)
}
