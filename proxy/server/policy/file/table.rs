//! Reads one table of a policy file key by key, and collects what is wrong with it, each with its line.
//!
//! As in the configuration: a key that is wrong gives `None` and a problem, and reading goes on, so that all problems are
//! told at once.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::{either, nearest, quoted};
use crate::policy::rulebook::Line;

/// Something in a policy file that is refused, or probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: usize,
    /// The rule it stands in; empty outside of rules.
    pub rule: String,
    /// The key; empty where it is the rule as a whole.
    pub key: String,
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        for part in [&self.rule, &self.key] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.text)
    }
}

/// Values of one key: strings with their own lines.
pub type Names = Vec<Line<String>>;

/// One table.
pub struct Table<'t, 'p> {
    text: &'t str,
    file: Arc<str>,
    /// How problems name it.
    pub label: String,
    /// Where it begins.
    pub line: usize,
    entries: &'t DeTable<'t>,
    known: Vec<&'static str>,
    problems: &'p mut Vec<Problem>,
}

impl<'t, 'p> Table<'t, 'p> {
    pub fn new(
        text: &'t str,
        file: &Arc<str>,
        line: usize,
        entries: &'t DeTable<'t>,
        problems: &'p mut Vec<Problem>,
    ) -> Self {
        Self {
            text,
            file: Arc::clone(file),
            label: String::new(),
            line,
            entries,
            known: Vec::new(),
            problems,
        }
    }

    /// A string of printable ASCII of a length in `range`.
    pub fn text(
        &mut self,
        key: &'static str,
        range: RangeInclusive<usize>,
    ) -> Option<Line<String>> {
        let (value, line) = self.take(key)?;
        let (least, most) = range.clone().into_inner();
        let expected = format!("{least} to {most} characters of printable ASCII");
        let DeValue::String(text) = value else {
            return self.wrong(key, line, &expected, value);
        };
        let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !plain || !range.contains(&text.len()) {
            return self.wrong(key, line, &expected, value);
        }
        Some(Line {
            value: text.to_string(),
            line,
        })
    }

    /// One of the `words`.
    pub fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<Line<T>> {
        let (value, line) = self.take(key)?;
        let value = self.one_word(key, line, words, value)?;
        Some(Line { value, line })
    }

    /// One or several of the `words`: a string, or a list of them.
    pub fn words<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<Vec<T>> {
        let items = self.items(key)?;
        let read = items.into_iter().map(|(value, line)| {
            let word = self.one_word(key, line, words, value);
            word.ok_or(())
        });
        let read: Vec<_> = read.collect();
        read.into_iter().collect::<Result<_, ()>>().ok()
    }

    /// A string, or a list of at least one.
    pub fn names(&mut self, key: &'static str) -> Option<Names> {
        let items = self.items(key)?;
        let mut names = Vec::new();
        for (value, line) in items {
            match value {
                DeValue::String(text) => names.push(Line {
                    value: text.to_string(),
                    line,
                }),
                other => return self.wrong(key, line, "a string or a list of strings", other),
            }
        }
        Some(names)
    }

    /// A whole number in `range`.
    pub fn number(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<Line<u64>> {
        let (value, line) = self.take(key)?;
        let number = match value {
            DeValue::Integer(integer) => {
                u64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            _ => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(value) => Some(Line { value, line }),
            None => {
                let (least, most) = range.into_inner();
                let expected = format!("a whole number from {least} to {most}");
                self.wrong(key, line, &expected, value)
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<Line<bool>> {
        let (value, line) = self.take(key)?;
        match value {
            DeValue::Boolean(value) => Some(Line {
                value: *value,
                line,
            }),
            other => self.wrong(key, line, "true or false", other),
        }
    }

    /// The tables of `[[key]]`, with their lines.
    pub fn tables(&mut self, key: &'static str) -> Vec<(&'t DeTable<'t>, usize)> {
        let Some((value, line)) = self.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value else {
            let header = format!("[[{key}]], with two brackets");
            self.wrong::<()>(key, line, &header, value);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            let line = self.line_of(item.span().start);
            match item.get_ref() {
                DeValue::Table(table) => tables.push((table, line)),
                other => drop(self.wrong::<()>(key, line, "a table", other)),
            }
        }
        tables
    }

    /// Refuses what nobody asked for.
    pub fn finish(self) {
        for (name, _) in self.entries.iter() {
            let key: &str = name.get_ref();
            if self.known.contains(&key) {
                continue;
            }
            let hint = match nearest(key, &self.known) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("expected {}", either(&self.known)),
            };
            self.problems.push(Problem {
                file: Arc::clone(&self.file),
                line: line_of(self.text, name.span().start),
                rule: self.label.clone(),
                key: quoted(key).trim_matches('"').to_owned(),
                text: format!("unknown key; {hint}"),
            });
        }
    }

    pub fn refuse(&mut self, key: &str, line: usize, text: String) {
        self.problems.push(Problem {
            file: Arc::clone(&self.file),
            line,
            rule: self.label.clone(),
            key: key.to_owned(),
            text,
        });
    }

    /// Whether any of these keys is set, rightly or wrongly.
    pub fn has_any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.entries.contains_key(*key))
    }

    fn take(&mut self, key: &'static str) -> Option<(&'t DeValue<'t>, usize)> {
        self.known.push(key);
        let (name, value) = self.entries.get_key_value(key)?;
        Some((value.get_ref(), self.line_of(name.span().start)))
    }

    /// A value alone, or those of a list.
    fn items(&mut self, key: &'static str) -> Option<Vec<(&'t DeValue<'t>, usize)>> {
        const MOST: usize = 100;
        let (value, line) = self.take(key)?;
        let DeValue::Array(items) = value else {
            return Some(vec![(value, line)]);
        };
        if !(1..=MOST).contains(&items.len()) {
            let text = format!("expected 1 to {MOST} values, found {}", items.len());
            self.refuse(key, line, text);
            return None;
        }
        let place = |item: &'t Spanned<DeValue<'t>>| {
            let line = self.line_of(item.span().start);
            (item.get_ref(), line)
        };
        Some(items.iter().map(place).collect())
    }

    fn one_word<T: Copy>(
        &mut self,
        key: &'static str,
        line: usize,
        words: &[(&'static str, T)],
        value: &DeValue<'_>,
    ) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let DeValue::String(text) = value else {
            return self.wrong(key, line, &either(&names), value);
        };
        if let Some((_, value)) = words.iter().find(|(word, _)| word == text) {
            return Some(*value);
        }
        let hint = match nearest(text, &names) {
            Some(near) => format!("; did you mean \"{near}\"?"),
            None => String::new(),
        };
        let expected = either(&names);
        let text = format!("expected {expected}, found {}{hint}", quoted(text));
        self.refuse(key, line, text);
        None
    }

    fn wrong<T>(
        &mut self,
        key: &str,
        line: usize,
        expected: &str,
        value: &DeValue<'_>,
    ) -> Option<T> {
        let found = found(value);
        self.refuse(key, line, format!("expected {expected}, found {found}"));
        None
    }

    fn line_of(&self, offset: usize) -> usize {
        line_of(self.text, offset)
    }
}

fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Integer(number) => quoted(number.as_str()).trim_matches('"').to_owned(),
        DeValue::Float(_) => "a number with a fraction".to_owned(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// The line of a place in the text, counted from 1.
pub fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
