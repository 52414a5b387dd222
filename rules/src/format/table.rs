//! A TOML table read key by key, with lines for every complaint.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Error, Located, Warning};
use crate::printable::printable;

/// A key that a table may have.
pub(super) struct Key {
    name: &'static str,
    /// Why it has no effect, if it has none.
    ignored: Option<&'static str>,
}

impl Key {
    pub(super) const fn known(name: &'static str) -> Self {
        Self {
            name,
            ignored: None,
        }
    }

    /// A key that is accepted with a warning.
    pub(super) const fn ignored(name: &'static str, reason: &'static str) -> Self {
        Self {
            name,
            ignored: Some(reason),
        }
    }
}

/// A file's name and where its lines begin.
pub(super) struct Place {
    name: String,
    line_starts: Vec<usize>,
}

impl Place {
    pub(super) fn new(name: String, text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            name,
            line_starts: newlines.map(|(at, _)| at + 1).collect(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The line of a byte offset, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= offset) + 1
    }
}

/// One table whose keys are all known.
pub(super) struct Table<'a, 'i> {
    place: &'a Place,
    /// How errors call it: `rule aws-key`, `allowlist`.
    within: String,
    /// The rule it belongs to, for warnings.
    rule: Option<String>,
    line: usize,
    values: &'a DeTable<'i>,
}

