//! Policy files: TOML with `[[rule]]` tables, read in order and checked as a whole.

mod licences;
mod shadow;
mod table;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use exeat_inspect::OpaqueKind;
use toml::de::DeTable;

pub use self::table::Problem;
use self::table::{Names, Table, line_of};
use super::allowance::{Allowance, PathGlobs};
use super::condition::{Conditions, Event, RefGlobs, RepositoryGlobs};
use super::licences::Licences;
use super::rulebook::{Deed, Effects, Line, Rule, Rulebook, Tier};
use crate::config::{Config, DISPOSITIONS, nearest, quoted};

/// Bytes of one policy file.
pub const MOST_BYTES: usize = 1 << 20;
/// Rules in all files together. Every ref of a push is held against them.
const MOST_RULES: usize = 500;
/// Bytes of one pattern.
const PATTERN_BYTES: usize = 1024;
/// Characters of a message: four lines in a terminal.
const MESSAGE: usize = 300;
const NAME: usize = 64;

/// The text of a policy file.
#[derive(Debug, Clone)]
pub struct Text {
    /// How messages name it.
    pub name: String,
    pub text: String,
}

/// Everything that is wrong with the policy files, in their order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error(pub Vec<Problem>);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Reads the policy files of a configuration in order, and says what is allowed in them and probably not meant.
///
/// # Errors
/// With everything that is wrong, each with file, line, rule and key.
pub fn read(texts: &[Text], config: &Config) -> Result<(Rulebook, Vec<Problem>), Error> {
    read_with(&[], texts, config)
}

