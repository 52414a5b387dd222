//! Rule files into one immutable set, with everything compiled once.

mod bundle;
mod by_name;
mod dictionary;
mod lazy;
mod matcher;
mod prepared;
mod requirements;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::allowlist::{Allowlist, Hiding, Site, Standing};
use crate::dictionary::Dictionaries;
use crate::filter::ByPlace;
use crate::format::{self, Located, RuleText, Warning};
use crate::prefilter::Prefilter;
use crate::printable::printable;
use crate::{
    Action, Confidence, DictionaryKind, Match, Rule, RuleIndex, Source, builtin, judges, version,
};
use bundle::{Bundle, BundleList, InFile, Parsed};
pub use by_name::PathRules;
use matcher::Expression;
pub(crate) use matcher::{Matcher, Patterns, Requirement, Search, any_of};
use requirements::Requirements;

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
    #[error("{file}:{line}: extend.path {path}: {reason}")]
    Extend {
        file: String,
        line: usize,
        path: String,
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
    pub(crate) dictionaries: Dictionaries,
    /// Rules without keywords: they run on every text.
    pub(crate) always: Vec<RuleIndex>,
    /// Rules that others require.
    pub(crate) parts: Vec<RuleIndex>,
    path_rules: PathRules,
    says_licenses: bool,
    /// By rule index: what each excepts.
    pub(crate) exceptions: Vec<version::Exceptions>,
    pub(crate) digest: String,
}

impl RuleSet {
    /// Reads and compiles rule files. The order matters for `extend.disabledRules` and for the digest only. None may extend
    /// another file by its path.
    pub fn compile(sources: &[Source]) -> Result<Compiled, Error> {
        let nowhere = |_: &Source, _: &str| Err("it is not looked for here".to_owned());
        Self::compile_with(sources, &nowhere)
    }

