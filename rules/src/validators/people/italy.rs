//! The codice fiscale of Italy.
//!
//! Source: decreto ministeriale 23 dicembre 1976: how the letters count in odd and even places, and which letters may stand for digits
//! where two people would have the same one (omocodia).

use super::digits::is_day;

/// What 0 to 9, and A to Z, count in odd places.
const ODD: [u32; 26] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
];
/// The letters that stand for 0 to 9.
const FOR_DIGITS: &[u8] = b"LMNPQRSTUV";
/// The letters of the months.
const MONTHS: &[u8] = b"ABCDEHLMPRST";

pub(super) fn is_codice_fiscale(secret: &[u8]) -> bool {
    let Ok(letters) = <[u8; 16]>::try_from(secret) else {
        return false;
    };
    let letters = letters.map(|letter| letter.to_ascii_uppercase());
    has_day(&letters) && is_in_form(&letters) && check(&letters) == letters.last().copied()
}

fn is_in_form(letters: &[u8; 16]) -> bool {
    let form = b"AAAAAA##A##A###A";
    let mut places = letters.iter().zip(form);
    places.all(|(letter, form)| match form {
        b'A' => letter.is_ascii_uppercase(),
        _ => digit(*letter).is_some(),
    })
}

/// Whether month and day (that of women is 40 more) are some.
fn has_day(letters: &[u8; 16]) -> bool {
    let [_, _, _, _, _, _, _, _, month, tens, ones, ..] = letters;
    let month = MONTHS.iter().position(|letter| letter == month);
    let day = digit(*tens).zip(digit(*ones));
    month.zip(day).is_some_and(|(month, (tens, ones))| {
        let day = tens * 10 + ones;
        is_day(
            month as u64 + 1,
            if day > 40 { day - 40 } else { day }.into(),
        )
    })
}

fn digit(letter: u8) -> Option<u32> {
    match letter {
        b'0'..=b'9' => Some(u32::from(letter - b'0')),
        _ => {
            let place = FOR_DIGITS.iter().position(|each| *each == letter)?;
            u32::try_from(place).ok()
        }
    }
}

fn check(letters: &[u8; 16]) -> Option<u8> {
    let mut sum = 0;
    for (place, letter) in letters.iter().take(15).enumerate() {
        let value = match letter {
            b'0'..=b'9' => letter - b'0',
            b'A'..=b'Z' => letter - b'A',
            _ => return None,
        };
        sum += match place % 2 {
            0 => *ODD.get(usize::from(value))?,
            _ => u32::from(value),
        };
    }
    Some(b'A' + (sum % 26) as u8)
}
