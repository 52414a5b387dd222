//! The personnummer of Sweden, and the samordningsnummer of who is not registered there.
//!
//! Source: Skatteverket, SKV 704 "Personnummer" and SKV 707: the check digit is that of Luhn over the last ten digits; a samordningsnummer adds 60 to the day.

use super::digits::{exactly, is_day, is_luhn, number};

pub(super) fn is_personnummer(secret: &[u8]) -> bool {
    let digits = match exactly::<12>(secret, b"-+") {
        Some([1, 9, last @ ..] | [2, 0, last @ ..]) => Some(last),
        Some(_) => None,
        None => exactly::<10>(secret, b"-+"),
    };
    digits.is_some_and(|digits| {
        let date = number(&digits) / 10_000;
        let (month, day) = (date / 100 % 100, date % 100);
        let day = if day > 60 { day - 60 } else { day };
        is_day(month, day) && is_luhn(&digits)
    })
}
