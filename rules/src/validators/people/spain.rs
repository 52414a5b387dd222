//! Identity numbers of Spain: DNI, and NIE of foreigners.
//!
//! Source: Ministerio del Interior, "Cálculo del dígito de control del NIF/NIE": the letter is that of the remainder by 23; X, Y and Z in front of an NIE count
//! 0, 1 and 2.

const LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";

pub(super) fn is_dni(secret: &[u8]) -> bool {
    let letters: Vec<u8> = secret
        .iter()
        .filter(|byte| !matches!(byte, b'-' | b' ' | b'.'))
        .map(u8::to_ascii_uppercase)
        .collect();
    let [first, ref middle @ .., letter] = letters[..] else {
        return false;
    };
    let first = match first {
        b'0'..=b'9' => first,
        b'X'..=b'Z' => first - b'X' + b'0',
        _ => return false,
    };
    if middle.len() != 7 || !middle.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let digits = std::iter::once(&first).chain(middle);
    let number = digits.fold(0, |number, byte| number * 10 + usize::from(byte - b'0'));
    number > 0 && LETTERS.get(number % 23) == Some(&letter)
}
