//! An automaton over all keywords: a row of a table for each state, and in it the next state for each kind of byte, and behind those how
//! many letters of a keyword have been read.
//!
//! Aho and Corasick, Efficient String Matching, 1975. It is built here, because rules are compiled with each start of a command: the
//! rows are filled in the order of the keywords' lengths, each from a copy of the one of its longest suffix, which takes
//! a fraction of the time that a library takes for all that it can do.

use std::collections::VecDeque;

/// Cells of the table, at most: rules with more keywords are not compiled.
const MOST_CELLS: usize = 1 << 28;

/// A state: where its row begins in the table.
pub(crate) type State = u32;

#[derive(Debug)]
pub(crate) struct Keywords {
    /// The column of each byte. All bytes that no keyword has share the first one.
    kinds: [u8; 256],
    rows: Vec<State>,
    /// The rows of states in which keywords end stand behind those of all others.
    first_end: State,
    start: State,
    /// By those states, the last row first: which keyword ends there, and in which of these states the shorter ones do.
    ends: Vec<End>,
    /// Bytes of each keyword.
    lengths: Vec<u32>,
    width: u32,
    longest: usize,
}

#[derive(Clone, Copy, Debug)]
struct End {
    keyword: Option<u32>,
    shorter: Option<u32>,
}

/// There are more letters in the keywords of rules than a table has room for.
#[derive(Debug, thiserror::Error)]
#[error(
    "the keywords of all rules have {0} letters, more than are searched for at once; use fewer or shorter ones"
)]
pub(crate) struct TooMany(usize);

/// Keywords that begin alike, and the state of what they have in common, whose row is not filled yet.
struct Branch<'k> {
    keywords: &'k [&'k str],
    /// The place of the first of them among all keywords.
    first: usize,
    /// How many letters they have in common.
    depth: usize,
    state: State,
    /// The state of the longest suffix of those letters that a keyword begins with.
    suffix: State,
}

impl<'k> Branch<'k> {
    /// The keywords that go on, by the next letter: the place of the first of them, the letter, and the keywords.
    fn longer(&self) -> impl Iterator<Item = (usize, u8, &'k [&'k str])> + use<'k> {
        let (depth, mut first) = (self.depth, self.first);
        let alike = self
            .keywords
            .chunk_by(move |a, b| letter(a, depth) == letter(b, depth));
        alike.filter_map(move |keywords| {
            let at = first;
            first += keywords.len();
            Some((at, letter(keywords.first()?, depth)?, keywords))
        })
    }
}

fn letter(keyword: &str, at: usize) -> Option<u8> {
    keyword.as_bytes().get(at).copied()
}

/// Whether one of the keywords, which have `depth` letters in common, has no more than those.
fn ended(keywords: &[&str], depth: usize) -> bool {
    keywords.first().is_some_and(|first| first.len() == depth)
}

impl Keywords {
    /// `keywords` are sorted, in lower case, each there once.
    pub(crate) fn new(keywords: &[&str]) -> Result<Self, TooMany> {
        let (kinds, count_of_kinds) = kinds(keywords);
        let width = count_of_kinds + 1;
        let states = 1 + count(keywords);
        let cells = states.saturating_mul(width);
        let too_many = || TooMany(keywords.iter().map(|keyword| keyword.len()).sum());
        let width = u32::try_from(width).map_err(|_| too_many())?;
        let end = u32::try_from(cells).ok().filter(|_| cells <= MOST_CELLS);
        let end = end.ok_or_else(too_many)?;
        let mut automaton = Self {
            kinds,
            rows: vec![0; cells],
            first_end: end,
            start: 0,
            ends: Vec::new(),
            lengths: keywords.iter().map(|it| it.len() as u32).collect(),
            width,
            longest: keywords.iter().map(|it| it.len()).max().unwrap_or(0),
        };
        automaton.fill(keywords);
        Ok(automaton)
    }

    /// Fills the rows, those of shorter beginnings first.
    fn fill(&mut self, keywords: &[&str]) {
        let width = self.width as usize;
        let mut free = 0;
        self.start = self.name(&mut free, ended(keywords, 0).then_some(0), None);
        self.rows.fill(self.start);
        let mut waiting = VecDeque::from([Branch {
            keywords,
            first: 0,
            depth: 0,
            state: self.start,
            suffix: self.start,
        }]);
        while let Some(branch) = waiting.pop_front() {
            let (row, suffix) = (branch.state as usize, branch.suffix as usize);
            self.rows.copy_within(suffix..suffix + width, row);
            self.rows[row + width - 1] = branch.depth as u32;
            for (first, letter, keywords) in branch.longer() {
                let cell = row + usize::from(self.kinds[usize::from(letter)]);
                let suffix = match branch.depth {
                    0 => self.start,
                    _ => self.rows[cell],
                };
                let depth = branch.depth + 1;
                let keyword = ended(keywords, depth).then_some(first as u32);
                let state = self.name(&mut free, keyword, Some(suffix));
                self.rows[cell] = state;
                waiting.push_back(Branch {
                    keywords,
                    first,
                    depth,
                    state,
                    suffix,
                });
            }
        }
    }

    /// The next row from the front; from behind where a keyword ends, this one or a shorter one.
    fn name(&mut self, free: &mut State, keyword: Option<u32>, suffix: Option<State>) -> State {
        let shorter = suffix.and_then(|suffix| self.end_of(suffix));
        if keyword.is_none() && shorter.is_none() {
            let state = *free;
            *free += self.width;
            return state;
        }
        self.ends.push(End { keyword, shorter });
        self.first_end -= self.width;
        self.first_end
    }

