//! One regex over one text: where it matches next, what its groups hold, and how many bytes that took to read.
//!
//! The engines are those of `regex_automata`. They are put together here and not by its `meta::Regex`, which hides two things
//! that have to be known of texts made to be slow: the bytes that were read, and how often a lazy automaton gave up.
//!
//! A lazy DFA finds the end of the next match and a second one, backwards, its start. Both build states as a text needs them, and
//! forget them when they fill [`CACHE`]. Where states are forgotten after fewer than [`WORTH`] bytes, the text is one of those
//! that need a new state for nearly every byte, and a search goes on byte by byte, as slowly as a simulation of the regex. That is
//! a fallback, and it is counted. It is linear as well.

use regex_automata::dfa::onepass;
use regex_automata::hybrid::dfa as lazy;
use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker};
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::captures::GroupInfo;
use regex_automata::util::prefilter::Prefilter;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input, MatchErrorKind, MatchKind};
use regex_syntax::hir::Hir;

use crate::printable::printable;

/// Memory of each lazy DFA per worker, in bytes.
const CACHE: usize = 2 << 20;
/// Bytes that must have been read with the states that are forgotten; the usual ones of a regex need no more than a few KiB.
const WORTH: usize = 64 << 10;
/// Largest one-pass DFA, in bytes.
const ONE_PASS: usize = 1 << 20;

/// What searching took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes that automata read, once for each time that one read them.
    pub bytes: u64,
    /// Times that a lazy automaton gave up and a slower way through it was taken.
    pub fallbacks: u64,
    /// Bytes of the texts that were scanned.
    pub scanned: u64,
    /// Those of them that were read for keywords.
    pub sought: u64,
}

impl Work {
    fn read(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.fallbacks = self.fallbacks.saturating_add(other.fallbacks);
        self.scanned = self.scanned.saturating_add(other.scanned);
        self.sought = self.sought.saturating_add(other.sought);
    }
}

#[derive(Debug)]
pub(crate) struct Finder {
    /// Gives up where it would have to forget states.
    forward: lazy::DFA,
    /// The same, and never gives up.
    enduring: lazy::DFA,
    backward: lazy::DFA,
    /// Groups, of regexes of which each byte says where it belongs.
    one_pass: Option<onepass::DFA>,
    /// Groups of short matches.
    backtrack: BoundedBacktracker,
    /// Groups of all others.
    pike: PikeVM,
}

/// Memory of one worker for one regex, and what it has done.
#[derive(Debug)]
pub(crate) struct Cache {
    forward: lazy::Cache,
    enduring: Option<lazy::Cache>,
    backward: lazy::Cache,
    one_pass: Option<onepass::Cache>,
    backtrack: Option<backtrack::Cache>,
    pike: Option<pikevm::Cache>,
    pub(crate) work: Work,
}

impl Cache {
    /// In bytes.
    pub(crate) fn memory_usage(&self) -> usize {
        let one_pass = self.one_pass.as_ref().map_or(0, |it| it.memory_usage());
        let backtrack = self.backtrack.as_ref().map_or(0, |it| it.memory_usage());
        let pike = self.pike.as_ref().map_or(0, |it| it.memory_usage());
        let enduring = self.enduring.as_ref().map_or(0, |it| it.memory_usage());
        let lazy = self.forward.memory_usage() + enduring + self.backward.memory_usage();
        lazy + one_pass + backtrack + pike
    }
}

impl Finder {
    /// # Errors
    /// When the regex needs more than `nfa_bytes`.
    pub(crate) fn new(pattern: &Hir, nfa_bytes: usize) -> Result<Self, String> {
        Self::with_cache(pattern, nfa_bytes, CACHE)
    }

