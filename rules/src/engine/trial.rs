//! Why a rule finds something in a text, or does not: step by step, for people who tune it.

use std::collections::BTreeMap;
use std::ops::Range;

use regex_automata::util::primitives::NonMaxUsize;

use super::counted::Heads;
use super::{Match, Run, Scratch, group};
use crate::allowlist::Content;
use crate::compile::Matcher;
use crate::dictionary::Told;
use crate::entropy::shannon;
use crate::{RuleIndex, RuleSet};

/// Most matches of a regex that one trial looks at.
const MOST: usize = 100;

/// How one rule fares on one text. Paths are not looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Trial {
    /// The rule judges paths alone.
    PathOnly,
    /// The rule is loaded, and reports nothing.
    Silent,
    /// None of its keywords stands in the text, so its regex is not tried.
    NoKeyword,
    /// A keyword is there (or the rule has none); the regex matches nowhere.
    NoMatch {
        /// The keywords that stand in the text.
        keywords: Vec<String>,
    },
    /// The regex matches; what became of each match, in their order and at most a hundred.
    Matched(Vec<Tried>),
}

/// One match of the regex.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// What the regex matched, in bytes of the text.
    pub span: Range<usize>,
    /// The secret in it.
    pub secret: Range<usize>,
    /// Shannon entropy of the secret, in bits per byte.
    pub entropy: f64,
    /// The find, for [`RuleSet::standing`]; or why it is none.
    pub found: Result<Match, Dropped>,
}

/// The condition that a match fails.
#[derive(Clone, Debug, PartialEq)]
pub enum Dropped {
    /// The secret's entropy is not greater than this, in bits per byte.
    Entropy(f64),
    /// The built-in check of this name says no.
    Validator(String),
    /// The judge of this name is certain to so many percent, which is too little.
    Judge(String, u8),
    /// The allowlist at this position excuses it, counted from 1: the rule's own first, then those of files.
    Allowlist(usize),
    /// Rules that it requires do not all match nearby.
    Required(Vec<String>),
    /// It begins behind the first so many lines.
    Head(usize),
    /// There are not so many different ones, or it is not the first of them.
    AtLeast(usize),
    /// A filter of the rule.
    Filter,
    /// A term of a dictionary that counts only beside something else.
    Alone,
}

impl RuleSet {
    /// Tries the rule at `index` on `text` alone, with its regex over the whole text. Finds what [`RuleSet::scan`] finds.
    pub fn try_rule(&self, index: RuleIndex, text: &[u8]) -> Trial {
        let Some((rule, matcher)) = self.rules.get(index).zip(self.matchers.get(index)) else {
            return Trial::Silent;
        };
        if rule.is_about_path() {
            return Trial::PathOnly;
        }
        if !matcher.reports {
            return Trial::Silent;
        }
        if rule.dictionary.is_some() {
            return self.try_dictionary(index, text);
        }
        let Some(search) = matcher.search.as_ref() else {
            return Trial::Silent;
        };
        let lower = text.to_ascii_lowercase();
        let stands = |keyword: &&String| {
            let mut windows = lower.windows(keyword.len().max(1));
            windows.any(|window| window == keyword.as_bytes())
        };
        let keywords: Vec<String> = rule.keywords.iter().filter(stands).cloned().collect();
        if keywords.is_empty() && !rule.keywords.is_empty() {
            return Trial::NoKeyword;
        }
        let mut tried = Vec::new();
        let mut cache = search.regex.get().create_cache();
        let mut slots = vec![None; search.regex.get().group_info().slot_len()];
        let mut run = Run::new(search, text, 0..text.len(), &mut cache, &mut slots);
        run.everywhere(&mut |slots| {
            if let Some(span) = group(slots, 0) {
                tried.push(self.tried(index, text, span, slots));
            }
            tried.len() < MOST
        });
        if !matcher.required.is_empty() || matcher.head.is_some() || matcher.at_least.is_some() {
            self.drop_incomplete(matcher, text, &mut tried);
        }
        match tried.is_empty() {
            true => Trial::NoMatch { keywords },
            false => Trial::Matched(tried),
        }
    }
}

