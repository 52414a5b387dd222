//! Are the rules what they say? Examples are found, counter-examples are not.

use std::fmt;

use regex_syntax::hir::{Capture, Hir, HirKind};
use serde::Serialize;

use crate::dialect;
use crate::plan::is_fixed;
use crate::{Match, Origin, Rule, RuleIndex, RuleSet, Scan, Scratch, template};

/// What a check of a rule set brought to light.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Rules whose examples do not hold.
    pub faults: Vec<Fault>,
    /// Rules without an example.
    pub unproven: Vec<String>,
    /// What a rule lacks to be shipped, beyond being right.
    pub incomplete: Vec<Fault>,
    /// Rules that read every text (or every text with one of their keywords) from end to end: right, and slow.
    pub slow: Vec<String>,
    /// Rules whose secret can only be one of a few words: their findings have the same fingerprint wherever they are, so that
    /// one that is accepted hides others.
    pub constant: Vec<String>,
    /// Examples and counter-examples that were tried.
    pub tried: usize,
}

/// One thing that is wrong with one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub rule: String,
    pub origin: Origin,
    pub reason: String,
    /// The example at fault, counted from 1.
    #[serde(skip)]
    pub example: Option<(Kind, usize)>,
}

/// What a text in a rule shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Example,
    CounterExample,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Example => "example",
            Self::CounterExample => "counter-example",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: rule {}: {}", self.origin, self.rule, self.reason)
    }
}

/// Examples and counter-examples that a shipped rule needs at least, of each.
const PROOFS: usize = 2;

/// Scans every example with the whole set. Examples are content; those of rules about paths alone are paths.
pub fn check(rules: &RuleSet) -> Report {
    let mut report = Report::default();
    let mut scratch = Scratch::new(rules);
    for (index, rule) in rules.rules().iter().enumerate() {
        if rules.reads_whole_texts(index) {
            report.slow.push(rule.id.clone());
        }
        if has_constant_secret(rule) {
            report.constant.push(rule.id.clone());
        }
        report
            .incomplete
            .extend(missing(rule).map(|reason| Fault::of(rule, reason)));
        if rule.skip_report {
            continue;
        }
        if rule.examples.is_empty() {
            report.unproven.push(rule.id.clone());
        }
        let wanted = [
            (Kind::Example, &rule.examples, true),
            (Kind::CounterExample, &rule.counter_examples, false),
        ];
        for (kind, texts, expected) in wanted {
            for (number, text) in texts.iter().enumerate() {
                report.tried += 1;
                let reason = match template::expand(text) {
                    Err(error) => error.to_string(),
                    Ok(text) if finds(rules, index, &text, &mut scratch) == expected => continue,
                    Ok(_) if expected => "it is not found".to_owned(),
                    Ok(_) => "it is found".to_owned(),
                };
                let number = number + 1;
                report.faults.push(Fault {
                    example: Some((kind, number)),
                    ..Fault::of(rule, format!("{kind} {number}: {reason}"))
                });
            }
        }
    }
    report
}

fn finds(rules: &RuleSet, index: RuleIndex, text: &str, scratch: &mut Scratch) -> bool {
    if rules.rule(index).is_about_path() {
        let mut found = Vec::new();
        rules.match_path(text.as_bytes(), &mut found);
        return found.contains(&index);
    }
    let mut found: Vec<Match> = Vec::new();
    let Scan { truncated } = rules.scan(text.as_bytes(), scratch, &mut found);
    let mut told = found.iter().filter(|found| !found.is_hidden());
    !truncated && told.any(|found| found.rule == index)
}

/// Whether what the rule takes for the secret is fixed text. Of several groups the first that holds anything counts, so that all
/// must be.
fn has_constant_secret(rule: &Rule) -> bool {
    let Some(Ok(regex)) = rule.regex.as_deref().map(dialect::parse) else {
        return false;
    };
    let mut groups = Vec::new();
    collect_groups(&regex, &mut groups);
    if rule.secret_group > 0 {
        groups.retain(|group| usize::try_from(group.index) == Ok(rule.secret_group));
    }
    match groups.is_empty() {
        true => is_fixed(&regex),
        false => groups.iter().all(|group| is_fixed(&group.sub)),
    }
}

/// The recursion is bounded by the nesting limit of the parser.
fn collect_groups<'h>(hir: &'h Hir, groups: &mut Vec<&'h Capture>) {
    match hir.kind() {
        HirKind::Capture(capture) => {
            groups.push(capture);
            collect_groups(&capture.sub, groups);
        }
        HirKind::Repetition(repeated) => collect_groups(&repeated.sub, groups),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| collect_groups(part, groups));
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {}
    }
}

