//! A dictionary as written in a rule file: a rule whose matches are words of a list.

use super::rule::{self, RuleText};
use super::table::{Key, Table};
use super::{Error, Located, Warning};
use crate::{Action, DictionaryKind, Severity, Weight};

/// Bytes around a term in which what must stand near it is looked for.
const WITHIN: usize = 200;
/// And at most.
const WITHIN_MOST: usize = 4096;
/// What ordinary words must stand near, unless the file says something else.
const NEAR: [&str; 3] = ["project", "codename", "code name"];

/// What a dictionary says beside what every rule does.
#[derive(Clone, Debug)]
pub(crate) struct DictionaryText {
    pub(crate) kind: DictionaryKind,
    pub(crate) weight: Weight,
    pub(crate) near: Vec<Located<String>>,
    pub(crate) within: usize,
    pub(crate) terms: Vec<Term>,
    /// A file of terms, or of their hashes.
    pub(crate) file: Option<Located<String>>,
    /// A file with the key of those.
    pub(crate) key_file: Option<Located<String>>,
    /// What the two hold.
    pub(crate) keyed: Option<KeyedText>,
}

/// A term, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) text: String,
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// A file of hashes and its key, as they were read.
#[derive(Clone)]
pub(crate) struct KeyedText {
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) key: String,
}

impl std::fmt::Debug for KeyedText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedText")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

pub(super) const KEYS: &[Key] = &[
    Key::known("id"),
    Key::known("description"),
    Key::known("kind"),
    Key::known("terms"),
    Key::known("file"),
    Key::known("key_file"),
    Key::known("weight"),
    Key::known("near"),
    Key::known("within"),
    Key::known("path"),
    Key::known("tags"),
    Key::known("skipReport"),
    Key::known("allowlist"),
    Key::known("allowlists"),
    Key::known("action"),
    Key::known("severity"),
    Key::known("confidence"),
    Key::known("references"),
    Key::known("impact"),
    Key::known("remedy"),
    Key::known("false_positives"),
    Key::known("examples"),
    Key::known("counter_examples"),
    Key::known("prefilter"),
    Key::known("filter"),
];

pub(super) fn read(table: &Table<'_, '_>, warnings: &mut Vec<Warning>) -> Result<RuleText, Error> {
    let mut text = rule::read(table, warnings)?;
    let kind = rule::word(
        table,
        "kind",
        DictionaryKind::WORDS,
        DictionaryKind::from_word,
    )?;
    let Some(kind) = kind else {
        let reason = format!(
            "\"kind\" is missing; it is one of {}",
            DictionaryKind::WORDS.join(", ")
        );
        return Err(table.invalid(table.line(), &reason));
    };
    let weight = rule::word(table, "weight", Weight::WORDS, Weight::from_word)?;
    let weight = weight.unwrap_or(Weight::Unique);
    let terms = table.texts("terms")?;
    let file = table.text("file")?.filter(|file| !file.value.is_empty());
    let key_file = table
        .text("key_file")?
        .filter(|file| !file.value.is_empty());
    if let Some(key_file) = &key_file
        && (file.is_none() || !terms.is_empty())
    {
        let reason = "with \"key_file\", \"file\" names a file that exeat rules key made, and there are no \"terms\"";
        return Err(table.invalid(key_file.line, reason));
    }
    if file.is_none() && terms.is_empty() {
        return Err(table.invalid(table.line(), "\"terms\" or \"file\" must be given"));
    }
    text.rule.action = if text.given.action {
        text.rule.action
    } else {
        Action::Review
    };
    text.rule.severity = if text.given.severity {
        text.rule.severity
    } else {
        Severity::Medium
    };
    if text.rule.tags.is_empty() {
        text.rule.tags = vec!["dictionary".to_owned(), kind.as_str().to_owned()];
    }
    if text.rule.description.is_empty() {
        kind.description().clone_into(&mut text.rule.description);
    }
    text.dictionary = Some(DictionaryText {
        kind,
        weight,
        near: near(table, weight)?,
        within: within(table)?,
        terms: terms
            .into_iter()
            .map(|term| Term {
                text: term.value,
                file: table.file().to_owned(),
                line: term.line,
            })
            .collect(),
        file,
        key_file,
        keyed: None,
    });
    Ok(text)
}

fn near(table: &Table<'_, '_>, weight: Weight) -> Result<Vec<Located<String>>, Error> {
    let near = table.texts("near")?;
    if !near.is_empty() || weight == Weight::Unique {
        return Ok(near);
    }
    let line = table.line();
    let near = NEAR.iter().map(|word| Located {
        value: (*word).to_owned(),
        line,
    });
    Ok(near.collect())
}

fn within(table: &Table<'_, '_>) -> Result<usize, Error> {
    let Some(within) = table.integer("within")? else {
        return Ok(WITHIN);
    };
    match within.value {
        1..=WITHIN_MOST => Ok(within.value),
        _ => Err(table.invalid(
            within.line,
            &format!("\"within\" is a number of bytes from 1 to {WITHIN_MOST}"),
        )),
    }
}

impl DictionaryText {
    /// Adds the terms of a file, one a line; blank lines and those that begin with `#` are none.
    pub(crate) fn add_file(&mut self, name: &str, text: &str) {
        for (line, term) in (1..).zip(text.lines()) {
            let term = term.trim();
            if !term.is_empty() && !term.starts_with('#') {
                self.terms.push(Term {
                    text: term.to_owned(),
                    file: name.to_owned(),
                    line,
                });
            }
        }
    }
}
