//! Rule files: TOML text into checked values, with every complaint at its line.

mod allowlist;
mod dictionary;
mod rule;
mod table;

use std::fmt;

pub(crate) use allowlist::{AllowlistText, Target};
pub(crate) use dictionary::{DictionaryText, KeyedText, Term as TermText};
pub(crate) use rule::RuleText;
use table::{Key, Place, Table};

use crate::printable::printable;

/// Longest rule file read, in bytes.
pub const FILE_BYTES: usize = 16 * 1024 * 1024;

/// A value and the line it stands on, counted from 1.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) line: usize,
}

/// One rule file as written; regexes are not yet compiled.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) rules: Vec<RuleText>,
    /// The allowlists at the top of the file, and the rules each is about; empty: the rules of this file.
    pub(crate) allowlists: Vec<(AllowlistText, Vec<Located<String>>)>,
    pub(crate) disabled: Vec<Located<String>>,
    pub(crate) extend: Option<Located<Extend>>,
    pub(crate) prefilter: Option<Located<String>>,
    pub(crate) filter: Option<Located<String>>,
    pub(crate) warnings: Vec<Warning>,
}

/// What a file builds on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extend {
    /// The rules that ship with us.
    Default,
    Path(String),
}

/// Something in a rule file that is understood and not honoured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The rule it stands in, if any.
    pub rule: Option<String>,
    pub reason: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(rule) = &self.rule {
            write!(f, "rule {rule}: ")?;
        }
        f.write_str(&self.reason)
    }
}

/// What is wrong with a rule file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{file}: the file is longer than {FILE_BYTES} bytes")]
    TooLong { file: String },
    #[error("{file}:{line}: not TOML: {reason}")]
    Toml {
        file: String,
        line: usize,
        reason: String,
    },
    #[error("{file}:{line}: {within} has no key \"{key}\"; {hint}")]
    UnknownKey {
        file: String,
        line: usize,
        within: String,
        key: String,
        hint: String,
    },
    #[error("{file}:{line}: {within}: {reason}")]
    Invalid {
        file: String,
        line: usize,
        within: String,
        reason: String,
    },
}

const TOP_KEYS: &[Key] = &[
    Key::known("title"),
    Key::known("description"),
    Key::known("minVersion"),
    Key::known("extend"),
    Key::known("allowlist"),
    Key::known("allowlists"),
    Key::known("rules"),
    Key::known("dictionary"),
    Key::known("betterleaksMinVersion"),
    Key::known("prefilter"),
    Key::known("filter"),
];

const EXTEND_KEYS: &[Key] = &[
    Key::known("useDefault"),
    Key::known("path"),
    Key::known("url"),
    Key::known("disabledRules"),
];

/// Reads one rule file. `name` is how errors call it.
pub(crate) fn parse(name: &str, text: &str) -> Result<File, Error> {
    let name = printable(name);
    if text.len() > FILE_BYTES {
        return Err(Error::TooLong { file: name });
    }
    let place = Place::new(name, text);
    let document = toml::de::DeTable::parse(text).map_err(|error| Error::Toml {
        file: place.name().to_owned(),
        line: place.line(error.span().map_or(0, |span| span.start)),
        reason: printable(error.message()),
    })?;

    let mut file = File::default();
    let top = Table::new(
        &place,
        "the file",
        None,
        document.get_ref(),
        1,
        TOP_KEYS,
        &mut file.warnings,
    )?;
    for key in [
        "title",
        "description",
        "minVersion",
        "betterleaksMinVersion",
    ] {
        top.text(key)?;
    }
    if let Some(extend) = top.table("extend", "[extend]", EXTEND_KEYS, &mut file.warnings)? {
        extend_section(&extend, &mut file)?;
    }
    file.prefilter = top.block("prefilter")?;
    file.filter = top.block("filter")?;
    for key in ["allowlist", "allowlists"] {
        for list in top.tables(key, "allowlist", allowlist::TOP_KEYS, &mut file.warnings)? {
            file.allowlists
                .push((allowlist::read(&list)?, list.texts("targetRules")?));
        }
    }
    for rule in top.tables("rules", "rule", rule::KEYS, &mut file.warnings)? {
        file.rules.push(rule::read(&rule, &mut file.warnings)?);
    }
    for dictionary in top.tables(
        "dictionary",
        "dictionary",
        dictionary::KEYS,
        &mut file.warnings,
    )? {
        let text = dictionary::read(&dictionary, &mut file.warnings)?;
        file.rules.push(text);
    }
    Ok(file)
}

