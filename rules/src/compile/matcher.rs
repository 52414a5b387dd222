//! What of a rule is compiled: its regexes, its allowlists, and where to look for it.

use std::sync::Arc;

use aho_corasick::AhoCorasick;
use regex_automata::meta::{self, Regex};
use regex_syntax::hir::Hir;

use super::lazy::Lazy;
use super::prepared;
use super::{Error as CompileError, FileList, Loaded, rule_error};
use crate::allowlist::Allowlist;
use crate::filter::{Error, Filter, Residue};
use crate::finder::Finder;
use crate::format::{AllowlistText, Located, RuleText};
use crate::judges::Judging;
use crate::plan::{self, Opening, Outline};
use crate::prefilter::Wish;
use crate::printable::printable;
use crate::probe::Probe;
use crate::stretch::Stretches;
use crate::{Rule, RuleIndex, dialect, validators};

/// Largest compiled regex, in bytes. Rules with long bounded repetitions need more than the usual 10 MiB.
const REGEX_BYTES: usize = 128 << 20;
/// Most allowlists that one rule can have, with those of its file.
const ALLOWLISTS: usize = 1000;

/// The compiled part of a rule.
#[derive(Debug)]
pub(crate) struct Matcher {
    /// `None` for rules about paths alone, and for rules that report nothing.
    pub(crate) search: Option<Search>,
    /// Its matches are told.
    pub(crate) reports: bool,
    /// What must match nearby for its matches to count.
    pub(crate) required: Vec<Requirement>,
    /// Its matches count only in the first so many lines.
    pub(crate) head: Option<usize>,
    /// Its matches count only if there are so many different ones.
    pub(crate) at_least: Option<usize>,
    pub(super) path: Option<Patterns>,
    pub(crate) secret_group: usize,
    pub(crate) entropy: Option<f64>,
    pub(crate) validator: Option<fn(&[u8]) -> bool>,
    pub(crate) judge: Option<Judging>,
    pub(crate) allowlists: Vec<Arc<Allowlist>>,
    pub(crate) filters: Vec<Arc<Expression>>,
    /// Of which nothing depends on content.
    pub(crate) prefilters: Vec<Arc<Expression>>,
    /// The rule's own id, which expressions may ask for.
    pub(crate) id: String,
}

/// A filter, and where it comes from.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) filter: Filter,
    /// What is asked of a place, of a prefilter.
    pub(crate) residue: Residue,
    /// It comes from a file that does not ship with us.
    pub(crate) imported: bool,
}

impl Expression {
    /// Warns of what is not honoured of it, at its lines.
    pub(super) fn compile(
        text: &Located<String>,
        with_finding: bool,
        imported: bool,
        warn: &mut dyn FnMut(usize, String),
    ) -> Option<Arc<Self>> {
        let (filter, unknown) = Filter::compile(&text.value, with_finding);
        let key = match with_finding {
            true => "filter",
            false => "prefilter",
        };
        let whole = match filter {
            Some(_) => "in part",
            None => "at all",
        };
        for Error { at, reason } in unknown {
            let before = text.value.get(..at).unwrap_or_default();
            let line = text.line + before.matches('\n').count();
            warn(line, format!("\"{key}\" is not honoured {whole}: {reason}"));
        }
        filter.map(|filter| {
            Arc::new(Self {
                residue: filter.bare(),
                filter,
                imported,
            })
        })
    }
}

/// A rule that must match near another's match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requirement {
    pub(crate) part: RuleIndex,
    pub(crate) lines: Option<usize>,
    pub(crate) columns: Option<usize>,
}

/// A regex that finds what any of these patterns does.
pub(crate) type Patterns = Lazy<Regex, Vec<String>>;

/// The text of a rule's regex, or of its core.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: Arc<str>,
    /// Where the core begins, if it is the core ([`plan::core`]).
    core: Option<usize>,
}

impl Pattern {
    fn read(&self) -> Result<Hir, String> {
        let regex = dialect::parse(&self.regex).map_err(|error| error.to_string())?;
        Ok(match self.core {
            Some(at) => plan::core(&regex, at),
            None => regex,
        })
    }
}

