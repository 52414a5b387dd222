//! The only form in which a secret may be shown: a few of its characters, or none.

use std::fmt;

use serde::Serialize;

/// Secrets shorter than this show none of their characters.
const SHOWN_FROM: usize = 20;
/// How many characters of a long secret are shown at its start and at its end.
const HEAD: usize = 4;
const TAIL: usize = 2;

/// A masked excerpt: at most four first and two last characters, and only of secrets of at
/// least twenty characters; otherwise stars and a length class. Printable ASCII throughout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Masked(String);

impl Masked {
    /// Masks `secret`. Characters that are not printable ASCII are shown as stars.
    pub fn new(secret: &[u8]) -> Self {
        let length = characters(secret);
        if length < SHOWN_FROM {
            return Self(format!("**** ({} characters)", length_class(length)));
        }
        let head = shown(secret.get(..HEAD).unwrap_or_default());
        let tail = shown(
            secret
                .get(secret.len().saturating_sub(TAIL)..)
                .unwrap_or_default(),
        );
        Self(format!("{head}****{tail}"))
    }

    /// For a finding that is about no text: empty.
    pub fn nothing() -> Self {
        Self(String::new())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Characters if `text` is UTF-8; of other bytes never more than there are. Eight characters of three
/// bytes each are a short secret.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}

/// The exact length of a short secret helps to guess it, so only its class is told.
fn length_class(length: usize) -> &'static str {
    match length {
        0..=7 => "1-7",
        8..=11 => "8-11",
        12..=15 => "12-15",
        _ => "16-19",
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&byte| {
            if byte.is_ascii_graphic() {
                byte as char
            } else {
                '*'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_secrets_show_four_and_two() {
        assert_eq!(
            Masked::new(b"abcd0123456789012345yz").as_str(),
            "abcd****yz"
        );
        assert_eq!(Masked::new(b"abcd01234567890123yz").as_str(), "abcd****yz");
    }

    #[test]
    fn short_secrets_show_only_a_length_class() {
        for length in 0..SHOWN_FROM {
            let secret = "q".repeat(length);
            let masked = Masked::new(secret.as_bytes());
            assert!(!masked.as_str().contains('q'), "{masked}");
        }
        assert_eq!(Masked::new(b"hunter2").as_str(), "**** (1-7 characters)");
    }

    #[test]
    fn characters_count_and_not_bytes() {
        let masked = Masked::new("ab\u{6f22}\u{6f22}\u{6f22}\u{6f22}\u{6f22}\u{6f22}yz".as_bytes());
        assert_eq!(masked.as_str(), "**** (8-11 characters)");
        assert_eq!(Masked::new(&[0xbf; 40]).as_str(), "**** (1-7 characters)");
    }

    #[test]
    fn control_characters_are_never_shown() {
        let masked = Masked::new(b"\x1b[2J\nsecretsecretsecret\x07\x9b");
        assert_eq!(masked.as_str(), "*[2J******");
    }
}