fn missing(rule: &Rule) -> impl Iterator<Item = String> {
    let few = |what: &str, count: usize| {
        (count < PROOFS).then(|| format!("it has {count} {what}, and needs {PROOFS}"))
    };
    let no = |what: &str, lacks: bool| lacks.then(|| format!("it has no {what}"));
    [
        no("description", rule.description.is_empty()),
        no("remedy", rule.remedy.as_ref().is_none_or(String::is_empty)),
        no("references", rule.references.is_empty()),
        no("keywords", rule.keywords.is_empty() && rule.regex.is_some()),
        few("examples", rule.examples.len()),
        few("counter_examples", rule.counter_examples.len()),
    ]
    .into_iter()
    .flatten()
}

impl Fault {
    /// A fault of `rule` as a whole.
    pub fn of(rule: &Rule, reason: String) -> Self {
        Self {
            rule: rule.id.clone(),
            origin: rule.origin.clone(),
            reason,
            example: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, shipped};

    /// The least number of rules that ship.
    const RULES: usize = 60;

    #[test]
    fn builtin_packs_hold() {
        let compiled = RuleSet::compile(&shipped()).unwrap_or_else(|error| panic!("{error}"));
        assert!(compiled.warnings.is_empty(), "{:?}", compiled.warnings);
        for index in 0..compiled.rules.rules().len() {
            compiled
                .rules
                .force(index)
                .unwrap_or_else(|reason| panic!("{reason}"));
        }
        let report = check(&compiled.rules);
        let wrong: Vec<String> = report
            .faults
            .iter()
            .chain(&report.incomplete)
            .map(Fault::to_string)
            .collect();
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
        assert!(
            compiled.rules.rules().len() >= RULES,
            "only {} rules",
            compiled.rules.rules().len()
        );
    }

    fn checked(text: &str) -> Report {
        let source = Source {
            name: "t.toml".into(),
            text: text.into(),
        };
        check(&RuleSet::compile(&[source]).unwrap().rules)
    }

    #[test]
    fn faults_name_rule_and_example() {
        let report = checked(
            "[[rules]]\nid='a'\nregex='''tok_[a-z]{4}'''\nkeywords=['tok_']\n\
             examples=['tok_abcd', 'tok_1', '{{nope}}']\ncounter_examples=['tok_abcd', 'tok_1']\n",
        );
        let faults: Vec<String> = report.faults.iter().map(Fault::to_string).collect();
        assert_eq!(faults.len(), 3);
        assert_eq!(faults[0], "t.toml:1: rule a: example 2: it is not found");
        assert!(
            faults[1].starts_with("t.toml:1: rule a: example 3: there is no template \"nope\"")
        );
        assert_eq!(
            faults[2],
            "t.toml:1: rule a: counter-example 1: it is found"
        );
        assert_eq!(report.tried, 5);
        assert_eq!(report.incomplete.len(), 3);
    }

    #[test]
    fn secrets_of_fixed_text_are_told() {
        let rule = |id: &str, rest: &str| format!("[[rules]]\nid='{id}'\n{rest}\n");
        let report = checked(
            &[
                rule("group", "regex='''(BEGIN KEY)[a-z]+'''"),
                rule("words", "regex='''(?i)(password|secret) = \\w+'''"),
                rule("second", "regex='''(key)=(\\w+)'''\nsecretGroup=1"),
                rule("whole", "regex='''hunter2'''"),
                rule("fine", "regex='''key=(\\w+)'''"),
                rule("other", "regex='''(?:(key)|([a-z]{20}))'''"),
                rule("chosen", "regex='''(key)=(\\w+)'''\nsecretGroup=2"),
            ]
            .concat(),
        );
        assert_eq!(report.constant, ["group", "words", "second", "whole"]);
    }

    #[test]
    fn rules_without_examples_are_unproven_and_path_rules_are_tried_on_paths() {
        let report = checked(
            "[[rules]]\nid='a'\nregex='x'\n[[rules]]\nid='p'\npath='''\\.p12$'''\n\
             examples=['keys/a.p12']\ncounter_examples=['a.p12.txt']\n",
        );
        assert_eq!(report.unproven, ["a"]);
        assert_eq!(report.slow, ["a"]);
        assert!(report.faults.is_empty(), "{:?}", report.faults);
    }
}
