//! The CPR number of Denmark. Since 2007 numbers without a check digit are given, so that only the birthday in it can be looked at.
//!
//! Source: CPR-kontoret, "Personnummeret i CPR".

use super::digits::{exactly, is_day, number};

pub(super) fn is_cpr(secret: &[u8]) -> bool {
    exactly::<10>(secret, b"-").is_some_and(|digits| {
        let date = number(&digits) / 10_000;
        is_day(date / 100 % 100, date / 10_000) && !digits.ends_with(&[0, 0, 0, 0])
    })
}