/// What the file extends, with its line, and the rules it takes out.
fn extend_section(extend: &Table<'_, '_>, file: &mut File) -> Result<(), Error> {
    let default = extend.boolean("useDefault")?.filter(|set| set.value);
    let path = extend.text("path")?.filter(|set| !set.value.is_empty());
    if let Some(set) = extend.text("url")?.filter(|set| !set.value.is_empty()) {
        let reason = "url is not supported: nothing is fetched; put the file beside this one and name it in path";
        return Err(extend.invalid(set.line, reason));
    }
    file.extend = match (default, path) {
        (Some(set), Some(_)) => {
            let reason = "useDefault and path cannot be given both";
            return Err(extend.invalid(set.line, reason));
        }
        (Some(set), None) => Some(Located {
            line: set.line,
            value: Extend::Default,
        }),
        (None, Some(set)) => Some(Located {
            line: set.line,
            value: Extend::Path(set.value),
        }),
        (None, None) => None,
    };
    file.disabled = extend.texts("disabledRules")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let message = parse("f.toml", text).unwrap_err().to_string();
        assert!(
            message
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' '),
            "{message:?}"
        );
        message
    }

    #[test]
    fn a_whole_rule_is_read() {
        let file = parse(
            "f.toml",
            r#"
title = "t"
[[rules]]
id = "a-b"
description = "d"
regex = '''x(y)'''
secretGroup = 1
entropy = 3
keywords = ["X"]
action = "review"
severity = "low"
confidence = "high"
validator = "jwt"
remedy = "r"
references = ["https://example.com"]
examples = ["xy"]
counter_examples = ["xz"]
[[rules.allowlists]]
condition = "&&"
regexTarget = "line"
regexes = ["z"]
stopWords = ["w"]
"#,
        )
        .unwrap();
        let [rule] = file.rules.as_slice() else {
            panic!("one rule")
        };
        assert_eq!(rule.rule.id, "a-b");
        assert_eq!(rule.rule.origin.line, 3);
        assert_eq!(rule.rule.entropy, Some(3.0));
        assert_eq!(rule.rule.keywords, ["x"]);
        assert_eq!(rule.rule.action, crate::Action::Review);
        assert_eq!(rule.regex_line, 6);
        assert!(rule.allowlists[0].all);
        assert_eq!(rule.allowlists[0].target, Target::Line);
        assert_eq!(rule.allowlists[0].stopwords, ["w"]);
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        assert_eq!(
            refused("[[rules]]\nid = 'x'\nregexp = 'x'\n"),
            "f.toml:3: rule x has no key \"regexp\"; did you mean \"regex\"?"
        );
        assert!(refused("rulez = 1").contains("did you mean \"rules\"?"));
        assert!(
            refused("[[rules]]\nid='x'\nregex='x'\n[[rules.allowlists]]\nzzzzzz='x'")
                .contains("it knows ")
        );
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        assert!(refused("a = ").starts_with("f.toml:1: not TOML: "));
        assert!(
            refused("\n[[rules]]\nregex = 'x'").starts_with("f.toml:2: rule: \"id\" is missing")
        );
        assert!(refused("[[rules]]\nid = 'a b'").contains("printable ASCII"));
        assert!(
            refused("[[rules]]\nid = 'a'\nregex = 3")
                .starts_with("f.toml:3: rule a: \"regex\" must be text")
        );
        assert!(
            refused("[[rules]]\nid = 'a'\nregex='x'\naction='stop'")
                .contains("note, warn, review, block")
        );
        assert!(refused("[[rules]]\nid = 'a'\nregex='x'\nkeywords=['']").contains("empty"));
        assert!(refused("[[rules]]\nid = 'a'\nregex='x'\nRegex='y'").contains("twice"));
        assert!(refused("[[rules]]\nid = 'a'\nregex='x'\nsecretGroup=-1").contains("secretGroup"));
        assert!(refused("[[rules]]\nid = 'a'\nregex='x'\nentropy=nan").contains("entropy"));
        assert!(
            refused("[[rules]]\nid = 'a'\nregex='x'\n[[rules.allowlists]]\ndescription='x'")
                .contains("at least one")
        );
        assert!(
            refused("[extend]\nuseDefault = true\npath = 'x'")
                .starts_with("f.toml:2: [extend]: useDefault")
        );
        assert!(refused("[extend]\nurl = 'x'").contains("nothing is fetched"));
    }

    #[test]
    fn what_is_not_honoured_is_warned_of_once_a_file() {
        let rule = |id: &str| format!("[[rules]]\nid='{id}'\nregex='x'\nvalidate='y'\n");
        let warnings = |text: &str| {
            let warnings = parse("f.toml", text).unwrap().warnings;
            let shown: Vec<_> = warnings.iter().map(Warning::to_string).collect();
            shown
        };
        assert_eq!(
            warnings(&rule("a")),
            ["f.toml:4: rule a: \"validate\" is not honoured: secrets are never sent anywhere"]
        );
        let three = rule("a") + &rule("b") + &rule("c");
        assert_eq!(
            warnings(&three),
            [
                "f.toml:4: \"validate\" is not honoured here and in 2 more places: secrets are never sent anywhere"
            ]
        );
    }

    #[test]
    fn an_expression_s_line_is_that_of_its_first_byte() {
        let line = |text: &str| parse("f.toml", text).unwrap().filter.unwrap().line;
        assert_eq!(line("filter = 'x'"), 1);
        assert_eq!(line("filter = '''x\ny'''"), 1);
        assert_eq!(line("\nfilter = '''\nx\ny\n'''"), 3);
    }
}
