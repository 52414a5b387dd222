//! Reads one table of the merged tree key by key, collecting what is wrong with it.
//!
//! A reader asks for every key it knows; what is left over in the end is unknown. A key that is absent or wrong gives
//! `None`, and the caller goes on with the default: with a problem collected, the result is thrown away anyway, and going
//! on finds the other problems.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use config::{Map, Value, ValueKind};

/// Something in the configuration that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    place: Place,
    key: String,
    text: String,
}

/// Something in the configuration that is allowed and probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(Problem);

impl Problem {
    /// Another problem at the same place.
    pub(super) fn saying(&self, text: String) -> Self {
        Self {
            text,
            ..self.clone()
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File { name, line } if *line > 0 => write!(f, "{name}:{line}: ")?,
            Place::File { name, .. } => write!(f, "{name}: ")?,
            Place::Variable(name) => write!(f, "environment variable {name}: ")?,
            Place::Default => {}
        }
        match self.key.is_empty() {
            true => f.write_str(&self.text),
            false => write!(f, "{}: {}", self.key, self.text),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Ordered as it is reported: file by line, then variables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Default,
    File { name: String, line: usize },
    Variable(String),
}

/// Where a key was set.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    Line(usize),
    Variable(String),
}

/// What all sections share while they are read.
pub(super) struct Reader {
    file: Option<String>,
    base: PathBuf,
    origins: HashMap<Vec<String>, Origin>,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
    asked: BTreeSet<String>,
}

impl Reader {
    pub(super) fn new(file: Option<&Path>) -> Self {
        let base = file.and_then(Path::parent).unwrap_or(Path::new(""));
        Self {
            file: file.map(|path| printable(&path.display().to_string())),
            base: base.to_owned(),
            origins: HashMap::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            asked: BTreeSet::new(),
        }
    }

    pub(super) fn note_origin(&mut self, path: &[String], origin: Origin) {
        self.origins.insert(path.to_owned(), origin);
    }

    pub(super) fn refuse(&mut self, origin: Origin, path: &[String], text: String) {
        let place = self.place(Some(&origin));
        let key = key_text(path);
        self.problems.push(Problem { place, key, text });
    }

    /// Problems in the order of the file, and warnings.
    pub(super) fn finish(mut self) -> (Vec<Problem>, Vec<Warning>) {
        self.problems
            .sort_by(|a, b| (&a.place, &a.key).cmp(&(&b.place, &b.key)));
        (self.problems, self.warnings)
    }

    /// Every key that was asked for, the name of an upstream as `*`.
    #[cfg(test)]
    pub(super) fn asked(&self) -> &BTreeSet<String> {
        &self.asked
    }

    /// The problem at `path`, placed where the nearest part of that path was set.
    fn problem(&self, path: &[String], text: String) -> Problem {
        let origin = (0..=path.len())
            .rev()
            .find_map(|depth| self.origins.get(&path[..depth]));
        Problem {
            place: self.place(origin),
            key: key_text(path),
            text,
        }
    }

    fn place(&self, origin: Option<&Origin>) -> Place {
        let in_file = |line| match &self.file {
            Some(name) => Place::File {
                name: name.clone(),
                line,
            },
            None => Place::Default,
        };
        match origin {
            Some(Origin::Line(line)) => in_file(*line),
            Some(Origin::Variable(name)) => Place::Variable(printable(name)),
            None => in_file(0),
        }
    }
}

/// One table.
pub(super) struct Section<'r> {
    reader: &'r mut Reader,
    path: Vec<String>,
    table: Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'r> Section<'r> {
    pub(super) fn root(reader: &'r mut Reader, table: Map<String, Value>) -> Self {
        Self {
            reader,
            path: Vec::new(),
            table,
            known: Vec::new(),
        }
    }

    /// The table at `key`; an absent one is empty.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'_> {
        let table = match self.take(key) {
            None => Map::new(),
            Some(ValueKind::Table(table)) => table,
            Some(other) => {
                self.wrong::<()>(key, "a table", &other);
                Map::new()
            }
        };
        self.child(key, table)
    }