    /// The same, where `open` opens a file that another extends: from which, and under which name ([`crate::beside`]).
    pub fn compile_with(
        sources: &[Source],
        open: &dyn Fn(&Source, &str) -> Result<Source, String>,
    ) -> Result<Compiled, Error> {
        let mut warnings = Vec::new();
        let mut loaded: Vec<Loaded> = Vec::new();
        let mut lists: Vec<FileList> = Vec::new();
        let mut expressions: Vec<FileExpressions> = Vec::new();
        let mut known: HashSet<String> = HashSet::new();
        let mut texts: Vec<String> = Vec::new();
        let files = lazy::on_every_core(sources, bundle::parse);
        let files = sources.iter().cloned().zip(files.into_iter().map(Some));
        let mut waiting: VecDeque<(Source, Option<Parsed>)> = files.collect();
        while let Some((source, file)) = waiting.pop_front() {
            let is_shipped = builtin::holds(&source);
            // It may have been loaded for a file that extends it.
            if is_shipped && texts.contains(&source.text) {
                continue;
            }
            let mut read_warnings = Vec::new();
            let file = file.unwrap_or_else(|| bundle::parse(&source))?;
            let bundle = Bundle::read(&source, file, open, &mut read_warnings)?;
            if bundle.covers_shipped {
                let packs = builtin::builtin().into_iter();
                let missing: Vec<Source> =
                    packs.filter(|pack| !texts.contains(&pack.text)).collect();
                if !missing.is_empty() {
                    let before = missing.into_iter().chain([source]);
                    let before = before.map(|source| (source, None));
                    waiting = before.chain(waiting).collect();
                    continue;
                }
            }
            warnings.append(&mut read_warnings);
            let number = expressions.len();
            disable(&mut loaded, &bundle.disabled, &mut warnings);
            known.extend(bundle.known);
            for text in bundle.rules {
                let same =
                    |each: &&mut Loaded| each.is_shipped && each.text.rule.id == text.rule.id;
                let base = loaded
                    .iter_mut()
                    .find(same)
                    .filter(|_| bundle.covers_shipped);
                match base {
                    Some(base) => bundle::merge(&mut base.text, text, &mut warnings),
                    None => loaded.push(Loaded {
                        file: number,
                        is_shipped,
                        text,
                    }),
                }
            }
            for list in bundle.allowlists {
                lists.push(FileList::compile(number, bundle.covers_shipped, list)?);
            }
            let mut compile = |text: Option<InFile<Located<String>>>, with_finding| {
                let InFile {
                    file,
                    imported,
                    value,
                } = text?;
                let mut warn = |line, reason| {
                    warnings.push(Warning {
                        file: file.clone(),
                        line,
                        rule: None,
                        reason,
                    });
                };
                Expression::compile(&value, with_finding, imported, &mut warn)
            };
            expressions.push(FileExpressions {
                covers_shipped: bundle.covers_shipped,
                prefilter: compile(bundle.prefilter, false),
                filter: compile(bundle.filter, true),
            });
            texts.extend(bundle.texts);
        }
        loaded
            .iter()
            .try_for_each(|each| bundle::refuse_empty(&each.text))?;
        refuse_duplicates(&loaded)?;
        check_targets(&known, &lists)?;
        let requirements = Requirements::of(&loaded, &known, &mut warnings)?;

        let mut wishes = Vec::new();
        let mut untried = Vec::new();
        let mut dictionaries = Vec::new();
        let mut set = Self {
            rules: Vec::with_capacity(loaded.len()),
            matchers: Vec::with_capacity(loaded.len()),
            prefilter: Prefilter::new(&[]).map_err(keyword_error)?,
            dictionaries: Dictionaries::default(),
            always: Vec::new(),
            parts: requirements.parts(),
            path_rules: PathRules::None,
            says_licenses: false,
            exceptions: Vec::with_capacity(loaded.len()),
            digest: digest(&texts),
        };
        for (index, each) in loaded.into_iter().enumerate() {
            let is_part = set.parts.binary_search(&index).is_ok();
            let matcher =
                Matcher::compile(&each.text, index, is_part, &mut wishes, &mut set.always)?;
            let mut matcher = matcher.with_lists(&each, &lists)?;
            matcher.required = requirements.of_rule(index);
            for (number, about) in expressions.iter().enumerate() {
                if each.file == number || each.is_shipped && about.covers_shipped {
                    matcher.filters.extend(about.filter.clone());
                    matcher.prefilters.extend(about.prefilter.clone());
                }
            }
            let Loaded { text, .. } = each;
            let written = [text.filter.as_ref(), text.prefilter.as_ref()];
            set.exceptions
                .push(version::exceptions(&text.allowlists, written));
            let imported = text.imported;
            let mut warn = |line, reason| {
                warnings.push(Warning {
                    file: text.rule.origin.file.clone(),
                    line,
                    rule: Some(text.rule.id.clone()),
                    reason,
                });
            };
            let own = [
                (&text.filter, true, &mut matcher.filters),
                (&text.prefilter, false, &mut matcher.prefilters),
            ];
            for (expression, with_finding, of_rule) in own {
                if let Some(expression) = expression {
                    of_rule.extend(Expression::compile(
                        expression,
                        with_finding,
                        imported,
                        &mut warn,
                    ));
                }
            }
            set.matchers.push(matcher);
            let mut rule = text.rule;
            if let Some(dictionary) = &text.dictionary {
                let (compiled, terms) = dictionary::compile(&rule, index, dictionary)?;
                rule.dictionary = Some(terms);
                dictionaries.push(compiled);
            }
            if text.imported {
                untried.push((index, text.regex_line));
            }
            set.rules.push(rule);
        }
        set.dictionaries = Dictionaries::new(dictionaries);
        set.prefilter = Prefilter::new(&wishes).map_err(keyword_error)?;
        set.path_rules = PathRules::of(&set.rules);
        set.says_licenses = set.rules.iter().any(|rule| rule.license.is_some());
        let tried = lazy::on_every_core(&untried, |&(index, line)| {
            set.force(index)
                .map_err(|reason| rule_error(&set.rules[index], line, format!("regex: {reason}")))
        });
        tried.into_iter().collect::<Result<(), Error>>()?;
        Ok(Compiled {
            rules: set,
            warnings,
        })
    }

    /// Compiles what of the built-in rules waits to be needed. For whoever stays, so that no text has to wait.
    pub fn warm_up(&self) {
        for index in 0..self.matchers.len() {
            // What cannot be compiled is told by the test that tries, and at its first use.
            let _ = self.force(index);
        }
    }

    /// Compiles what of one rule waits to be needed.
    ///
    /// # Errors
    /// When it is too large.
    pub(crate) fn force(&self, index: RuleIndex) -> Result<(), &str> {
        let search = self
            .matchers
            .get(index)
            .and_then(|matcher| matcher.search.as_ref());
        search.map_or(Ok(()), Search::force)
    }

    /// Hexadecimal SHA-256 over the texts of the files, in order, and over overrides if there are any. Names of files do not
    /// matter.
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

