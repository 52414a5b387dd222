//! Does a pattern match right here? Asked at every keyword, so the answer has to cost a few bytes.
//!
//! The lazy DFA is stepped by hand for two reasons: no search set-up per question, and the bytes read can be counted, so that
//! a hostile text cannot make a thousand questions read a megabyte each.

use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::{Anchored, Input};
use regex_syntax::hir::Hir;

/// Memory of the lazy DFA per rule and worker, in bytes. It is cleared when full.
const CACHE: usize = 256 << 10;
/// Clears after which it may give up, and the bytes it must have read by then for each state that it built.
const CLEARS: usize = 3;
const BYTES_PER_STATE: usize = 10;

#[derive(Debug)]
pub(crate) struct Probe(DFA);

/// `Unknown` and `GaveUp` are always safe answers: whoever asks then runs the regex itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Matches,
    Fails,
    /// It fails because the text ends.
    Ends,
    Unknown,
    /// Unknown because the automaton was cleared again and again.
    GaveUp,
}

impl Probe {
    /// `None` if the pattern is too large.
    pub(crate) fn new(pattern: &Hir, nfa_bytes: usize) -> Option<Self> {
        let nfa = thompson::Config::new()
            .utf8(false)
            .nfa_size_limit(Some(nfa_bytes))
            .which_captures(WhichCaptures::None);
        let nfa = thompson::Compiler::new()
            .configure(nfa)
            .build_from_hir(pattern)
            .ok()?;
        let config = Config::new()
            .cache_capacity(CACHE)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(CLEARS))
            .minimum_bytes_per_state(Some(BYTES_PER_STATE));
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).ok()?;
        Some(Self(dfa))
    }

    pub(crate) fn cache(&self) -> Cache {
        self.0.create_cache()
    }

    /// Whether the pattern matches anchored at `at`, reading at most `budget` bytes and taking what it read off it.
    pub(crate) fn ask(
        &self,
        cache: &mut Cache,
        text: &[u8],
        at: usize,
        budget: &mut usize,
    ) -> Answer {
        let Some(ahead) = text.get(at..) else {
            return Answer::Fails;
        };
        let input = Input::new(text).range(at..).anchored(Anchored::Yes);
        let Ok(mut state) = self.0.start_state_forward(cache, &input) else {
            self.0.reset_cache(cache);
            return Answer::GaveUp;
        };
        let readable = ahead.len().min(*budget);
        // What was read decides whether an automaton that clears its cache is worth it.
        cache.search_start(at);
        for (read, &byte) in ahead.iter().take(readable).enumerate() {
            let Ok(next) = self.0.next_state(cache, state, byte) else {
                *budget -= read;
                // The next text may be another.
                self.0.reset_cache(cache);
                return Answer::GaveUp;
            };
            state = next;
            if state.is_tagged() {
                // A match is reported one byte late, so that look-ahead can see that byte.
                if state.is_match() || state.is_dead() || state.is_quit() {
                    cache.search_finish(at + read);
                    *budget -= read + 1;
                    return match () {
                        () if state.is_match() => Answer::Matches,
                        () if state.is_dead() => Answer::Fails,
                        () => Answer::Unknown,
                    };
                }
            }
        }
        cache.search_finish(at + readable);
        *budget -= readable;
        if readable < ahead.len() {
            return Answer::Unknown;
        }
        match self.0.next_eoi_state(cache, state) {
            Ok(state) if state.is_match() => Answer::Matches,
            Ok(_) => Answer::Ends,
            Err(_) => Answer::GaveUp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, at: usize, expected: Answer) {
        let probe = Probe::new(&crate::dialect::parse(pattern).unwrap(), 1 << 20).unwrap();
        let mut budget = 20;
        let answer = probe.ask(&mut probe.cache(), text.as_bytes(), at, &mut budget);
        assert_eq!(answer, expected, "{pattern} at {at} of {text}");
    }

    #[test]
    fn answers_are_about_one_place() {
        check("ab", "xab", 1, Answer::Matches);
        check("ab", "xab", 0, Answer::Fails);
        check("ab", "xab", 9, Answer::Fails);
        check("abc", "xab", 1, Answer::Ends);
        check(r"ab\b", "ab", 0, Answer::Matches);
        check(r"ab\b", "abc", 0, Answer::Fails);
        check(r"\bab", "xab", 1, Answer::Fails);
        check(r"^ab", "xab", 1, Answer::Fails);
        check(r"ab$", "ab", 0, Answer::Matches);
    }

    #[test]
    fn reading_too_far_is_unknown() {
        check("a[a-z]*1", &"a".repeat(100), 0, Answer::Unknown);
        check("a[a-z]*1", &"a".repeat(20), 0, Answer::Ends);
    }
}
