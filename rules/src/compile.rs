//! Rule files into one immutable set, with everything compiled once.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use aho_corasick::AhoCorasick;
use regex_automata::meta::{self, Regex};
use regex_syntax::hir::Hir;
use sha2::{Digest, Sha256};

use crate::allowlist::{Allowlist, Site, Standing};
use crate::format::{self, AllowlistText, Located, RuleText, Warning};
use crate::plan::{Plan, plan};
use crate::prefilter::Prefilter;
use crate::printable::printable;
use crate::probe::Probe;
use crate::{Match, Rule, RuleIndex, Source, dialect, validators};

/// Largest compiled regex, in bytes. Rules with long bounded repetitions need more than the usual 10 MiB.
const REGEX_BYTES: usize = 128 << 20;
/// Most allowlists that one rule can have, with those of its file.
const ALLOWLISTS: usize = 1000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Format(#[from] format::Error),
    #[error("{file}:{line}: rule {rule}: {reason}")]
    Rule {
        file: String,
        line: usize,
        rule: String,
        reason: String,
    },
    #[error("{file}:{line}: allowlist: {reason}")]
    Allowlist {
        file: String,
        line: usize,
        reason: String,
    },
    #[error("the keywords of the rules do not fit into one automaton: {reason}")]
    Keywords { reason: String },
}

/// A set, and what in its files is understood but not honoured.
#[derive(Debug)]
pub struct Compiled {
    pub rules: RuleSet,
    pub warnings: Vec<Warning>,
}

/// Compiled rules. Immutable; meant to be shared.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    /// By rule index.
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) prefilter: Prefilter,
    /// Rules without keywords: they run on every text.
    pub(crate) always: Vec<RuleIndex>,
    digest: String,
}

/// The compiled part of a rule.
#[derive(Debug)]
pub(crate) struct Matcher {
    /// `None` for rules about paths alone, and for rules that report nothing.
    pub(crate) search: Option<Search>,
    path: Option<Regex>,
    pub(crate) secret_group: usize,
    pub(crate) entropy: Option<f64>,
    pub(crate) validator: Option<fn(&[u8]) -> bool>,
    pub(crate) allowlists: Vec<Allowlist>,
}

/// A rule's regex, and where it can match.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) regex: Regex,
    /// What must match at a keyword; `None` if the regex has to run over the whole text.
    pub(crate) probe: Option<Probe>,
    /// A match begins this many bytes before the probed place, at least
    pub(crate) before_min: usize,
    /// and at most; `None` is no bound.
    pub(crate) before_max: Option<usize>,
    /// Longest match, in bytes.
    pub(crate) max_length: Option<usize>,
}

impl RuleSet {
    /// Reads and compiles rule files. The order matters for `extend.disabledRules` and for the digest only.
    pub fn compile(sources: &[Source]) -> Result<Compiled, Error> {
        let mut warnings = Vec::new();
        let mut loaded: Vec<Loaded> = Vec::new();
        let mut lists: Vec<FileList> = Vec::new();
        for (file, source) in sources.iter().enumerate() {
            let mut parsed = format::parse(&source.name, &source.text)?;
            warnings.append(&mut parsed.warnings);
            disable(&mut loaded, &parsed.disabled, &source.name, &mut warnings);
            loaded.extend(parsed.rules.into_iter().map(|text| Loaded { file, text }));
            lists.extend(parsed.allowlists.into_iter().map(|(list, rules)| FileList {
                file,
                name: printable(&source.name),
                list,
                rules,
            }));
        }
        refuse_duplicates(&loaded)?;
        check_targets(&loaded, &lists)?;

        let mut wishes = Vec::new();
        let mut set = Self {
            rules: Vec::with_capacity(loaded.len()),
            matchers: Vec::with_capacity(loaded.len()),
            prefilter: Prefilter::new(&[]).map_err(keyword_error)?,
            always: Vec::new(),
            digest: digest(sources),
        };
        for (index, Loaded { file, text }) in loaded.into_iter().enumerate() {
            let matcher = Matcher::compile(&text, index, &mut wishes, &mut set.always)?;
            set.matchers.push(matcher.with_lists(&text, file, &lists)?);
            set.rules.push(text.rule);
        }
        set.prefilter = Prefilter::new(&wishes).map_err(keyword_error)?;
        Ok(Compiled {
            rules: set,
            warnings,
        })
    }

    /// Hexadecimal SHA-256 over the texts of the files, in order. Their names do not matter.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The rules in the order of the files.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// # Panics
    /// If `index` is not of this set.
    pub fn rule(&self, index: RuleIndex) -> &Rule {
        &self.rules[index]
    }

    /// Whether the rule has to read whole texts because no keyword is part of all that it matches.
    pub fn reads_whole_texts(&self, index: RuleIndex) -> bool {
        let search = self
            .matchers
            .get(index)
            .and_then(|matcher| matcher.search.as_ref());
        search.is_some_and(|search| search.probe.is_none())
    }

