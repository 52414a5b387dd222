//! Judges: how certain it is, in percent, that what a generic rule matched is a secret.
//!
//! A validator says yes or no and must never say no to a real secret. A judge weighs: what the value is made of, whether it
//! reads like words or like chance, what stands around it. Two thresholds of the rule turn that into a block, a review or
//! nothing. All judges are pure, offline and linear in the match and the lines it touches, which are cut at [`LINE`] bytes.
//!
//! [`LINE`]: crate::allowlist

mod account;
mod chance;
mod header;
mod password;
mod private_key;
mod reference;
mod token;
mod vocabulary;
mod web_token;

use std::ops::Range;

use regex_automata::util::primitives::NonMaxUsize;

use crate::Rule;
use crate::allowlist::line;
use crate::engine::group;

/// From this certainty on a find leads to its rule's action, unless the rule says otherwise; in percent.
pub const BLOCK_FROM: u8 = 90;
/// From this certainty on a find leads to a review at most, unless the rule says otherwise; in percent.
pub const REVIEW_FROM: u8 = 50;
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

    /// The name to which the value is given: the group `name` of the regex; empty if it has none.
    pub fn name(&self) -> &'t [u8] {
        self.name.as_ref().map_or(&[], |name| self.slice(name))
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
    review_from: u8,
    /// The capture group `name`, if the regex has one.
    name: Option<usize>,
}

impl Judging {
    /// `names` are the regex's groups.
    pub(crate) fn of(rule: &Rule, name: Option<usize>) -> Option<Self> {
        let judge = find(rule.judge.as_deref()?)?;
        Some(Self {
            certainty: judge.certainty,
            review_from: rule.review_from.min(rule.block_from),
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
        certainty >= self.review_from
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
