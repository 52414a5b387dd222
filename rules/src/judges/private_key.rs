//! Is a private key whole? Its DER says how long it is. Source: RFC 5958, RFC 8017 appendix A.1.2, RFC 5915, X.690.

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, GeneralPurpose as Codec};

use super::Subject;
use super::reference::contains;
use crate::validators::pem_body;

const BASE64: Codec = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Rules cut matches at some 3,800 bytes: of a longer one the end is not known.
const CUT: usize = 3600;
/// Most of a body that is looked at, in characters.
const LONGEST: usize = 16 << 10;

/// A last line that is shorter than a word is not taken for one, and its bytes are missing.
const LAST_LINE: usize = 16;

/// A whole key, in percent; and one whose content is not DER, such as an OpenSSH key.
const WHOLE: u8 = 96;
/// One of which a part is missing, or whose bytes are counted up.
const BROKEN: u8 = 60;

/// Certainty in percent of a PEM block.
pub(super) fn pem(subject: &Subject<'_>) -> u8 {
    let block = subject.secret();
    let body = pem_body(block);
    let is_cut = block.len() >= CUT && !contains(block, b"-----END");
    let body = body.get(..LONGEST.min(body.len())).unwrap_or_default();
    let left_out = contains(block, b"...");
    // The padding of one key may be followed by more; and what an odd end loses is a byte.
    let bare: Vec<u8> = body.iter().copied().filter(|byte| *byte != b'=').collect();
    let whole = bare.len() - usize::from(bare.len() % 4 == 1);
    let Ok(der) = BASE64.decode(bare.get(..whole).unwrap_or_default()) else {
        return WHOLE;
    };
    let is_short = declared(&der).is_some_and(|length| der.len() + LAST_LINE < length);
    match (left_out || is_short) && !is_cut || is_counted(&der) {
        true => BROKEN,
        false => WHOLE,
    }
}

/// Certainty in percent of base64 without armour: it is DER of a private key, or it is nothing. It may stand in several string
/// literals, of which the short last one is left out.
pub(super) fn der(subject: &Subject<'_>) -> u8 {
    let secret = subject.secret();
    let in_literals = secret
        .iter()
        .any(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    let (body, missing) = match in_literals {
        true => (pem_body(secret), LAST_LINE),
        false => (secret.to_vec(), 3),
    };
    let value: Vec<u8> = body
        .into_iter()
        .filter(|byte| !matches!(byte, b'=' | b'\n' | b'\r' | b' '))
        .collect();
    let value = value.get(..LONGEST.min(value.len())).unwrap_or_default();
    let whole = value.len() - usize::from(value.len() % 4 == 1);
    let Ok(der) = BASE64.decode(value.get(..whole).unwrap_or_default()) else {
        return 0;
    };
    let Some(length) = declared(&der) else {
        return 0;
    };
    if !is_private(&der) {
        return 0;
    }
    let is_short = der.len() + missing < length && secret.len() < CUT;
    // A first line alone stands in PEM blocks of all kinds, which are judged as such.
    if is_short {
        return 0;
    }
    match is_counted(&der) {
        true => BROKEN,
        false => WHOLE,
    }
}

/// How many bytes the outer SEQUENCE says there are, with its own head; `None` if it is none.
fn declared(der: &[u8]) -> Option<usize> {
    let (content, length) = head(der, 0x30)?;
    content.checked_add(length)
}

/// Where the content of the element with this tag begins, and how long it is.
fn head(der: &[u8], tag: u8) -> Option<(usize, usize)> {
    let [first, second, rest @ ..] = der else {
        return None;
    };
    if *first != tag {
        return None;
    }
    match second {
        0..=0x7f => Some((2, usize::from(*second))),
        0x81 => Some((3, usize::from(*rest.first()?))),
        0x82 => {
            let high = usize::from(*rest.first()?);
            Some((4, high << 8 | usize::from(*rest.get(1)?)))
        }
        _ => None,
    }
}

/// A version first, and then what keys have: a number or an algorithm behind 0 (RSA, PKCS #8), octets or an algorithm behind 1 (EC,
/// PKCS #8 with the public half).
fn is_private(der: &[u8]) -> bool {
    let inner = head(der, 0x30).and_then(|(start, _)| der.get(start..));
    let Some([0x02, 0x01, version, next, ..]) = inner else {
        return false;
    };
    matches!((version, next), (0, 0x02 | 0x30) | (1, 0x04 | 0x30)) && !is_curve(der)
}

/// Whether it describes the field of a curve, 1.2.840.10045.1, as parameters of public keys do. Source: RFC 3279 section 2.3.5.
fn is_curve(der: &[u8]) -> bool {
    const FIELD: [u8; 8] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01];
    let beginning = der.get(..24.min(der.len())).unwrap_or_default();
    beginning.windows(FIELD.len()).any(|window| window == FIELD)
}

