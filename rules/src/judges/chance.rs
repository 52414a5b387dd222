//! Does a text read as if chance had made it? A model of letter pairs, and what kinds of characters take turns.

use std::sync::LazyLock;

use super::vocabulary::{letters_in_words, words};

/// Letters, and what is none.
const SYMBOLS: usize = 27;

/// Bits that a pair of letters costs in words, by the first and the second; the last is a word's edge.
static PAIRS: LazyLock<[[f32; SYMBOLS]; SYMBOLS]> = LazyLock::new(|| {
    let mut counts = [[0.5_f32; SYMBOLS]; SYMBOLS];
    for word in words() {
        let mut before = SYMBOLS - 1;
        for now in word.bytes().map(symbol).chain([SYMBOLS - 1]) {
            counts[before][now] += 1.0;
            before = now;
        }
    }
    for row in &mut counts {
        let all: f32 = row.iter().sum();
        row.iter_mut()
            .for_each(|count| *count = -(*count / all).log2());
    }
    counts
});

fn symbol(byte: u8) -> usize {
    match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => usize::from(letter - b'a'),
        _ => SYMBOLS - 1,
    }
}

/// What a value is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Makeup {
    pub(super) length: usize,
    pub(super) lower: usize,
    pub(super) upper: usize,
    pub(super) digits: usize,
    pub(super) other: usize,
    /// Different bytes.
    pub(super) distinct: usize,
    /// Letters that belong to words.
    pub(super) worded: usize,
    /// Times that a byte is of another kind (lower case, upper case, digit, other) than the one before it.
    pub(super) turns: usize,
    /// Bits a letter costs in words, on average; 0 without letters. Words have some 3 to 4, chance has 5 and more.
    pub(super) surprise: f32,
}

impl Makeup {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut made = Self {
            length: text.len(),
            worded: letters_in_words(text),
            ..Self::default()
        };
        let mut seen = [false; 256];
        let mut last = None;
        let (mut bits, mut pairs) = (0.0, 0);
        let mut before = SYMBOLS - 1;
        for &byte in text {
            seen[usize::from(byte)] = true;
            let kind = match byte {
                b'a'..=b'z' => 0,
                b'A'..=b'Z' => 1,
                b'0'..=b'9' => 2,
                _ => 3,
            };
            let count = [
                &mut made.lower,
                &mut made.upper,
                &mut made.digits,
                &mut made.other,
            ];
            if let Some(count) = count.into_iter().nth(kind) {
                *count += 1;
            }
            made.turns += usize::from(last.is_some_and(|last| last != kind));
            last = Some(kind);
            let now = symbol(byte);
            if now != SYMBOLS - 1 {
                bits += PAIRS[before][now];
                pairs += 1;
            }
            before = now;
        }
        made.distinct = seen.iter().filter(|seen| **seen).count();
        if pairs > 0 {
            made.surprise = bits / pairs as f32;
        }
        made
    }

    pub(super) fn letters(&self) -> usize {
        self.lower + self.upper
    }

    /// The share of the letters that belong to words; 0 without letters.
    pub(super) fn share_in_words(&self) -> f32 {
        match self.letters() {
            0 => 0.0,
            letters => self.worded as f32 / letters as f32,
        }
    }

    /// How many of the four kinds of characters there are.
    pub(super) fn kinds(&self) -> usize {
        [self.lower, self.upper, self.digits, self.other]
            .into_iter()
            .filter(|count| *count > 0)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_surprises_more_than_words() {
        let surprise = |text: &str| Makeup::of(text.as_bytes()).surprise;
        for words in ["connection_timeout", "getUserName", "authorization"] {
            assert!(surprise(words) < 4.3, "{words} {}", surprise(words));
        }
        for chance in ["kq7Zx2vPwJ9", "xqzkvjwpfg", "hD83kdPq0xLmZw"] {
            assert!(surprise(chance) > 4.8, "{chance} {}", surprise(chance));
        }
    }

    #[test]
    fn kinds_are_counted() {
        let made = Makeup::of(b"aB3$aB");
        assert_eq!(
            (made.lower, made.upper, made.digits, made.other),
            (2, 2, 1, 1)
        );
        assert_eq!((made.distinct, made.turns, made.kinds()), (4, 5, 4));
        assert_eq!(Makeup::of(b"").surprise, 0.0);
    }
}
