//! The identity number of South Africa.
//!
//! Source: Identification Act 68 of 1997; Department of Home Affairs: birthday, serial number, citizenship, and the check digit of Luhn.

use super::digits::{exactly, is_day, is_luhn, number};

pub(super) fn is_id(secret: &[u8]) -> bool {
    exactly::<13>(secret, b" ").is_some_and(|digits| {
        let whole = number(&digits);
        let date = whole / 10_000_000;
        let citizenship = whole / 100 % 10;
        is_day(date / 100 % 100, date % 100) && citizenship <= 2 && is_luhn(&digits)
    })
}