    /// Every key of this table, sorted, each a table of its own: the caller gives names meaning.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.table.keys().cloned().collect();
        names.sort();
        names
    }

    /// The table under a name that the user chose.
    pub(super) fn named(&mut self, name: &str) -> Option<Section<'_>> {
        match self.table.remove(name)?.kind {
            ValueKind::Table(table) => Some(self.child(name, table)),
            other => {
                self.wrong::<()>(name, "a table", &other);
                None
            }
        }
    }

    /// Whether `key` is set, and set to a table.
    pub(super) fn is_table(&self, key: &str) -> bool {
        let value = self.table.get(key);
        value.is_some_and(|value| matches!(value.kind, ValueKind::Table(_)))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Refuses the absence of a key that has no default.
    pub(super) fn miss(&mut self, key: &'static str, expected: &str) {
        self.take(key);
        self.refuse(key, format!("missing; expected {expected}"));
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        match self.take(key)? {
            ValueKind::String(text) => Some(text),
            other => self.wrong(key, "a string", &other),
        }
    }

    /// A string that `parse` understands; `expected` completes "expected ...".
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key)?;
        match parse(&text) {
            Some(value) => Some(value),
            None => {
                let found = found(key, &ValueKind::String(text));
                self.refuse(key, format!("expected {expected}, found {found}"));
                None
            }
        }
    }

    /// One of the `words`.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let hint = match nearest(&text, &names) {
            Some(name) => format!("; did you mean \"{name}\"?"),
            None => String::new(),
        };
        let (expected, found) = (either(&names), found(key, &ValueKind::String(text)));
        self.refuse(key, format!("expected {expected}, found {found}{hint}"));
        None
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let from_variable = self.is_variable(key);
        match self.take(key)? {
            ValueKind::Boolean(flag) => Some(flag),
            ValueKind::String(text) if from_variable && text == "true" => Some(true),
            ValueKind::String(text) if from_variable && text == "false" => Some(false),
            other => self.wrong(key, "true or false", &other),
        }
    }

    /// A whole number in `range`.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let from_variable = self.is_variable(key);
        let value = self.take(key)?;
        let number = match &value {
            ValueKind::I64(number) => u64::try_from(*number).ok(),
            ValueKind::String(text) if from_variable => text.parse().ok(),
            _ => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None => {
                let (least, most) = range.into_inner();
                self.wrong(
                    key,
                    &format!("a whole number from {least} to {most}"),
                    &value,
                )
            }
        }
    }

    /// A list of strings; in a variable they are separated by commas.
    pub(super) fn list(&mut self, key: &'static str) -> Option<Vec<String>> {
        let from_variable = self.is_variable(key);
        let value = self.take(key)?;
        if let (true, ValueKind::String(text)) = (from_variable, &value) {
            let items = text.split(',').map(|item| item.trim().to_owned());
            return Some(items.filter(|item| !item.is_empty()).collect());
        }
        let ValueKind::Array(items) = &value else {
            return self.wrong(key, "a list of strings", &value);
        };
        let text = |item: &Value| match &item.kind {
            ValueKind::String(text) => Some(text.clone()),
            _ => None,
        };
        match items.iter().map(text).collect() {
            Some(list) => Some(list),
            None => self.wrong(key, "a list of strings", &value),
        }
    }

    /// A path; a relative one starts at the configuration file's folder.
    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let text = self.text(key)?;
        if text.is_empty() {
            self.refuse(key, "expected a path, found \"\"".to_owned());
            return None;
        }
        Some(self.based(&text))
    }

    pub(super) fn based(&self, path: &str) -> PathBuf {
        self.reader.base.join(path)
    }

    pub(super) fn refuse(&mut self, key: &str, text: String) {
        let problem = self.reader.problem(&self.path_of(key), text);
        self.reader.problems.push(problem);
    }

    /// The place of the whole table, for problems that show later: see [`Problem::saying`].
    pub(super) fn spot(&self) -> Problem {
        self.reader.problem(&self.path, String::new())
    }

    /// A problem with the whole table.
    pub(super) fn refuse_self(&mut self, text: String) {
        let problem = self.reader.problem(&self.path, text);
        self.reader.problems.push(problem);
    }

    pub(super) fn warn(&mut self, key: &str, text: String) {
        let problem = self.reader.problem(&self.path_of(key), text);
        self.reader.warnings.push(Warning(problem));
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(mut self) {
        for name in self.names() {
            let hint = match nearest(&name, &self.known) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None if self.is_table(&name)
                    && self.path.first().is_some_and(|s| s == "upstream") =>
                {
                    "a name that holds dots needs quotes, as in [upstream.\"github.com\"]"
                        .to_owned()
                }
                None if self.is_table(&name)
                    && self.path.get(1).is_some_and(|s| s == "override") =>
                {
                    "an id that holds dots needs quotes, as in [rules.override.\"house.key\"]"
                        .to_owned()
                }
                None if self.known.len() > 12 => "see the example file".to_owned(),
                None => format!("expected {}", either(&self.known)),
            };
            self.refuse(&name, format!("unknown key; {hint}"));
        }
    }

    fn child(&mut self, key: &str, table: Map<String, Value>) -> Section<'_> {
        Section {
            path: self.path_of(key),
            reader: self.reader,
            table,
            known: Vec::new(),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<ValueKind> {
        self.known.push(key);
        let mut path = self.path_of(key);
        match path.as_mut_slice() {
            [section, name, ..] if section == "upstream" => *name = "*".to_owned(),
            [rules, section, name, ..] if rules == "rules" && section == "override" => {
                *name = "*".to_owned();
            }
            [notify, section, name, ..] if notify == "notify" && section == "webhook" => {
                *name = "*".to_owned();
            }
            _ => {}
        }
        self.reader.asked.insert(path.join("."));
        self.table.remove(key).map(|value| value.kind)
    }

    fn is_variable(&self, key: &str) -> bool {
        let origin = self.reader.origins.get(&self.path_of(key));
        matches!(origin, Some(Origin::Variable(_)))
    }

    fn path_of(&self, key: &str) -> Vec<String> {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        path
    }

    fn wrong<T>(&mut self, key: &str, expected: &str, value: &ValueKind) -> Option<T> {
        let found = found(key, value);
        self.refuse(key, format!("expected {expected}, found {found}"));
        None
    }
}

