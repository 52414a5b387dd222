//! Another scanner's rule file in this format: what has an effect as it is, what has none as comments.

use std::collections::BTreeSet;
use std::fmt::Write;

use toml::{Table, Value};

use crate::printable::printable;
use crate::{Error, FormatError, RuleSet, Source, Warning};

/// Keys that never have an effect here.
const IDLE: [&str; 5] = [
    "validate",
    "specificity",
    "tokenEfficiency",
    "minVersion",
    "betterleaksMinVersion",
];
/// The order of the keys that have a place of their own; others follow by name.
const ORDER: [&str; 31] = [
    "title",
    "id",
    "description",
    "regex",
    "path",
    "secretGroup",
    "entropy",
    "keywords",
    "tags",
    "skipReport",
    "head",
    "atLeast",
    "action",
    "severity",
    "confidence",
    "validator",
    "judge",
    "block_from",
    "review_from",
    "note_from",
    "references",
    "impact",
    "remedy",
    "false_positives",
    "examples",
    "counter_examples",
    "condition",
    "targetRules",
    "regexTarget",
    "regexes",
    "paths",
];

/// The text of a file that loads to the same rules as `source` does, without the keys that are not honoured.
pub fn rewrite(source: &Source) -> Result<String, Error> {
    // What loads is a table of known keys, at most a few levels deep.
    let sources = std::slice::from_ref(source);
    let warnings = RuleSet::compile_with(sources, &crate::beside)?.warnings;
    let table: Table = source
        .text
        .parse()
        .map_err(|error| unreadable(source, &error))?;
    let mut out = String::from(
        "# Rewritten by exeat rules import. What stands in comments is not honoured.\n\n",
    );
    let idle = idle(&warnings, None);
    keys(&mut out, &table, &idle);
    sections(&mut out, &table, &idle, |name| name != "rules");
    for rule in tables(&table, "rules") {
        let id = get(rule, "id").and_then(Value::as_str);
        out.push_str("\n[[rules]]\n");
        let idle = self::idle(&warnings, id);
        keys(&mut out, rule, &idle);
        for (name, value) in in_order(rule) {
            for part in all(value) {
                if idle.contains(&name.to_ascii_lowercase()) {
                    let mut text = String::new();
                    keys(&mut text, part, &BTreeSet::new());
                    commented(&mut out, &format!("[[rules.{name}]]\n{text}"));
                } else {
                    let _ = writeln!(out, "\n[[rules.{}]]", plural(name));
                    keys(&mut out, part, &BTreeSet::new());
                }
            }
        }
    }
    Ok(out)
}

/// A number that does not fit, say, of a key that is not honoured: rules are read without it.
fn unreadable(source: &Source, error: &toml::de::Error) -> Error {
    let before = source.text.get(..error.span().map_or(0, |span| span.start));
    Error::Format(FormatError::Toml {
        file: source.name.clone(),
        line: 1 + before.unwrap_or_default().matches('\n').count(),
        reason: printable(error.message()),
    })
}

/// The keys of this rule (or of the file's top) that have no effect, in lower case.
fn idle(warnings: &[Warning], rule: Option<&str>) -> BTreeSet<String> {
    let here = warnings
        .iter()
        .filter(|warning| warning.rule.as_deref() == rule);
    // Such a warning begins with the key in quotes.
    let named = here.filter_map(|warning| {
        let (key, rest) = warning.reason.strip_prefix('"')?.split_once('"')?;
        // Of a filter, the rest has its effect.
        let is_idle = rest.starts_with(" is not honoured") && !rest.contains(" in part: ");
        is_idle.then(|| key.to_ascii_lowercase())
    });
    named.chain(IDLE.map(str::to_ascii_lowercase)).collect()
}

/// The keys that hold no tables.
fn keys(out: &mut String, table: &Table, idle: &BTreeSet<String>) {
    let place = |name: &str| {
        let known = ORDER
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name));
        known.unwrap_or(ORDER.len())
    };
    let mut plain: Vec<(&String, &Value)> = table
        .iter()
        .filter(|(_, value)| all(value).is_empty())
        .collect();
    plain.sort_by_key(|(name, _)| (idle.contains(&name.to_ascii_lowercase()), place(name)));
    for (name, value) in plain {
        let line = format!("{name} = {}\n", written(value));
        match idle.contains(&name.to_ascii_lowercase()) {
            true => commented(out, &line),
            false => out.push_str(&line),
        }
    }
}

/// The tables of the file's top whose names are `wanted`.
fn sections(out: &mut String, table: &Table, idle: &BTreeSet<String>, wanted: fn(&str) -> bool) {
    for (name, value) in in_order(table)
        .into_iter()
        .filter(|(name, _)| wanted(&name.to_ascii_lowercase()))
    {
        for part in all(value) {
            let mut text = String::new();
            let _ = match name.eq_ignore_ascii_case("extend") {
                true => writeln!(text, "\n[{name}]"),
                false => writeln!(text, "\n[[{}]]", plural(name)),
            };
            keys(&mut text, part, &BTreeSet::new());
            match idle.contains(&name.to_ascii_lowercase()) {
                true => commented(out, &text),
                false => out.push_str(&text),
            }
        }
    }
}

/// `allowlist` is the older name of `allowlists`; a file cannot use one name in both forms.
fn plural(name: &str) -> &str {
    let is_list = ["allowlist", "allowlists"].map(|list| name.eq_ignore_ascii_case(list));
    match is_list.contains(&true) {
        true => "allowlists",
        false => name,
    }
}