    fn with_cache(pattern: &Hir, nfa_bytes: usize, cache: usize) -> Result<Self, String> {
        let config = thompson::Config::new()
            .utf8(false)
            .nfa_size_limit(Some(nfa_bytes));
        let build = |config: thompson::Config| {
            let mut compiler = thompson::Compiler::new();
            compiler.configure(config);
            let built = compiler.build_from_hir(pattern);
            built.map_err(|error| match error.size_limit() {
                Some(limit) => format!("it needs more than {} MiB when compiled", limit >> 20),
                None => printable(&error.to_string()),
            })
        };
        let nfa = build(config.clone())?;
        let backwards = build(config.which_captures(WhichCaptures::None).reverse(true))?;
        let prefilter = Prefilter::from_hir_prefix(MatchKind::LeftmostFirst, pattern);
        let config = lazy::Config::new()
            .cache_capacity(cache)
            .skip_cache_capacity_check(true);
        let lazily = |nfa: &NFA, config: lazy::Config| {
            let built = lazy::DFA::builder()
                .configure(config)
                .build_from_nfa(nfa.clone());
            built.map_err(|error| printable(&error.to_string()))
        };
        let forward = config
            .clone()
            .minimum_cache_clear_count(Some(0))
            .specialize_start_states(prefilter.is_some())
            .prefilter(prefilter);
        let other = |error: thompson::BuildError| printable(&error.to_string());
        let has_groups = pattern.properties().explicit_captures_len() > 0;
        let limit = onepass::Config::new().size_limit(Some(ONE_PASS));
        let mut one_pass = onepass::DFA::builder();
        one_pass.configure(limit);
        Ok(Self {
            forward: lazily(&nfa, forward)?,
            enduring: lazily(&nfa, config.clone())?,
            backward: lazily(&backwards, config.match_kind(MatchKind::All))?,
            one_pass: match has_groups {
                true => one_pass.build_from_nfa(nfa.clone()).ok(),
                false => None,
            },
            backtrack: BoundedBacktracker::new_from_nfa(nfa.clone()).map_err(other)?,
            pike: PikeVM::new_from_nfa(nfa).map_err(other)?,
        })
    }

    pub(crate) fn create_cache(&self) -> Cache {
        Cache {
            forward: self.forward.create_cache(),
            enduring: None,
            backward: self.backward.create_cache(),
            one_pass: None,
            backtrack: None,
            pike: None,
            work: Work::default(),
        }
    }

    pub(crate) fn group_info(&self) -> &GroupInfo {
        self.pike.get_nfa().group_info()
    }

    /// Bytes of the compiled regex, without caches.
    pub(crate) fn memory_usage(&self) -> usize {
        let one_pass = self.one_pass.as_ref().map_or(0, |it| it.memory_usage());
        let nfas = [self.pike.get_nfa(), self.backward.get_nfa()];
        nfas.iter().map(|nfa| nfa.memory_usage()).sum::<usize>() + one_pass
    }

    /// Finds the leftmost match in `input`, and fills `slots`, of which there are as many as [`Self::group_info`] says.
    pub(crate) fn search(
        &self,
        cache: &mut Cache,
        input: &Input<'_>,
        slots: &mut [Option<NonMaxUsize>],
    ) -> bool {
        let Some(end) = self.end(cache, input) else {
            return false;
        };
        let start = match input.get_anchored().is_anchored() {
            true => Some(input.start()),
            false => self.start(cache, input, end),
        };
        // What ends here has begun somewhere: where the automata disagree, none of them is believed.
        let Some(start) = start else {
            return self.simulate(cache, input, slots);
        };
        if slots.len() <= 2 {
            for (slot, at) in slots.iter_mut().zip([start, end]) {
                *slot = NonMaxUsize::new(at);
            }
            return true;
        }
        let whole = input.clone().range(start..end).anchored(Anchored::Yes);
        self.groups(cache, &whole, slots) || self.simulate(cache, input, slots)
    }

    /// The same search without automata, slowly, so that no disagreement between them can lose a match.
    fn simulate(
        &self,
        cache: &mut Cache,
        input: &Input<'_>,
        slots: &mut [Option<NonMaxUsize>],
    ) -> bool {
        cache.work.fallbacks += 1;
        cache.work.read(input.get_span().len());
        let pike = cache.pike.get_or_insert_with(|| self.pike.create_cache());
        self.pike.search_slots(pike, input, slots).is_some()
    }