impl RuleSet {
    /// What becomes of one match of the rule at `index`.
    fn tried(
        &self,
        index: RuleIndex,
        text: &[u8],
        span: Range<usize>,
        slots: &[Option<NonMaxUsize>],
    ) -> Tried {
        let (rule, matcher) = (&self.rules[index], &self.matchers[index]);
        let secret = matcher.secret(text, slots, &span);
        let bytes = text.get(secret.clone()).unwrap_or_default();
        let found = matcher.judge(index, text, slots);
        let found = found.filter(|found| !found.is_hidden());
        Tried {
            // One byte again and again has minus nothing.
            entropy: shannon(bytes).abs(),
            found: found.ok_or_else(|| matcher.dropped(text, &span, &secret, slots, rule)),
            span,
            secret,
        }
    }

    /// Tries a dictionary: what became of each of its terms that stand in the text.
    fn try_dictionary(&self, index: RuleIndex, text: &[u8]) -> Trial {
        let mut places = BTreeMap::new();
        self.dictionaries
            .candidates(text, 0..text.len(), &mut |dictionary, found| {
                if dictionary.rule == index {
                    let end = places.entry(found.span.start).or_insert(found.span.end);
                    *end = found.span.end.max(*end);
                }
            });
        let mut tried = Vec::new();
        let mut end = 0;
        for (start, behind) in places.into_iter().take(MOST) {
            let told = self.dictionaries.at(index, text, start);
            if told.as_ref().is_some_and(|told| told.span.start < end) {
                continue;
            }
            let stands = || Told {
                span: start..behind,
                word: start..behind,
            };
            let shown = told.clone().unwrap_or_else(stands);
            let mut each = self.tried(index, text, shown.span.clone(), &shown.slots());
            match told {
                Some(told) => end = told.span.end,
                None => each.found = Err(Dropped::Alone),
            }
            tried.push(each);
        }
        match tried.is_empty() {
            true => Trial::NoKeyword,
            false => Trial::Matched(tried),
        }
    }

    /// Of a rule that looks at more than a match only those matches count that a scan tells.
    fn drop_incomplete(&self, matcher: &Matcher, text: &[u8], tried: &mut [Tried]) {
        let mut scanned = Vec::new();
        let mut scratch = Scratch::with_max_matches(self, usize::MAX);
        let _ = self.scan(text, &mut scratch, &mut scanned);
        let parts = || {
            let rules = matcher.required.iter().map(|required| required.part);
            rules
                .filter_map(|part| self.rules.get(part))
                .map(|rule| rule.id.clone())
                .collect()
        };
        let mut heads = Heads::default();
        for each in tried {
            let start = each.span.start;
            let is_behind = |lines: &usize| !heads.hold(text, *lines, start);
            if each
                .found
                .as_ref()
                .is_ok_and(|found| !scanned.contains(found))
            {
                each.found = Err(match (matcher.head.filter(is_behind), matcher.at_least) {
                    (Some(lines), _) => Dropped::Head(lines),
                    (None, Some(least)) => Dropped::AtLeast(least),
                    (None, None) => Dropped::Required(parts()),
                });
            }
        }
    }
}

