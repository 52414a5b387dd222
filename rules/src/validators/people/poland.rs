//! PESEL, the number of people in Poland.
//!
//! Source: ustawa z dnia 24 września 2010 r. o ewidencji ludności, art. 15; gov.pl, "Co to jest numer PESEL" (weights; the century is added to the month).

use super::digits::{exactly, is_day, number, weighted};

pub(super) fn is_pesel(secret: &[u8]) -> bool {
    let Some(digits) = exactly::<11>(secret, b"") else {
        return false;
    };
    let sum = weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    let date = number(&digits) / 100_000;
    let (month, day) = (date / 100 % 100, date % 100);
    is_day(month % 20, day) && digits.last() == Some(&((10 - sum % 10) % 10))
}