    /// Where the leftmost match ends.
    fn end(&self, cache: &mut Cache, input: &Input<'_>) -> Option<usize> {
        for _ in 0..2 {
            let lazy = &mut cache.forward;
            let before = lazy.search_total_len();
            match self.forward.try_search_fwd(lazy, input) {
                Ok(found) => {
                    cache
                        .work
                        .read(lazy.search_total_len().saturating_sub(before));
                    return found.map(|end| end.offset());
                }
                Err(error) => {
                    let stopped = match error.kind() {
                        MatchErrorKind::GaveUp { offset } => *offset,
                        _ => input.end(),
                    };
                    cache.work.read(stopped.saturating_sub(input.start()));
                }
            }
            if lazy.search_total_len() < WORTH {
                break;
            }
            self.forward.reset_cache(lazy);
        }
        cache.work.fallbacks += 1;
        self.end_slowly(cache, input)
    }

    /// The same byte by byte, with states forgotten when there are too many.
    fn end_slowly(&self, cache: &mut Cache, input: &Input<'_>) -> Option<usize> {
        const NEVER: &str = "because without limits an automaton neither gives up nor quits";
        let dfa = &self.enduring;
        let lazy = cache.enduring.get_or_insert_with(|| dfa.create_cache());
        let mut state = dfa.start_state_forward(lazy, input).expect(NEVER);
        let mut end = None;
        let bytes = input.haystack().get(input.get_range()).unwrap_or_default();
        for (read, &byte) in bytes.iter().enumerate() {
            state = dfa.next_state(lazy, state, byte).expect(NEVER);
            if state.is_match() {
                // A match is reported one byte late.
                end = Some(input.start() + read);
            } else if state.is_dead() {
                cache.work.read(read + 1);
                return end;
            }
        }
        cache.work.read(bytes.len());
        // What stands behind the range decides look-ahead.
        let state = match input.haystack().get(input.end()) {
            Some(&byte) => dfa.next_state(lazy, state, byte),
            None => dfa.next_eoi_state(lazy, state),
        };
        match state.expect(NEVER).is_match() {
            true => Some(input.end()),
            false => end,
        }
    }

    /// Where the match in `input` begins that ends at `end`.
    fn start(&self, cache: &mut Cache, input: &Input<'_>, end: usize) -> Option<usize> {
        let before = input
            .clone()
            .range(input.start()..end)
            .anchored(Anchored::Yes);
        let lazy = &mut cache.backward;
        let (clears, total) = (lazy.clear_count(), lazy.search_total_len());
        let found = self.backward.try_search_rev(lazy, &before).ok().flatten();
        // The count begins anew where states are forgotten.
        let read = match lazy.clear_count() == clears {
            true => lazy.search_total_len().saturating_sub(total),
            false => before.get_span().len(),
        };
        cache.work.read(read);
        found.map(|start| start.offset())
    }

    /// Fills the slots of a match that is all of `input`.
    fn groups(
        &self,
        cache: &mut Cache,
        input: &Input<'_>,
        slots: &mut [Option<NonMaxUsize>],
    ) -> bool {
        let length = input.get_span().len();
        cache.work.read(length);
        if let Some(engine) = &self.one_pass {
            let cache = cache.one_pass.get_or_insert_with(|| engine.create_cache());
            if let Ok(found) = engine.try_search_slots(cache, input, slots) {
                return found.is_some();
            }
        }
        if length <= self.backtrack.max_haystack_len() {
            let engine = &self.backtrack;
            let cache = cache.backtrack.get_or_insert_with(|| engine.create_cache());
            if let Ok(found) = engine.try_search_slots(cache, input, slots) {
                return found.is_some();
            }
        }
        let pike = cache.pike.get_or_insert_with(|| self.pike.create_cache());
        self.pike.search_slots(pike, input, slots).is_some()
    }
}

#[cfg(test)]
mod tests {
    use regex_automata::meta;

    use super::*;
    use crate::dialect;
    use crate::random::Random;

    /// All matches with their groups, and the work.
    fn all(finder: &Finder, text: &[u8]) -> (Vec<Vec<Option<usize>>>, Work) {
        let mut cache = finder.create_cache();
        let mut slots = vec![None; finder.group_info().slot_len()];
        let (mut from, mut found) = (0, Vec::new());
        while finder.search(&mut cache, &Input::new(text).range(from..), &mut slots) {
            let plain = |slot: &Option<NonMaxUsize>| slot.map(NonMaxUsize::get);
            found.push(slots.iter().map(plain).collect::<Vec<_>>());
            from = slots[1].unwrap().get();
        }
        (found, cache.work)
    }