/// What was found, quoted; never the value of a key that may hold a secret.
pub(super) fn found(key: &str, value: &ValueKind) -> String {
    match value {
        _ if is_secret(key) => "something else (not shown)".to_owned(),
        ValueKind::String(text) => quoted(text),
        ValueKind::Boolean(flag) => flag.to_string(),
        ValueKind::I64(number) => number.to_string(),
        ValueKind::Nil => "a date".to_owned(),
        ValueKind::Table(_) => "a table".to_owned(),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::U64(_) | ValueKind::I128(_) | ValueKind::U128(_) | ValueKind::Float(_) => {
            "another kind of number".to_owned()
        }
    }
}

/// Whether values of this key are kept out of messages and of `config show`.
pub(super) fn is_secret(key: &str) -> bool {
    ["password", "passphrase", "secret", "token", "key"]
        .iter()
        .any(|word| key.to_ascii_lowercase().ends_with(word))
}

/// A value in quotes, printable ASCII, cut short where it is long.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let shown: String = text.chars().take(LONGEST).collect();
    let more = match text.chars().nth(LONGEST) {
        Some(_) => "...",
        None => "",
    };
    format!("\"{}{more}\"", printable(&shown))
}

/// The nearest of the valid names, if one is near enough to have been meant.
pub(crate) fn nearest<'n>(name: &str, valid: &[&'n str]) -> Option<&'n str> {
    let distance = |other: &&str| strsim::damerau_levenshtein(&name.to_ascii_lowercase(), other);
    let near = valid.iter().copied().min_by_key(distance)?;
    (distance(&near) <= (near.len() / 3).max(1)).then_some(near)
}

/// `"a", "b" or "c"`.
pub(crate) fn either(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => format!("\"{only}\""),
        [rest @ .., last] => format!("\"{}\" or \"{last}\"", rest.join("\", \"")),
    }
}

fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            ' '..='~' => character.to_string(),
            other => other.escape_default().to_string(),
        })
        .collect()
}

/// A key path as TOML would write it.
fn key_text(path: &[String]) -> String {
    let bare = |part: &String| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let parts: Vec<String> = path
        .iter()
        .map(|part| match bare(part) {
            true => part.clone(),
            false => quoted(part),
        })
        .collect();
    parts.join(".")
}