    /// Appends the rules for which `path` itself is the finding. Allowlists about paths alone are applied.
    pub fn match_path(&self, path: &[u8], matches: &mut Vec<RuleIndex>) {
        let site = Site {
            path: Some(path),
            commit: None,
        };
        for (index, (rule, matcher)) in self.rules.iter().zip(&self.matchers).enumerate() {
            let Some(wanted) = &matcher.path else {
                continue;
            };
            if rule.regex.is_some() || rule.skip_report || !wanted.is_match(path) {
                continue;
            }
            let excused = |list: &Allowlist| list.place(&site) && !(list.all && list.has_content());
            if !matcher.allowlists.iter().any(excused) {
                matches.push(index);
            }
        }
    }

    /// Whether a match of [`RuleSet::scan`] counts at one place.
    pub fn standing(&self, found: &Match, site: &Site<'_>) -> Standing {
        let Some(matcher) = self.matchers.get(found.rule) else {
            return Standing::Stands;
        };
        if let Some(path) = &matcher.path
            && !path.is_match(site.path.unwrap_or_default())
        {
            return Standing::OutOfPath;
        }
        let depends = found
            .depends
            .iter()
            .filter_map(|&list| matcher.allowlists.get(usize::from(list)));
        if depends.into_iter().any(|list| list.place(site)) {
            return Standing::Allowed;
        }
        Standing::Stands
    }
}

/// A rule and the number of its file.
struct Loaded {
    file: usize,
    text: RuleText,
}

/// An allowlist at the top of a file.
struct FileList {
    file: usize,
    name: String,
    list: AllowlistText,
    /// Empty: the rules of its file.
    rules: Vec<Located<String>>,
}

impl FileList {
    fn is_about(&self, rule: &RuleText, file: usize) -> bool {
        match self.rules.as_slice() {
            [] => self.file == file,
            rules => rules
                .iter()
                .any(|id| id.value == "*" || id.value == rule.rule.id),
        }
    }
}

/// Takes earlier rules out by id; an id that names none is worth a warning.
fn disable(
    loaded: &mut Vec<Loaded>,
    disabled: &[Located<String>],
    file: &str,
    warnings: &mut Vec<Warning>,
) {
    for id in disabled {
        let before = loaded.len();
        loaded.retain(|rule| rule.text.rule.id != id.value);
        if loaded.len() == before {
            warnings.push(Warning {
                file: printable(file),
                line: id.line,
                rule: None,
                reason: format!(
                    "disabledRules: no earlier file defines a rule \"{}\"",
                    printable(&id.value)
                ),
            });
        }
    }
}

fn refuse_duplicates(loaded: &[Loaded]) -> Result<(), Error> {
    let mut seen: HashMap<&str, &Rule> = HashMap::new();
    for Loaded {
        text: RuleText { rule, .. },
        ..
    } in loaded
    {
        if let Some(first) = seen.insert(&rule.id, rule) {
            let mut reason = format!("the id is already defined at {}", first.origin);
            if first.origin.file != rule.origin.file {
                reason.push_str("; disable it in extend.disabledRules to define it anew");
            }
            return Err(rule_error(rule, rule.origin.line, reason));
        }
    }
    Ok(())
}

fn check_targets(loaded: &[Loaded], lists: &[FileList]) -> Result<(), Error> {
    let ids: HashSet<&str> = loaded
        .iter()
        .map(|rule| rule.text.rule.id.as_str())
        .collect();
    for list in lists {
        if let Some(id) = list
            .rules
            .iter()
            .find(|id| id.value != "*" && !ids.contains(id.value.as_str()))
        {
            return Err(Error::Allowlist {
                file: list.name.clone(),
                line: id.line,
                reason: format!("targetRules: there is no rule \"{}\"", printable(&id.value)),
            });
        }
    }
    Ok(())
}

impl Matcher {
    /// Compiles what the rule itself says, and enters its keywords: (keyword, rule, bytes before it).
    fn compile(
        text: &RuleText,
        index: RuleIndex,
        wishes: &mut Vec<(String, u32, u32)>,
        always: &mut Vec<RuleIndex>,
    ) -> Result<Self, Error> {
        let rule = &text.rule;
        let path = rule.path.as_deref().map(|path| {
            let path = dialect::parse(path)
                .map_err(|error| rule_error(rule, text.path_line, format!("path: {error}")))?;
            regex(&[path])
                .map_err(|reason| rule_error(rule, text.path_line, format!("path: {reason}")))
        });
        let search = match &rule.regex {
            Some(pattern) => {
                let wrong = |reason| rule_error(rule, text.regex_line, format!("regex: {reason}"));
                let pattern = dialect::parse(pattern).map_err(|error| wrong(error.to_string()))?;
                let (search, openings) = Search::compile(rule, &pattern).map_err(wrong)?;
                (!rule.skip_report).then(|| {
                    enter(rule, index, &openings, wishes, always);
                    search
                })
            }
            None => None,
        };
        Ok(Self {
            search,
            path: path.transpose()?,
            secret_group: rule.secret_group,
            entropy: rule.entropy,
            validator: rule
                .validator
                .as_deref()
                .and_then(validators::find)
                .map(|validator| validator.check),
            allowlists: Vec::new(),
        })
    }

