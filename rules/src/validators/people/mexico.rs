//! The population register key (CURP) of Mexico.
//!
//! Source: RENAPO, "Instructivo normativo para la asignación de la Clave Única de Registro de Población".

use super::digits::is_day;

pub(super) fn is_curp(secret: &[u8]) -> bool {
    let Ok(letters) = <[u8; 18]>::try_from(secret) else {
        return false;
    };
    let letters = letters.map(|letter| letter.to_ascii_uppercase());
    let Some(values) = values(&letters) else {
        return false;
    };
    // Behind the four letters of the name stands the birthday.
    let [_, _, _, _, _, _, m1, m2, d1, d2, ..] = values;
    let sum: u32 = values
        .iter()
        .take(17)
        .zip((2..=18).rev())
        .map(|(value, weight)| value * weight)
        .sum();
    let check = (10 - sum % 10) % 10;
    is_in_form(&letters)
        && is_day((m1 * 10 + m2).into(), (d1 * 10 + d2).into())
        && values.last() == Some(&check)
}

/// Letters of the name, date, sex, state and consonants, then the mark of the century.
fn is_in_form(letters: &[u8; 18]) -> bool {
    let form = b"AAAA######AAAAAA*#";
    let mut places = letters.iter().zip(form);
    places.all(|(letter, form)| match form {
        b'A' => letter.is_ascii_uppercase(),
        b'#' => letter.is_ascii_digit(),
        _ => letter.is_ascii_alphanumeric(),
    }) && matches!(letters.get(10), Some(b'H' | b'M' | b'X'))
}

/// What each letter counts: the alphabet has an Ñ behind N, which no key has, so that O is 25.
fn values(letters: &[u8; 18]) -> Option<[u32; 18]> {
    let mut values = [0; 18];
    for (value, letter) in values.iter_mut().zip(letters) {
        *value = match letter {
            b'0'..=b'9' => u32::from(letter - b'0'),
            b'A'..=b'N' => u32::from(letter - b'A') + 10,
            b'O'..=b'Z' => u32::from(letter - b'A') + 11,
            _ => return None,
        };
    }
    Some(values)
}
