//! The national number of Belgium (rijksregisternummer, numéro national).
//!
//! Source: arrêté royal du 3 avril 1984: birthday, serial number, and 97 less the remainder by 97, with a 2 in front for who was born since 2000.

use super::digits::{exactly, is_day, number};

pub(super) fn is_national_number(secret: &[u8]) -> bool {
    let Some(digits) = exactly::<11>(secret, b".- ") else {
        return false;
    };
    let (body, check) = digits.split_at(9);
    let (body, check) = (number(body), number(check));
    let date = body / 1000;
    let is_right = [body, 2_000_000_000 + body]
        .iter()
        .any(|body| 97 - body % 97 == check);
    // Who has no known birthday has a month or a day of 0; "bis" numbers add 20 or 40 to the month.
    let (month, day) = (date / 100 % 100 % 20, date % 100);
    is_right && is_day(month, day)
}