    /// All matches by the simulation alone.
    fn simulated(finder: &Finder, text: &[u8]) -> Vec<Vec<Option<usize>>> {
        let mut cache = finder.create_cache();
        let mut slots = vec![None; finder.group_info().slot_len()];
        let (mut from, mut found) = (0, Vec::new());
        while finder.simulate(&mut cache, &Input::new(text).range(from..), &mut slots) {
            let plain = |slot: &Option<NonMaxUsize>| slot.map(NonMaxUsize::get);
            found.push(slots.iter().map(plain).collect::<Vec<_>>());
            from = slots[1].unwrap().get();
        }
        found
    }

    fn by_meta(pattern: &Hir, text: &[u8]) -> Vec<Vec<Option<usize>>> {
        let regex = meta::Builder::new().build_from_hir(pattern).unwrap();
        let slots = |found: regex_automata::util::captures::Captures| {
            let plain = |slot: &Option<NonMaxUsize>| slot.map(NonMaxUsize::get);
            found.slots().iter().map(plain).collect()
        };
        regex.captures_iter(text).map(slots).collect()
    }

    #[test]
    fn it_finds_what_the_library_finds() {
        let shapes = [
            "ab",
            r"\bab+\b",
            "(a|ab)(c|bcd)?",
            "(?i)[a-c]{0,5}?(?:ab|ca)[ =]{0,2}([abc]{2,4})(?:[ =]|$)",
            "(?m)^(a)(.{0,3})$",
            "(?:(a)|b)+=",
            r"\A[abc]+",
            "[abc]+=([abc]+)",
            "(?s)a.*?b(.*)=",
            "((?:a{1,3}b){2,4})c?",
            "a(?:b[^=]*=)?",
        ];
        let mut random = Random::from_word("finder");
        let mut found = 0;
        for shape in shapes {
            let pattern = dialect::parse(shape).unwrap();
            let finder = Finder::new(&pattern, 1 << 20).unwrap();
            // One that gives up as often as it can.
            let weak = Finder::with_cache(&pattern, 1 << 20, 0).unwrap();
            for _ in 0..300 {
                let length = random.below(200);
                let text = random.text(length, "aabbcc=d \n").into_bytes();
                let expected = by_meta(&pattern, &text);
                assert_eq!(all(&finder, &text).0, expected, "{shape} on {text:?}");
                assert_eq!(all(&weak, &text).0, expected, "{shape} on {text:?}");
                assert_eq!(simulated(&finder, &text), expected, "{shape} on {text:?}");
                found += expected.len();
            }
        }
        assert!(found > 10_000, "{found}");
    }

    #[test]
    fn what_is_read_is_counted() {
        let finder = |shape: &str| Finder::new(&dialect::parse(shape).unwrap(), 1 << 20).unwrap();
        let text = "x".repeat(1000);
        let (found, work) = all(&finder("[a-z]y"), text.as_bytes());
        assert!(found.is_empty());
        assert_eq!(
            work,
            Work {
                bytes: 1000,
                ..Work::default()
            }
        );
        // Each match reads on to the end for a longer one.
        let (found, work) = all(&finder("x(?:[a-z]*y)?"), text.as_bytes());
        assert_eq!(found.len(), 1000);
        assert!((500_000..510_000).contains(&work.bytes), "{work:?}");
    }

    #[test]
    fn an_automaton_that_gives_up_is_counted() {
        let pattern = dialect::parse("[ab]{0,30}a[ab]{12}(=)").unwrap();
        let finder = Finder::with_cache(&pattern, 1 << 20, 0).unwrap();
        let mut random = Random::from_word("gives up");
        let mut text = random.text(20_000, "ab").into_bytes();
        text.push(b'=');
        let (found, work) = all(&finder, &text);
        assert_eq!(found, by_meta(&pattern, &text));
        assert!(work.fallbacks > 0, "{work:?}");
        assert!(work.bytes <= 3 * text.len() as u64, "{work:?}");
        // With room for its states it does not.
        let finder = Finder::new(&dialect::parse("a[ab]{3}=").unwrap(), 1 << 20).unwrap();
        assert_eq!(all(&finder, &text).1.fallbacks, 0);
    }
}
