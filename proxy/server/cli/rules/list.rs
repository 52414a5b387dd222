//! `exeat rules list`: what is looked for, a line a rule.

use std::fmt::Write;
use std::path::PathBuf;

use exeat_rules::{Rule, RuleSet};

use super::{Configured, Format, counted};

/// List the rules of files, or of the configuration
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rule files, "builtin" for the built-in rules, "shipped" for those with all packs that are off, or the name of such a pack; without any, those of the configuration
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) configured: Configured,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub fn told(args: &Args) -> anyhow::Result<String> {
    let rules = args.configured.compile(&args.files)?;
    let mut text = String::new();
    let width = rules.rules().iter().map(|rule| rule.id.len()).max();
    for rule in rules.rules() {
        match args.format {
            Format::Text => line(&mut text, rule, width.unwrap_or(0).min(40))?,
            Format::Jsonl => writeln!(text, "{}", json(rule))?,
        }
    }
    if args.format == Format::Text {
        if args.files.is_empty() {
            packs(&mut text, &rules)?;
        }
        let unproven = rules.rules().iter().filter(|rule| is_unproven(rule));
        writeln!(
            text,
            "{}, {} unproven; digest {}",
            counted(rules.rules().len(), "rule"),
            unproven.count(),
            rules.digest()
        )?;
    }
    Ok(text)
}

/// The packs that can be chosen, and which of them are among the rules.
fn packs(text: &mut String, rules: &RuleSet) -> std::fmt::Result {
    let is_on = |name: &&str| {
        let file = exeat_rules::optional(name).map(|pack| pack.name);
        let mut rules = rules.rules().iter();
        rules.any(|rule| Some(&rule.origin.file) == file.as_ref())
    };
    let (on, off): (Vec<_>, Vec<_>) = exeat_rules::optional_packs().partition(is_on);
    for (packs, state) in [(on, "on"), (off, "off")] {
        if !packs.is_empty() {
            writeln!(
                text,
                "packs to choose that are {state}: {}",
                packs.join(", ")
            )?;
        }
    }
    Ok(())
}

fn line(text: &mut String, rule: &Rule, width: usize) -> std::fmt::Result {
    write!(
        text,
        "{:width$}  {:6}  {:8}  {:6}  {}",
        rule.id,
        rule.action,
        rule.severity,
        rule.confidence,
        exeat_gitwire::text::escape_short(rule.description.as_bytes(), 120)
    )?;
    if rule.skip_report {
        text.push_str(" (reports nothing by itself)");
    } else if is_unproven(rule) {
        text.push_str(" (unproven)");
    }
    let was = &rule.overridden;
    overridden(text, "action", was.action)?;
    overridden(text, "severity", was.severity)?;
    overridden(text, "confidence", was.confidence)?;
    text.push('\n');
    Ok(())
}

/// That a value is the configuration's, and what it was.
fn overridden(
    text: &mut String,
    name: &str,
    was: Option<impl std::fmt::Display>,
) -> std::fmt::Result {
    was.map_or(Ok(()), |was| {
        write!(text, " ({name} overridden, was {was})")
    })
}

/// No example shows that it finds anything.
pub fn is_unproven(rule: &Rule) -> bool {
    rule.examples.is_empty() && !rule.skip_report
}

fn json(rule: &Rule) -> serde_json::Value {
    serde_json::json!({
        "id": rule.id,
        "description": rule.description,
        "action": rule.action,
        "severity": rule.severity,
        "confidence": rule.confidence,
        "overridden": rule.overridden,
        "keywords": rule.keywords,
        "entropy": rule.entropy,
        "validator": rule.validator,
        "head": rule.head,
        "at_least": rule.at_least,
        "license": rule.license,
        "judge": rule.judge,
        "block_from": rule.judge.as_ref().map(|_| rule.block_from),
        "review_from": rule.judge.as_ref().map(|_| rule.review_from),
        "note_from": rule.judge.as_ref().map(|_| rule.note_from),
        "tags": rule.tags,
        "references": rule.references,
        "reports": !rule.skip_report,
        "proven": !rule.examples.is_empty(),
        "examples": rule.examples.len(),
        "counter_examples": rule.counter_examples.len(),
        "file": rule.origin.file,
        "line": rule.origin.line,
    })
}
