//! What excuses a match: by content while scanning, by path and commit afterwards.
//!
//! A blob is scanned once, whatever paths it has. So an allowlist is split: its content half (regexes, stopwords) is judged
//! with the text at hand, its place half (paths, commits) when one place is asked about. An allowlist judges one match and
//! never silences another.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use aho_corasick::AhoCorasick;

use crate::compile::Patterns;
use crate::filter::ByPlace;
use crate::format::Target;

/// Where one copy of a text lies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Site<'a> {
    /// `None` for texts without a path, such as commit messages: no path condition holds for them.
    pub path: Option<&'a [u8]>,
    /// Full commit id in hexadecimal.
    pub commit: Option<&'a str>,
}

/// Whether a match counts at one [`Site`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Standing {
    /// It counts.
    Stands,
    /// The rule does not speak about this path.
    OutOfPath,
    /// An allowlist excuses it here.
    Allowed,
    /// An allowlist of a file that is not ours excuses it for what a pusher can choose freely. It is no finding for who
    /// takes such files at their word, and one worth a look where nobody must slip through.
    Hidden(Hiding),
}

/// What of an imported allowlist excuses a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hiding {
    /// The path it lies at.
    Path,
    /// A word in the secret.
    Stopword,
}

impl fmt::Display for Hiding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "path",
            Self::Stopword => "stopword",
        })
    }
}

/// Bytes to either side of a match that its "line" holds at most: a file of one line must not become the context of everything
/// in it, neither for the time it takes nor for what it would excuse.
pub(crate) const LINE: usize = 1024;

/// A compiled allowlist.
#[derive(Debug)]
pub(crate) struct Allowlist {
    /// Every half that is given must hold; otherwise one is enough.
    pub(crate) all: bool,
    pub(crate) commits: HashSet<String>,
    pub(crate) paths: Option<Patterns>,
    pub(crate) regexes: Option<Patterns>,
    pub(crate) target: Target,
    pub(crate) stopwords: Option<AhoCorasick>,
    /// It comes from a file that does not ship with us.
    pub(crate) imported: bool,
}

/// What an allowlist makes of a match's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Excused wherever it lies.
    Excused,
    /// Excused wherever it lies, for a word in the secret.
    ByWord,
    /// Excused where the place half holds.
    Depends,
    /// Not excused by this list anywhere.
    Stands,
}

impl Allowlist {
    /// Judges a match by its content alone.
    pub(crate) fn content(
        &self,
        text: &[u8],
        span: &Range<usize>,
        secret: &Range<usize>,
    ) -> Content {
        let has_place = !self.commits.is_empty() || self.paths.is_some();
        let regex = self
            .regexes
            .as_ref()
            .map(|regex| regex.get().is_match(self.target(text, span, secret)));
        let stopword = self
            .stopwords
            .as_ref()
            .map(|words| words.is_match(slice(text, secret)));
        let halves = [regex, stopword];
        let excused = match self.all {
            true => halves.iter().all(|half| half.unwrap_or(true)),
            false => halves.iter().any(|half| half.unwrap_or(false)),
        };
        match (self.all, excused, has_place) {
            (true, true, true) | (false, false, true) => Content::Depends,
            (true, true, _) if stopword.is_some() => Content::ByWord,
            (false, true, _) if regex != Some(true) => Content::ByWord,
            (_, true, _) => Content::Excused,
            (_, false, _) => Content::Stands,
        }
    }

    /// Whether the place half excuses what [`Content::Depends`] on it.
    pub(crate) fn place(&self, site: &Site<'_>) -> Option<ByPlace> {
        let commit = (!self.commits.is_empty()).then(|| {
            site.commit
                .is_some_and(|commit| self.commits.contains(&commit.to_ascii_lowercase()))
        });
        let path = self
            .paths
            .as_ref()
            .map(|paths| site.path.is_some_and(|path| paths.get().is_match(path)));
        match (self.all, commit, path) {
            (true, _, Some(true)) if commit != Some(false) => Some(ByPlace::Path),
            (true, Some(true), None) => Some(ByPlace::Commit),
            (true, ..) => None,
            (false, Some(true), _) => Some(ByPlace::Commit),
            (false, _, Some(true)) => Some(ByPlace::Path),
            (false, ..) => None,
        }
    }

    /// Whether it says anything about content; then a path alone is not excused by an all-of list.
    pub(crate) fn has_content(&self) -> bool {
        self.regexes.is_some() || self.stopwords.is_some()
    }

    fn target<'t>(&self, text: &'t [u8], span: &Range<usize>, secret: &Range<usize>) -> &'t [u8] {
        match self.target {
            Target::Secret => slice(text, secret),
            Target::Match => slice(text, span),
            Target::Line => slice(text, &line(text, span)),
        }
    }
}

/// The lines that a match touches, without the last newline, cut at 1024 bytes from the match.
pub fn line(text: &[u8], span: &Range<usize>) -> Range<usize> {
    let from = span.start.saturating_sub(LINE);
    let to = span.end.saturating_add(LINE).min(text.len());
    let before = slice(text, &(from..span.start));
    let after = slice(text, &(span.end..to));
    let start = before
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(from, |at| from + at + 1);
    let end = after
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(to, |at| span.end + at);
    start..end
}

fn slice<'t>(text: &'t [u8], range: &Range<usize>) -> &'t [u8] {
    text.get(range.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_at_newlines_and_at_its_limit() {
        let text = b"one\ntwo secret three\nfour";
        assert_eq!(slice(text, &line(text, &(8..14))), b"two secret three");
        assert_eq!(slice(text, &line(text, &(0..3))), b"one");
        assert_eq!(slice(text, &line(text, &(21..25))), b"four");
        let long = [b'a'; 10_000];
        assert_eq!(line(&long, &(5000..5010)), 3976..6034);
    }
}
