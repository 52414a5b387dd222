//! Judges: how certain it is, in percent, that what a generic rule matched is a secret.
//!
//! A validator says yes or no and must never say no to a real secret. A judge weighs: what the value is made of, whether it
//! reads like words or like chance, what stands around it. Thresholds of the rule turn that into a block, a review, a
//! note or nothing. All judges are pure, offline and linear in the match and the lines it touches, which are cut at 1,024 bytes from it.

mod account;
mod chance;
mod header;
mod key;
mod name;
mod password;
mod private_key;
mod published;
mod reference;
mod token;
mod vocabulary;
mod web_token;

use std::ops::Range;

pub(crate) use vocabulary::words;

use regex_automata::util::primitives::NonMaxUsize;

use crate::Rule;
use crate::allowlist::line;
use crate::engine::group;

/// From this certainty on a find leads to its rule's action, unless the rule says otherwise; in percent.
pub const BLOCK_FROM: u8 = 80;
/// From this certainty on a find leads to a review at most, unless the rule says otherwise; in percent.
pub const REVIEW_FROM: u8 = 50;
/// A certainty in percent that is never reached.
pub const NEVER: u8 = 101;
/// From this certainty on the confidence of a find is medium, in percent; from its rule's `block_from` on it is high.
pub(crate) const MEDIUM_FROM: u8 = 70;

/// A judge that a rule can name with `judge = "<name>"`.
#[derive(Clone, Copy, Debug)]
pub struct Judge {
    pub name: &'static str,
    /// What it judges, in one line.
    pub about: &'static str,
    /// The certainty in percent, 0 to 100.
    pub certainty: fn(&Subject<'_>) -> u8,
}

/// Every judge.
pub const ALL: &[Judge] = &[
    Judge {
        name: "password",
        about: "a password that a person or a generator chose",
        certainty: password::certainty,
    },
    Judge {
        name: "key",
        about: "the value of something that is called no more than a key",
        certainty: key::certainty,
    },
    Judge {
        name: "pieces",
        about: "a text in pieces, one of which a machine made",
        certainty: token::of_pieces,
    },
    Judge {
        name: "prose",
        about: "a word of a sentence that a machine made",
        certainty: token::in_prose,
    },
    Judge {
        name: "token",
        about: "a key, token or secret that a machine made",
        certainty: token::certainty,
    },
    Judge {
        name: "account-password",
        about: "the password of the account it is written with, as in a URL",
        certainty: account::certainty,
    },
    Judge {
        name: "stored-password",
        about: "a credential in a file that programs keep credentials in",
        certainty: account::stored,
    },
    Judge {
        name: "basic",
        about: "base64 of a name, a colon and a password",
        certainty: header::basic,
    },
    Judge {
        name: "bearer",
        about: "the token of an Authorization header",
        certainty: header::bearer,
    },
    Judge {
        name: "jwt",
        about: "a signed JSON Web Token that is no published example",
        certainty: web_token::certainty,
    },
    Judge {
        name: "pem",
        about: "a private key in PEM form, whole or not",
        certainty: private_key::pem,
    },
    Judge {
        name: "der",
        about: "a private key in base64 of DER",
        certainty: private_key::der,
    },
];

/// The judge of that name.
pub fn find(name: &str) -> Option<&'static Judge> {
    ALL.iter().find(|judge| judge.name == name)
}

/// What `judge` says of the value at `secret`, in percent.
pub(crate) fn ask(judge: &Judge, text: &[u8], secret: Range<usize>) -> u8 {
    (judge.certainty)(&Subject {
        text,
        span: secret.clone(),
        secret,
        name: None,
    })
}

/// What a judge looks at.
#[derive(Clone, Debug)]
pub struct Subject<'t> {
    text: &'t [u8],
    span: Range<usize>,
    secret: Range<usize>,
    name: Option<Range<usize>>,
}

