//! Scanning one long text in windows, with the same result as scanning it whole.
//!
//! Windows overlap. Each tells the matches that begin in one part of it, and these parts lie side by side and cover the text.
//! Behind the part lies more of the text than any match is long, before it more than look-around and allowlists read: so
//! whether a match begins at a place, and what it is, is decided by one window exactly as by the whole text. Two things reach
//! further and are carried from window to window: where each rule's last match ended, because the next one begins behind it;
//! and which rules a keyword has woken, because a keyword at the end of a text wakes a rule for its beginning. Rules that may
//! still be woken are run from the start, and what they find counts once they are ([`Carried::counts`]). Where composite rules
//! and their parts match is carried too, and compared when the text is over; so is what was counted of rules that count.
//!
//! Matches longer than [`LONGEST`] are the exception. No rule of bounded length has them in practice. Of a rule without bound a
//! longer match is found cut where it can end early; where it cannot, the text counts as not read ([`Carried::is_cut`]). Rules that
//! begin near their keywords are asked there whether they need more text than there is; of all others the text must have a
//! stretch of bytes as a match of that length has one ([`crate::stretch`]).

use std::collections::HashMap;
use std::ops::Range;

use super::counted::Tallies;
use super::required::{Lines, Parts, Spot};
use super::{MAX_HIDDEN, Match, Scratch, group, in_order};
use crate::allowlist::LINE;
use crate::{RuleIndex, RuleSet};

/// Longest match that is looked for in a text of several windows, in bytes.
const LONGEST: usize = 256 << 10;
/// Windows overlap at least so much, in bytes.
const OVERLAP: usize = 64 << 10;
/// What look-around and the line of an allowlist read beside a match, in bytes.
const BESIDE: usize = LINE + 1;

/// A part of a longer text.
#[derive(Debug)]
pub struct Window<'t> {
    pub text: &'t [u8],
    /// Where `text` stands in the whole text.
    pub offset: usize,
    /// The matches that begin here are told, in bytes of `text`.
    pub starts: Range<usize>,
}

impl<'t> Window<'t> {
    /// The window over what is at hand of a text: `text` stands at `offset`, matches that begin before `done` have been told.
    /// `overlap` is [`RuleSet::overlap`]; at the text's end (`is_last`) there is nothing to wait for.
    pub fn new(text: &'t [u8], offset: usize, done: usize, overlap: usize, is_last: bool) -> Self {
        let end = match is_last {
            true => text.len(),
            false => text.len().saturating_sub(overlap),
        };
        let start = done.saturating_sub(offset);
        Self {
            text,
            offset,
            starts: start..end.max(start),
        }
    }

    /// Where in the whole text the next window's matches begin.
    pub fn done(&self) -> usize {
        self.offset + self.starts.end
    }

    /// How many bytes of `text` the next window does not need.
    pub fn spent(&self) -> usize {
        self.starts.end.saturating_sub(BESIDE)
    }

    fn is_last(&self) -> bool {
        self.starts.end == self.text.len()
    }
}

/// What one text's windows hand on.
#[derive(Debug)]
pub struct Carried {
    /// By rule: where in the whole text its last match ended.
    ends: Vec<usize>,
    /// By rule: whether its matches count.
    speaks: Vec<bool>,
    /// Rules that wait for a keyword anywhere in the text.
    waiting: Vec<RuleIndex>,
    /// Matches of rules that speak, and of those that wait.
    told: usize,
    kept_back: usize,
    /// By rule: matches that are told and hidden.
    hidden: Vec<usize>,
    /// By rule: matches were dropped because there were too many, or not looked for because that took too many steps.
    dropped: Vec<bool>,
    cut: bool,
    /// By rule: one of its keywords stands in the text, if it has any.
    seen: Vec<bool>,
    /// By rule: a match may be there that is too long.
    stretched: Vec<bool>,
    /// Lines up to what the next window tells.
    lines: Lines,
    parts: Parts,
    /// Matches of composite rules, by their beginning in the whole text.
    composites: HashMap<(RuleIndex, usize), Spot>,
    tallies: Tallies,
}

