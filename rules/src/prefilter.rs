//! One pass over a text that finds every keyword of every rule.
//!
//! A prefilter may be wrong only in one direction: it may point at places where nothing is, never miss a place where something
//! is. Keywords match in any ASCII letter case, also inside longer words and over each other.

use std::ops::Range;

use crate::beginnings::{BUILT_IN as BEGINNINGS, WALK};
use crate::keywords::{Keywords, State, TooMany};
use crate::plan::{Bytes, Opening};

/// Texts of this many bytes are read in four parts at once. Each step of the automaton waits for the one before it, so four
/// independent ones cost little more than one: a whole scan of C headers went from 450 to 780 MB/s on one core.
const LANES_FROM: usize = 96;

#[derive(Debug)]
pub(crate) struct Prefilter {
    /// `None` if no rule has a keyword.
    automaton: Option<Keywords>,
    /// By keyword: every rule that wants to know of it.
    gates: Vec<Vec<Gate>>,
    /// By keyword: the groups of rules that one walk decides about.
    groups: Vec<Vec<Group>>,
    /// By keyword: the rules that belong to no group.
    alone: Vec<Vec<Gate>>,
    /// By entry of [`crate::beginnings`]: the rules that have this regex and these keywords.
    rules: Vec<Vec<u32>>,
    /// Bytes before the end of a keyword that may decide what [`Self::candidates`] tells of it.
    before: usize,
}

/// Rules whose cores begin at the same place before a keyword, and are all known to [`crate::beginnings`].
#[derive(Clone, Copy, Debug)]
struct Group {
    /// Bytes from that place to the keyword.
    before: u32,
    start: [u16; 2],
    /// What can stand at that place, and behind it.
    first: Bytes,
    second: Bytes,
}

/// A rule that wants to know of a keyword.
#[derive(Clone, Copy, Debug)]
struct Gate {
    rule: u32,
    /// From the end of the keyword back to the place of interest, in bytes.
    back: u32,
    /// What can stand at that place, and behind it.
    first: Bytes,
    second: Bytes,
}

/// A keyword that a rule wants to know of.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// In lower case.
    pub(crate) keyword: String,
    pub(crate) rule: u32,
    /// The entry of [`crate::beginnings`] that knows the rule's core.
    pub(crate) entry: Option<u16>,
    pub(crate) opening: Opening,
}

impl Prefilter {
    pub(crate) fn new(wishes: &[Wish]) -> Result<Self, TooMany> {
        let mut keywords: Vec<&str> = wishes.iter().map(|wish| wish.keyword.as_str()).collect();
        keywords.sort_unstable();
        keywords.dedup();
        let mut gates = vec![Vec::new(); keywords.len()];
        let mut groups: Vec<Vec<Group>> = vec![Vec::new(); keywords.len()];
        let mut alone = gates.clone();
        let mut rules: Vec<Vec<u32>> = Vec::new();
        for wish in wishes {
            let Ok(at) = keywords.binary_search(&wish.keyword.as_str()) else {
                continue;
            };
            let gate = wish.gate();
            gates[at].push(gate);
            let Some((group, entry)) = wish.group().zip(wish.entry) else {
                alone[at].push(gate);
                continue;
            };
            match groups[at].iter_mut().find(|it| it.before == group.before) {
                Some(known) => known.widen(group),
                None => groups[at].push(group),
            }
            let entry = usize::from(entry);
            if rules.len() <= entry {
                rules.resize(entry + 1, Vec::new());
            }
            if !rules[entry].contains(&wish.rule) {
                rules[entry].push(wish.rule);
            }
        }
        let automaton = match keywords.is_empty() {
            true => None,
            false => Some(Keywords::new(&keywords)?),
        };
        let back = gates.iter().flatten().map(|gate: &Gate| gate.back as usize);
        // And the one that stands before the place of interest.
        let before = back.max().unwrap_or(0) + 1;
        Ok(Self {
            before,
            automaton,
            gates,
            groups,
            alone,
            rules,
        })
    }

