//! One text through the rules: matches become hits that hold no secret.

use std::{ops::Range, sync::Arc};

use exeat_rules::{Match, RuleSet, Scratch};

use crate::{
    fingerprint::{Fingerprint, FingerprintKey},
    mask::Masked,
};

/// What one worker needs to examine texts. It holds the caches of the rules' automata, so it is
/// made once per thread and rule set, not once per text.
pub struct Examiner {
    rules: Arc<RuleSet>,
    key: FingerprintKey,
    scratch: Scratch,
    matches: Vec<Match>,
}

/// A match whose text is gone: what is left may be kept, shown and sent.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The match, for path conditions and allowlists that are judged later.
    pub found: Match,
    pub masked: Masked,
    pub fingerprint: Fingerprint,
    /// Counted from 1.
    pub line: u64,
    /// Bytes from the start of the line, counted from 1.
    pub column: u64,
    pub end_line: u64,
}

/// What examining one text gave.
#[derive(Default)]
pub struct Examined {
    pub hits: Vec<Hit>,
    /// The text held more matches than are counted; it was not read to its end.
    pub truncated: bool,
}

impl Examiner {
    pub fn new(rules: Arc<RuleSet>, key: FingerprintKey) -> Self {
        let scratch = Scratch::new(&rules);
        Self {
            rules,
            key,
            scratch,
            matches: Vec::new(),
        }
    }

    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// The fingerprint of `text` under rule `rule_id`.
    pub fn fingerprint(&self, rule_id: &str, text: &[u8]) -> Fingerprint {
        self.key.fingerprint(rule_id, text)
    }

    /// Scans `text` whole, without regard to where it comes from.
    pub fn examine(&mut self, text: &[u8]) -> Examined {
        self.matches.clear();
        let scan = self.rules.scan(text, &mut self.scratch, &mut self.matches);
        if self.matches.is_empty() {
            return Examined {
                hits: Vec::new(),
                truncated: scan.truncated,
            };
        }
        let mut lines = Lines::new(text);
        self.matches.sort_by_key(|found| found.secret.start);
        let hits = self
            .matches
            .drain(..)
            .map(|found| {
                let secret = text.get(found.secret.clone()).unwrap_or_default();
                let (line, column) = lines.locate(found.secret.start);
                let end_line = line + newlines(secret.strip_suffix(b"\n").unwrap_or(secret));
                Hit {
                    masked: Masked::new(secret),
                    fingerprint: self
                        .key
                        .fingerprint(&self.rules.rule(found.rule).id, secret),
                    line,
                    column,
                    end_line,
                    found,
                }
            })
            .collect();
        Examined {
            hits,
            truncated: scan.truncated,
        }
    }

    /// The spans of `text` that any rule takes for a secret; all of it when there are too many.
    pub(crate) fn secret_spans(&mut self, text: &[u8]) -> Vec<Range<usize>> {
        self.matches.clear();
        let scan = self.rules.scan(text, &mut self.scratch, &mut self.matches);
        if scan.truncated {
            return std::iter::once(0..text.len()).collect();
        }
        self.matches.drain(..).map(|found| found.secret).collect()
    }
}

/// Line numbers for ascending offsets of one text, counted only up to the last one asked for.
struct Lines<'a> {
    text: &'a [u8],
    offset: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            offset: 0,
            line: 1,
        }
    }

    /// Line and column of `offset`, which must not be below the one asked for before.
    fn locate(&mut self, offset: usize) -> (u64, u64) {
        let between = self.text.get(self.offset..offset).unwrap_or_default();
        self.line += newlines(between);
        self.offset = offset.max(self.offset);
        let before = self.text.get(..offset).unwrap_or_default();
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        (self.line, (offset - line_start) as u64 + 1)
    }
}

fn newlines(text: &[u8]) -> u64 {
    bstr::ByteSlice::find_iter(text, b"\n").count() as u64
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_and_columns_count_from_one() {
        let mut lines = Lines::new(b"ab\ncd\n\nef");
        assert_eq!(lines.locate(0), (1, 1));
        assert_eq!(lines.locate(1), (1, 2));
        assert_eq!(lines.locate(3), (2, 1));
        assert_eq!(lines.locate(6), (3, 1));
        assert_eq!(lines.locate(8), (4, 2));
    }
}
