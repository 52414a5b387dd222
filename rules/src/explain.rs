//! What can be told of a compiled rule beyond what its file says.

use serde::Serialize;

use crate::format::Target;
use crate::{RuleIndex, RuleSet};

/// How the engine runs a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The rule reads whole texts: no keyword is part of all that it matches.
    pub reads_whole_texts: bool,
    /// Longest match, in bytes; none is no bound.
    pub longest_match: Option<usize>,
    /// How far before its keyword a match may begin, in bytes; none is no bound.
    pub before_keyword: Option<usize>,
    /// Memory of the compiled regex, in bytes.
    pub regex_bytes: usize,
    /// Its own allowlists first, then those of files that are about it.
    pub allowlists: Vec<Excuse>,
    /// Filter expressions that its finds must pass.
    pub filters: usize,
    /// Ids of the rules that must match near its finds.
    pub required: Vec<String>,
}

/// What an allowlist asks about, by the number of its conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excuse {
    /// All conditions must hold; otherwise one is enough.
    pub all: bool,
    pub regexes: usize,
    /// What the regexes are held against: secret, match or line.
    pub target: &'static str,
    pub stopwords: usize,
    pub paths: usize,
    pub commits: usize,
}

impl RuleSet {
    /// What the engine knows of the rule at `index`; `None` if there is no such rule.
    pub fn facts(&self, index: RuleIndex) -> Option<Facts> {
        let matcher = self.matchers.get(index)?;
        let search = matcher.search.as_ref();
        let excuse = |list: &std::sync::Arc<crate::allowlist::Allowlist>| Excuse {
            all: list.all,
            regexes: list
                .regexes
                .as_ref()
                .map_or(0, |all| all.get().pattern_len()),
            target: match list.target {
                Target::Secret => "secret",
                Target::Match => "match",
                Target::Line => "line",
            },
            stopwords: list.stopwords.as_ref().map_or(0, |all| all.patterns_len()),
            paths: list.paths.as_ref().map_or(0, |all| all.get().pattern_len()),
            commits: list.commits.len(),
        };
        Some(Facts {
            reads_whole_texts: self.reads_whole_texts(index),
            longest_match: search.and_then(|search| search.max_length),
            before_keyword: search.and_then(|search| search.before_max),
            regex_bytes: search.map_or(0, |search| search.regex.get().memory_usage()),
            allowlists: matcher.allowlists.iter().map(excuse).collect(),
            filters: matcher.filters.len() + matcher.prefilters.len(),
            required: matcher
                .required
                .iter()
                .filter_map(|required| self.rules.get(required.part))
                .map(|rule| rule.id.clone())
                .collect(),
        })
    }
}