impl Matcher {
    /// Names the first condition that fails, in the order of `judge`.
    fn dropped(
        &self,
        text: &[u8],
        span: &Range<usize>,
        secret: &Range<usize>,
        slots: &[Option<NonMaxUsize>],
        rule: &crate::Rule,
    ) -> Dropped {
        let bytes = text.get(secret.clone()).unwrap_or_default();
        if let Some(entropy) = self.entropy
            && shannon(bytes) <= entropy
        {
            return Dropped::Entropy(entropy);
        }
        if self.validator.is_some_and(|check| !check(bytes)) {
            return Dropped::Validator(rule.validator.clone().unwrap_or_default());
        }
        if let Some(judging) = &self.judge {
            let certainty = judging.raw(text, span, secret, slots);
            if !judging.suffices(certainty) {
                return Dropped::Judge(rule.judge.clone().unwrap_or_default(), certainty);
            }
        }
        let excuses = |list: &std::sync::Arc<crate::allowlist::Allowlist>| {
            let content = list.content(text, span, secret);
            matches!(content, Content::Excused | Content::ByWord)
        };
        match self.allowlists.iter().position(excuses) {
            Some(at) => Dropped::Allowlist(at + 1),
            None => Dropped::Filter,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    fn rules(text: &str) -> RuleSet {
        let source = Source {
            name: "t.toml".into(),
            text: text.into(),
        };
        RuleSet::compile(&[source]).unwrap().rules
    }

    fn fate(rules: &RuleSet, text: &str) -> Vec<Option<Dropped>> {
        match rules.try_rule(0, text.as_bytes()) {
            Trial::Matched(tried) => tried.into_iter().map(|tried| tried.found.err()).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_step_is_named() {
        let rules = rules(
            "[[rules]]\nid='a'\nregex='''key=(\\w+)'''\nkeywords=['key']\nentropy=1.5\n\
             validator='not-placeholder'\n[[rules.allowlists]]\nstopwords=['boring']\n\
             [[rules.allowlists]]\nregexes=['^nine']\n\
             [[rules]]\nid='p'\npath='x'\n[[rules]]\nid='s'\nregex='x'\nskipReport=true\n",
        );
        assert_eq!(rules.try_rule(0, b"nothing"), Trial::NoKeyword);
        let keywords = vec!["key".to_owned()];
        assert_eq!(rules.try_rule(0, b"KEY"), Trial::NoMatch { keywords });
        assert_eq!(rules.try_rule(1, b"x"), Trial::PathOnly);
        assert_eq!(rules.try_rule(2, b"x"), Trial::Silent);
        let text = "key=aaaab key=changeme key=aboring1 key=nine4821 key=qwz84kd0";
        let expected = [
            Some(Dropped::Entropy(1.5)),
            Some(Dropped::Validator("not-placeholder".into())),
            Some(Dropped::Allowlist(1)),
            Some(Dropped::Allowlist(2)),
            None,
        ];
        assert_eq!(fate(&rules, text), expected);
    }

    #[test]
    fn what_a_composite_rule_misses_is_named() {
        let rules = rules(
            "[[rules]]\nid='both'\nregex='one'\n[[rules.required]]\nid='part'\nwithinLines=1\n\
             [[rules]]\nid='part'\nregex='two'\nskipReport=true\n",
        );
        let missing = Some(Dropped::Required(vec!["part".into()]));
        assert_eq!(fate(&rules, "one\n\n\n two one"), [missing, None]);
    }

    #[test]
    fn it_finds_what_a_scan_finds() {
        let rules = crate::RuleSet::compile(&crate::builtin()).unwrap().rules;
        let mut scratch = Scratch::new(&rules);
        for rule in rules.rules() {
            for example in rule.examples.iter().chain(&rule.counter_examples) {
                let text = crate::template::expand(example).unwrap();
                let mut scanned = Vec::new();
                let _ = rules.scan(text.as_bytes(), &mut scratch, &mut scanned);
                let mut tried = Vec::new();
                for index in 0..rules.rules().len() {
                    if let Trial::Matched(all) = rules.try_rule(index, text.as_bytes()) {
                        tried.extend(all.into_iter().filter_map(|tried| tried.found.ok()));
                    }
                }
                tried.sort_by_key(|found| (found.span.start, found.rule));
                assert_eq!(tried, scanned, "{}: {text}", rule.id);
            }
        }
    }
}