impl<'t> Subject<'t> {
    /// The value itself.
    pub fn secret(&self) -> &'t [u8] {
        self.slice(&self.secret)
    }

    /// The name to which the value is given, as far as it stands where the match begins, and where in it the match does: the
    /// group `name` of the regex if it has one. At most 64 bytes of it are before the match.
    pub fn name(&self) -> (&'t [u8], usize) {
        if let Some(name) = &self.name {
            return (self.slice(name), 0);
        }
        let is_part =
            |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$');
        let before = self.slice(&(self.span.start.saturating_sub(64)..self.span.start));
        let before = before.iter().rev().take_while(is_part).count();
        let behind = self.slice(&(self.span.start..self.secret.start.max(self.span.start)));
        let behind = behind.iter().take_while(is_part).count();
        (
            self.slice(&(self.span.start - before..self.span.start + behind)),
            before,
        )
    }

    /// The byte that stands before the value, which is a quote or is not.
    pub fn opening(&self) -> Option<u8> {
        let before = self.secret.start.checked_sub(1)?;
        self.text.get(before).copied()
    }

    /// The byte that stands behind the value.
    pub fn closing(&self) -> Option<u8> {
        self.text.get(self.secret.end).copied()
    }

    /// Whether the value stands in quotes.
    pub fn is_quoted(&self) -> bool {
        let quote = |byte: &u8| matches!(byte, b'"' | b'\'' | b'`');
        self.opening().filter(quote).is_some() && self.closing().filter(quote).is_some()
    }

    /// The lines that the match touches, cut at 1,024 bytes from it.
    pub fn line(&self) -> &'t [u8] {
        self.slice(&line(self.text, &self.span))
    }

    /// What stands before the value on its line and on as many as `lines` before that, cut at 256 bytes.
    pub fn lines_before(&self, lines: usize) -> &'t [u8] {
        let from = self.secret.start.saturating_sub(256);
        let before = self.slice(&(from..self.secret.start));
        let ends = before.iter().enumerate().rev();
        let start = ends.filter(|(_, byte)| **byte == b'\n').nth(lines);
        before
            .get(start.map_or(0, |(at, _)| at + 1)..)
            .unwrap_or_default()
    }

    /// What stands before the value on its line, cut at 1,024 bytes.
    pub fn before(&self) -> &'t [u8] {
        let line = line(self.text, &self.secret);
        self.slice(&(line.start..self.secret.start))
    }

    /// What stands behind the value on its line, cut at 1,024 bytes.
    pub fn after(&self) -> &'t [u8] {
        let line = line(self.text, &self.secret);
        self.slice(&(self.secret.end..line.end))
    }

    fn slice(&self, range: &Range<usize>) -> &'t [u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

/// A rule's judge, and what becomes of what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judging {
    certainty: fn(&Subject<'_>) -> u8,
    told_from: u8,
    /// The capture group `name`, if the regex has one.
    name: Option<usize>,
}

impl Judging {
    /// `names` are the regex's groups.
    pub(crate) fn of(rule: &Rule, name: Option<usize>) -> Option<Self> {
        let judge = find(rule.judge.as_deref()?)?;
        Some(Self {
            certainty: judge.certainty,
            told_from: rule.note_from.min(rule.review_from).min(rule.block_from),
            name,
        })
    }

    /// In percent; `None` if it is too little for a find.
    pub(crate) fn certainty(
        &self,
        text: &[u8],
        span: &Range<usize>,
        secret: &Range<usize>,
        slots: &[Option<NonMaxUsize>],
    ) -> Option<u8> {
        let certainty = self.raw(text, span, secret, slots);
        self.suffices(certainty).then_some(certainty)
    }

    pub(crate) fn suffices(&self, certainty: u8) -> bool {
        certainty >= self.told_from
    }