/// Whether most bytes, or a seed's worth of them, are one more than the one before, as in test vectors.
fn is_counted(der: &[u8]) -> bool {
    const SEED: usize = 24;
    let (mut all, mut run, mut longest) = (0, 0, 0);
    for (one, two) in der.iter().zip(der.iter().skip(1)) {
        run = if one.wrapping_add(1) == *two {
            run + 1
        } else {
            0
        };
        all += usize::from(run > 0);
        longest = longest.max(run);
    }
    der.len() >= SEED && (all * 2 > der.len() || longest + 1 >= SEED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn of(judge: fn(&Subject<'_>) -> u8, text: &str) -> u8 {
        judge(&Subject {
            text: text.as_bytes(),
            span: 0..text.len(),
            secret: 0..text.len(),
            name: None,
        })
    }

    /// A SEQUENCE of `length` bytes with a version, an octet string and chance.
    fn key(length: u16) -> Vec<u8> {
        let mut der = vec![0x30, 0x82];
        der.extend(length.to_be_bytes());
        der.extend([0x02, 0x01, 0x01, 0x04, 0x20]);
        let rest = usize::from(length) - 5;
        der.extend(Random::from_word("key").bytes(rest));
        der
    }

    fn block(body: &str) -> String {
        let [begin, end] = ["BEGIN", "END"].map(|word| format!("-----{word} EC PRIVATE KEY-----"));
        format!("{begin}\n{body}\n{end}")
    }

    #[test]
    fn whole_and_broken_blocks() {
        let text = BASE64.encode(key(400));
        assert_eq!(of(pem, &block(&text)), WHOLE);
        assert_eq!(of(pem, &block(&text[..200])), BROKEN);
        assert_eq!(of(pem, &block(&format!("{}\n...\n", &text[..200]))), BROKEN);
        let counted: Vec<u8> = (0..200).collect();
        assert_eq!(of(pem, &block(&BASE64.encode(counted))), BROKEN);
        assert_eq!(of(pem, &block(&"b3BlbnNzaC1rZXktdjEA".repeat(10))), WHOLE);
    }

    #[test]
    fn bare_der_is_a_key_or_nothing() {
        let whole = BASE64.encode(key(400));
        assert_eq!(of(der, &whole), WHOLE);
        assert_eq!(of(der, &whole[..200]), 0);
        let mut public = key(400);
        public[4] = 0x30;
        assert_eq!(of(der, &BASE64.encode(public)), 0);
        let mut counted = key(400);
        for (byte, count) in counted.iter_mut().skip(40).zip(0..32) {
            *byte = count;
        }
        assert_eq!(of(der, &BASE64.encode(counted)), BROKEN);
        let mut curve = key(400);
        curve.splice(
            7..17,
            [0x30, 0x2c, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01],
        );
        assert_eq!(of(der, &BASE64.encode(curve)), 0);
        for none in ["", "MII", "AAAA", "MIIE"] {
            assert_eq!(of(der, none), 0, "{none}");
        }
        let mut random = Random::from_word("hostile");
        for length in 0..200 {
            let text = random.text(length, "MIEAgCB/+=\n");
            of(der, &text);
            of(pem, &text);
        }
    }
}