    /// What a match leads to: its rule's action, and of one that a judge is less certain of a review or a note at most.
    pub fn action(&self, found: &Match) -> Action {
        let rule = self.rule(found.rule);
        match found.certainty {
            Some(certainty) if certainty >= rule.block_from => rule.action,
            Some(certainty) if certainty >= rule.review_from => rule.action.min(Action::Review),
            Some(_) => rule.action.min(Action::Note),
            None => rule.action,
        }
    }

    /// How sure a match is: what its judge says, if its rule has one and nobody has overridden it, else what its rule says.
    pub fn confidence(&self, found: &Match) -> Confidence {
        let rule = self.rule(found.rule);
        match found.certainty {
            Some(certainty) if rule.overridden.confidence.is_none() => match certainty {
                certainty if certainty >= rule.block_from => Confidence::High,
                judges::MEDIUM_FROM.. => Confidence::Medium,
                _ => Confidence::Low,
            },
            _ => rule.confidence,
        }
    }

    /// Whether the rule has to read whole texts because no keyword is part of all that it matches.
    pub fn reads_whole_texts(&self, index: RuleIndex) -> bool {
        let search = self
            .matchers
            .get(index)
            .and_then(|matcher| matcher.search.as_ref());
        search.is_some_and(|search| search.probe.is_none())
    }

    /// Whether a dictionary asks for the packages that manifests name.
    pub fn asks_for_packages(&self) -> bool {
        self.dictionaries.has(DictionaryKind::Packages)
    }

    /// Whether matches of any rule say licences.
    pub fn says_licenses(&self) -> bool {
        self.says_licenses
    }

    /// What must be known of a path to tell whether any rule takes the path itself for a finding.
    pub fn path_rules(&self) -> &PathRules {
        &self.path_rules
    }

    /// Appends the rules for which `path` itself is the finding. Allowlists about paths alone are applied.
    pub fn match_path(&self, path: &[u8], matches: &mut Vec<RuleIndex>) {
        let mut judged = Vec::new();
        self.judge_path(path, &mut judged);
        let standing = judged.into_iter();
        let standing = standing.filter(|(_, standing)| *standing == Standing::Stands);
        matches.extend(standing.map(|(rule, _)| rule));
    }

    /// Appends the rules that are about `path` alone and match it, and what allowlists about paths make of that.
    pub fn judge_path(&self, path: &[u8], matches: &mut Vec<(RuleIndex, Standing)>) {
        let site = Site {
            path: Some(path),
            commit: None,
        };
        let name = path.rsplit(|&byte| byte == b'/').next();
        if !self.path_rules.may_match(name.unwrap_or(path)) {
            return;
        }
        for (index, (rule, matcher)) in self.rules.iter().zip(&self.matchers).enumerate() {
            let Some(wanted) = &matcher.path else {
                continue;
            };
            if !rule.is_about_path() || rule.skip_report || !wanted.get().is_match(path) {
                continue;
            }
            let lists = matcher.allowlists.iter();
            let lists = lists.filter(|list| !(list.all && list.has_content()));
            let by_list = lists.filter_map(|list| Some((list.place(&site)?, list.imported)));
            let excuses = by_list.chain(matcher.prefiltered(&site));
            matches.push((index, strongest(false, excuses)));
        }
    }

    /// Whether a match of [`RuleSet::scan`] counts at one place.
    pub fn standing(&self, found: &Match, site: &Site<'_>) -> Standing {
        let Some(matcher) = self.matchers.get(found.rule) else {
            return Standing::Stands;
        };
        if let Some(path) = &matcher.path
            && !path.get().is_match(site.path.unwrap_or_default())
        {
            return Standing::OutOfPath;
        }
        let depends = found
            .depends
            .iter()
            .filter_map(|&list| matcher.allowlists.get(usize::from(list)));
        let by_list = depends.filter_map(|list| Some((list.place(site)?, list.imported)));
        let by_filter = found.residues.iter().filter_map(|(filter, residue)| {
            let expression = matcher.filters.get(usize::from(*filter))?;
            let by = expression.filter.place(residue, site)?;
            Some((by, expression.imported))
        });
        // Where a required rule does not speak, it has no match that could be near.
        let path = site.path.unwrap_or_default();
        let mut parts = matcher.required.iter();
        if parts.any(|each| !self.speaks_about(each.part, path)) {
            return Standing::OutOfPath;
        }
        let excuses = by_list.chain(by_filter).chain(matcher.prefiltered(site));
        strongest(found.by_word, excuses)
    }
}