    pub(crate) fn raw(
        &self,
        text: &[u8],
        span: &Range<usize>,
        secret: &Range<usize>,
        slots: &[Option<NonMaxUsize>],
    ) -> u8 {
        let subject = Subject {
            text,
            span: span.clone(),
            secret: secret.clone(),
            name: self.name.and_then(|name| group(slots, name)),
        };
        (self.certainty)(&subject).min(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The certainty about `value`, given to `name` as in `name = "value"` or `name=value`.
    fn certainty(judge: &str, name: &str, quote: &str, value: &str) -> u8 {
        let text = format!(
            "{name}{}{quote}{value}{quote}\n",
            if quote.is_empty() { "=" } else { " = " }
        );
        let start = text.len() - 1 - quote.len() - value.len();
        // A rule's match begins at the word that it knows.
        let words = ["password", "token", "key", "secret"];
        let lower = name.to_lowercase();
        let word = words
            .iter()
            .filter_map(|word| lower.find(word))
            .min()
            .unwrap_or(0);
        let subject = Subject {
            text: text.as_bytes(),
            span: word..text.len() - 1,
            secret: start..start + value.len(),
            name: None,
        };
        (find(judge).unwrap().certainty)(&subject)
    }

    #[test]
    fn passwords_are_told_from_what_stands_where_one_would() {
        for real in [
            "jzkdqw",
            "kT8#vq2Zx!p",
            "Welcome2024!",
            "qeil378532",
            "afsW9oHHVgHK00TJTUOeZEBuiocamU",
        ] {
            assert!(
                certainty("password", "db_password", "\"", real) >= REVIEW_FROM,
                "{real}"
            );
        }
        for none in [
            "password",
            "changeme",
            "your-password",
            "some-password",
            "${DB_PASSWORD}",
            "{{ password }}",
            "getPassword()",
            "Enter your password",
            "test1234",
            "example",
            "********",
            "string",
            "user.password",
            "pw",
            "123456",
            "%s",
            "/run/secrets/db",
        ] {
            assert!(
                certainty("password", "db_password", "\"", none) < REVIEW_FROM,
                "{none}"
            );
        }
        for name in [
            "password_hash",
            "passwordField",
            "PASSWORD_FILE",
            "passport",
            "password_encryption",
            "password-reset-url",
        ] {
            assert_eq!(
                certainty("password", name, "\"", "kT8#vq2Zx!p"),
                0,
                "{name}"
            );
        }
    }

    #[test]
    fn tokens_are_told_from_names_and_hashes() {
        let random = "kT8vq2Zx1pLm0Wd7Rb4Yc9Hs";
        assert!(certainty("token", "api_key", "\"", random) >= BLOCK_FROM);
        assert!(certainty("token", "api_key", "", random) >= BLOCK_FROM);
        let hex = "9f2c4e8a1b7d3f605c2e9a4b8d1f7036";
        assert!(certainty("token", "client_secret", "\"", hex) >= REVIEW_FROM);
        assert!(
            certainty(
                "token",
                "client_secret",
                "\"",
                "0f4d8f7e-41c1-4b8e-9f4b-2c1a90e7d3b5"
            ) >= REVIEW_FROM
        );
        for none in [
            "session-token-cookie",
            "com.example.auth.TokenService",
            "my_secret_name",
            "${TOKEN}",
            "application/json",
            "your-api-key-here",
        ] {
            assert!(
                certainty("token", "token", "\"", none) < REVIEW_FROM,
                "{none}"
            );
        }
        for name in [
            "token_url",
            "next_token",
            "tokenizer",
            "tokenAddress",
            "public_key",
            "token_sha256",
            "secret_name",
        ] {
            assert_eq!(certainty("token", name, "\"", random), 0, "{name}");
        }
    }

    #[test]
    fn names_of_program_text_are_none() {
        let judged = |text: &str, secret: Range<usize>| {
            let subject = Subject {
                text: text.as_bytes(),
                span: 0..secret.end,
                secret,
                name: None,
            };
            password::certainty(&subject)
        };
        assert_eq!(judged("password = argv;\n", 11..15), 0);
        assert_eq!(judged("login(password=pwtxt, x)\n", 15..20), 0);
        assert_eq!(judged("password: crate::Dfa\n", 10..20), 0);
        assert!(judged("password: jzkdq\n", 10..15) >= REVIEW_FROM);
    }

    #[test]
    fn every_judge_survives_any_bytes() {
        let mut random = crate::random::Random::from_word("judges");
        for length in 0..400 {
            let text = random.bytes(length);
            let half = length / 2;
            for secret in [0..length, half..length, half..half, 0..half] {
                let subject = Subject {
                    text: &text,
                    span: 0..length,
                    secret,
                    name: None,
                };
                for judge in ALL {
                    assert!((judge.certainty)(&subject) <= 100);
                }
            }
        }
    }
}