impl Carried {
    /// For a text that begins.
    pub fn new(rules: &RuleSet) -> Self {
        let waits = |rule: &RuleIndex| {
            let keywords = &rules.rule(*rule).keywords;
            !keywords.is_empty() && rules.reads_whole_texts(*rule) && rules.reports(*rule)
        };
        let waiting: Vec<RuleIndex> = (0..rules.matchers.len()).filter(waits).collect();
        let mut speaks = vec![true; rules.matchers.len()];
        for &rule in &waiting {
            speaks[rule] = false;
        }
        Self {
            ends: vec![0; speaks.len()],
            hidden: vec![0; speaks.len()],
            dropped: vec![false; speaks.len()],
            seen: vec![false; speaks.len()],
            stretched: vec![false; speaks.len()],
            speaks,
            waiting,
            told: 0,
            kept_back: 0,
            cut: false,
            lines: Lines::default(),
            parts: Parts::default(),
            composites: HashMap::new(),
            tallies: Tallies::default(),
        }
    }

    /// Whether `found` counts, whose places are those in the whole text: asked after the last window.
    pub fn counts(&mut self, rules: &RuleSet, found: &Match) -> bool {
        let matcher = rules.matchers.get(found.rule);
        let least = matcher.and_then(|matcher| matcher.at_least);
        if least.is_some_and(|least| !self.tallies.suffice(found.rule, least)) {
            return false;
        }
        let required = matcher.map(|matcher| &matcher.required[..]);
        let spot = self.composites.get(&(found.rule, found.span.start));
        let is_met = match required.zip(spot) {
            Some((required, spot)) => self.parts.meet(required, *spot),
            None => true,
        };
        is_met && self.speaks(found.rule)
    }

    /// Whether the matches of `rule` count as far as its keywords go.
    fn speaks(&self, rule: RuleIndex) -> bool {
        self.speaks.get(rule).copied().unwrap_or(true)
    }

    /// Whether the text held more matches than are told, or took more steps than are granted: it is not scanned, and must not pass as clean.
    pub fn is_truncated(&self) -> bool {
        let mut rules = self.dropped.iter().zip(&self.speaks);
        rules.any(|(dropped, speaks)| *dropped && *speaks)
    }

    /// Whether a match may be there that is longer than windows can tell: the text must not pass as clean.
    pub fn is_cut(&self) -> bool {
        let mut rules = self.seen.iter().zip(&self.stretched);
        self.cut || rules.any(|(seen, stretched)| *seen && *stretched)
    }

    /// Counts a match of `rule`; `false` if there are too many.
    fn count(&mut self, rule: RuleIndex, most: usize) -> bool {
        let count = match self.speaks(rule) {
            true => &mut self.told,
            false => &mut self.kept_back,
        };
        *count += 1;
        let is_kept = *count <= most;
        if let Some(dropped) = self.dropped.get_mut(rule) {
            *dropped |= !is_kept;
        }
        is_kept
    }
}

impl RuleSet {
    /// Bytes by which windows must overlap.
    pub fn overlap(&self) -> usize {
        let searches = self.matchers.iter().filter_map(|m| m.search.as_ref());
        let longest = searches.map(|search| search.max_length.unwrap_or(LONGEST).min(LONGEST));
        let longest = longest.max().unwrap_or(0).max(OVERLAP);
        longest.max(self.dictionaries.overlap()) + BESIDE
    }