/// The same with drafts, which stand before the files and make nothing milder.
///
/// # Errors
/// As [`read`]. A draft without a rule is wrong as well.
pub fn read_with(
    drafts: &[Text],
    texts: &[Text],
    config: &Config,
) -> Result<(Rulebook, Vec<Problem>), Error> {
    let mut reading = Reading {
        upstreams: config
            .upstreams
            .iter()
            .map(|upstream| upstream.name.as_str())
            .collect(),
        rules: Vec::new(),
        allowances: Vec::new(),
        licences: Vec::new(),
        names: HashMap::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    for draft in drafts {
        let before = reading.rules.len();
        reading.file(draft);
        if reading.rules.len() == before && reading.problems.is_empty() {
            reading.empty(draft);
        }
    }
    let of_drafts = reading.rules.len();
    reading.refuse_all_but_rules();
    for text in texts {
        reading.file(text);
    }
    let Reading {
        rules,
        allowances,
        licences,
        mut problems,
        mut warnings,
        ..
    } = reading;
    if let Some(over) = rules.get(MOST_RULES) {
        problems.push(Problem {
            file: Arc::clone(&over.file),
            line: over.line,
            rule: String::new(),
            key: String::new(),
            text: format!("there are more than {MOST_RULES} rules"),
        });
    }
    if !problems.is_empty() {
        return Err(Error(problems));
    }
    let (ours, others) = rules.split_at(of_drafts);
    warnings.extend(shadow::never_reached(ours));
    warnings.extend(shadow::never_reached(others));
    let folding = config.upstreams.iter();
    let folding = folding.filter(|upstream| upstream.forge.folds_case());
    let book = Rulebook {
        table: config.policy,
        rules,
        allowances,
        licences,
        drafts: of_drafts,
        folding: folding.map(|upstream| upstream.name.clone()).collect(),
        digest: digest(drafts, texts, config),
    };
    Ok((book, warnings))
}

/// Over the digest of the table and the texts, so that any change to either shows. Names of files do not count.
fn digest(drafts: &[Text], texts: &[Text], config: &Config) -> String {
    use sha2::Digest;
    let table = config.policy.digest();
    if texts.is_empty() && drafts.is_empty() {
        return table;
    }
    let mut hash = sha2::Sha256::new();
    hash.update(table);
    for text in texts {
        hash.update((text.text.len() as u64).to_be_bytes());
        hash.update(&text.text);
    }
    // No length is as long: a text does not count the same as a file and as a draft.
    for draft in drafts {
        hash.update(u64::MAX.to_be_bytes());
        hash.update((draft.text.len() as u64).to_be_bytes());
        hash.update(&draft.text);
    }
    hex::encode(hash.finalize())
}

struct Reading<'c> {
    upstreams: Vec<&'c str>,
    rules: Vec<Rule>,
    allowances: Vec<Allowance>,
    licences: Vec<Licences>,
    /// Where each name stands.
    names: HashMap<String, String>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Reading<'_> {
    fn file(&mut self, source: &Text) {
        let file: Arc<str> = source.name.as_str().into();
        let whole = |line, text| Problem {
            file: Arc::clone(&file),
            line,
            rule: String::new(),
            key: String::new(),
            text,
        };
        if source.text.len() > MOST_BYTES {
            self.problems
                .push(whole(1, format!("larger than {MOST_BYTES} bytes")));
            return;
        }
        let parsed = match DeTable::parse(&source.text) {
            Ok(parsed) => parsed,
            Err(error) => {
                let line = line_of(&source.text, error.span().map_or(0, |span| span.start));
                // The message alone: the error's full text would quote the line.
                let message = error.message().replace('\n', ", ");
                let message = quoted_whole(&message);
                self.problems
                    .push(whole(line, format!("not TOML: {message}")));
                return;
            }
        };
        let mut problems = Vec::new();
        let mut top = Table::new(&source.text, &file, 1, parsed.get_ref(), &mut problems);
        let tables = top.tables("rule");
        let opaque = top.tables("opaque");
        let licences = top.tables("license");
        top.finish();
        for (number, (entries, line)) in (1..).zip(tables) {
            let table = Table::new(&source.text, &file, line, entries, &mut problems);
            let rule = self.rule(&file, number, table);
            self.rules.push(rule);
        }
        for (number, (entries, line)) in (1..).zip(opaque) {
            let table = Table::new(&source.text, &file, line, entries, &mut problems);
            let allowance = self.allowance(&file, number, table);
            self.allowances.extend(allowance);
        }
        for (number, (entries, line)) in (1..).zip(licences) {
            let table = Table::new(&source.text, &file, line, entries, &mut problems);
            let said = self.licences_of(&file, number, table);
            self.licences.extend(said);
        }
        problems.sort_by_key(|problem| problem.line);
        self.problems.extend(problems);
    }

    fn empty(&mut self, draft: &Text) {
        self.problems.push(Problem {
            file: draft.name.as_str().into(),
            line: 1,
            rule: String::new(),
            key: String::new(),
            text: "it has no rule".to_owned(),
        });
    }

    /// A rule, whole or not: where something is wrong with it, it is thrown away with all others.
    fn rule(&mut self, file: &Arc<str>, number: usize, mut table: Table<'_, '_>) -> Rule {
        let line = table.line;
        let name = self.label(file, &mut table, "rule", number);
        let when = self.conditions(file, &mut table);
        let then = effects(&mut table);
        let mut keys = vec!["do", "approvers", "reviewers", "four_eyes", "message"];
        keys.extend(Tier::ALL.map(Tier::key));
        // `review` and the like are effects; a rule without any does nothing.
        if !table.has_any(&keys) {
            table.refuse(
                "",
                line,
                "it says nothing: expected \"do\" or another key that decides".to_owned(),
            );
        }
        if then
            .deed
            .as_ref()
            .is_some_and(|deed| deed.value == Deed::Allow)
            && when.is_empty()
        {
            self.warnings.push(Problem {
                file: Arc::clone(file),
                line,
                rule: table.label.clone(),
                key: "do".to_owned(),
                text: "no finding in any push is stopped".to_owned(),
            });
        }
        table.finish();
        Rule {
            name: name.unwrap_or_default().into(),
            file: Arc::clone(file),
            line,
            when,
            then,
        }
    }

    /// Content that may go unread, if all of it is right.
    fn allowance(
        &mut self,
        file: &Arc<str>,
        number: usize,
        mut table: Table<'_, '_>,
    ) -> Option<Allowance> {
        let line = table.line;
        let name = self.label(file, &mut table, "opaque", number);
        let target = self.target(file, &mut table);
        let paths = patterns(&mut table, "path", PathGlobs::new);
        if !table.has_any(&["path"]) {
            let text = "missing; expected paths such as tests/data/**, or ** for all";
            table.refuse("path", line, text.to_owned());
        }
        let kinds = table.words("kind", &OpaqueKind::WORDS);
        let up_to = table.number("up_to", 1..=i64::MAX as u64);
        table.finish();
        Some(Allowance {
            name: name?.into(),
            file: Arc::clone(file),
            line,
            target,
            paths: paths?,
            kinds,
            up_to: up_to.map(|number| number.value),
        })
    }

    /// Drafts make nothing milder, and what they say stands before the files.
    fn refuse_all_but_rules(&mut self) {
        let mut refuse = |file, line, rule, what: &str| {
            self.problems.push(Problem {
                file,
                line,
                rule,
                key: String::new(),
                text: format!("a draft cannot {what}; it belongs into a policy file"),
            });
        };
        for allowance in std::mem::take(&mut self.allowances) {
            let rule = format!("opaque {}", allowance.name);
            refuse(
                allowance.file,
                allowance.line,
                rule,
                "let content go unread",
            );
        }
        for said in std::mem::take(&mut self.licences) {
            let rule = format!("license {}", said.says.name);
            refuse(
                said.file,
                said.line,
                rule,
                "say which licences are accepted",
            );
        }
    }

    /// The name of a table; messages call it by its `kind` and that, or by its `number`.
    fn label(
        &mut self,
        file: &Arc<str>,
        table: &mut Table<'_, '_>,
        kind: &str,
        number: usize,
    ) -> Option<String> {
        table.label = format!("{kind} {number}");
        let name = self.one_name(file, table)?;
        table.label = format!("{kind} {name}");
        Some(name)
    }

    /// Where the pushes go that a table is about.
    fn target(&mut self, file: &Arc<str>, table: &mut Table<'_, '_>) -> Conditions {
        let upstream = table.names("upstream");
        for name in upstream.iter().flatten() {
            self.known_upstream(file, table, name);
        }
        Conditions {
            upstream: upstream.map(values),
            repository: patterns(table, "repository", RepositoryGlobs::new),
            ..Conditions::default()
        }
    }

    /// The one `name` of a table.
    fn one_name(&mut self, file: &Arc<str>, table: &mut Table<'_, '_>) -> Option<String> {
        let line = table.line;
        match table.names("name").as_deref() {
            Some([name]) => self.name(file, table, name),
            Some(_) => {
                table.refuse("name", line, "expected a name, found a list".to_owned());
                None
            }
            None if !table.has_any(&["name"]) => {
                table.refuse("name", line, "missing; expected a name".to_owned());
                None
            }
            None => None,
        }
    }

    fn name(
        &mut self,
        file: &Arc<str>,
        table: &mut Table<'_, '_>,
        name: &Line<String>,
    ) -> Option<String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let text = &name.value;
        if !(1..=NAME).contains(&text.len()) || !text.bytes().all(plain) {
            let expected = format!(
                "1 to {NAME} letters, digits, \".\", \"_\" and \"-\", found {}",
                quoted(text)
            );
            table.refuse("name", name.line, format!("expected {expected}"));
            return None;
        }
        let here = format!("{file}:{}", name.line);
        if let Some(there) = self.names.insert(text.clone(), here) {
            let text = format!("{} is the name of what stands at {there}", quoted(text));
            table.refuse("name", name.line, text);
        }
        Some(text.clone())
    }

    fn conditions(&mut self, file: &Arc<str>, table: &mut Table<'_, '_>) -> Conditions {
        let upstream = table.names("upstream");
        for name in upstream.iter().flatten() {
            self.known_upstream(file, table, name);
        }
        let repository = patterns(table, "repository", RepositoryGlobs::new);
        let reference = patterns(table, "ref", RefGlobs::new);
        Conditions {
            upstream: upstream.map(values),
            repository,
            reference,
            group: people(table, "group"),
            person: people(table, "person"),
            larger_than: table
                .number("larger_than", 0..=i64::MAX as u64)
                .map(|number| number.value),
            event: table.words("event", &Event::WORDS),
        }
    }

    fn known_upstream(&mut self, file: &Arc<str>, table: &Table<'_, '_>, name: &Line<String>) {
        if self.upstreams.contains(&name.value.as_str()) {
            return;
        }
        let hint = match nearest(&name.value, &self.upstreams) {
            Some(near) => format!("; did you mean \"{near}\"?"),
            None => String::new(),
        };
        self.warnings.push(Problem {
            file: Arc::clone(file),
            line: name.line,
            rule: table.label.clone(),
            key: "upstream".to_owned(),
            text: format!("there is no upstream {}{hint}", quoted(&name.value)),
        });
    }
}

