//! A rule as written in a rule file.

use super::allowlist::{self, AllowlistText};
use super::dictionary::DictionaryText;
use super::table::{Key, Table};
use super::{Error, Located, Warning};
use crate::printable::one_line;
use crate::{
    Action, Confidence, LicenseSaid, Origin, Override, Required, Rule, Severity, judges, validators,
};

#[derive(Debug)]
pub(crate) struct RuleText {
    pub(crate) rule: Rule,
    pub(crate) regex_line: usize,
    pub(crate) path_line: usize,
    pub(crate) allowlists: Vec<AllowlistText>,
    /// Where each of the required rules is named.
    pub(crate) required_lines: Vec<usize>,
    pub(crate) prefilter: Option<Located<String>>,
    pub(crate) filter: Option<Located<String>>,
    /// Of a dictionary, what it holds.
    pub(crate) dictionary: Option<DictionaryText>,
    pub(crate) given: Given,
    /// It comes, in part at least, from a file that does not ship with us.
    pub(crate) imported: bool,
}

/// Which of the words that have a default are written out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    pub(crate) action: bool,
    pub(crate) severity: bool,
    pub(crate) confidence: bool,
    /// From which certainty on a find leads to what.
    pub(crate) tiers: bool,
}

pub(super) const KEYS: &[Key] = &[
    Key::known("id"),
    Key::known("description"),
    Key::known("regex"),
    Key::known("secretGroup"),
    Key::known("entropy"),
    Key::known("keywords"),
    Key::known("path"),
    Key::known("tags"),
    Key::known("skipReport"),
    Key::known("allowlist"),
    Key::known("allowlists"),
    Key::known("required"),
    Key::known("head"),
    Key::known("atLeast"),
    Key::known("license"),
    Key::known("action"),
    Key::known("severity"),
    Key::known("confidence"),
    Key::known("validator"),
    Key::known("judge"),
    Key::known("block_from"),
    Key::known("review_from"),
    Key::known("note_from"),
    Key::known("references"),
    Key::known("impact"),
    Key::known("remedy"),
    Key::known("false_positives"),
    Key::known("examples"),
    Key::known("counter_examples"),
    Key::known("prefilter"),
    Key::known("filter"),
    Key::ignored(
        "tokenEfficiency",
        "there is no tokenizer here; the rule finds more, never less",
    ),
    Key::ignored("validate", "secrets are never sent anywhere"),
    Key::ignored("specificity", "it does not change what is found"),
];

/// Most lines, and most different matches, that a rule may ask for.
const MOST_COUNTED: usize = 10_000;

const REQUIRED_KEYS: &[Key] = &[
    Key::known("id"),
    Key::known("withinLines"),
    Key::known("withinColumns"),
];

pub(super) fn read(table: &Table<'_, '_>, warnings: &mut Vec<Warning>) -> Result<RuleText, Error> {
    let regex = table.text("regex")?.filter(|regex| !regex.value.is_empty());
    let path = table.text("path")?.filter(|path| !path.value.is_empty());
    let id = id(table)?;
    let required = required(table, warnings)?;
    let is_composite = !required.is_empty();
    let mut allowlists = Vec::new();
    for key in ["allowlist", "allowlists"] {
        for list in table.tables(key, "allowlist", allowlist::RULE_KEYS, warnings)? {
            allowlists.push(allowlist::read(&list)?);
        }
    }
    let line_or_rule =
        |text: &Option<Located<String>>| text.as_ref().map_or(table.line(), |text| text.line);
    Ok(RuleText {
        regex_line: line_or_rule(&regex),
        path_line: line_or_rule(&path),
        allowlists,
        given: Given {
            action: table.text("action")?.is_some(),
            severity: table.text("severity")?.is_some(),
            confidence: table.text("confidence")?.is_some(),
            tiers: table.integer("block_from")?.is_some()
                || table.integer("review_from")?.is_some()
                || table.integer("note_from")?.is_some(),
        },
        imported: true,
        dictionary: None,
        prefilter: table.block("prefilter")?,
        filter: table.block("filter")?,
        required_lines: required.iter().map(|required| required.line).collect(),
        rule: Rule {
            id,
            description: table
                .text("description")?
                .map(|text| one_line(&text.value))
                .unwrap_or_default(),
            action: word(table, "action", Action::WORDS, Action::from_word)?
                .unwrap_or(Action::Block),
            severity: word(table, "severity", Severity::WORDS, Severity::from_word)?
                .unwrap_or(Severity::High),
            confidence: word(
                table,
                "confidence",
                Confidence::WORDS,
                Confidence::from_word,
            )?
            .unwrap_or(Confidence::Medium),
            tags: values(table.texts("tags")?),
            keywords: keywords(table)?,
            regex: regex.map(|regex| regex.value),
            path: path.map(|path| path.value),
            secret_group: table.integer("secretGroup")?.map_or(0, |group| group.value),
            entropy: table
                .number("entropy")?
                .map(|entropy| entropy.value)
                .filter(|entropy| *entropy > 0.0),
            validator: validator(table)?,
            judge: judge(table)?,
            block_from: percent(table, "block_from")?.unwrap_or(judges::BLOCK_FROM),
            review_from: percent(table, "review_from")?.unwrap_or(judges::REVIEW_FROM),
            note_from: percent(table, "note_from")?.unwrap_or(judges::NEVER),
            dictionary: None,
            skip_report: table.boolean("skipReport")?.is_some_and(|skip| skip.value),
            required: values(required),
            head: count(table, "head", 1)?,
            at_least: at_least(table, is_composite)?,
            license: word(table, "license", LicenseSaid::WORDS, LicenseSaid::from_word)?,
            impact: told(table, "impact")?,
            remedy: told(table, "remedy")?,
            false_positives: told(table, "false_positives")?,
            references: references(table)?,
            examples: values(table.texts("examples")?),
            counter_examples: values(table.texts("counter_examples")?),
            origin: Origin {
                file: table.file().to_owned(),
                line: table.line(),
            },
            overridden: Override::default(),
        },
    })
}

