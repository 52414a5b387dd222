//! One term: the letters and digits that it is made of, and where its words part.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::fold::Folded;
use crate::DictionaryKind;

/// Longest term, in bytes as it is written.
pub(crate) const LONGEST: usize = 200;
/// Bytes between two words of a term at most.
const SEPARATORS: usize = 8;

/// What stands before the name of a package in the layer of a manifest.
pub(super) const PACKAGE: &[u8] = b"package: ";

/// A term as it is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Term {
    /// In lower case and folded: names without what separates their words.
    letters: Box<[u8]>,
    /// Before which of the letters separators may stand.
    gaps: Box<[bool]>,
    /// Of a package, that any rest may follow.
    is_beginning: bool,
}

impl Term {
    /// Reads a term of a dictionary of this kind.
    ///
    /// # Errors
    /// Why it is none, for whoever wrote it.
    pub(crate) fn read(kind: DictionaryKind, text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("it is longer than 200 bytes");
        }
        match kind {
            DictionaryKind::Names | DictionaryKind::Customers | DictionaryKind::People => {
                Self::words(text)
            }
            DictionaryKind::Hosts | DictionaryKind::Registries => Self::host(text),
            DictionaryKind::Packages => Self::package(text),
            DictionaryKind::Tickets => Self::ticket(text),
        }
    }

    fn words(text: &str) -> Result<Self, &'static str> {
        let folded = Folded::of(text.as_bytes(), 0..text.len());
        let (mut letters, mut gaps) = (Vec::new(), Vec::new());
        let mut is_gap = false;
        let mut run = 0;
        let mut longest = 0;
        for &byte in folded.text() {
            if is_separator(byte) {
                is_gap = !letters.is_empty();
                run = 0;
                continue;
            }
            letters.push(byte.to_ascii_lowercase());
            gaps.push(is_gap);
            is_gap = false;
            run += 1;
            longest = longest.max(run);
        }
        match longest {
            0..3 => Err("a term needs a word of three letters or digits"),
            _ => Ok(Self::new(letters, gaps)),
        }
    }

    /// The end of a host's name, with a path if there is one.
    fn host(text: &str) -> Result<Self, &'static str> {
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let text = text.trim_start_matches("*.").trim_matches(['.', '/']);
        let is_of_url = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}*?".contains(&byte);
        if text.len() < 4 || !text.bytes().all(is_of_url) {
            return Err(
                "a host or registry is a domain of four bytes or more in ASCII, with a path if there is one, and without wildcards but a leading \"*.\"",
            );
        }
        let letters = text.to_ascii_lowercase().into_bytes();
        let gaps = vec![false; letters.len()];
        Ok(Self::new(letters, gaps))
    }

    /// A package as the layer of a manifest names it.
    fn package(text: &str) -> Result<Self, &'static str> {
        let name = text.trim_end_matches('*');
        let is_of_name = |byte: u8| byte.is_ascii_graphic() && !b"*\"'<>\\`".contains(&byte);
        if name.len() < 3 || !name.bytes().all(is_of_name) {
            return Err(
                "a package is a name of three bytes or more in ASCII without blanks; a * at its end stands for any rest",
            );
        }
        let letters = [PACKAGE, name.to_ascii_lowercase().as_bytes()].concat();
        let gaps = vec![false; letters.len()];
        Ok(Self {
            is_beginning: name.len() < text.len(),
            ..Self::new(letters, gaps)
        })
    }

    /// The prefix of tickets, with its hyphen.
    fn ticket(text: &str) -> Result<Self, &'static str> {
        let text = text.trim_end_matches('-');
        let is_prefix = text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if text.len() < 2 || !is_prefix {
            return Err(
                "a ticket's prefix is two or more letters, digits and underscores, and begins with a letter",
            );
        }
        let letters = format!("{}-", text.to_ascii_lowercase()).into_bytes();
        let gaps = vec![false; letters.len()];
        Ok(Self::new(letters, gaps))
    }

    fn new(letters: Vec<u8>, gaps: Vec<bool>) -> Self {
        Self {
            letters: letters.into(),
            gaps: gaps.into(),
            is_beginning: false,
        }
    }

    /// Puts what is looked for into a digest.
    pub(crate) fn digest(&self, digest: &mut Sha256) {
        for (letter, &gap) in self.letters.iter().zip(&self.gaps) {
            digest.update([*letter, gap.into()]);
        }
        digest.update([self.is_beginning.into(), 2]);
    }

    /// Bytes of a text that it takes at most, as far as it is looked for.
    pub(super) fn longest(&self) -> usize {
        let gaps = self.gaps.iter().filter(|&&gap| gap).count();
        self.letters.len() * 4 + gaps * SEPARATORS + 64
    }

    /// The places at which `length` of its letters stand without a gap between them.
    pub(super) fn rows(&self, length: usize) -> impl Iterator<Item = (usize, &[u8])> {
        let rows = self.letters.windows(length).enumerate();
        rows.filter(move |(at, _)| {
            let inner = self.gaps.get(at + 1..at + length);
            inner.is_some_and(|gaps| !gaps.contains(&true))
        })
    }

    /// Whether a package that is named up to `end` is this one, or one below it.
    pub(super) fn ends_package(&self, text: &[u8], end: usize) -> bool {
        let goes_on = |next: &u8| next.is_ascii_alphanumeric() || b"-_".contains(next);
        self.is_beginning || !text.get(end).is_some_and(goes_on)
    }

    /// Where it stands in `text`, if its letter `offset` stands at `at`.
    pub(super) fn span(&self, text: &[u8], at: usize, offset: usize) -> Option<Range<usize>> {
        let mut end = at;
        for (number, letter) in self.letters.iter().enumerate().skip(offset) {
            if number > offset && self.gaps.get(number) == Some(&true) {
                end += separators(text.get(end..)?.iter());
            }
            if text.get(end)?.to_ascii_lowercase() != *letter {
                return None;
            }
            end += 1;
        }
        let mut start = at;
        for number in (0..offset).rev() {
            if self.gaps.get(number + 1) == Some(&true) {
                start -= separators(text.get(..start)?.iter().rev());
            }
            start = start.checked_sub(1)?;
            if text.get(start)?.to_ascii_lowercase() != *self.letters.get(number)? {
                return None;
            }
        }
        Some(start..end)
    }
}

fn separators<'t>(bytes: impl Iterator<Item = &'t u8>) -> usize {
    bytes
        .take(SEPARATORS)
        .take_while(|&&byte| is_separator(byte))
        .count()
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'-' | b'_' | b'.' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_term_is_refused() {
        use DictionaryKind::{Hosts, Names, Registries, Tickets};
        for (kind, text) in [
            (Names, ""),
            (Names, "ab"),
            (Names, "a b c d"),
            (Names, "--"),
            (Hosts, "*.x"),
            (Hosts, "a b.example"),
            (Registries, "https://"),
            (Tickets, "A"),
            (Tickets, "1AB"),
            (Tickets, "A B"),
        ] {
            assert!(Term::read(kind, text).is_err(), "{text}");
        }
        assert!(Term::read(Names, &"x".repeat(201)).is_err());
        for (kind, text) in [
            (Names, "Blue Finch"),
            (Names, "M\u{fc}ller"),
            (Hosts, "*.corp.example"),
            (Registries, "https://npm.corp.example/api/"),
            (Tickets, "IT"),
        ] {
            assert!(Term::read(kind, text).is_ok(), "{text}");
        }
    }
}
