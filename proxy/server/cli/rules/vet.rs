//! `exeat rules vet`: how often the terms of dictionaries stand in public files, before they stop anybody.

use std::fmt::Write;
use std::path::PathBuf;

use exeat_gitwire::text::escape_short;
use exeat_rules::{
    RuleSet,
    vet::{NOISY, Vet, Vetted},
};

use super::{Configured, Format, counted, read_below, told_left_out};

/// Largest file that is read, in bytes.
const MOST: u64 = 64 << 20;
/// Bytes of a corpus that say something.
const ENOUGH: u64 = 10_000_000;

/// Count the terms of dictionaries in public files, and refuse noisy ones
///
/// Name files that are nobody's secret: sources of public projects, as large and as like those that your developers push as may be.
/// A term that stands there more than once in a megabyte is noise, unless its dictionary asks for something near it (weight = "ordinary", or near).
/// Ends with 1 if a term is noise. Terms of keyed dictionaries are told by no name.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  exeat rules vet names.toml --corpus ~/src/kernel --corpus ~/src/rails
  exeat rules vet names.toml --corpus ~/src --format jsonl | jq 'select(.noisy)'")]
pub struct Args {
    /// Rule files with dictionaries; without any, the rules of the configuration
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Public files or folders; may be given more than once
    #[arg(long, value_name = "PATH", required = true)]
    corpus: Vec<PathBuf>,
    /// At most this many terms; noisy ones are all told
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    configured: Configured,
}

pub fn told(args: &Args) -> anyhow::Result<(String, u8)> {
    let rules = args.configured.compile(&args.files)?;
    let dictionaries = rules
        .rules()
        .iter()
        .filter(|rule| rule.dictionary.is_some());
    if dictionaries.count() == 0 {
        anyhow::bail!(
            "no [[dictionary]] stands in these rules; name the file that holds them: exeat rules vet FILE --corpus PATH"
        );
    }
    let mut vet = Vet::new(&rules);
    let left_out = read_below(&args.corpus, MOST, &mut |content| vet.read(content));
    let terms = vet.terms();
    let is_told = |(number, term): &(usize, &Vetted<'_>)| *number < args.limit || term.is_noisy;
    let told = terms.iter().enumerate().filter(is_told);
    let mut text = String::new();
    match args.format {
        Format::Jsonl => {
            for (_, term) in told {
                writeln!(text, "{}", json(&rules, term))?;
            }
        }
        Format::Text => {
            writeln!(
                text,
                "{:>8}  {:>8}  {:>8}  term",
                "stands", "told", "per MB"
            )?;
            for (_, term) in told {
                row(&mut text, &rules, term)?;
            }
            summary(&mut text, &rules, &vet, &terms, left_out)?;
        }
    }
    let is_noisy = terms.iter().any(|term| term.is_noisy);
    Ok((text, u8::from(is_noisy)))
}

fn name(term: &Vetted<'_>) -> String {
    let written = term.term.map(|term| escape_short(term.as_bytes(), 60));
    written.map_or_else(
        || "(a keyed value)".to_owned(),
        |written| written.to_string(),
    )
}

fn row(text: &mut String, rules: &RuleSet, term: &Vetted<'_>) -> std::fmt::Result {
    writeln!(
        text,
        "{:>8}  {:>8}  {:>8.2}  {} ({}){}",
        term.count.stands,
        term.count.told,
        term.per_megabyte,
        name(term),
        rules.rule(term.rule).id,
        if term.is_noisy { ": noisy" } else { "" }
    )
}

fn summary(
    text: &mut String,
    rules: &RuleSet,
    vet: &Vet<'_>,
    terms: &[Vetted<'_>],
    left_out: usize,
) -> std::fmt::Result {
    let all: usize = rules
        .rules()
        .iter()
        .filter_map(|rule| rule.dictionary.as_ref())
        .map(|terms| terms.count)
        .sum();
    let noisy = terms.iter().filter(|term| term.is_noisy).count();
    let left_out = told_left_out(left_out);
    writeln!(
        text,
        "{} in {:.1} MB: {} stand there, {noisy} of them noisy{left_out}",
        counted(all, "term"),
        vet.bytes() as f64 / 1e6,
        terms.len(),
    )?;
    if noisy > 0 {
        writeln!(
            text,
            "More than {NOISY} in a megabyte would stop pushes that leak nothing. Move these terms to a dictionary with weight = \"ordinary\", or with \
             near = [...] for what stands beside them, or take them out."
        )?;
    }
    if vet.bytes() < ENOUGH {
        writeln!(
            text,
            "This corpus is small; one of 100 MB or more says how often a term will be wrong."
        )?;
    }
    Ok(())
}

fn json(rules: &RuleSet, term: &Vetted<'_>) -> serde_json::Value {
    serde_json::json!({
        "rule": rules.rule(term.rule).id,
        "term": term.term,
        "stands": term.count.stands,
        "told": term.count.told,
        "per_megabyte": term.per_megabyte,
        "noisy": term.is_noisy,
    })
}