/// The entries in the order of the names as they are read: in any letter case, `allowlist` before `allowlists`.
fn in_order(table: &Table) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    entries
}

/// The tables that a value is or holds.
fn all(value: &Value) -> Vec<&Table> {
    match value {
        Value::Table(table) => vec![table],
        Value::Array(values) => values.iter().filter_map(Value::as_table).collect(),
        _ => Vec::new(),
    }
}

fn tables<'t>(table: &'t Table, name: &str) -> Vec<&'t Table> {
    get(table, name).map(all).unwrap_or_default()
}

fn get<'t>(table: &'t Table, name: &str) -> Option<&'t Value> {
    let mut named = table
        .iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value)
}

/// Lists of several values have a line each; regexes stay readable.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(values) if values.len() > 3 => {
            let lines: Vec<String> = values
                .iter()
                .map(|value| format!("    {},\n", written(value)))
                .collect();
            format!("[\n{}]", lines.concat())
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(written).collect();
            format!("[{}]", values.join(", "))
        }
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let is_plain = |c: char| !c.is_control() || c == '\n' || c == '\t';
    let as_it_is = text.chars().all(is_plain)
        && !text.contains("'''")
        && !text.starts_with('\n')
        && !text.ends_with('\'');
    match as_it_is && text.contains(['\\', '"', '\n']) {
        true => format!("'''{text}'''"),
        false => Value::String(text.to_owned()).to_string(),
    }
}

fn commented(out: &mut String, text: &str) {
    for line in text.trim().lines() {
        let _ = writeln!(out, "# {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz_targets::told;
    use crate::{Match, Scratch};

    fn source(text: &str) -> Source {
        Source {
            name: "t.toml".into(),
            text: text.into(),
        }
    }

    /// Rewrites, loads again, compares the rules and what they find in `texts`.
    fn assert_same(original: &Source, texts: &[&str]) -> String {
        let rewritten = source(&rewrite(original).unwrap());
        let [before, after] = [original, &rewritten].map(|source| {
            RuleSet::compile(std::slice::from_ref(source))
                .unwrap_or_else(|error| panic!("{error}"))
                .rules
        });
        for (before, after) in told(&before).iter().zip(&told(&after)) {
            assert_eq!(before, after);
        }
        assert_eq!(before.rules().len(), after.rules().len());
        for text in texts {
            let [before, after] = [&before, &after].map(|rules| {
                let mut found: Vec<Match> = Vec::new();
                let _ = rules.scan(text.as_bytes(), &mut Scratch::new(rules), &mut found);
                found
            });
            assert_eq!(before, after);
        }
        rewritten.text
    }

    #[test]
    fn what_has_no_effect_becomes_a_comment() {
        let text = "title='x'\nminVersion='v8'\n[allowlist]\npaths=['''a\\.b''']\n[[rules]]\nid='a'\nRegex='''x\\d{2}\"'''\n\
                    validate='''cel\nlines'''\n[rules.allowlist]\nstopwords=['x11']\n[[rules.allowlists]]\nregexes=['''x'22$''']\n\
                    [[rules]]\nid='b'\npath='b'\nspecificity=3\n";
        let written = assert_same(&source(text), &["x33\" x11\"", "x22\""]);
        assert!(
            written.contains("# validate = '''cel\n# lines'''\n"),
            "{written}"
        );
        assert!(
            written.contains("# minVersion = ") && written.contains("# specificity = 3"),
            "{written}"
        );
        assert!(
            !RuleSet::compile(&[source(&written)])
                .unwrap()
                .warnings
                .iter()
                .any(|_| true),
            "{written}"
        );
        // Rewriting it once more changes the comments alone.
        assert_same(&source(&written), &["x33\" x11\""]);
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let text = "[[rules]]\nid='a'\nregex='x'\nspecificity=37777777777777777777777\n";
        let compiled = RuleSet::compile(&[source(text)]).unwrap();
        assert_eq!(compiled.rules.rules().len(), 1);
        let error = rewrite(&source(text)).unwrap_err().to_string();
        assert!(error.starts_with("t.toml:4: not TOML: "), "{error}");
    }

    #[test]
    fn lists_in_any_letter_case_come_together() {
        let text = "[ALLOWLIST]\npaths=['''a''']\n[[allowListS]]\npaths=['''b''']\n[[rules]]\nid='a'\nregex='x'\n\
                    [rules.allowlist]\nstopwords=['x05']\n[[rules.allowlIsts]]\nregexes=['''x'22$''']\n";
        assert_same(&source(text), &["x", "xx05"]);
    }

    #[test]
    fn all_that_ships_is_rewritten_to_itself() {
        for source in crate::shipped() {
            assert_same(&source, &[]);
        }
    }

    #[test]
    fn other_scanners_files_load_to_the_same_rules() {
        let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap();
        let shared =
            std::env::var_os("EXEAT_SHARED").map_or(workspace.join("../shared"), Into::into);
        for name in ["gitleaks.toml", "betterleaks.toml"] {
            let path = shared.join("data/rules").join(name);
            let Ok(text) = std::fs::read_to_string(&path) else {
                println!("skipped: there is no {}", path.display());
                continue;
            };
            assert_same(&source(&text), &[&text]);
        }
    }
}