/// Words for people, in one line.
fn told(table: &Table<'_, '_>, key: &'static str) -> Result<Option<String>, Error> {
    Ok(table.text(key)?.map(|text| one_line(&text.value)))
}

fn values<T>(located: Vec<Located<T>>) -> Vec<T> {
    located.into_iter().map(|each| each.value).collect()
}

fn required(
    table: &Table<'_, '_>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Located<Required>>, Error> {
    let tables = table.tables("required", "required", REQUIRED_KEYS, warnings)?;
    let read = |required: &Table<'_, '_>| {
        let Some(id) = required.text("id")?.filter(|id| !id.value.is_empty()) else {
            return Err(required.invalid(required.line(), "\"id\" is missing"));
        };
        let within = |key| Ok(required.integer(key)?.map(|number| number.value));
        Ok(Located {
            line: id.line,
            value: Required {
                id: id.value,
                within_lines: within("withinLines")?,
                within_columns: within("withinColumns")?,
            },
        })
    };
    tables.iter().map(read).collect()
}

fn id(table: &Table<'_, '_>) -> Result<String, Error> {
    let Some(id) = table.text("id")? else {
        return Err(table.invalid(table.line(), "\"id\" is missing"));
    };
    if id.value.is_empty()
        || id.value.len() > 200
        || !id.value.bytes().all(|byte| byte.is_ascii_graphic())
    {
        let reason = "\"id\" must be 1 to 200 bytes of printable ASCII without spaces";
        return Err(table.invalid(id.line, reason));
    }
    Ok(id.value)
}

fn keywords(table: &Table<'_, '_>) -> Result<Vec<String>, Error> {
    let mut keywords = Vec::new();
    for keyword in table.texts("keywords")? {
        if keyword.value.is_empty() || keyword.value.len() > 200 {
            return Err(table.invalid(keyword.line, "a keyword is empty or longer than 200 bytes"));
        }
        let keyword = keyword.value.to_ascii_lowercase();
        if !keywords.contains(&keyword) {
            keywords.push(keyword);
        }
    }
    Ok(keywords)
}

fn validator(table: &Table<'_, '_>) -> Result<Option<String>, Error> {
    let Some(name) = table.text("validator")? else {
        return Ok(None);
    };
    if validators::find(&name.value).is_none() {
        let names: Vec<_> = validators::all().map(|validator| validator.name).collect();
        let reason = format!("\"validator\" must be one of {}", names.join(", "));
        return Err(table.invalid(name.line, &reason));
    }
    Ok(Some(name.value))
}

fn judge(table: &Table<'_, '_>) -> Result<Option<String>, Error> {
    let Some(name) = table.text("judge")? else {
        return Ok(None);
    };
    if judges::find(&name.value).is_none() {
        let names: Vec<_> = judges::ALL.iter().map(|judge| judge.name).collect();
        let reason = format!("\"judge\" must be one of {}", names.join(", "));
        return Err(table.invalid(name.line, &reason));
    }
    Ok(Some(name.value))
}

/// A certainty; one above 100 is never reached, which says what 101 is for.
fn percent(table: &Table<'_, '_>, key: &str) -> Result<Option<u8>, Error> {
    let Some(number) = table.integer(key)? else {
        return Ok(None);
    };
    match u8::try_from(number.value) {
        Ok(percent @ 1..=101) => Ok(Some(percent)),
        _ => Err(table.invalid(number.line, &format!("\"{key}\" must be from 1 to 101"))),
    }
}

/// A number of lines or of matches.
fn count(table: &Table<'_, '_>, key: &str, least: usize) -> Result<Option<usize>, Error> {
    let Some(number) = table.integer(key)? else {
        return Ok(None);
    };
    match (least..=MOST_COUNTED).contains(&number.value) {
        true => Ok(Some(number.value)),
        false => {
            let reason = format!("\"{key}\" must be from {least} to {MOST_COUNTED}");
            Err(table.invalid(number.line, &reason))
        }
    }
}

/// Only the first of many is told, and nothing is known of what stands beside the others.
fn at_least(table: &Table<'_, '_>, is_composite: bool) -> Result<Option<usize>, Error> {
    let least = count(table, "atLeast", 2)?;
    if least.is_some() && is_composite {
        let reason = "\"atLeast\" and \"required\" cannot be given both";
        return Err(table.invalid(table.line(), reason));
    }
    Ok(least)
}

fn references(table: &Table<'_, '_>) -> Result<Vec<String>, Error> {
    let references = table.texts("references")?;
    if let Some(wrong) = references
        .iter()
        .find(|reference| !reference.value.starts_with("https://"))
    {
        return Err(table.invalid(wrong.line, "a reference must start with https://"));
    }
    Ok(values(references))
}

pub(super) fn word<T>(
    table: &Table<'_, '_>,
    key: &str,
    words: &[&str],
    convert: fn(&str) -> Option<T>,
) -> Result<Option<T>, Error> {
    let Some(text) = table.text(key)? else {
        return Ok(None);
    };
    match convert(&text.value) {
        Some(value) => Ok(Some(value)),
        None => Err(table.invalid(
            text.line,
            &format!("\"{key}\" must be one of {}", words.join(", ")),
        )),
    }
}
