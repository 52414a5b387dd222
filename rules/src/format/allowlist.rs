//! An allowlist as written in a rule file.

use super::table::{Key, Table};
use super::{Error, Located};

/// What the regexes of an allowlist are held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Secret,
    Match,
    Line,
}

#[derive(Clone, Debug)]
pub(crate) struct AllowlistText {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Every half that is given must hold; otherwise one is enough.
    pub(crate) all: bool,
    /// In lower case.
    pub(crate) commits: Vec<String>,
    pub(crate) paths: Vec<Located<String>>,
    pub(crate) regexes: Vec<Located<String>>,
    pub(crate) target: Target,
    pub(crate) stopwords: Vec<String>,
    /// It comes from a file that does not ship with us.
    pub(crate) imported: bool,
}

impl AllowlistText {
    /// Moves everything to one line: that of what has taken it over from elsewhere.
    pub(crate) fn stand_at(&mut self, line: usize) {
        self.line = line;
        for text in self.paths.iter_mut().chain(&mut self.regexes) {
            text.line = line;
        }
    }
}

pub(super) const TOP_KEYS: &[Key] = &[
    Key::known("description"),
    Key::known("condition"),
    Key::known("commits"),
    Key::known("paths"),
    Key::known("regexes"),
    Key::known("regexTarget"),
    Key::known("stopwords"),
    Key::known("targetRules"),
];

pub(super) const RULE_KEYS: &[Key] = &[
    Key::known("description"),
    Key::known("condition"),
    Key::known("commits"),
    Key::known("paths"),
    Key::known("regexes"),
    Key::known("regexTarget"),
    Key::known("stopwords"),
];

pub(super) fn read(table: &Table<'_, '_>) -> Result<AllowlistText, Error> {
    table.text("description")?;
    let all = match table.text("condition")? {
        None => false,
        Some(condition) => match condition.value.to_ascii_uppercase().as_str() {
            "" | "OR" | "||" => false,
            "AND" | "&&" => true,
            _ => return Err(table.invalid(condition.line, "\"condition\" must be OR or AND")),
        },
    };
    let target = match table.text("regexTarget")? {
        None => Target::Secret,
        Some(target) => match target.value.as_str() {
            "" | "secret" => Target::Secret,
            "match" => Target::Match,
            "line" => Target::Line,
            _ => {
                return Err(
                    table.invalid(target.line, "\"regexTarget\" must be secret, match or line")
                );
            }
        },
    };
    let stopwords = table.texts("stopwords")?;
    if let Some(empty) = stopwords.iter().find(|word| word.value.is_empty()) {
        return Err(table.invalid(empty.line, "a stopword is empty"));
    }
    let commits = table.texts("commits")?.into_iter();
    let list = AllowlistText {
        line: table.line(),
        all,
        commits: commits
            .map(|commit| commit.value.trim().to_ascii_lowercase())
            .collect(),
        paths: table.texts("paths")?,
        regexes: table.texts("regexes")?,
        target,
        imported: true,
        stopwords: stopwords
            .into_iter()
            .map(|word| word.value.to_ascii_lowercase())
            .collect(),
    };
    if list.commits.is_empty()
        && list.paths.is_empty()
        && list.regexes.is_empty()
        && list.stopwords.is_empty()
    {
        let reason = "at least one of commits, paths, regexes and stopwords must be given";
        return Err(table.invalid(table.line(), reason));
    }
    Ok(list)
}
