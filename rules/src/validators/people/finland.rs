//! The henkilötunnus of Finland.
//!
//! Source: Digi- ja väestötietovirasto, "Henkilötunnus": birthday, a mark of the century, a serial number from 002 to 899, and a letter for the remainder by 31.

use super::digits::{exactly, is_day, number};

const LETTERS: &[u8] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";

pub(super) fn is_hetu(secret: &[u8]) -> bool {
    let Some((date, rest)) = secret.split_at_checked(6) else {
        return false;
    };
    let [century, serial @ .., letter] = rest else {
        return false;
    };
    let Some((date, serial)) = exactly::<6>(date, b"").zip(exactly::<3>(serial, b"")) else {
        return false;
    };
    let (date, serial) = (number(&date), number(&serial));
    let wanted = LETTERS.get(((date * 1000 + serial) % 31) as usize);
    matches!(century, b'-' | b'+' | b'A'..=b'F' | b'U'..=b'Y')
        && (2..900).contains(&serial)
        && is_day(date / 100 % 100, date / 10_000)
        && wanted == Some(&letter.to_ascii_uppercase())
}
