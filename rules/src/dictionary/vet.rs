//! How often the terms of dictionaries stand in texts that are nobody's secret, before anybody is stopped by them.

use std::collections::BTreeMap;

use super::Found;
use crate::{RuleIndex, RuleSet};

/// Hits in a megabyte from which on a term is noise, unless it counts only beside something else.
pub const NOISY: f64 = 1.0;

/// Counts the terms of a rule set's dictionaries in texts.
#[derive(Debug)]
pub struct Vet<'r> {
    rules: &'r RuleSet,
    /// By rule and term.
    counts: BTreeMap<(RuleIndex, usize), Count>,
    bytes: u64,
}

/// How often a term stood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// As a word of its own, whatever was around it.
    pub stands: u64,
    /// With what it must stand near, so that it would have been told.
    pub told: u64,
}

/// What is to be said of a term.
#[derive(Clone, Debug, PartialEq)]
pub struct Vetted<'r> {
    pub rule: RuleIndex,
    /// As it is written; none where only its hash is known.
    pub term: Option<&'r str>,
    pub count: Count,
    /// Hits in a megabyte, of those that count.
    pub per_megabyte: f64,
    /// It is noise: to be refused.
    pub is_noisy: bool,
}

impl<'r> Vet<'r> {
    pub fn new(rules: &'r RuleSet) -> Self {
        Self {
            rules,
            counts: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Bytes of the texts so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts what stands in `text`.
    pub fn read(&mut self, text: &[u8]) {
        self.bytes += text.len() as u64;
        let dictionaries = &self.rules.dictionaries;
        let counts = &mut self.counts;
        dictionaries.candidates(text, 0..text.len(), &mut |dictionary, found| {
            let is_told = dictionaries.is_meant(dictionary, text, &found);
            let Found { rule, term, .. } = found;
            let count = counts.entry((rule, term)).or_default();
            count.stands += 1;
            count.told += u64::from(is_told);
        });
    }

    /// Every term that stood anywhere, the most frequent first.
    pub fn terms(&self) -> Vec<Vetted<'r>> {
        let megabytes = (self.bytes as f64 / 1e6).max(f64::MIN_POSITIVE);
        let vetted = |(&(rule, term), &count): (&(RuleIndex, usize), &Count)| {
            let dictionary = self.rules.dictionaries.of_rule(rule);
            let has_condition = dictionary.is_some_and(super::Dictionary::has_condition);
            let written = dictionary.and_then(|dictionary| dictionary.written.get(term));
            let per_megabyte = count.told as f64 / megabytes;
            Vetted {
                rule,
                term: written.map(String::as_str),
                count,
                per_megabyte,
                is_noisy: per_megabyte > NOISY && !has_condition,
            }
        };
        let mut terms: Vec<Vetted<'r>> = self.counts.iter().map(vetted).collect();
        terms.sort_by_key(|term| std::cmp::Reverse((term.count.told, term.count.stands)));
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    #[test]
    fn terms_are_counted_and_noise_is_named() {
        let source = Source {
            name: "w.toml".into(),
            text: "[[dictionary]]\nid='n'\nkind='names'\nterms=['kestrel', 'static', 'rare']\n\
                [[dictionary]]\nid='o'\nkind='names'\nweight='ordinary'\nterms=['Result']\n"
                .into(),
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        let mut vet = Vet::new(&rules);
        vet.read(
            "static Result = kestrel; static_assert; statics\n"
                .repeat(1000)
                .as_bytes(),
        );
        vet.read(&[b' '; 2_000_000]);
        vet.read(b"a rare one; project Result");
        assert_eq!(vet.bytes(), 48_000 + 2_000_026);
        let told: Vec<_> = vet
            .terms()
            .into_iter()
            .map(|term| {
                (
                    term.term.unwrap(),
                    term.count.stands,
                    term.count.told,
                    term.is_noisy,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("static", 2000, 2000, true),
                ("kestrel", 1000, 1000, true),
                ("Result", 1001, 1, false),
                ("rare", 1, 1, false)
            ]
        );
    }
}