/// A rule's regex, and where it can match.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) regex: Lazy<Finder, Pattern>,
    /// What must match at a keyword; `None` if the regex has to run over the whole text.
    pub(crate) probe: Option<Lazy<Probe, Pattern>>,
    /// A match begins this many bytes before the probed place, at least
    pub(crate) before_min: usize,
    /// and at most; `None` is no bound.
    pub(crate) before_max: Option<usize>,
    /// Longest match, in bytes.
    pub(crate) max_length: Option<usize>,
    /// What a long match takes, of a regex that may match anywhere and without bound.
    pub(crate) stretches: Option<Lazy<Option<Stretches>, Pattern>>,
}

impl Matcher {
    /// Compiles what the rule itself says, and enters its keywords. Of a rule that
    /// reports nothing the regex is kept if the rule `is_part` of another.
    pub(super) fn compile(
        text: &RuleText,
        index: RuleIndex,
        is_part: bool,
        wishes: &mut Vec<Wish>,
        always: &mut Vec<RuleIndex>,
    ) -> Result<Self, CompileError> {
        let rule = &text.rule;
        let path = rule.path.as_ref().map(|path| {
            patterns(vec![path.clone()], text.imported)
                .map_err(|reason| rule_error(rule, text.path_line, format!("path: {reason}")))
        });
        let mut judge = None;
        let search = match &rule.regex {
            Some(pattern) => {
                let wrong = |reason| rule_error(rule, text.regex_line, format!("regex: {reason}"));
                let (search, outline, entry) = Search::compile(rule, pattern).map_err(wrong)?;
                judge = Judging::of(rule, outline.name);
                let is_kept = is_part || !rule.skip_report;
                if !is_kept {
                    search.force().map_err(|reason| wrong(reason.to_owned()))?;
                }
                is_kept.then(|| {
                    let entry = entry.filter(|_| search.probe.is_some());
                    enter(rule, index, entry, &outline.openings, wishes, always);
                    search
                })
            }
            None => None,
        };
        Ok(Self {
            search,
            reports: !rule.skip_report,
            required: Vec::new(),
            head: rule.head,
            at_least: rule.at_least,
            path: path.transpose()?,
            secret_group: rule.secret_group,
            entropy: rule.entropy,
            validator: rule
                .validator
                .as_deref()
                .and_then(validators::find)
                .map(|validator| validator.check),
            judge,
            allowlists: Vec::new(),
            filters: Vec::new(),
            prefilters: Vec::new(),
            id: rule.id.clone(),
        })
    }

    /// Adds the rule's own allowlists and those of the files that are about it.
    pub(super) fn with_lists(
        mut self,
        loaded: &Loaded,
        lists: &[FileList],
    ) -> Result<Self, CompileError> {
        let rule = &loaded.text.rule;
        for list in &loaded.text.allowlists {
            let wrong = |line, reason| rule_error(rule, line, format!("allowlist: {reason}"));
            self.allowlists.push(Arc::new(allowlist(list, wrong)?));
        }
        let about = lists.iter().filter(|list| list.is_about(loaded));
        self.allowlists
            .extend(about.map(|list| Arc::clone(&list.list)));
        if self.allowlists.len() > ALLOWLISTS {
            let reason = format!("more than {ALLOWLISTS} allowlists are about it");
            return Err(rule_error(rule, rule.origin.line, reason));
        }
        Ok(self)
    }
}

/// Keywords and the bytes before them, for the prefilter; empty offsets mean that any place of the text will do.
fn enter(
    rule: &Rule,
    index: RuleIndex,
    entry: Option<u16>,
    openings: &[Opening],
    wishes: &mut Vec<Wish>,
    always: &mut Vec<RuleIndex>,
) {
    let number = u32::try_from(index).unwrap_or(u32::MAX);
    if rule.keywords.is_empty() && !rule.skip_report {
        always.push(index);
    }
    for opening in openings {
        if let Some(keyword) = rule.keywords.get(opening.keyword) {
            wishes.push(Wish {
                keyword: keyword.clone(),
                rule: number,
                entry,
                opening: *opening,
            });
        }
    }
}

impl Search {
    /// Compiles what is compiled when it is first needed.
    ///
    /// # Errors
    /// When it is too large.
    pub(super) fn force(&self) -> Result<(), &str> {
        self.regex.try_get()?;
        if let Some(probe) = &self.probe {
            probe.try_get()?;
        }
        Ok(())
    }

