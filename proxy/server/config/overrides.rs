//! `[rules.override."ID"]`: values of single rules that stand instead of those in their files.

use std::collections::BTreeMap;

use exeat_rules::{Action, Confidence, Override, RuleSet, Severity};

use super::section::{Problem, Section};
use super::{Error, Rules};

/// What is overridden of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overriding {
    /// The id as written. Whether a rule has it is known once the rules are compiled.
    pub id: String,
    pub values: Override,
    /// The place, for what is wrong with the id.
    spot: Problem,
}

/// All of them, sorted by id.
pub(super) fn read(mut section: Section<'_>) -> Vec<Overriding> {
    let mut all = Vec::new();
    for id in section.names() {
        let Some(mut one) = section.named(&id) else {
            continue;
        };
        let spot = one.spot();
        let is_empty = one.names().is_empty();
        let values = Override {
            action: one.word("action", &words(Action::WORDS, Action::from_word)),
            severity: one.word("severity", &words(Severity::WORDS, Severity::from_word)),
            confidence: one.word(
                "confidence",
                &words(Confidence::WORDS, Confidence::from_word),
            ),
        };
        if is_empty {
            one.refuse_self("expected \"action\", \"severity\" or \"confidence\"".to_owned());
        }
        one.finish();
        all.push(Overriding { id, values, spot });
    }
    all
}

fn words<T>(
    words: &'static [&'static str],
    value: fn(&str) -> Option<T>,
) -> Vec<(&'static str, T)> {
    let pair = |word: &&'static str| Some((*word, value(word)?));
    words.iter().filter_map(pair).collect()
}

impl Rules {
    /// `rules`, the rules of these files, with what is overridden.
    ///
    /// # Errors
    /// When no rule has an id that is overridden; each with its place and the nearest id.
    pub fn override_in(&self, rules: RuleSet) -> Result<RuleSet, Error> {
        let rules = match self.checksums {
            true => rules,
            false => rules.without_checksums(),
        };
        let ids: Vec<String> = rules.rules().iter().map(|rule| rule.id.clone()).collect();
        rules.with_overrides(&self.wanted()).map_err(|unknown| {
            let of_unknown = self
                .overrides
                .iter()
                .filter(|each| unknown.contains(&each.id));
            Error::Refused(of_unknown.map(|each| each.unknown(&ids)).collect())
        })
    }

    /// The same for other files: ids that they do not have are passed over.
    pub fn override_known_in(&self, rules: RuleSet) -> Result<RuleSet, Error> {
        let ids: Vec<String> = rules.rules().iter().map(|rule| rule.id.clone()).collect();
        let known = Self {
            overrides: self
                .overrides
                .iter()
                .filter(|each| ids.contains(&each.id))
                .cloned()
                .collect(),
            ..self.clone()
        };
        known.override_in(rules)
    }

    fn wanted(&self) -> BTreeMap<String, Override> {
        let pair = |each: &Overriding| (each.id.clone(), each.values);
        self.overrides.iter().map(pair).collect()
    }
}

impl Overriding {
    fn unknown(&self, ids: &[String]) -> Problem {
        let distance = |id: &&String| {
            (
                !id.contains(&self.id),
                strsim::damerau_levenshtein(id, &self.id),
            )
        };
        self.spot.saying(match ids.iter().min_by_key(distance) {
            Some(near) => format!("no rule has this id; did you mean \"{near}\"?"),
            None => "no rule has this id: there are no rules".to_owned(),
        })
    }
}
