//! Are these the credentials of an Authorization header? Source: RFC 7617 (Basic), RFC 6750 (Bearer).

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, GeneralPurpose as Codec};

use super::account::{is_by_chance, opens};
use super::chance::Makeup;
use super::published::is_published;
use super::reference::{contains, is_reference, is_stand_in};
use super::{Subject, web_token};
use crate::validators::is_real;

/// Writers forget the padding; what they wrote is decoded all the same.
const BASE64: Codec = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Most of a value that is decoded, in characters.
const LONGEST: usize = 1024;

/// Words that stand for the password of a Basic header.
const PASSWORDS: [&[u8]; 10] = [
    b"",
    b"password",
    b"passwd",
    b"pass",
    b"pwd",
    b"secret",
    b"open sesame",
    b"opensesame",
    b"example",
    b"token",
];

/// Certainty in percent that base64 of `name:password` opens an account.
pub(super) fn basic(subject: &Subject<'_>) -> u8 {
    let value = subject.secret();
    if is_published(value) {
        return 0;
    }
    let Some(decoded) = text(value) else {
        return undecoded(subject);
    };
    let Some(colon) = decoded.iter().position(|byte| *byte == b':') else {
        return undecoded(subject);
    };
    let (name, rest) = decoded.split_at(colon);
    let password = rest.get(1..).unwrap_or_default();
    // Services that know only keys take them for the name, with nothing or a word for the password.
    let of_name = match password.len() < 2 || password == b"x-oauth-basic" {
        true => by_machine(name),
        false => 0,
    };
    let lower = password.to_ascii_lowercase();
    let of_password = match PASSWORDS.contains(&lower.as_slice()) {
        true => 0,
        false => opens(password),
    };
    // That it decodes to two parts leaves hardly a doubt: short letters need not look like chance.
    let made = Makeup::of(password);
    let is_odd = made.length >= 4 && made.share_in_words() == 0.0 && made.surprise > 4.5;
    let of_password = match is_odd && of_password > 0 {
        true => of_password.max(92),
        false => of_password,
    };
    of_name.max(of_password)
}

/// Certainty in percent that the value of a Bearer or Token header is one that a machine made.
pub(super) fn bearer(subject: &Subject<'_>) -> u8 {
    let value = subject.secret();
    if value.starts_with(b"eyJ") && value.contains(&b'.') {
        return match web_token::read(value) {
            Some(certainty) => certainty,
            // Cut off, or made up.
            None => by_machine(value).min(60),
        };
    }
    by_machine(value)
}

/// Certainty in percent that a machine made `value`.
pub(super) fn by_machine(value: &[u8]) -> u8 {
    if value.len() < 8 || is_reference(value) || !is_real(value) || is_published(value) {
        return 0;
    }
    let made = Makeup::of(value);
    if made.distinct < 5 {
        return 0;
    }
    let words = made.share_in_words();
    let is_mixed = made.digits > 0 && made.letters() > 0;
    if value.len() >= 16 && is_mixed && words < 0.3 && made.distinct >= 8 {
        return match is_ordered(value) {
            true => 40,
            false => 94,
        };
    }
    if is_by_chance(&made) && is_mixed {
        return if value.len() >= 12 { 92 } else { 75 };
    }
    if is_stand_in(value) || words > 0.6 || !is_mixed {
        return 30;
    }
    60
}

/// Letters or digits in the order that fingers or loops make: `0123456789abcdef`, `abc123abc123`.
pub(super) fn is_ordered(value: &[u8]) -> bool {
    let pairs = value.windows(2).count().max(1);
    let next = value.windows(2).filter(|pair| {
        let (Some(one), Some(two)) = (pair.first(), pair.get(1)) else {
            return false;
        };
        one.abs_diff(*two) <= 1
    });
    next.count() * 2 > pairs
}

/// A value that is no base64 of two parts: it may be a key that a service takes in this place.
fn undecoded(subject: &Subject<'_>) -> u8 {
    let before = subject.before().to_ascii_lowercase();
    match contains(&before, b"authorization") {
        true => by_machine(subject.secret()).min(75),
        false => 0,
    }
}

/// What it decodes to, if people could have written that.
pub(super) fn text(value: &[u8]) -> Option<Vec<u8>> {
    let decoded = BASE64.decode(value.get(..LONGEST.min(value.len()))?).ok()?;
    let is_text = std::str::from_utf8(&decoded)
        .is_ok_and(|text| !text.is_empty() && !text.chars().any(char::is_control));
    is_text.then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject<'t>(text: &'t str, value: &str) -> Subject<'t> {
        let at = text.find(value).unwrap();
        let secret = at..at + value.len();
        Subject {
            text: text.as_bytes(),
            span: secret.clone(),
            secret,
            name: None,
        }
    }

    fn of_pair(pair: &str) -> u8 {
        let value = BASE64.encode(pair);
        let line = format!("Authorization: Basic {value}");
        basic(&subject(&line, &value))
    }

    #[test]
    fn the_password_of_a_basic_header_is_judged() {
        for pair in [
            "deploy:kq7Zx2vPwJ9",
            "a:hwnrnwdj",
            "sk7Zq2vPwJ9kLm3x:",
            "u:uwaw",
        ] {
            assert!(of_pair(pair) >= 90, "{pair} {}", of_pair(pair));
        }
        for pair in [
            "user:password",
            "Aladdin:open sesame",
            "user:",
            "a:${PW}",
            "u:<pw>",
        ] {
            assert!(of_pair(pair) < 50, "{pair} {}", of_pair(pair));
        }
        for pair in ["postman:sunshine", "admin:hunter22"] {
            assert!((50..90).contains(&of_pair(pair)), "{pair}");
        }
    }

    #[test]
    fn words_behind_basic_are_no_header() {
        for text in ["basic authentication", "Basic AuthenticationProvider2"] {
            let value = text.split(' ').next_back().unwrap();
            assert_eq!(basic(&subject(text, value)), 0, "{text}");
        }
    }

    #[test]
    fn machines_and_people() {
        for made in ["flcpknfymdtyy8n3", "fc403974-643f-4d4b-bc18-ee18e427c07a"] {
            assert!(by_machine(made.as_bytes()) >= 90, "{made}");
        }
        for word in [
            "authentication-scheme",
            "0123456789abcdef0123456789abcdef",
            "YOUR_ACCESS_TOKEN_GOES_HERE",
        ] {
            assert!(by_machine(word.as_bytes()) < 50, "{word}");
        }
    }
}
