//! `exeat rules check`: do rules find what they are for, nothing else, and soon enough?

use std::fmt::Write;
use std::path::PathBuf;

use exeat_inspect::shadow;
use exeat_rules::{RuleSet, budget, check};

use super::reason::Reason;
use super::{Configured, counted, warn};

/// Try every rule on its own examples
///
/// Examples must be found, counter-examples must not, no rule may be hidden by a stronger one in all its examples,
/// and no regex may be larger or cost more steps than the engine grants. Only built-in rules must have examples.
/// Ends with 1 if anything is wrong.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rule files, "builtin" for the built-in rules, "shipped" for those with all packs that are off, or the name of such a pack; without any, those of the configuration
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    configured: Configured,
}

pub fn told(args: &Args) -> anyhow::Result<(String, u8)> {
    let sources = args.configured.sources(&args.files)?;
    let compiled = match RuleSet::compile_with(&sources, &exeat_rules::beside) {
        Ok(compiled) => compiled,
        Err(error) => return Ok((format!("{error}\n"), 1)),
    };
    warn(&compiled.warnings)?;
    let rules = args.configured.overriding(compiled.rules, &args.files)?;
    let rules = std::sync::Arc::new(rules);
    let report = check::check(&rules);
    let budget = budget::measure(&rules);
    let mut text = String::new();
    let mut wrong = 0_usize;
    for fault in &report.faults {
        wrong += 1;
        writeln!(text, "{fault}")?;
        for line in why(&rules, fault) {
            writeln!(text, "    {line}")?;
        }
    }
    let shipped = |fault: &&check::Fault| fault.origin.file.starts_with("builtin/");
    let shadowed = shadow::shadowed(&rules);
    for fault in report
        .incomplete
        .iter()
        .filter(shipped)
        .chain(&shadowed)
        .chain(&budget.faults)
    {
        wrong += 1;
        writeln!(text, "{fault}")?;
    }
    notes(&mut text, "unproven (no examples)", &report.unproven)?;
    notes(
        &mut text,
        "slow (no keyword is part of every match)",
        &report.slow,
    )?;
    notes(
        &mut text,
        "of fixed text (the secret can only be a few words, so all findings have few fingerprints)",
        &report.constant,
    )?;
    if let Some((rule, steps)) = &budget.worst {
        writeln!(
            text,
            "hostile text costs {steps:.1} steps a byte at most ({rule})"
        )?;
    }
    writeln!(
        text,
        "{}, {} tried: {}",
        counted(rules.rules().len(), "rule"),
        counted(report.tried, "example"),
        match wrong {
            0 => "all hold".to_owned(),
            _ => format!("{wrong} wrong"),
        }
    )?;
    Ok((text, u8::from(wrong > 0)))
}

/// The steps of an example that is not found.
fn why(rules: &RuleSet, fault: &check::Fault) -> Vec<String> {
    let Some(index) = rules.rules().iter().position(|rule| rule.id == fault.rule) else {
        return Vec::new();
    };
    let rule = rules.rule(index);
    let Some((kind, number)) = fault.example else {
        return Vec::new();
    };
    let examples = match kind {
        check::Kind::Example => &rule.examples,
        check::Kind::CounterExample => &rule.counter_examples,
    };
    let example = number.checked_sub(1).and_then(|at| examples.get(at));
    match example.map(|example| exeat_rules::template::expand(example)) {
        Some(Ok(text)) if !rule.is_about_path() => {
            Reason::of(rules, index, text.as_bytes(), None).lines
        }
        _ => Vec::new(),
    }
}

fn notes(text: &mut String, what: &str, ids: &[String]) -> std::fmt::Result {
    if ids.is_empty() {
        return Ok(());
    }
    let shown: Vec<&str> = ids.iter().take(20).map(String::as_str).collect();
    let rest = match ids.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more (exeat rules list)"),
    };
    writeln!(text, "{what}: {}{rest}", shown.join(", "))
}
