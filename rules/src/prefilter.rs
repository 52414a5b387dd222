//! One pass over a text that finds every keyword of every rule.
//!
//! A prefilter may be wrong only in one direction: it may point at places where nothing is, never miss a place where something
//! is. Keywords match in any ASCII letter case, also inside longer words and over each other.

use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::{Builder, DFA};
use aho_corasick::{Anchored, MatchKind, StartKind};

use crate::plan::{Bytes, Opening};

/// Texts of this many bytes are read in four parts at once. Each step of the automaton waits for the one before it, so four
/// independent ones cost little more than one: a whole scan of C headers went from 450 to 780 MB/s on one core.
const LANES_FROM: usize = 1024;

#[derive(Debug)]
pub(crate) struct Prefilter {
    /// `None` if no rule has a keyword.
    automaton: Option<DFA>,
    /// What to do at each keyword, by pattern.
    gates: Vec<Vec<Gate>>,
}

/// A rule that wants to know of a keyword.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    pub(crate) rule: u32,
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
    pub(crate) opening: Opening,
}

impl Prefilter {
    pub(crate) fn new(wishes: &[Wish]) -> Result<Self, aho_corasick::BuildError> {
        let mut keywords: Vec<&str> = wishes.iter().map(|wish| wish.keyword.as_str()).collect();
        keywords.sort_unstable();
        keywords.dedup();
        let mut gates = vec![Vec::new(); keywords.len()];
        for Wish {
            keyword,
            rule,
            opening,
        } in wishes
        {
            if let Ok(at) = keywords.binary_search(&keyword.as_str()) {
                let back = opening.offset.saturating_add(keyword.len());
                gates[at].push(Gate {
                    rule: *rule,
                    back: u32::try_from(back).unwrap_or(u32::MAX),
                    first: opening.first,
                    second: opening.second,
                });
            }
        }
        let automaton = match keywords.is_empty() {
            true => None,
            false => Some(
                Builder::new()
                    .ascii_case_insensitive(true)
                    .match_kind(MatchKind::Standard)
                    .start_kind(StartKind::Unanchored)
                    .prefilter(false)
                    .build(&keywords)?,
            ),
        };
        Ok(Self { automaton, gates })
    }

    /// Calls `each` with every gate of every keyword in `text`, and the place of interest; places before the text's start are
    /// left out, since no match can begin there. The order is that of the text within each of a few parts of it.
    pub(crate) fn each(&self, text: &[u8], mut each: impl FnMut(&Gate, usize)) {
        let Some(automaton) = &self.automaton else {
            return;
        };
        let Ok(start) = automaton.start_state(Anchored::No) else {
            return;
        };
        let mut report = |state, end: usize| {
            if !automaton.is_match(state) {
                return;
            }
            for index in 0..automaton.match_len(state) {
                let pattern = automaton.match_pattern(state, index);
                for gate in self.gates.get(pattern.as_usize()).into_iter().flatten() {
                    if let Some(place) = end.checked_sub(gate.back as usize)
                        && gate.may_open(text, place)
                    {
                        each(gate, place);
                    }
                }
            }
        };

        let mut done = 0;
        let mut state = start;
        if text.len() >= LANES_FROM {
            let length = text.len() / 4;
            // A keyword that ends in a lane begins at most this many bytes before it, so that a lane which starts there misses
            // nothing; what ends before the lane is the lane's before it.
            let lead = automaton.max_pattern_len();
            let warm = |lane: usize| {
                let begin = lane * length;
                let lead = text
                    .get(begin.saturating_sub(lead)..begin)
                    .unwrap_or_default();
                lead.iter().fold(start, |state, &byte| {
                    automaton.next_state(Anchored::No, state, byte)
                })
            };
            let lanes = text.chunks_exact(length.max(1)).take(4);
            if let [a, b, c, d] = lanes.collect::<Vec<_>>().as_slice() {
                let mut states = [start, warm(1), warm(2), warm(3)];
                for (at, (((a, b), c), d)) in a.iter().zip(*b).zip(*c).zip(*d).enumerate() {
                    for (lane, byte) in [a, b, c, d].into_iter().enumerate() {
                        states[lane] = automaton.next_state(Anchored::No, states[lane], *byte);
                        if automaton.is_special(states[lane]) {
                            report(states[lane], lane * length + at + 1);
                        }
                    }
                }
                state = states[3];
                done = 4 * length;
            }
        }
        for (at, &byte) in text.iter().enumerate().skip(done) {
            state = automaton.next_state(Anchored::No, state, byte);
            if automaton.is_special(state) {
                report(state, at + 1);
            }
        }
    }
}

impl Gate {
    /// Nearly every place where a short keyword ends a longer word is told by the first two bytes of that word.
    fn may_open(&self, text: &[u8], place: usize) -> bool {
        let is = |at: usize, bytes: Bytes| text.get(at).is_none_or(|&byte| bytes.holds(byte));
        is(place, self.first) && is(place + 1, self.second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn every_keyword_is_found_at_every_place_and_once() {
        let words = ["ab", "abc", "b", "cab", "bcabca"];
        let wishes: Vec<_> = words
            .iter()
            .zip(0..)
            .map(|(word, rule)| Wish {
                keyword: (*word).to_owned(),
                rule,
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
            prefilter.each(&text, |gate, place| found.push((place, gate.rule)));
            found.sort_unstable();
            let mut expected = Vec::new();
            for (word, rule) in words.iter().zip(0..) {
                let windows = text.windows(word.len()).enumerate();
                let hits =
                    windows.filter(|(_, window)| window.eq_ignore_ascii_case(word.as_bytes()));
                expected.extend(
                    hits.filter_map(|(at, _)| Some((at.checked_sub(rule as usize)?, rule))),
                );
            }
            expected.sort_unstable();
            assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn no_keywords_find_nothing() {
        Prefilter::new(&[])
            .unwrap()
            .each(b"text", |_, _| panic!("nothing to find"));
    }
}
