//! `exeat rules catalogue`: a page for people about each rule.

use std::path::PathBuf;

use super::Configured;

/// Print a page of Markdown about each rule
///
/// What it finds, an example, why that matters, how to rotate the secret, and what it takes for one that is none.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rule files, "builtin" for the built-in rules, "shipped" for those with all packs that are off, or the name of such a pack; without any, those of the configuration
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    configured: Configured,
}

pub fn told(args: &Args) -> anyhow::Result<String> {
    let rules = args.configured.compile(&args.files)?;
    Ok(exeat_rules::catalogue::page(&rules))
}