/// What several excuses come to. One that holds wherever the pusher puts things is none to look at.
fn strongest(by_word: bool, excuses: impl Iterator<Item = (ByPlace, bool)>) -> Standing {
    let mut standing = match by_word {
        true => Standing::Hidden(Hiding::Stopword),
        false => Standing::Stands,
    };
    for excuse in excuses {
        match excuse {
            (ByPlace::Path, true) => standing = Standing::Hidden(Hiding::Path),
            (ByPlace::Path, false) | (ByPlace::Commit, _) => return Standing::Allowed,
        }
    }
    standing
}

impl Matcher {
    /// The prefilters that leave out what lies at `site`, and whether they are imported.
    fn prefiltered(&self, site: &Site<'_>) -> impl Iterator<Item = (ByPlace, bool)> {
        self.prefilters.iter().filter_map(|expression| {
            let by = expression.filter.place(&expression.residue, site)?;
            Some((by, expression.imported))
        })
    }
}

impl RuleSet {
    /// Whether matches of the rule are told; otherwise it can only be a part of others.
    pub(crate) fn reports(&self, rule: RuleIndex) -> bool {
        self.matchers.get(rule).is_some_and(|rule| rule.reports)
    }

    pub(crate) fn speaks_about(&self, rule: RuleIndex, path: &[u8]) -> bool {
        let wanted = self.matchers.get(rule).and_then(|rule| rule.path.as_ref());
        wanted.is_none_or(|wanted| wanted.get().is_match(path))
    }
}

/// A rule and the number of its file.
struct Loaded {
    /// Which of the files that were asked for brought it, itself or by extending another.
    file: usize,
    /// It ships with us, whatever has been merged into it.
    is_shipped: bool,
    text: RuleText,
}

/// The expressions at the top of a file.
struct FileExpressions {
    covers_shipped: bool,
    prefilter: Option<Arc<Expression>>,
    filter: Option<Arc<Expression>>,
}

/// An allowlist at the top of a file, compiled once for all the rules it is about.
struct FileList {
    file: usize,
    name: String,
    list: Arc<Allowlist>,
    /// Also about the rules that ship with us, if it is about those of its file.
    covers_shipped: bool,
    /// Empty: the rules of its file.
    rules: Vec<Located<String>>,
}

impl FileList {
    fn compile(file: usize, covers_shipped: bool, list: BundleList) -> Result<Self, Error> {
        let name = list.file;
        let (mut text, rules) = list.value;
        text.imported = list.imported;
        let list = matcher::allowlist(&text, |line, reason| Error::Allowlist {
            file: name.clone(),
            line,
            reason,
        });
        Ok(Self {
            file,
            covers_shipped,
            list: Arc::new(list?),
            name,
            rules,
        })
    }

    fn is_about(&self, rule: &Loaded) -> bool {
        match self.rules.as_slice() {
            [] => self.file == rule.file || self.covers_shipped && rule.is_shipped,
            rules => rules
                .iter()
                .any(|id| id.value == "*" || id.value == rule.text.rule.id),
        }
    }
}

/// Takes earlier rules out by id; an id that names none is worth a warning.
fn disable(
    loaded: &mut Vec<Loaded>,
    disabled: &[InFile<Located<String>>],
    warnings: &mut Vec<Warning>,
) {
    for InFile { file, value, .. } in disabled {
        let before = loaded.len();
        loaded.retain(|rule| rule.text.rule.id != value.value);
        if loaded.len() == before {
            warnings.push(Warning {
                file: file.clone(),
                line: value.line,
                rule: None,
                reason: format!(
                    "disabledRules: no earlier file defines a rule \"{}\"",
                    printable(&value.value)
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

/// A list may speak about a rule that another file took out, but not about one that never was.
fn check_targets(known: &HashSet<String>, lists: &[FileList]) -> Result<(), Error> {
    for list in lists {
        if let Some(id) = list
            .rules
            .iter()
            .find(|id| id.value != "*" && !known.contains(&id.value))
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

fn rule_error(rule: &Rule, line: usize, reason: String) -> Error {
    Error::Rule {
        file: rule.origin.file.clone(),
        line,
        rule: rule.id.clone(),
        reason,
    }
}

fn keyword_error(error: crate::keywords::TooMany) -> Error {
    Error::Keywords {
        reason: printable(&error.to_string()),
    }
}

fn digest(texts: &[String]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        // The length keeps two files apart from one that holds both.
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hex::encode(hash.finalize())
}
