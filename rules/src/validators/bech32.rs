//! Secret keys in Bech32: age's identities and Nostr's `nsec`.
//!
//! Source: BIP 173 (and 350 for the other constant); C2SP age.md; Nostr NIP-19.

const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [
    0x3b6a_57b2,
    0x2650_8e6d,
    0x1ea1_19fa,
    0x3d42_33dd,
    0x2a14_62b3,
];
/// What the checksum comes to in BIP 173 and in BIP 350.
const RIGHT: [u32; 2] = [1, 0x2bc8_30a3];
/// Longest key, in characters.
const LONGEST: usize = 120;

/// Whether `secret` is a part that people read, `1`, and digits with a right checksum; all in one letter case.
pub(super) fn is_key(secret: &[u8]) -> bool {
    if secret.len() > LONGEST {
        return false;
    }
    let lower = secret.to_ascii_lowercase();
    if lower != secret && secret.iter().any(u8::is_ascii_lowercase) {
        return false;
    }
    let Some(one) = lower.iter().rposition(|byte| *byte == b'1') else {
        return false;
    };
    let (name, digits) = (
        lower.get(..one).unwrap_or_default(),
        lower.get(one + 1..).unwrap_or_default(),
    );
    let digits: Option<Vec<u32>> = digits.iter().map(|digit| value(*digit)).collect();
    !name.is_empty()
        && digits.is_some_and(|digits| digits.len() > 6 && RIGHT.contains(&checksum(name, &digits)))
}

fn value(digit: u8) -> Option<u32> {
    let place = DIGITS.iter().position(|known| *known == digit)?;
    u32::try_from(place).ok()
}

fn checksum(name: &[u8], digits: &[u32]) -> u32 {
    let high = name.iter().map(|letter| u32::from(letter >> 5));
    let low = name.iter().map(|letter| u32::from(letter & 31));
    high.chain([0])
        .chain(low)
        .chain(digits.iter().copied())
        .fold(1, |sum, value| {
            let top = sum >> 25;
            let shifted = (sum & 0x01ff_ffff) << 5 ^ value;
            let generators = GENERATOR
                .iter()
                .enumerate()
                .filter(|(bit, _)| top >> bit & 1 == 1);
            generators.fold(shifted, |sum, (_, generator)| sum ^ generator)
        })
}

/// A key of these digits (each below 32) under that name in lower case, for templates.
pub(crate) fn encode(name: &str, digits: &[u8]) -> String {
    let mut values: Vec<u32> = digits.iter().map(|digit| u32::from(*digit & 31)).collect();
    let body = values.len();
    values.extend([0; 6]);
    let sum = checksum(name.as_bytes(), &values) ^ 1;
    for (place, value) in values.iter_mut().skip(body).enumerate() {
        *value = sum >> (5 * (5 - place)) & 31;
    }
    let letters = values
        .iter()
        .filter_map(|value| DIGITS.get(*value as usize));
    let letters: String = letters.map(|letter| char::from(*letter)).collect();
    format!("{name}1{letters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of age's documentation and of NIP-19.
    const KEYS: [&[&str]; 2] = [
        &[
            "AGE-SECRET-KEY-",
            "184JMZMVQH3E6U0PSL869004Y3U2NYV7R30EU99CSEDNPH02YUVFSZW44VU",
        ],
        &[
            "nsec1vl029mgpspedva04g90vl",
            "tkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5",
        ],
    ];

    #[test]
    fn published_keys_have_a_right_checksum() {
        for key in KEYS {
            let whole = key.concat().into_bytes();
            assert!(is_key(&whole), "{}", key[0]);
            assert!(is_key(&whole.to_ascii_uppercase()));
            assert!(is_key(&whole.to_ascii_lowercase()));
            for place in 0..whole.len() {
                let mut other = whole.clone();
                other[place] = if whole[place].eq_ignore_ascii_case(&b'q') {
                    b'p'
                } else {
                    b'q'
                };
                assert!(!is_key(&other), "{place}");
            }
        }
    }

    #[test]
    fn what_is_made_up_for_templates_is_right() {
        assert!(is_key(encode("nsec", &[3; 52]).as_bytes()));
    }

    #[test]
    fn other_text_is_none() {
        for text in [
            "",
            "1",
            "nsec",
            "nsec1",
            "1qqqqqqqqqqqqq",
            "nsec1b",
            "nsec1Vl029mg",
        ] {
            assert!(!is_key(text.as_bytes()), "{text}");
        }
        assert!(!is_key(&[b'1'; 200]));
    }
}
