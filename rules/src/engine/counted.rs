//! Rules of which one match is nothing and many are a find (`atLeast`), rules about the first lines of a text (`head`), and
//! rules of licences, which say the same again and again.
//!
//! A rule that counts is told once a text, at its first match, if so many different secrets stand there. What each secret is does
//! not matter, only whether it is another one, so that hashes of them are kept, and no more than are asked for.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::Match;
use crate::RuleIndex;

/// What was counted of one text, or of its windows so far.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    rules: HashMap<RuleIndex, HashSet<u64>>,
    /// Nobody can tell beforehand which secrets look alike.
    hasher: RandomState,
}

/// What becomes of a match that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// It is the one that is told if there are enough.
    pub(super) is_first: bool,
    pub(super) are_enough: bool,
}

impl Tallies {
    /// Counts a secret of a rule that asks for `least` different ones.
    pub(super) fn count(&mut self, rule: RuleIndex, least: usize, secret: &[u8]) -> Counted {
        let hash = self.hasher.hash_one(secret);
        let seen = self.rules.entry(rule).or_default();
        let is_first = seen.is_empty();
        if seen.len() < least {
            seen.insert(hash);
        }
        Counted {
            is_first,
            are_enough: seen.len() >= least,
        }
    }

    /// Whether `least` different secrets of the rule stand in the text.
    pub(super) fn suffice(&self, rule: RuleIndex, least: usize) -> bool {
        self.rules
            .get(&rule)
            .is_some_and(|seen| seen.len() >= least)
    }
}

/// Matches of one text that wait for more of their rules.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    tallies: Tallies,
    first: Vec<(Match, usize)>,
}

impl Waiting {
    /// Counts a match; `false` if no more of its rule have to be looked for.
    pub(super) fn count(&mut self, found: Match, least: usize, text: &[u8]) -> bool {
        let secret = text.get(found.secret.clone()).unwrap_or_default();
        let counted = self.tallies.count(found.rule, least, secret);
        if counted.is_first {
            self.first.push((found, least));
        }
        !counted.are_enough
    }

    /// The first matches of the rules that have enough.
    pub(super) fn enough(self) -> impl Iterator<Item = Match> {
        let Self { tallies, first } = self;
        let enough = first.into_iter();
        let enough = enough.filter(move |(found, least)| tallies.suffice(found.rule, *least));
        enough.map(|(found, _)| found)
    }
}

/// Of the matches of one rule in one text that say the same licence, the first are told: a lock file says `MIT` for each of thousands
/// of packages, and is read to its end all the same.
const MAX_ALIKE: usize = 100;

/// How often the rules of licences have said each in a text. There are no more of them than matches that are told.
#[derive(Debug, Default)]
pub(super) struct Alike {
    said: HashMap<(RuleIndex, u64), usize>,
    hasher: RandomState,
}

impl Alike {
    /// Whether the match is among the first that say these words.
    pub(super) fn tell(&mut self, found: &Match, text: &[u8]) -> bool {
        let secret = text.get(found.secret.clone()).unwrap_or_default();
        let hash = self.hasher.hash_one(secret);
        let count = self.said.entry((found.rule, hash)).or_default();
        *count += 1;
        *count <= MAX_ALIKE
    }
}

/// Where the first lines of a text end, by their number.
#[derive(Debug, Default)]
pub(super) struct Heads(HashMap<usize, usize>);

impl Heads {
    /// Whether a match that begins at `start` begins in the first `lines` lines.
    pub(super) fn hold(&mut self, text: &[u8], lines: usize, start: usize) -> bool {
        let end = self.0.entry(lines).or_insert_with(|| {
            let mut feeds = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            let last = feeds.nth(lines.saturating_sub(1));
            last.map_or(text.len(), |(place, _)| place)
        });
        start < *end
    }
}