fn effects(table: &mut Table<'_, '_>) -> Effects {
    let deed = table.word("do", &Deed::WORDS);
    let tiers = Tier::ALL.map(|tier| table.word(tier.key(), &DISPOSITIONS));
    let approvers = table.number("approvers", 1..=10).map(|number| Line {
        value: u32::try_from(number.value).unwrap_or(u32::MAX),
        line: number.line,
    });
    let line = table.line;
    let reviewers = people_at(table, "reviewers").map(|(value, at)| Line {
        value,
        line: at.unwrap_or(line),
    });
    Effects {
        deed,
        tiers,
        approvers,
        reviewers,
        four_eyes: table.flag("four_eyes"),
        message: table.text("message", 1..=MESSAGE),
    }
}

fn people(table: &mut Table<'_, '_>, key: &'static str) -> Option<Vec<String>> {
    people_at(table, key).map(|(names, _)| names)
}

/// Names of persons or groups, and the line of the first.
fn people_at(table: &mut Table<'_, '_>, key: &'static str) -> Option<(Vec<String>, Option<usize>)> {
    let names = table.names(key)?;
    let plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    for name in &names {
        let text = &name.value;
        let begins = text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit());
        if !begins || text.len() > NAME || !text.bytes().all(plain) {
            let text = format!(
                "expected names of 1 to {NAME} lower-case letters, digits, \".\", \"_\" and \"-\", found {}",
                quoted(text)
            );
            table.refuse(key, name.line, text);
        }
    }
    let line = names.first().map(|name| name.line);
    Some((values(names), line))
}

fn patterns<T>(
    table: &mut Table<'_, '_>,
    key: &'static str,
    build: impl Fn(Vec<String>) -> Result<T, (String, &'static str)>,
) -> Option<T> {
    let names = table.names(key)?;
    let lines: Vec<(String, usize)> = names
        .iter()
        .map(|name| (name.value.clone(), name.line))
        .collect();
    let first = lines.first().map_or(table.line, |(_, line)| *line);
    if let Some((_, line)) = lines.iter().find(|(text, _)| text.len() > PATTERN_BYTES) {
        table.refuse(
            key,
            *line,
            format!("a pattern is longer than {PATTERN_BYTES} bytes"),
        );
        return None;
    }
    match build(values(names)) {
        Ok(built) => Some(built),
        Err((pattern, expected)) => {
            let at = lines.iter().find(|(text, _)| *text == pattern);
            let line = at.map_or(first, |(_, line)| *line);
            let text = format!("expected {expected}, found {}", quoted(&pattern));
            table.refuse(key, line, text);
            None
        }
    }
}

fn values(names: Names) -> Vec<String> {
    names.into_iter().map(|name| name.value).collect()
}

/// Printable ASCII, as messages are.
fn quoted_whole(text: &str) -> String {
    text.chars().flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests;