impl<'a, 'i> Table<'a, 'i> {
    /// Checks the keys; warns of the ignored ones.
    pub(super) fn new(
        place: &'a Place,
        within: &str,
        rule: Option<String>,
        values: &'a DeTable<'i>,
        line: usize,
        keys: &[Key],
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, Error> {
        let mut table = Self {
            place,
            within: within.to_owned(),
            rule,
            line,
            values,
        };
        // A rule is called by its id, which may itself be missing or wrong.
        if matches!(within, "rule" | "dictionary")
            && let Some(id) = table.value("id").and_then(|id| id.get_ref().as_str())
        {
            table.rule = Some(printable(id));
            table.within = format!("{within} {}", printable(id));
        }
        table.check_keys(keys, warnings)?;
        Ok(table)
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }

    pub(super) fn file(&self) -> &str {
        self.place.name()
    }

    pub(super) fn invalid(&self, line: usize, reason: &str) -> Error {
        Error::Invalid {
            file: self.place.name().to_owned(),
            line,
            within: self.within.clone(),
            reason: reason.to_owned(),
        }
    }

    pub(super) fn warning(&self, line: usize, reason: String) -> Warning {
        Warning {
            file: self.place.name().to_owned(),
            line,
            rule: self.rule.clone(),
            reason,
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<Located<String>>, Error> {
        self.read(key, "text", |value| Some(value.as_str()?.to_owned()))
    }

    /// A text of several lines, with the line at which its value begins.
    pub(super) fn block(&self, key: &str) -> Result<Option<Located<String>>, Error> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let span = self.value(key).map_or(0..0, Spanned::span);
        let lines = self.place.line(span.end.saturating_sub(1)) - self.place.line(span.start);
        // A newline right behind the opening quotes is no part of the value.
        let cut = lines.saturating_sub(text.value.matches('\n').count());
        Ok(Some(Located {
            line: text.line + cut.min(1),
            value: text.value,
        }))
    }

    pub(super) fn boolean(&self, key: &str) -> Result<Option<Located<bool>>, Error> {
        self.read(key, "true or false", DeValue::as_bool)
    }

    /// A number that is not negative.
    pub(super) fn integer(&self, key: &str) -> Result<Option<Located<usize>>, Error> {
        self.read(key, "a number that is not negative", |value| {
            let number = value.as_integer()?;
            usize::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    /// A finite number that is not negative.
    pub(super) fn number(&self, key: &str) -> Result<Option<Located<f64>>, Error> {
        self.read(key, "a number that is not negative", |value| {
            let text = match value {
                DeValue::Float(number) => number.as_str(),
                DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
                _ => return None,
            };
            text.parse::<f64>()
                .ok()
                .filter(|number| number.is_finite() && *number >= 0.0)
        })
    }

    pub(super) fn texts(&self, key: &str) -> Result<Vec<Located<String>>, Error> {
        let Some(value) = self.value(key) else {
            return Ok(Vec::new());
        };
        let wrong = |value: &Spanned<DeValue<'_>>| {
            let line = self.place.line(value.span().start);
            self.invalid(line, &format!("\"{key}\" must be an array of texts"))
        };
        let array = value.get_ref().as_array().ok_or_else(|| wrong(value))?;
        array
            .iter()
            .map(|item| {
                Ok(Located {
                    value: item
                        .get_ref()
                        .as_str()
                        .ok_or_else(|| wrong(item))?
                        .to_owned(),
                    line: self.place.line(item.span().start),
                })
            })
            .collect()
    }

    pub(super) fn table(
        &self,
        key: &str,
        within: &str,
        keys: &[Key],
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Table<'a, 'i>>, Error> {
        match self.value(key) {
            None => Ok(None),
            Some(value) => self.inner(key, within, value, keys, warnings).map(Some),
        }
    }

    /// Every table of an array of tables; a lone table counts as one.
    pub(super) fn tables(
        &self,
        key: &str,
        within: &str,
        keys: &[Key],
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<Table<'a, 'i>>, Error> {
        let Some(value) = self.value(key) else {
            return Ok(Vec::new());
        };
        match value.get_ref() {
            DeValue::Array(array) => array
                .iter()
                .map(|item| self.inner(key, within, item, keys, warnings))
                .collect(),
            _ => Ok(vec![self.inner(key, within, value, keys, warnings)?]),
        }
    }

    fn inner(
        &self,
        key: &str,
        within: &str,
        value: &'a Spanned<DeValue<'i>>,
        keys: &[Key],
        warnings: &mut Vec<Warning>,
    ) -> Result<Table<'a, 'i>, Error> {
        let line = self.place.line(value.span().start);
        let DeValue::Table(values) = value.get_ref() else {
            return Err(self.invalid(line, &format!("\"{key}\" must be a table")));
        };
        let within = match &self.rule {
            Some(rule) => format!("rule {rule}, {within}"),
            None => within.to_owned(),
        };
        Table::new(
            self.place,
            &within,
            self.rule.clone(),
            values,
            line,
            keys,
            warnings,
        )
    }

    fn read<T>(
        &self,
        key: &str,
        expected: &str,
        convert: impl FnOnce(&DeValue<'i>) -> Option<T>,
    ) -> Result<Option<Located<T>>, Error> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let line = self.place.line(value.span().start);
        match convert(value.get_ref()) {
            Some(value) => Ok(Some(Located { value, line })),
            None => Err(self.invalid(line, &format!("\"{key}\" must be {expected}"))),
        }
    }

    /// Keys are matched in any letter case, as gitleaks does.
    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        let mut entries = self.values.iter();
        entries
            .find(|(name, _)| name.get_ref().eq_ignore_ascii_case(key))
            .map(|(_, value)| value)
    }

    /// A key that many rules have is warned of once, where it stands first, with the number of them.
    fn warn_ignored(&self, line: usize, key: &str, reason: &str, warnings: &mut Vec<Warning>) {
        let begin = ignored(key);
        let first = warnings.iter_mut().find(|warning| {
            warning.file == self.place.name() && warning.reason.starts_with(&begin)
        });
        let Some(first) = first else {
            warnings.push(self.warning(line, format!("{begin}: {reason}")));
            return;
        };
        let count = first.reason.strip_prefix(&begin);
        let count = count.and_then(|rest| rest.strip_prefix(" here and in "));
        let count = count.and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
        let more = count.unwrap_or(0) + 1;
        first.rule = None;
        first.reason = format!("{begin} here and in {more} more places: {reason}");
    }

    fn check_keys(&self, keys: &[Key], warnings: &mut Vec<Warning>) -> Result<(), Error> {
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in self.values {
            let line = self.place.line(name.span().start);
            let Some(key) = keys
                .iter()
                .find(|key| key.name.eq_ignore_ascii_case(name.get_ref()))
            else {
                return Err(Error::UnknownKey {
                    file: self.place.name().to_owned(),
                    line,
                    within: self.within.clone(),
                    key: printable(name.get_ref()),
                    hint: hint(name.get_ref(), keys),
                });
            };
            if seen.contains(&key.name) {
                return Err(self.invalid(line, &format!("\"{}\" is given twice", key.name)));
            }
            seen.push(key.name);
            if let Some(reason) = key.ignored {
                self.warn_ignored(line, key.name, reason, warnings);
            }
        }
        Ok(())
    }
}

/// How a warning of an ignored key begins.
fn ignored(key: &str) -> String {
    format!("\"{key}\" is not honoured")
}

/// The nearest valid key, or all of them when none is near.
fn hint(unknown: &str, keys: &[Key]) -> String {
    let unknown = unknown.to_ascii_lowercase();
    let valid = keys.iter().filter(|key| key.ignored.is_none());
    let nearest = valid
        .clone()
        .map(|key| (distance(&unknown, &key.name.to_ascii_lowercase()), key.name))
        .min();
    match nearest {
        Some((distance, name)) if distance <= 2.max(name.len() / 3) => {
            format!("did you mean \"{name}\"?")
        }
        _ => {
            let names: Vec<_> = valid.map(|key| key.name).collect();
            format!("it knows {}", names.join(", "))
        }
    }
}

/// Levenshtein distance in characters; long names are cut, they are near to nothing.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (&b, above) in right.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(a != b);
            diagonal = *above;
            before = replaced.min(diagonal + 1).min(before + 1);
            *above = before;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Place, distance};

    #[test]
    fn distances() {
        assert_eq!(distance("regexp", "regex"), 1);
        assert_eq!(distance("keyword", "keywords"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn lines_are_counted_from_one() {
        let place = Place::new("f".into(), "a\nb\n\nc");
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|at| place.line(at)),
            [1, 1, 2, 2, 3, 4]
        );
    }
}
