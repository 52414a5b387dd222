//! Numbers of the United Kingdom: of the National Health Service, and of national insurance.
//!
//! Sources: NHS Data Model and Dictionary, "NHS Number" (modulus 11; numbers that begin with 999 are kept for tests); HMRC, National
//! Insurance Manual NIM39110 (which prefixes are given).

use super::digits::{exactly, is_one_digit, weighted};

pub(super) fn is_nhs(secret: &[u8]) -> bool {
    let Some(digits) = exactly::<10>(secret, b"- ") else {
        return false;
    };
    let sum = weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let check = (11 - sum % 11) % 11;
    digits.last() == Some(&check) && !digits.starts_with(&[9, 9, 9]) && !is_one_digit(&digits)
}

pub(super) fn is_nino(secret: &[u8]) -> bool {
    let letters: Vec<u8> = secret
        .iter()
        .filter(|&&byte| byte != b' ')
        .map(u8::to_ascii_uppercase)
        .collect();
    let [first, second, ref digits @ .., suffix] = letters[..] else {
        return false;
    };
    let is_given = first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && !b"DFIQUV".contains(&first)
        && !b"DFIOQUV".contains(&second)
        && !matches!(
            &[first, second],
            b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ"
        );
    is_given
        && digits.len() == 6
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(suffix, b'A'..=b'D')
}
