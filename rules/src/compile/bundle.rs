//! A rule file with what it extends: rules merged as gitleaks merges them.

use std::collections::HashSet;

use super::{Error, rule_error};
use crate::format::{self, AllowlistText, Extend, File, KeyedText, Located, RuleText, Warning};
use crate::printable::printable;
use crate::{Source, builtin};

/// Most files in one chain of files that extend each other.
const DEPTH: usize = 8;

/// Opens a file that another extends: from which, and under which name.
pub(super) type Open<'o> = dyn Fn(&Source, &str) -> Result<Source, String> + 'o;

/// What reading a file comes to.
pub(super) type Parsed = Result<File, Error>;

pub(super) fn parse(source: &Source) -> Parsed {
    Ok(format::parse(&source.name, &source.text)?)
}

/// One file of a chain, read.
struct Link {
    source: Source,
    file: File,
}

/// The files of a chain, put together.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    pub(super) rules: Vec<RuleText>,
    /// Also about the rules that ship with us, because the last of the chain extends them.
    pub(super) covers_shipped: bool,
    pub(super) allowlists: Vec<BundleList>,
    pub(super) prefilter: Option<InFile<Located<String>>>,
    pub(super) filter: Option<InFile<Located<String>>>,
    /// By file: what it takes out that no file of the chain has.
    pub(super) disabled: Vec<InFile<Located<String>>>,
    /// Ids that any of its files defines.
    pub(super) known: HashSet<String>,
    /// The texts of its files, for the digest.
    pub(super) texts: Vec<String>,
}

/// An allowlist at the top of a file, and the ids it is about; none: every rule of the bundle.
pub(super) type BundleList = InFile<(AllowlistText, Vec<Located<String>>)>;

/// Something, and the file it stands in.
#[derive(Debug)]
pub(super) struct InFile<T> {
    pub(super) file: String,
    pub(super) imported: bool,
    pub(super) value: T,
}