    /// Calls `each` with every rule that may match where a keyword stands in `text`, the place of interest, and where the keyword
    /// ends; places before the text's start are left out, since no match can begin there. Keywords are told whose last byte is among
    /// `bytes`. The order is that of the text within each of a few parts of it.
    pub(crate) fn candidates(
        &self,
        text: &[u8],
        bytes: Range<usize>,
        mut each: impl FnMut(u32, usize, usize),
    ) {
        self.hits(text, bytes, |keyword, begin, end| {
            for group in self.groups.get(keyword).into_iter().flatten() {
                let before = group.before as usize;
                if let Some(place) = begin.checked_sub(before)
                    && may_open(text, place, group.first, group.second)
                {
                    let from = if before == 0 { end } else { place };
                    let entries = BEGINNINGS.possible(group.start, text, place, from);
                    let rules = entries
                        .iter()
                        .filter_map(|&it| self.rules.get(usize::from(it)));
                    rules.flatten().for_each(|&rule| each(rule, place, end));
                }
            }
            for gate in self.alone.get(keyword).into_iter().flatten() {
                gate.open(text, end, &mut |rule, place| each(rule, place, end));
            }
        });
    }

    /// The same with every rule whose keyword stands there, anywhere in the text.
    pub(crate) fn each(&self, text: &[u8], mut each: impl FnMut(u32, usize)) {
        self.hits(text, 0..text.len(), |keyword, _, end| {
            for gate in self.gates.get(keyword).into_iter().flatten() {
                gate.open(text, end, &mut each);
            }
        });
    }

    /// Bytes before the end of a keyword that may decide what [`Self::candidates`] tells of it.
    pub(crate) fn before(&self) -> usize {
        self.before
    }

    /// Bytes behind the end of a keyword that may decide what [`Self::candidates`] tells of it.
    pub(crate) fn behind(&self) -> usize {
        WALK + 1
    }

    /// Calls `each` with every keyword in `text` whose last byte is among `bytes`, where it begins, and where it ends.
    fn hits(&self, text: &[u8], bytes: Range<usize>, mut each: impl FnMut(usize, usize, usize)) {
        let Some(automaton) = &self.automaton else {
            return;
        };
        // Keywords that begin before `bytes` and end there are told.
        let from = bytes.start.saturating_sub(automaton.longest());
        let part = text.get(from..bytes.end).unwrap_or_default();
        let mut report = |state: State, end: usize, before: usize| {
            for (keyword, length) in automaton.ends(state) {
                let begin = end.saturating_sub(length);
                if end > bytes.start && begin < before {
                    each(keyword, begin, end);
                }
            }
        };

        let mut done = 0;
        let mut state = automaton.start();
        if part.len() >= LANES_FROM {
            let length = part.len() / 4;
            let (a, others) = part.split_at(length);
            let (b, others) = others.split_at(length);
            let (c, others) = others.split_at(length);
            let (d, _) = others.split_at(length);
            let mut states = [state; 4];
            for (at, (((a, b), c), d)) in a.iter().zip(b).zip(c).zip(d).enumerate() {
                for (lane, byte) in [a, b, c, d].into_iter().enumerate() {
                    states[lane] = automaton.next(states[lane], *byte);
                    if automaton.is_end(states[lane]) {
                        report(states[lane], from + lane * length + at + 1, usize::MAX);
                    }
                }
            }
            // What begins in one part and ends in the next: the keyword that is under way in a state is the longest, so there is no more of
            // these once it began in the next one.
            for (border, mut state) in (1..4).map(|lane| lane * length).zip(states) {
                let next = part.get(border..).unwrap_or_default();
                for (read, &byte) in next.iter().enumerate() {
                    if automaton.depth(state) <= read {
                        break;
                    }
                    state = automaton.next(state, byte);
                    if automaton.is_end(state) {
                        report(state, from + border + read + 1, from + border);
                    }
                }
            }
            [.., state] = states;
            done = 4 * length;
        }
        for (at, &byte) in part.iter().enumerate().skip(done) {
            state = automaton.next(state, byte);
            if automaton.is_end(state) {
                report(state, from + at + 1, usize::MAX);
            }
        }
    }
}

