//! Betterleaks' filters: expressions that say which findings are none.
//!
//! The language is that of Expr (expr-lang.org), of which we know what rule files use: comparisons, `&& || !`, `?:`, `??`, `+ - *`,
//! slices, `let`, `in contains startsWith endsWith matches`, the functions `matchesAny containsAny findMatch entropy get len max min
//! lower upper`, and of `finding` and `attributes` what [`parse`] lists. A finding is discarded where its filter is true.
//!
//! What is not known is neither true nor false: the value is unknown, and so is what is made of it, unless the rest decides
//! (`unknown || true` is true). An unknown filter discards nothing, so a rule finds more than it would there, never less;
//! and what is unknown is told with its place. The same trick splits an expression between content and place: while a text is
//! scanned its path is unknown, and what is left of the expression then ([`Residue`]) is asked again for each path.
//!
//! All of it is bounded: length, depth and size of an expression when it is read, and it is walked once a finding.

mod eval;
mod parse;
mod token;

use crate::allowlist::Site;
use eval::{Bool, Ground};
pub(crate) use eval::{Facts, Residue};

/// Longest expression, in bytes.
pub(super) const LENGTH: usize = 512 << 10;

/// An expression, read and compiled.
#[derive(Debug)]
pub(crate) struct Filter {
    test: Bool,
    places: Vec<Place>,
}

/// A part of an expression that is about the place of a text alone.
#[derive(Debug)]
struct Place {
    test: Bool,
    reads_path: bool,
}

/// What is wrong with an expression, and where: all of it is then not honoured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// In bytes from the start of the expression.
    pub(crate) at: usize,
    pub(crate) reason: String,
}

impl Error {
    fn new(at: usize, reason: &str) -> Self {
        Self {
            at,
            reason: reason.to_owned(),
        }
    }
}

/// What a filter makes of a match by its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Stands,
    /// Discarded wherever it lies.
    Discarded,
    /// Discarded wherever it lies, because the secret contains a word.
    ByWord,
    /// The place decides.
    Depends(Residue),
}

/// Why a place discards a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByPlace {
    Path,
    Commit,
}

impl Filter {
    /// The filter, if the expression could be read, and what of it is not honoured.
    /// A prefilter (not `with_finding`) knows no finding.
    pub(crate) fn compile(text: &str, with_finding: bool) -> (Option<Self>, Vec<Error>) {
        if text.len() > LENGTH {
            let reason = format!("it is longer than {LENGTH} bytes");
            return (None, vec![Error { at: 0, reason }]);
        }
        match parse::parse(text, with_finding) {
            Ok((filter, unknown)) => (Some(filter), unknown),
            Err(error) => (None, vec![error]),
        }
    }

    /// Judges a match by its content.
    pub(crate) fn content(&self, facts: &Facts<'_>) -> Outcome {
        let ground = |words| Ground {
            facts: Some(facts),
            words,
        };
        match self.test.reduce(&ground(true)) {
            Residue::Known(Some(true)) => match self.test.reduce(&ground(false)) {
                Residue::Known(Some(true)) => Outcome::Discarded,
                _ => Outcome::ByWord,
            },
            Residue::Known(_) => Outcome::Stands,
            residue => Outcome::Depends(residue),
        }
    }

    /// What is to be asked of a place alone: for expressions that know no content.
    pub(crate) fn bare(&self) -> Residue {
        let ground = Ground {
            facts: None,
            words: true,
        };
        self.test.reduce(&ground)
    }

    /// Whether a place discards what `residue` is left of.
    pub(crate) fn place(&self, residue: &Residue, site: &Site<'_>) -> Option<ByPlace> {
        let ask = |with_paths: bool| {
            residue.truth(&|index| {
                let place = self.places.get(usize::from(index))?;
                (with_paths || !place.reads_path).then(|| place.test.at(site))?
            })
        };
        match (ask(true), ask(false)) {
            (Some(true), Some(true)) => Some(ByPlace::Commit),
            (Some(true), _) => Some(ByPlace::Path),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
