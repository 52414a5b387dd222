//! Composite rules: a match counts only where every rule that it requires matches nearby, in the same text.
//!
//! gitleaks' meaning, which Betterleaks shares: the required rule runs over the whole text whether or not one of its keywords
//! stands there; distances are those between the lines, and between the columns, at which the two matches begin; without a
//! distance anywhere in the text will do. What excuses a match of the required rule wherever it lies (entropy, stopwords, a
//! regex) makes it none; what excuses it at some paths only does not, because a text is scanned without its path: then
//! the composite finding stands.
//!
//! It stays linear: a part runs once a text, and only if a rule that requires it has matched. Of a part [`SPOTS`] places are
//! kept, and a text pays for [`COMPARED`] comparisons of columns. Beyond either a requirement counts as met: a finding that
//! cannot be disproved stands.

use std::collections::HashMap;
use std::ops::Range;

use super::{Match, Scratch, group};
use crate::compile::Requirement;
use crate::{RuleIndex, RuleSet};

/// Most places of a part that are kept of one text.
const SPOTS: usize = 4096;
/// Most places of parts whose columns are looked at for one text.
const COMPARED: usize = 1 << 20;

/// Where a match begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// Newlines up to the place, and at it.
    line: usize,
    /// Bytes from the last of them.
    column: usize,
}

impl Spot {
    /// Whether it is in the first `lines` lines.
    pub(super) fn is_in_head(self, lines: usize) -> bool {
        self.line < lines
    }
}

/// Where the parts of composite rules lie in one text.
#[derive(Debug)]
pub(super) struct Parts {
    spots: HashMap<RuleIndex, Spots>,
    compared: usize,
}

/// Where one part lies, in ascending order.
#[derive(Debug, Default)]
struct Spots {
    spots: Vec<Spot>,
    /// There are more.
    many: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            spots: HashMap::new(),
            compared: COMPARED,
        }
    }
}

impl Parts {
    /// Notes a match of a part; `false` if no more have to be noted.
    pub(super) fn note(&mut self, part: RuleIndex, spot: Spot) -> bool {
        let Spots { spots, many } = self.spots.entry(part).or_default();
        if spots.len() >= SPOTS {
            *many = true;
            return false;
        }
        spots.push(spot);
        true
    }

    /// Whether all of `required` is there for a match that begins at `spot`.
    pub(super) fn meet(&mut self, required: &[Requirement], spot: Spot) -> bool {
        let compared = &mut self.compared;
        required.iter().all(|each| {
            let spots = self.spots.get(&each.part);
            spots.is_some_and(|spots| spots.is_near(spot, each, compared))
        })
    }
}

impl Spots {
    fn is_near(&self, spot: Spot, requirement: &Requirement, compared: &mut usize) -> bool {
        let lines = requirement.lines.unwrap_or(usize::MAX);
        let lines = spot.line.saturating_sub(lines)..=spot.line.saturating_add(lines);
        let first = self
            .spots
            .partition_point(|each| each.line < *lines.start());
        let mut in_lines = self.spots.iter().skip(first);
        let mut in_lines = in_lines
            .by_ref()
            .take_while(|each| lines.contains(&each.line));
        let found = match requirement.columns {
            None => in_lines.next().is_some(),
            Some(columns) => in_lines.any(|each| {
                *compared = compared.saturating_sub(1);
                *compared == 0 || each.column.abs_diff(spot.column) <= columns
            }),
        };
        found || self.many
    }
}

/// Counts lines on the way through a text, for places in ascending order.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    /// Bytes of the whole text that are counted.
    counted: usize,
    line: usize,
    /// Where in the whole text the line begins.
    start: usize,
}

impl Lines {
    /// The spot of place `at` of `text`, which stands at `offset` of the whole text.
    pub(super) fn spot(&mut self, text: &[u8], offset: usize, at: usize) -> Spot {
        self.pass(text, offset, at + 1);
        Spot {
            line: self.line,
            column: (offset + at + 1).saturating_sub(self.start),
        }
    }

    /// Counts on to before place `to` of `text`.
    pub(super) fn pass(&mut self, text: &[u8], offset: usize, to: usize) {
        let from = self.counted.saturating_sub(offset);
        let Some(between) = text.get(from..to) else {
            return;
        };
        if let Some(last) = between.iter().rposition(|&byte| byte == b'\n') {
            self.line += between.iter().filter(|&&byte| byte == b'\n').count();
            self.start = offset + from + last + 1;
        }
        self.counted = offset + to;
    }
}

impl RuleSet {
    /// Drops the matches from the `first` on whose rule requires what is not there. The text's keywords have been found.
    pub(super) fn drop_unmet(
        &self,
        text: &[u8],
        scratch: &mut Scratch,
        matches: &mut Vec<Match>,
        first: usize,
    ) {
        let required = |rule: RuleIndex| self.matchers.get(rule).map_or(&[][..], |m| &m.required);
        let found = matches.get(first..).unwrap_or_default();
        let mut needed: Vec<RuleIndex> = found
            .iter()
            .flat_map(|found| required(found.rule))
            .map(|each| each.part)
            .collect();
        if needed.is_empty() {
            return;
        }
        needed.sort_unstable();
        needed.dedup();
        let mut parts = self.find_parts(text, scratch, &needed);
        let mut lines: HashMap<RuleIndex, Lines> = HashMap::new();
        let mut at = 0;
        matches.retain(|found| {
            let is_old = at < first;
            at += 1;
            let required = required(found.rule);
            if is_old || required.is_empty() {
                return true;
            }
            // Of one rule the matches are in order.
            let lines = lines.entry(found.rule).or_default();
            parts.meet(required, lines.spot(text, 0, found.span.start))
        });
    }

    /// Runs the rules `needed` over the text.
    fn find_parts(&self, text: &[u8], scratch: &mut Scratch, needed: &[RuleIndex]) -> Parts {
        for &part in needed {
            if self.reads_whole_texts(part) {
                scratch.wake(part, true, text);
            }
        }
        let mut parts = Parts::default();
        let mut lines: HashMap<RuleIndex, Lines> = HashMap::new();
        let starts = |rule: RuleIndex| -> Option<Range<usize>> {
            needed.binary_search(&rule).ok().map(|_| 0..text.len())
        };
        self.run_each(text, scratch, &starts, &mut |rule, matcher, slots| {
            let Some(span) = group(slots, 0) else {
                return true;
            };
            let found = matcher.judge(rule, text, slots);
            if found.is_none_or(|found| found.by_word) {
                return true;
            }
            let lines = lines.entry(rule).or_default();
            parts.note(rule, lines.spot(text, 0, span.start))
        });
        parts
    }
}