impl Bundle {
    /// Reads what `source` extends, of which `file` was read.
    pub(super) fn read(
        source: &Source,
        file: File,
        open: &Open<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, Error> {
        let mut bundle = Self::default();
        let chain = chain((source.clone(), file), open, &mut bundle, warnings)?;
        let count = chain.len();
        // From the one that extends nothing to the one that was asked for.
        for (at, Link { source, file }) in chain.into_iter().rev().enumerate() {
            bundle.take(&source, file, at + 1 == count, warnings);
        }
        Ok(bundle)
    }

    /// Puts a file over what it extends.
    fn take(
        &mut self,
        source: &Source,
        file: File,
        is_outermost: bool,
        warnings: &mut Vec<Warning>,
    ) {
        let name = printable(&source.name);
        let imported = !builtin::holds(source);
        let in_file = |value| InFile {
            file: name.clone(),
            imported,
            value,
        };
        for id in file.disabled {
            let before = self.rules.len();
            self.rules.retain(|rule| rule.rule.id != id.value);
            if self.rules.len() == before {
                self.disabled.push(InFile {
                    file: name.clone(),
                    imported,
                    value: id,
                });
            }
        }
        let extended = self.rules.len();
        for mut rule in file.rules {
            rule.imported = imported;
            for list in &mut rule.allowlists {
                list.imported = imported;
            }
            self.known.insert(rule.rule.id.clone());
            let of_base = self.rules.iter_mut().take(extended);
            let mut of_base = of_base.filter(|base| base.rule.id == rule.rule.id);
            match of_base.next() {
                Some(base) => merge(base, rule, warnings),
                None => self.rules.push(rule),
            }
        }
        for (list, targets) in file.allowlists {
            if !targets.is_empty() && !is_outermost {
                warnings.push(Warning {
                    file: name.clone(),
                    line: list.line,
                    rule: None,
                    reason: "\"targetRules\" is not honoured in a file that is extended".to_owned(),
                });
                continue;
            }
            self.allowlists.push(InFile {
                file: name.clone(),
                imported,
                value: (list, targets),
            });
        }
        // Those of an extending file stand for those of the other.
        if let Some(prefilter) = file.prefilter {
            self.prefilter = Some(in_file(prefilter));
        }
        if let Some(filter) = file.filter {
            self.filter = Some(in_file(filter));
        }
    }
}

/// The file and those it extends, outermost first.
fn chain(
    outermost: (Source, File),
    open: &Open<'_>,
    bundle: &mut Bundle,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Link>, Error> {
    let mut chain: Vec<Link> = Vec::new();
    let mut next = Some(outermost);
    while let Some((source, mut file)) = next.take() {
        warnings.append(&mut file.warnings);
        bundle.texts.push(source.text.clone());
        for rule in &mut file.rules {
            open_terms(rule, &source, open, &mut bundle.texts)?;
        }
        let extend = file.extend.take();
        match &extend {
            None => {}
            Some(Located {
                line,
                value: Extend::Default,
            }) => {
                bundle.covers_shipped = true;
                warnings.push(Warning {
                    file: printable(&source.name),
                    line: *line,
                    rule: None,
                    reason: "useDefault means the rules that ship with Exeat; to extend those of another scanner, put its file beside this one and name it in extend.path".to_owned(),
                });
            }
            Some(Located {
                line,
                value: Extend::Path(path),
            }) => {
                let wrong = |reason: &str| Error::Extend {
                    file: printable(&source.name),
                    line: *line,
                    path: printable(path),
                    reason: printable(reason),
                };
                if chain.len() + 1 >= DEPTH {
                    return Err(wrong(&format!("more than {DEPTH} files extend each other")));
                }
                let opened = open(&source, path).map_err(|reason| wrong(&reason))?;
                let is_known = |text: &str| opened.text == text;
                if bundle.texts.iter().any(|text| is_known(text)) {
                    return Err(wrong("the files extend each other in a circle"));
                }
                let file = parse(&opened)?;
                next = Some((opened, file));
            }
        }
        chain.push(Link { source, file });
    }
    Ok(chain)
}

/// Reads the files that a dictionary names.
fn open_terms(
    rule: &mut RuleText,
    source: &Source,
    open: &Open<'_>,
    texts: &mut Vec<String>,
) -> Result<(), Error> {
    let Some(dictionary) = &mut rule.dictionary else {
        return Ok(());
    };
    let opened = |named: &Located<String>| {
        open(source, &named.value).map_err(|reason| {
            let reason = format!("{}: {}", printable(&named.value), printable(&reason));
            rule_error(&rule.rule, named.line, reason)
        })
    };
    let Some(file) = dictionary.file.as_ref().map(opened).transpose()? else {
        return Ok(());
    };
    let key = dictionary.key_file.as_ref().map(opened).transpose()?;
    let name = printable(&file.name);
    match key {
        Some(key) => {
            dictionary.keyed = Some(KeyedText {
                file: name,
                text: file.text.clone(),
                key: key.text,
            });
        }
        None => dictionary.add_file(&name, &file.text),
    }
    texts.push(file.text);
    Ok(())
}

/// What a rule says anew replaces what `base` says; keywords, tags and allowlists are added.
pub(super) fn merge(base: &mut RuleText, own: RuleText, warnings: &mut Vec<Warning>) {
    let line = own.rule.origin.line;
    for (key, is_given) in [
        ("required", !own.rule.required.is_empty()),
        ("skipReport", own.rule.skip_report),
    ] {
        if is_given {
            warnings.push(Warning {
                file: own.rule.origin.file.clone(),
                line,
                rule: Some(own.rule.id.clone()),
                reason: format!("\"{key}\" is not honoured in a rule that extends another"),
            });
        }
    }
    // What stays is told at the place of the rule that extends it.
    base.regex_line = line;
    base.path_line = line;
    base.required_lines.fill(line);
    base.allowlists
        .iter_mut()
        .for_each(|list| list.stand_at(line));
    for text in [&mut base.filter, &mut base.prefilter]
        .into_iter()
        .flatten()
    {
        text.line = line;
    }
    let (to, from) = (&mut base.rule, own.rule);
    if !from.description.is_empty() {
        to.description = from.description;
    }
    if from.regex.is_some() {
        to.regex = from.regex;
        base.regex_line = own.regex_line;
    }
    if own.dictionary.is_some() {
        base.dictionary = own.dictionary;
    }
    if from.path.is_some() {
        to.path = from.path;
        base.path_line = own.path_line;
    }
    if from.secret_group != 0 {
        to.secret_group = from.secret_group;
    }
    to.entropy = from.entropy.or(to.entropy);
    to.head = from.head.or(to.head);
    to.at_least = from.at_least.or(to.at_least);
    to.license = from.license.or(to.license);
    to.validator = from.validator.or(to.validator.take());
    if from.judge.is_some() {
        to.judge = from.judge;
    }
    if own.given.tiers {
        (to.block_from, to.review_from) = (from.block_from, from.review_from);
        to.note_from = from.note_from;
    }
    to.impact = from.impact.or(to.impact.take());
    to.remedy = from.remedy.or(to.remedy.take());
    to.false_positives = from.false_positives.or(to.false_positives.take());
    if own.given.action {
        to.action = from.action;
    }
    if own.given.severity {
        to.severity = from.severity;
    }
    if own.given.confidence {
        to.confidence = from.confidence;
    }
    for (to, from) in [
        (&mut to.references, from.references),
        (&mut to.examples, from.examples),
        (&mut to.counter_examples, from.counter_examples),
    ] {
        if !from.is_empty() {
            *to = from;
        }
    }
    for (to, from) in [(&mut to.tags, from.tags), (&mut to.keywords, from.keywords)] {
        let new: Vec<String> = from.into_iter().filter(|each| !to.contains(each)).collect();
        to.extend(new);
    }
    to.origin = from.origin;
    base.allowlists.extend(own.allowlists);
    base.filter = own.filter.or(base.filter.take());
    base.prefilter = own.prefilter.or(base.prefilter.take());
    base.imported |= own.imported;
}

/// A rule that says neither what to look for nor where, after all merging.
pub(super) fn refuse_empty(rule: &RuleText) -> Result<(), Error> {
    if rule.rule.regex.is_some() || rule.rule.path.is_some() || rule.dictionary.is_some() {
        return Ok(());
    }
    let reason =
        "\"regex\" or \"path\" must be given, here or by a rule of the same id that is extended";
    Err(rule_error(
        &rule.rule,
        rule.rule.origin.line,
        reason.to_owned(),
    ))
}
