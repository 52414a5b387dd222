//! Numbers of payment cards.
//!
//! Sources: ISO/IEC 7812-1 for the check digit; for ranges and lengths what Visa, Mastercard, American Express, Discover, JCB, UnionPay
//! and NSPK (Mir) publish of their issuer identification numbers. Test numbers: the pages on testing of Stripe, PayPal, Adyen,
//! Braintree, Worldpay, Cybersource and Authorize.Net.

use super::digits::is_luhn;

const SHORTEST: usize = 13;
const LONGEST: usize = 19;

/// Whether `secret` is a number that an issuer may have given to somebody.
pub(super) fn is_number(secret: &[u8]) -> bool {
    let Some(digits) = digits(secret) else {
        return false;
    };
    is_of_an_issuer(&digits) && is_luhn(&digits) && !is_made_up(&digits)
}

/// The digits, if they stand in one piece or in groups as on cards, with the same mark between all.
fn digits(secret: &[u8]) -> Option<Vec<u32>> {
    let mark = secret.iter().find(|byte| !byte.is_ascii_digit()).copied();
    if mark.is_some_and(|mark| !matches!(mark, b' ' | b'-')) || secret.len() > LONGEST + 4 {
        return None;
    }
    let groups: Vec<&[u8]> = secret.split(|&byte| Some(byte) == mark).collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let as_on_cards = matches!(
        lengths.as_slice(),
        [_] | [4, 4, 4, 4] | [4, 4, 4, 4, 1..=3] | [4, 6, 5] | [4, 6, 4] | [4, 4, 4, 1]
    );
    let digits = groups.concat();
    let is_number = as_on_cards
        && (SHORTEST..=LONGEST).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| digits.iter().map(|byte| u32::from(byte - b'0')).collect())
}

/// Whether the first digits are those of an issuer whose numbers are so long.
fn is_of_an_issuer(digits: &[u32]) -> bool {
    let first = digits.iter().take(6);
    let first = first.fold(0, |number, digit| number * 10 + digit);
    let length = digits.len();
    match first {
        // Visa
        400_000..=499_999 => matches!(length, 13 | 16 | 19),
        // Mastercard
        222_100..=272_099 | 510_000..=559_999 => length == 16,
        // American Express
        340_000..=349_999 | 370_000..=379_999 => length == 15,
        // Diners Club
        300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999 => {
            matches!(length, 14 | 16)
        }
        // JCB, Discover with RuPay, and Mir
        352_800..=358_999 | 601_100..=601_199 | 644_000..=659_999 | 220_000..=220_499 => {
            matches!(length, 16..=19)
        }
        // UnionPay
        620_000..=629_999 | 810_000..=817_199 => matches!(length, 16..=19),
        // Maestro
        501_800..=501_899
        | 502_000..=502_099
        | 503_800..=503_899
        | 589_300..=589_399
        | 630_400..=630_499
        | 675_900..=675_999
        | 676_100..=676_399 => matches!(length, 13 | 16 | 18 | 19),
        _ => false,
    }
}

/// Whether somebody made it up for tests or documentation: it is published, or has hardly any digits.
fn is_made_up(digits: &[u32]) -> bool {
    let text: String = digits
        .iter()
        .filter_map(|&digit| char::from_digit(digit, 10))
        .collect();
    TEST_NUMBERS.contains(&text.as_str())
        || has_few_digits(digits)
        || ["12345678", "23456789", "98765432"]
            .iter()
            .any(|row| text.contains(row))
}

/// One card in some ten thousand has fewer than five different digits, or seven times the same in a row.
fn has_few_digits(digits: &[u32]) -> bool {
    let different = (0..10).filter(|digit| digits.contains(digit)).count();
    let in_a_row = digits.windows(7).any(super::digits::is_one_digit);
    different < 5 || in_a_row
}

/// What is neither a row nor made of few digits.
const TEST_NUMBERS: &[&str] = &[
    "2222400010000008",
    "2222400050000009",
    "2222400070000005",
    "2222405343248877",
    "2222410740360010",
    "2222420000001113",
    "2222990905257051",
    "2223000048400011",
    "2223000048410010",
    "2223007648726984",
    "2223577120017656",
    "30569309025904",
    "3056930009020004",
    "3566002020360505",
    "3569990010095841",
    "36148900647913",
    "36227206271667",
    "36700102000000",
    "371144371144376",
    "371449635398431",
    "374101000000608",
    "374245455400126",
    "374251018720018",
    "374251021090003",
    "378282246310005",
    "378734493671000",
    "38520000023237",
    "4000020951595032",
    "4001919257537193",
    "4005562231212123",
    "4005562231212149",
    "4007702835532454",
    "4009348888881881",
    "4012000033330026",
    "4263982640269299",
    "4532015112830366",
    "4539578763621486",
    "4556737586899855",
    "4716461583322103",
    "4716914706534228",
    "4761739001010119",
    "4916338506082832",
    "4917484589897107",
    "4929420573595709",
    "4988438843884305",
    "5100081112223332",
    "5100290029002909",
    "5103221911199245",
    "5111005111051128",
    "5111010030175156",
    "5112345112345114",
    "5185540810000019",
    "5200533989557118",
    "5200828282828210",
    "5204740009900014",
    "5267318187975449",
    "5425233430109903",
    "5457623898234113",
    "5555341244441115",
    "6011000990139424",
    "6011000991300009",
    "6759649826438453",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_numbers_would_pass_if_they_were_not_known() {
        for number in TEST_NUMBERS {
            let digits = digits(number.as_bytes()).unwrap_or_else(|| panic!("{number}"));
            assert!(is_of_an_issuer(&digits) && is_luhn(&digits), "{number}");
            assert!(
                !has_few_digits(&digits) && !is_number(number.as_bytes()),
                "{number}"
            );
        }
    }
}