    /// The place of the state in [`Self::ends`].
    fn end_of(&self, state: State) -> Option<u32> {
        let behind = (self.rows.len() as u32 - self.width).checked_sub(state)?;
        (state >= self.first_end).then_some(behind / self.width)
    }

    pub(crate) fn start(&self) -> State {
        self.start
    }

    /// Bytes of the longest keyword.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    #[inline(always)]
    pub(crate) fn next(&self, state: State, byte: u8) -> State {
        self.rows[(state + u32::from(self.kinds[usize::from(byte)])) as usize]
    }

    /// How many of the last bytes a keyword may begin with, at most.
    pub(crate) fn depth(&self, state: State) -> usize {
        self.rows[(state + self.width - 1) as usize] as usize
    }

    /// Whether any keyword ends there.
    #[inline(always)]
    pub(crate) fn is_end(&self, state: State) -> bool {
        state >= self.first_end
    }

    /// The keywords that end there, the longest first: which one, and how many bytes it has.
    pub(crate) fn ends(&self, state: State) -> impl Iterator<Item = (usize, usize)> {
        let mut next = self.end_of(state);
        let ends = std::iter::from_fn(move || {
            let end = *self.ends.get(next? as usize)?;
            next = end.shorter;
            Some(end.keyword)
        });
        ends.flatten().filter_map(|keyword| {
            let length = *self.lengths.get(keyword as usize)?;
            Some((keyword as usize, length as usize))
        })
    }

    #[cfg(test)]
    pub(crate) fn cells(&self) -> usize {
        self.rows.len()
    }
}

/// The columns of bytes, and how many there are. Letters of ASCII have the same one in either case.
fn kinds(keywords: &[&str]) -> ([u8; 256], usize) {
    let mut kinds = [0; 256];
    let mut count = 1;
    for byte in keywords.iter().flat_map(|keyword| keyword.bytes()) {
        if kinds[usize::from(byte)] == 0 {
            // No text in UTF-8 has all bytes.
            kinds[usize::from(byte)] = count;
            kinds[usize::from(byte.to_ascii_uppercase())] = count;
            count += 1;
        }
    }
    (kinds, usize::from(count))
}

/// How many beginnings all of them have.
fn count(keywords: &[&str]) -> usize {
    let mut before: &str = "";
    let mut count = 0;
    for keyword in keywords {
        let pairs = before.bytes().zip(keyword.bytes());
        count += keyword.len() - pairs.take_while(|(a, b)| a == b).count();
        before = keyword;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// What ends where in `text`, by looking at each keyword at each place.
    fn expected(keywords: &[&str], text: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for end in 0..=text.len() {
            let mut here: Vec<usize> = (0..keywords.len())
                .filter(|&at| {
                    let begin = end.checked_sub(keywords[at].len());
                    let last = begin.and_then(|begin| text.get(begin..end));
                    last.is_some_and(|last| last.eq_ignore_ascii_case(keywords[at].as_bytes()))
                })
                .collect();
            here.sort_by_key(|&at| std::cmp::Reverse(keywords[at].len()));
            found.extend(here.into_iter().map(|at| (at, end)));
        }
        found
    }

    #[test]
    fn all_keywords_are_found_wherever_they_end() {
        let mut random = Random::from_word("keywords");
        for round in 0..2_000 {
            let letters = ["ab", "abc-", "ab\u{e4}\u{f6}"][round % 3];
            let words: Vec<String> = (0..1 + random.below(12))
                .map(|_| {
                    let length = 1 + random.below(6);
                    random.text(length, letters)
                })
                .collect();
            let mut keywords: Vec<&str> = words.iter().map(String::as_str).collect();
            keywords.sort_unstable();
            keywords.dedup();
            let automaton = Keywords::new(&keywords).unwrap();
            let text = random.text(60, &format!("{letters}ABC."));
            let mut found = Vec::new();
            let mut state = automaton.start();
            for (at, byte) in text.bytes().enumerate() {
                state = automaton.next(state, byte);
                let ends: Vec<_> = automaton.ends(state).collect();
                assert_eq!(automaton.is_end(state), !ends.is_empty());
                let begun = (0..=at).find(|&begin| {
                    let begun = text.as_bytes()[begin..=at].to_ascii_lowercase();
                    keywords
                        .iter()
                        .any(|keyword| keyword.as_bytes().starts_with(&begun))
                });
                assert_eq!(
                    automaton.depth(state),
                    begun.map_or(0, |begin| at + 1 - begin)
                );
                assert!(
                    ends.iter()
                        .all(|&(it, length)| keywords[it].len() == length)
                );
                found.extend(ends.into_iter().map(|(keyword, _)| (keyword, at + 1)));
            }
            assert_eq!(
                found,
                expected(&keywords, text.as_bytes()),
                "{keywords:?} {text:?}"
            );
        }
    }

    #[test]
    fn no_row_is_left_over() {
        let keywords = ["a", "ab", "abc", "b", "bc", "cab"];
        let automaton = Keywords::new(&keywords).unwrap();
        let rows = automaton.rows.chunks(5).flat_map(|row| &row[..4]);
        let rows: std::collections::BTreeSet<State> = rows.copied().collect();
        // Of the start and of each beginning; the letters, all other bytes, and how many letters were read.
        assert_eq!(automaton.cells(), 9 * 5);
        assert_eq!(rows.len(), 9);
        assert_eq!(automaton.ends.len(), 7);
    }

    #[test]
    fn more_keywords_than_there_is_room_for_are_refused() {
        let long = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(1 << 18);
        let error = Keywords::new(&[&long]).unwrap_err();
        assert!(error.to_string().contains("9437184 letters"), "{error}");
    }
}
