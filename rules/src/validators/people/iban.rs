//! International bank account numbers.
//!
//! Sources: ISO 13616-1 for the check digits; SWIFT's IBAN registry for countries, lengths and most of the examples that
//! documentation takes.

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
    wanted == Some(letters.len())
        && remainder(account.iter().chain(head)) == Some(1)
        && !is_made_up(&letters)
}

/// Whether it is a published example, or has digits in a row or seven times the same as few accounts have.
fn is_made_up(letters: &[u8]) -> bool {
    let is_example = |example: &&str| example.as_bytes() == letters;
    let mut in_eights = letters.windows(8);
    let mut in_sevens = letters.windows(7);
    EXAMPLES.iter().any(is_example)
        || in_eights.any(|part| part == b"12345678")
        || in_sevens.any(|part| part.iter().all(|letter| Some(letter) == part.first()))
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

/// What is neither a row nor made of few digits.
const EXAMPLES: &[&str] = &[
    "AD1200012030200359100100",
    "AT022050302101023600",
    "AT611904300234573201",
    "BA391290079401028494",
    "BE43068999999501",
    "BE68539007547034",
    "BE71096123456769",
    "BG80BNBG96611020345678",
    "BH67BMAG00001299123456",
    "BR1800360305000010009795493C1",
    "CH9300762011623852957",
    "CR05015202001026284066",
    "CY17002001280000001200527600",
    "CZ6508000000192000145399",
    "DE02100500000054540402",
    "DE02500105170137075030",
    "DE12500105170648489890",
    "DE75512108001245126199",
    "DE89370400440532013000",
    "DK5000400440116243",
    "EE382200221020145685",
    "ES9121000418450200051332",
    "FI2112345600000785",
    "FO6264600001631634",
    "FR1420041010050500013M02606",
    "GB29NWBK60161331926819",
    "GB82WEST12345698765432",
    "GB94BARC10201530093459",
    "GL8964710001000206",
    "GT82TRAJ01020000001210029690",
    "HR1210010051863000160",
    "IS140159260076545510730339",
    "IT40S0542811101000000123456",
    "IT60X0542811101000000123456",
    "KZ86125KZT5004100100",
    "LC55HEMM000100010012001200023015",
    "LI21088100002324013AA",
    "LT121000011101001000",
    "LU280019400644750000",
    "LV80BANK0000435195001",
    "MD24AG000225100013104168",
    "MK07250120000058984",
    "MR1300020001010000123456753",
    "MT84MALT011000012345MTLCAST001S",
    "MU17BOMM0101101030300200000MUR",
    "NL39RABO0300065264",
    "NL91ABNA0417164300",
    "NO9386011117947",
    "PK36SCBL0000001123456702",
    "PL61109010140000071219812874",
    "RO49AAAA1B31007593840000",
    "RS35260005601001611379",
    "SE7280000810340009783242",
    "SI56263300012039086",
    "SK3112000000198742637541",
    "TN5910006035183598478831",
    "TR330006100519786457841326",
    "UA213223130000026007233566001",
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_right_and_known() {
        for example in EXAMPLES {
            let (head, account) = example.as_bytes().split_at(4);
            assert_eq!(remainder(account.iter().chain(head)), Some(1), "{example}");
            assert!(
                LENGTHS.contains(&(&example[..2], example.len())),
                "{example}"
            );
            assert!(!is_number(example.as_bytes()), "{example}");
        }
    }
}