    /// Appends what the rules find in `window`, with places in bytes of its text; the order is that of [`Self::scan`] within
    /// one window. Windows of one text come in order and with the same `carried`.
    pub fn scan_window(
        &self,
        window: &Window<'_>,
        carried: &mut Carried,
        scratch: &mut Scratch,
        matches: &mut Vec<Match>,
    ) {
        let text = window.text;
        self.find_places(text, scratch);
        for &rule in &scratch.woken {
            if let Some(speaks) = carried.speaks.get_mut(rule) {
                *speaks = true;
            }
            let required = self.matchers.get(rule).map_or(&[][..], |m| &m.required);
            let parts = required.iter().map(|each| each.part);
            for rule in parts.chain([rule]) {
                if let Some(seen) = carried.seen.get_mut(rule) {
                    *seen = true;
                }
            }
        }
        self.note_stretches(window, carried);
        for at in 0..carried.waiting.len() {
            if let Some(&rule) = carried.waiting.get(at) {
                scratch.wake(rule, true, text);
            }
        }
        // A part's keywords do not matter.
        for &part in &self.parts {
            if self.reads_whole_texts(part) {
                scratch.wake(part, true, text);
            }
        }
        let open = self.open_ended(window, scratch);
        let first = matches.len();
        let most = scratch.max_matches;
        let ends = carried.ends.clone();
        let starts = |rule: RuleIndex| {
            let from = ends.get(rule).copied().unwrap_or(0);
            Some(window.starts.start.max(from.saturating_sub(window.offset))..window.starts.end)
        };
        let mut lines: HashMap<RuleIndex, Lines> = HashMap::new();
        self.run_each(text, scratch, &starts, &mut |rule, matcher, slots| {
            if let Some((span, end)) = group(slots, 0).zip(carried.ends.get_mut(rule)) {
                *end = window.offset + span.end;
            }
            let Some(found) = matcher.judge(rule, text, slots) else {
                return true;
            };
            let is_part = self.parts.binary_search(&rule).is_ok();
            let is_part = is_part && !found.by_word;
            if is_part || !matcher.required.is_empty() || matcher.head.is_some() {
                let lines = lines.entry(rule).or_insert_with(|| carried.lines.clone());
                let spot = lines.spot(text, window.offset, found.span.start);
                if is_part {
                    carried.parts.note(rule, spot);
                }
                if matcher.head.is_some_and(|lines| !spot.is_in_head(lines)) {
                    return true;
                }
                let place = (rule, window.offset + found.span.start);
                if !matcher.required.is_empty() && carried.composites.len() < most {
                    carried.composites.insert(place, spot);
                }
            }
            if !matcher.reports {
                return true;
            }
            if let Some(least) = matcher.at_least {
                let secret = text.get(found.secret.clone()).unwrap_or_default();
                if !found.by_word && carried.tallies.count(rule, least, secret).is_first {
                    matches.push(found);
                }
                return true;
            }
            if found.by_word {
                if let Some(hidden) = carried.hidden.get_mut(rule).filter(|n| **n < MAX_HIDDEN) {
                    *hidden += 1;
                    matches.push(found);
                }
                return true;
            }
            let is_kept = carried.count(rule, most);
            if is_kept {
                matches.push(found);
            }
            is_kept
        });
        let has_heads = self.matchers.iter().any(|matcher| matcher.head.is_some());
        if has_heads || !self.parts.is_empty() {
            carried.lines.pass(text, window.offset, window.starts.end);
        }
        in_order(matches, first);
        for &rule in &scratch.exhausted {
            if let Some(dropped) = carried.dropped.get_mut(rule) {
                *dropped = true;
            }
        }
        carried.cut |= open.into_iter().any(|(rule, begin)| {
            let end = carried.ends.get(rule).copied().unwrap_or(0);
            window.offset.saturating_add(begin) >= end
        });
        scratch.settle();
    }

    /// Notes the rules of which `window` may hold so much of a match that its end is behind it.
    fn note_stretches(&self, window: &Window<'_>, carried: &mut Carried) {
        if window.is_last() {
            return;
        }
        for (matcher, stretched) in self.matchers.iter().zip(&mut carried.stretched) {
            let search = matcher.search.as_ref();
            let Some(stretches) = search.and_then(|search| search.stretches.as_ref()) else {
                continue;
            };
            let Some(stretches) = stretches.get() else {
                continue;
            };
            *stretched = *stretched || stretches.may_reach(LONGEST, window.text);
        }
    }

    /// Where a rule without bound may begin, and needs more text than there is, by the latest beginning in `window`.
    fn open_ended(&self, window: &Window<'_>, scratch: &Scratch) -> Vec<(RuleIndex, usize)> {
        let mut open = Vec::new();
        if window.is_last() {
            return open;
        }
        for &rule in &scratch.woken {
            let search = self.matchers.get(rule).and_then(|m| m.search.as_ref());
            let Some((search, progress)) = search.zip(scratch.rules.get(rule)) else {
                continue;
            };
            let is_bounded = search.max_length.is_some_and(|length| length <= LONGEST);
            if is_bounded || search.probe.is_none() {
                continue;
            }
            let before = search.before_max.unwrap_or(search.before_min);
            let begins = |place: &usize| {
                let earliest = place.saturating_sub(before);
                let latest = place.checked_sub(search.before_min)?;
                let is_here = earliest < window.starts.end && latest >= window.starts.start;
                is_here.then_some((rule, latest))
            };
            open.extend(progress.open.iter().filter_map(begins));
            // Not every keyword was asked.
            open.extend(progress.whole.then_some((rule, usize::MAX)));
        }
        open
    }
}
