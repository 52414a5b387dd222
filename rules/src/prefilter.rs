//! One pass over a text that finds every keyword of every rule.
//!
//! A prefilter may be wrong only in one direction: it may point at places where nothing is, never miss a place where something
//! is. Keywords match in any ASCII letter case, also inside longer words and over each other.

use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::{Builder, DFA};
use aho_corasick::{Anchored, MatchKind, StartKind};

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
}

impl Prefilter {
    /// `wishes` are (keyword in lower case, rule, offset).
    pub(crate) fn new(wishes: &[(String, u32, u32)]) -> Result<Self, aho_corasick::BuildError> {
        let mut keywords: Vec<&str> = wishes
            .iter()
            .map(|(keyword, ..)| keyword.as_str())
            .collect();
        keywords.sort_unstable();
        keywords.dedup();
        let mut gates = vec![Vec::new(); keywords.len()];
        for (keyword, rule, offset) in wishes {
            if let Ok(at) = keywords.binary_search(&keyword.as_str()) {
                let back = offset.saturating_add(u32::try_from(keyword.len()).unwrap_or(u32::MAX));
                gates[at].push(Gate { rule: *rule, back });
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
    /// left out, since no match can begin there.
    pub(crate) fn each(&self, text: &[u8], mut each: impl FnMut(&Gate, usize)) {
        let Some(automaton) = &self.automaton else {
            return;
        };
        let Ok(mut state) = automaton.start_state(Anchored::No) else {
            return;
        };
        for (at, &byte) in text.iter().enumerate() {
            state = automaton.next_state(Anchored::No, state, byte);
            if !automaton.is_special(state) || !automaton.is_match(state) {
                continue;
            }
            for index in 0..automaton.match_len(state) {
                let pattern = automaton.match_pattern(state, index);
                for gate in self.gates.get(pattern.as_usize()).into_iter().flatten() {
                    if let Some(place) = (at + 1).checked_sub(gate.back as usize) {
                        each(gate, place);
                    }
                }
            }
        }
    }
}
