//! Azure's identifiable keys and Microsoft Entra's client secrets.
//!
//! A key is base64 of random bytes, then a mark of four letters that names the service, then the Marvin32 hash of all bytes
//! before it. The hash begins with a seed of eight letters that says what the key is for. Source: microsoft/security-utilities
//! (`IdentifiableSecrets`, `IdentifiableMetadata`), with which Microsoft itself tells such keys from chance.
//!
//! Only services are listed of which a key agrees: the others' marks pass. The keys of Azure Cache for Redis (`AzCa`) are not
//! checked because the service changes letters after the sum is made; nor is the form with `JQQJ99`, because keys in the tests of
//! that same repository have another sum than keys in use.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::{crc, marvin};

/// A service's mark and the seeds of its keys.
const SERVICES: [(&[u8; 4], &[&[u8; 8]]); 7] = [
    (b"+ASt", &[b"Default0"]),
    (b"AzSe", &[b"Query000", b"PAdmin00"]),
    (b"AzFu", &[b"Functi00", b"Master00", b"System00"]),
    (
        b"ACDb",
        &[
            b"MastRW00",
            b"MastRO00",
            b"SystRW00",
            b"SystRO00",
            b"SysAll00",
            b"Resour00",
            b"Encryp00",
        ],
    ),
    (b"+AEh", &MESSAGING),
    (b"+ASb", &MESSAGING),
    (b"+ARm", &MESSAGING),
];
const MESSAGING: [&[u8; 8]; 5] = [
    b"Send0000",
    b"Manage00",
    b"Listen00",
    b"System00",
    b"Unknown0",
];

/// The hash's letters at a key's end, in part letters of the padding bits.
const SUM_LETTERS: usize = 6;
/// Bytes of the hash.
const SUM: usize = 4;
/// Longest key, in letters: keys of 64 bytes have 88.
const LONGEST: usize = 100;

const SECRET_DIGITS: &[u8; 66] =
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890.-_~";

/// Both alphabets become one before this reads them.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Whether `secret` is a key with a right hash, or one of a service whose keys are not checked.
pub(super) fn is_key(secret: &[u8]) -> bool {
    let unpadded = secret.strip_suffix(b"==").or(secret.strip_suffix(b"="));
    let letters = unpadded.unwrap_or(secret);
    let Some((before, _)) = crc::split_end(letters, SUM_LETTERS) else {
        return false;
    };
    let Some((_, seeds)) = SERVICES.iter().find(|(mark, _)| before.ends_with(*mark)) else {
        return true;
    };
    let Some(bytes) = decode(letters) else {
        return false;
    };
    crc::split_end(&bytes, SUM)
        .is_some_and(|(covered, given)| seeds.iter().any(|seed| sum(covered, seed) == given))
}

/// Whether `secret` is a client secret with a right checksum. Those with `7Q~` have none.
///
/// The sum covers all but the last three characters, which are the first three of its six digits.
pub(super) fn is_client_secret(secret: &[u8]) -> bool {
    if secret.get(3) != Some(&b'8') {
        return true;
    }
    crc::split_end(secret, 3).is_some_and(|(covered, given)| client_secret_sum(covered) == given)
}

/// What ends a client secret that begins with these characters.
pub(crate) fn client_secret_sum(covered: &[u8]) -> [u8; 3] {
    let mut rest = marvin::hash(covered, u64::from_be_bytes(*b"AadPwd00"));
    let digits: [u8; 6] = std::array::from_fn(|_| {
        let digit = SECRET_DIGITS.get((rest % 66) as usize);
        rest /= 66;
        digit.copied().unwrap_or(b'a')
    });
    [digits[5], digits[4], digits[3]]
}

/// The four bytes at a key's end.
pub(crate) fn sum(covered: &[u8], seed: &[u8; 8]) -> [u8; SUM] {
    marvin::hash(covered, u64::from_be_bytes(*seed)).to_le_bytes()
}

/// The first seed of a service's keys.
pub(crate) fn seed(mark: &str) -> Option<&'static [u8; 8]> {
    let service = SERVICES
        .iter()
        .find(|(known, _)| known.as_slice() == mark.as_bytes());
    service.and_then(|(_, seeds)| seeds.first().copied())
}

fn decode(letters: &[u8]) -> Option<Vec<u8>> {
    if letters.len() > LONGEST {
        return None;
    }
    let standard: Vec<u8> = letters
        .iter()
        .map(|letter| match letter {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    BASE64.decode(standard).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of the tests of microsoft/security-utilities: a letter, how often it stands at the beginning, and the rest.
    const KEYS: [(u8, usize, &str, &str); 4] = [
        (b'd', 44, "AzFu", "182vhA=="),
        (b'a', 42, "AzSe", "CjhzCu"),
        (b'a', 76, "+ASt", "5mnCaw=="),
        (b'a', 76, "ACDb", "OpqrYA=="),
    ];

    fn key((letter, times, mark, end): (u8, usize, &str, &str)) -> Vec<u8> {
        [
            vec![letter; times].as_slice(),
            mark.as_bytes(),
            end.as_bytes(),
        ]
        .concat()
    }

    #[test]
    fn microsofts_own_keys_have_a_right_sum() {
        for known in KEYS {
            let whole = key(known);
            assert!(is_key(&whole), "{}", known.2);
            for place in 0..known.1 {
                let mut other = whole.clone();
                other[place] ^= 1;
                assert!(!is_key(&other), "{} {place}", known.2);
            }
            assert!(!is_key(&whole[4..]));
        }
        assert!(!is_key(b"=="));
    }

    #[test]
    fn keys_of_other_services_pass() {
        assert!(is_key(&key((b'a', 33, "AzCa", "B12345="))));
        assert!(is_key(&key((b'a', 76, "APIM", "12345Q=="))));
    }

    #[test]
    fn what_is_no_base64_has_no_sum() {
        assert!(!is_key(&key((b'!', 76, "+ASt", "5mnCaw=="))));
        assert!(!is_key(&key((b'a', 4000, "+ASt", "5mnCaw=="))));
        assert!(!is_key(&key((b'a', 75, "+ASt", "5mnCaw=="))));
    }

    #[test]
    fn client_secrets() {
        // The example in microsoft/security-utilities.
        let secret = [b"zzz8Q~".as_slice(), &[b'z'; 31], b"blP"].concat();
        assert!(is_client_secret(&secret));
        for place in (0..secret.len()).filter(|place| *place != 3) {
            let mut other = secret.clone();
            other[place] ^= 1;
            assert!(!is_client_secret(&other), "{place}");
        }
        let older = [b"yyy7Q~".as_slice(), &[b'y'; 31]].concat();
        assert!(is_client_secret(&older));
        assert!(is_client_secret(b""));
    }
}
