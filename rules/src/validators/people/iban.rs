//! International bank account numbers.
//!
//! Sources: ISO 13616-1 for the check digits; SWIFT's IBAN registry for countries and lengths.

/// Whether `secret` is one, with or without spaces between groups of four.
pub(super) fn is_number(secret: &[u8]) -> bool {
    let Some(letters) = letters(secret) else {
        return false;
    };
    let country = letters.get(..2).unwrap_or_default();
    let wanted = LENGTHS
        .iter()
        .find(|(name, _)| name.as_bytes() == country)
        .map(|(_, length)| *length);
    let (head, account) = letters.split_at(letters.len().min(4));
    wanted == Some(letters.len()) && remainder(account.iter().chain(head)) == Some(1)
}

/// The letters in upper case, without the spaces that divide them into groups of four.
fn letters(secret: &[u8]) -> Option<Vec<u8>> {
    if secret.len() > 34 + 8 {
        return None;
    }
    let groups: Vec<&[u8]> = secret.split(|&byte| byte == b' ').collect();
    let (last, whole) = groups.split_last()?;
    let in_fours = whole.iter().all(|group| group.len() == 4) && (1..=4).contains(&last.len());
    (whole.is_empty() || in_fours).then(|| groups.concat().to_ascii_uppercase())
}

/// By 97, of the number that letters (A is 10) and digits stand for. `None` if there is anything else.
fn remainder<'t>(letters: impl Iterator<Item = &'t u8>) -> Option<u32> {
    let mut remainder = 0;
    for letter in letters {
        remainder = match letter {
            b'0'..=b'9' => remainder * 10 + u32::from(letter - b'0'),
            b'A'..=b'Z' => remainder * 100 + u32::from(letter - b'A') + 10,
            _ => return None,
        } % 97;
    }
    Some(remainder)
}

const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];
