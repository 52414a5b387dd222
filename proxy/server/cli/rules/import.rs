//! `exeat rules import`: another scanner's rule file, told and rewritten.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Context;
use exeat_rules::{RuleSet, rewrite};

use super::{counted, source, warn};

/// Read a gitleaks or Betterleaks file, say what is not honoured, and write it in our format
///
/// Such files also load as they are (rules.files in the configuration). A rewritten one has no keys that count for
/// nothing: they stand as comments beside their rule.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to read
    file: PathBuf,
    /// Where to write it in our format; an existing file is not replaced
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn told(args: &Args) -> anyhow::Result<String> {
    let source = source(&args.file)?;
    let compiled = RuleSet::compile_with(std::slice::from_ref(&source), &exeat_rules::beside)?;
    warn(&compiled.warnings)?;
    let mut text = String::new();
    writeln!(
        text,
        "{}: {} loaded, {} not honoured{}",
        args.file.display(),
        counted(compiled.rules.rules().len(), "rule"),
        counted(compiled.warnings.len(), "thing"),
        if compiled.warnings.is_empty() {
            ""
        } else {
            " (named above)"
        }
    )?;
    if let Some(output) = &args.output {
        use std::io::Write;
        let written = rewrite::rewrite(&source)?;
        let mut file = std::fs::File::create_new(output)
            .with_context(|| format!("{} cannot be written", output.display()))?;
        file.write_all(written.as_bytes())
            .with_context(|| format!("{} cannot be written", output.display()))?;
        writeln!(text, "written to {}", output.display())?;
    }
    Ok(text)
}
