//! Numbers of India: Aadhaar, and the permanent account number of tax (PAN).
//!
//! Sources: UIDAI, "Aadhaar number: 12 digits, the last by Verhoeff's scheme, the first not 0 or 1"; J. Verhoeff, "Error Detecting Decimal Codes" (1969);
//! Income Tax Department, "Structure of PAN" (the fourth letter says whose it is: P of a person).

use super::digits::{exactly, is_one_digit};

/// What each place does to a digit, again after eight places.
const MOVED: [[u8; 10]; 8] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
    [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
    [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
    [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
];

pub(super) fn is_aadhaar(secret: &[u8]) -> bool {
    exactly::<12>(secret, b" -").is_some_and(|digits| {
        let from_the_end = digits.iter().rev().zip(MOVED.iter().cycle());
        let sum = from_the_end.fold(0, |sum, (&digit, moved)| {
            let moved = moved.get(digit as usize).copied().unwrap_or_default();
            turned(sum, moved)
        });
        !matches!(digits.first(), Some(0 | 1)) && sum == 0 && !is_one_digit(&digits)
    })
}

/// One after the other of two movements of a pentagon, of which 0 to 4 are turns and 5 to 9 are mirrored.
fn turned(first: u8, second: u8) -> u8 {
    match (first < 5, second < 5) {
        (true, true) => (first + second) % 5,
        (true, false) => (first + second) % 5 + 5,
        (false, true) => (first - second) % 5 + 5,
        (false, false) => (first + 5 - second) % 5,
    }
}

pub(super) fn is_pan(secret: &[u8]) -> bool {
    let Ok([a, b, c, kind, name, digits @ .., check]) = <[u8; 10]>::try_from(secret) else {
        return false;
    };
    let letters = [a, b, c, kind, name, check];
    letters.iter().all(u8::is_ascii_uppercase)
        && kind == b'P'
        && digits.iter().all(u8::is_ascii_digit)
        && digits != *b"0000"
}
