//! The fødselsnummer of Norway, and the D-nummer of who stays for a while.
//!
//! Source: Skatteetaten, "Fødselsnummer" (weights of the two check digits; a D-nummer adds 40 to the day).

use super::digits::{exactly, is_day, number, weighted};

pub(super) fn is_fodselsnummer(secret: &[u8]) -> bool {
    let Some(digits) = exactly::<11>(secret, b" -") else {
        return false;
    };
    let [.., first, second] = digits;
    let check = |weights: &[u32]| (11 - weighted(&digits, weights) % 11) % 11;
    let date = number(&digits) / 100_000;
    let (day, month) = (date / 10_000, date / 100 % 100);
    let day = if day > 40 { day - 40 } else { day };
    is_day(month, day)
        && check(&[3, 7, 6, 1, 8, 9, 4, 5, 2]) == first
        && check(&[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) == second
}