    /// The search, what was known of the regex for it, and the entry of [`prepared`] that said so.
    fn compile(rule: &Rule, regex: &str) -> Result<(Self, Outline<'static>, Option<u16>), String> {
        let known = prepared::find(regex, &rule.keywords);
        let outline = match known {
            Some((_, outline)) => outline.clone(),
            None => {
                let read = dialect::parse(regex).map_err(|error| error.to_string())?;
                if read.properties().minimum_len() == Some(0) {
                    return Err("it matches empty text".to_owned());
                }
                Outline::of(&read, &rule.keywords)
            }
        };
        if rule.secret_group > outline.groups {
            return Err(format!(
                "secretGroup is {}, but the regex has {} groups",
                rule.secret_group, outline.groups
            ));
        }
        let whole = Pattern {
            regex: regex.into(),
            core: None,
        };
        let mut search = Self {
            regex: Lazy::new(whole.clone(), |pattern| {
                Finder::new(&pattern.read()?, REGEX_BYTES)
            }),
            probe: None,
            before_min: 0,
            before_max: None,
            max_length: outline.max_length,
            stretches: None,
        };
        if let Some(split) = outline.split {
            let core = Pattern {
                core: Some(split.at),
                ..whole.clone()
            };
            search.probe = Some(Lazy::new(core, |pattern| {
                let probe = Probe::new(&pattern.read()?, REGEX_BYTES);
                probe.ok_or_else(|| "it is too large when compiled".to_owned())
            }));
            search.before_min = split.before_min;
            search.before_max = split.before_max;
        }
        let is_bounded = search.max_length.is_some();
        if !is_bounded && (search.probe.is_none() || search.before_max.is_none()) {
            search.stretches = Some(Lazy::new(whole, |pattern| {
                Ok(Stretches::of(&pattern.read()?))
            }));
        }
        Ok((search, outline, known.map(|(entry, _)| entry)))
    }
}

pub(super) fn allowlist(
    text: &AllowlistText,
    wrong: impl Fn(usize, String) -> CompileError,
) -> Result<Allowlist, CompileError> {
    let any_of = |located: &[Located<String>]| {
        let Some(first) = located.first() else {
            return Ok(None);
        };
        if text.imported {
            for pattern in located {
                dialect::parse(&pattern.value)
                    .map_err(|error| wrong(pattern.line, error.to_string()))?;
            }
        }
        let texts = located.iter().map(|pattern| pattern.value.clone());
        patterns(texts.collect(), text.imported)
            .map(Some)
            .map_err(|reason| wrong(first.line, reason))
    };
    let stopwords = match text.stopwords.as_slice() {
        [] => None,
        words => {
            let built = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(words);
            Some(built.map_err(|error| wrong(text.line, error.to_string()))?)
        }
    };
    Ok(Allowlist {
        all: text.all,
        commits: text.commits.iter().cloned().collect(),
        paths: any_of(&text.paths)?,
        regexes: any_of(&text.regexes)?,
        target: text.target,
        stopwords,
        imported: text.imported,
    })
}

/// Patterns of a file that ships with us are compiled when they are needed, others now.
///
/// # Errors
/// When one of them is wrong or too large.
fn patterns(texts: Vec<String>, imported: bool) -> Result<Patterns, String> {
    let patterns = Lazy::new(texts, |texts: &Vec<String>| any_of(texts));
    if imported {
        patterns.try_get().map_err(str::to_owned)?;
    }
    Ok(patterns)
}

/// A regex that finds what any of the patterns does.
pub(crate) fn any_of(patterns: &[String]) -> Result<Regex, String> {
    let parsed: Result<Vec<Hir>, _> = patterns.iter().map(|text| dialect::parse(text)).collect();
    regex(&parsed.map_err(|error| error.to_string())?)
}

pub(super) fn regex(patterns: &[Hir]) -> Result<Regex, String> {
    let config = meta::Config::new()
        .utf8_empty(false)
        .nfa_size_limit(Some(REGEX_BYTES));
    let patterns: Vec<&Hir> = patterns.iter().collect();
    Regex::builder()
        .configure(config)
        .build_many_from_hir(&patterns)
        .map_err(|error| match error.size_limit() {
            Some(limit) => format!("it needs more than {} MiB when compiled", limit >> 20),
            None => printable(&error.to_string()),
        })
}