    /// Adds the rule's own allowlists and those of the files that are about it.
    fn with_lists(
        mut self,
        text: &RuleText,
        file: usize,
        lists: &[FileList],
    ) -> Result<Self, Error> {
        let rule = &text.rule;
        for list in &text.allowlists {
            let wrong = |line, reason| rule_error(rule, line, format!("allowlist: {reason}"));
            self.allowlists.push(allowlist(list, wrong)?);
        }
        for list in lists.iter().filter(|list| list.is_about(text, file)) {
            let wrong = |line, reason| Error::Allowlist {
                file: list.name.clone(),
                line,
                reason,
            };
            self.allowlists.push(allowlist(&list.list, wrong)?);
        }
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
    openings: &[(usize, usize)],
    wishes: &mut Vec<(String, u32, u32)>,
    always: &mut Vec<RuleIndex>,
) {
    let number = u32::try_from(index).unwrap_or(u32::MAX);
    if rule.keywords.is_empty() {
        always.push(index);
    }
    for &(keyword, offset) in openings {
        if let Some(keyword) = rule.keywords.get(keyword) {
            wishes.push((
                keyword.clone(),
                number,
                u32::try_from(offset).unwrap_or(u32::MAX),
            ));
        }
    }
}

impl Search {
    /// The search, and the rule's keywords by (position, bytes before it).
    fn compile(rule: &Rule, pattern: &Hir) -> Result<(Self, Vec<(usize, usize)>), String> {
        let facts = pattern.properties();
        if facts.minimum_len() == Some(0) {
            return Err("it matches empty text".to_owned());
        }
        if rule.secret_group > facts.explicit_captures_len() {
            return Err(format!(
                "secretGroup is {}, but the regex has {} groups",
                rule.secret_group,
                facts.explicit_captures_len()
            ));
        }
        let compiled = regex(std::slice::from_ref(pattern))?;
        let mut search = Self {
            regex: compiled,
            probe: None,
            before_min: 0,
            before_max: None,
            max_length: facts.maximum_len(),
        };
        let openings = match plan(pattern, &rule.keywords) {
            Plan::Whole => (0..rule.keywords.len())
                .map(|keyword| (keyword, 0))
                .collect(),
            Plan::Near(near) => {
                let probe =
                    Probe::new(&near.core, REGEX_BYTES).ok_or("it is too large when compiled")?;
                search.probe = Some(probe);
                search.before_min = near.before_min;
                search.before_max = near.before_max;
                near.openings
                    .iter()
                    .map(|opening| (opening.keyword, opening.offset))
                    .collect()
            }
        };
        Ok((search, openings))
    }
}

fn allowlist(
    text: &AllowlistText,
    wrong: impl Fn(usize, String) -> Error,
) -> Result<Allowlist, Error> {
    let any_of = |patterns: &[Located<String>]| {
        let mut parsed = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            let hir = dialect::parse(&pattern.value)
                .map_err(|error| wrong(pattern.line, error.to_string()))?;
            parsed.push(hir);
        }
        let Some(first) = patterns.first() else {
            return Ok(None);
        };
        regex(&parsed)
            .map(Some)
            .map_err(|reason| wrong(first.line, reason))
    };
    let stopwords = match text.stopwords.as_slice() {
        [] => None,
        words => {
            let built = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(words);
            Some(built.map_err(|error| wrong(0, error.to_string()))?)
        }
    };
    Ok(Allowlist {
        all: text.all,
        commits: text.commits.iter().cloned().collect(),
        paths: any_of(&text.paths)?,
        regexes: any_of(&text.regexes)?,
        target: text.target,
        stopwords,
    })
}

fn regex(patterns: &[Hir]) -> Result<Regex, String> {
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

fn rule_error(rule: &Rule, line: usize, reason: String) -> Error {
    Error::Rule {
        file: rule.origin.file.clone(),
        line,
        rule: rule.id.clone(),
        reason,
    }
}

fn keyword_error(error: aho_corasick::BuildError) -> Error {
    Error::Keywords {
        reason: printable(&error.to_string()),
    }
}

fn digest(sources: &[Source]) -> String {
    let mut hash = Sha256::new();
    for source in sources {
        // The length keeps two files apart from one that holds both.
        hash.update((source.text.len() as u64).to_le_bytes());
        hash.update(source.text.as_bytes());
    }
    let mut out = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(out, "{byte:02x}");
    }
    out
}
