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
    "2222400030000004",
    "2222400050000009",
    "2222400070000005",
    "2222405343248877",
    "2222410740360010",
    "2222420000001113",
    "2222990905257051",
    "2223000048400011",
    "2223000048410010",
    "2223003122003222",
    "2223007648726984",
    "2223520123456789",
    "2223577120017656",
    "30569309025904",
    "3056930009020004",
    "3530111333300000",
    "3566002020360505",
    "3566111111111113",
    "3569990010095841",
    "36006666333344",
    "36148900647913",
    "36227206271667",
    "36700102000000",
    "370000000000002",
    "371144371144376",
    "371449635398431",
    "374101000000608",
    "374245455400126",
    "374251018720018",
    "374251021090003",
    "378282246310005",
    "378734493671000",
    "38520000023237",
    "4000056655665556",
    "4000020951595032",
    "4000180000000002",
    "4001919257537193",
    "4005519200000004",
    "4005562231212123",
    "4005562231212149",
    "4007000000027",
    "4007702835532454",
    "4009348888881881",
    "4012000033330026",
    "4012000077777777",
    "4012888888881881",
    "4017340000000003",
    "4032035728926794",
    "4055011111111111",
    "4111111145551142",
    "4166676667666746",
    "4171000000000006",
    "4199350000000002",
    "4217651111111119",
    "4222222222222",
    "4263982640269299",
    "4293189100000008",
    "4400000000000008",
    "4444333322221111",
    "4462030000000000",
    "4484070000000000",
    "4500600000000061",
    "4532015112830366",
    "4532111111111112",
    "4539578763621486",
    "4556737586899855",
    "4571000000000001",
    "4607000000000009",
    "4646464646464644",
    "4716461583322103",
    "4716914706534228",
    "4761739001010119",
    "4911830000000",
    "4916338506082832",
    "4917484589897107",
    "4917610000000000",
    "4917610000000000003",
    "4929420573595709",
    "4977949494949497",
    "4988080000000000",
    "4988438843884305",
    "5019717010103742",
    "5100060000000002",
    "5100081112223332",
    "5100290029002909",
    "5101180000000007",
    "5103221911199245",
    "5105105105105100",
    "5106040000000008",
    "5111005111051128",
    "5111010030175156",
    "5112345112345114",
    "5136333333333335",
    "5185540810000019",
    "5200533989557118",
    "5200828282828210",
    "5204740009900014",
    "5267318187975449",
    "5399999999999999",
    "5400000000000005",
    "5424000000000015",
    "5425233430109903",
    "5454545454545454",
    "5457623898234113",
    "5500000000000004",
    "5500005555555559",
    "5555341244441115",
    "5555444433331111",
    "5555555555554444",
    "5577000055770004",
    "5895626746595650",
    "6011000400000000",
    "6011000990139424",
    "6011000991300009",
    "6011601160116611",
    "6243030000000001",
    "6250946000000016",
    "6250947000000014",
    "6304000000000000",
    "6331101999990016",
    "6445644564456445",
    "6703444444444449",
    "6759649826438453",
    "6761000000000006",
    "6771798021000008",
    "6771798025000004",
];