impl Wish {
    fn gate(&self) -> Gate {
        let back = self.opening.offset.saturating_add(self.keyword.len());
        Gate {
            rule: self.rule,
            back: u32::try_from(back).unwrap_or(u32::MAX),
            first: self.opening.first,
            second: self.opening.second,
        }
    }

    fn group(&self) -> Option<Group> {
        self.entry?;
        Some(Group {
            before: u32::try_from(self.opening.offset).ok()?,
            start: BEGINNINGS.start(&self.keyword, self.opening.offset)?,
            first: self.opening.first,
            second: self.opening.second,
        })
    }
}

impl Group {
    /// Takes in a rule of the same place.
    fn widen(&mut self, other: Self) {
        self.first.add(other.first);
        self.second.add(other.second);
    }
}

impl Gate {
    fn open(&self, text: &[u8], end: usize, each: &mut impl FnMut(u32, usize)) {
        if let Some(place) = end.checked_sub(self.back as usize)
            && may_open(text, place, self.first, self.second)
        {
            each(self.rule, place);
        }
    }
}

/// Nearly every place where a short keyword ends a longer word is told by the first two bytes of that word.
fn may_open(text: &[u8], place: usize, first: Bytes, second: Bytes) -> bool {
    let is = |at: usize, bytes: Bytes| text.get(at).is_none_or(|&byte| bytes.holds(byte));
    is(place, first) && is(place + 1, second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Rows of the automaton are as wide as there are kinds of bytes that keywords know, and what does not fit into the caches of a
    /// processor is searched more slowly.
    #[test]
    fn the_automaton_of_the_shipped_rules_stays_small() {
        let rules = crate::RuleSet::compile(&crate::builtin()).unwrap().rules;
        let automaton = rules.prefilter.automaton.as_ref().unwrap();
        let cells = automaton.cells();
        let keywords: usize = rules
            .rules()
            .iter()
            .flat_map(|rule| &rule.keywords)
            .map(String::len)
            .sum();
        assert!(
            cells < keywords * 50,
            "{cells} cells for {keywords} letters"
        );
    }

    #[test]
    fn every_keyword_is_found_at_every_place_and_once() {
        let words = ["ab", "abc", "b", "cab", "bcabca"];
        let wishes: Vec<_> = words
            .iter()
            .zip(0..)
            .map(|(word, rule)| Wish {
                keyword: (*word).to_owned(),
                rule,
                entry: None,
                opening: Opening {
                    keyword: 0,
                    offset: rule as usize,
                    first: Bytes::ANY,
                    second: Bytes::ANY,
                },
            })
            .collect();
        let prefilter = Prefilter::new(&wishes).unwrap();
        let mut random = Random::from_word("prefilter");
        for round in 0..300 {
            let length = if round % 2 == 0 {
                random.below(40)
            } else {
                LANES_FROM - 4 + random.below(40)
            };
            let text = random.text(length, "abcABC ").into_bytes();
            let mut found = Vec::new();
            let begin = random.below(text.len() / 2 + 1);
            let bytes = begin..text.len() - random.below(text.len() / 4 + 1);
            prefilter.candidates(&text, bytes.clone(), |rule, place, _| {
                found.push((place, rule));
            });
            found.sort_unstable();
            let mut expected = Vec::new();
            for (word, rule) in words.iter().zip(0..) {
                let windows = text.windows(word.len()).enumerate();
                let hits =
                    windows.filter(|(_, window)| window.eq_ignore_ascii_case(word.as_bytes()));
                let hits = hits.filter(|(at, _)| bytes.contains(&(at + word.len() - 1)));
                expected.extend(
                    hits.filter_map(|(at, _)| Some((at.checked_sub(rule as usize)?, rule))),
                );
            }
            expected.sort_unstable();
            assert_eq!(
                found,
                expected,
                "{bytes:?} of {:?}",
                String::from_utf8_lossy(&text)
            );
        }
    }

    #[test]
    fn no_keywords_find_nothing() {
        Prefilter::new(&[])
            .unwrap()
            .each(b"text", |_, _| panic!("nothing to find"));
    }
}
