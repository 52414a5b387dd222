//! `exeat rules`: what the rules are, whether they hold, why one finds something or does not, and what each costs.

mod catalogue;
mod check;
mod cost;
mod explain;
mod import;
mod key;
mod list;
mod reason;
mod test;
mod vet;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use exeat_rules::{Compiled, RuleSet, Source, Warning};

use super::drafted;
use super::people::remark;
use super::scan::walk;
use crate::config::{self, Config, RuleFile, is_pack};
use crate::rule_files;

/// List, explain, try and check the rules
///
/// Ends with 0 if all is well, 1 if a check failed or a text holds a secret, 2 if it could not finish. Where the configuration
/// heeds drafts, those in force (exeat draft list) are among the rules that list, explain and test go by.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  exeat rules list                                  what is looked for
  exeat rules explain github-pat                    all there is to know of one rule
  exeat rules check house.toml                      do its rules find their examples?
  exeat rules test house.toml --text - < settings   why a rule finds this text, or does not
  exeat rules import gitleaks.toml --output ours.toml
  exeat rules cost --rules house.toml src           time per rule, worst first
  exeat rules vet names.toml --corpus ~/src         are its terms too common?
  exeat rules key staff.txt --key k > staff.keyed   a dictionary of hashes")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Try every rule on its own examples; say what is wrong with file, line, rule and example
    Check(check::Args),
    /// Say which rules match a text, and why the others do not
    Test(test::Args),
    /// Print all there is to know of a rule
    Explain(explain::Args),
    /// List the rules
    List(list::Args),
    /// Print a page of Markdown about each rule
    Catalogue(catalogue::Args),
    /// Read a gitleaks or Betterleaks file, say what is not honoured, and write it in our format
    Import(import::Args),
    /// Measure each rule on files, the worst first
    Cost(cost::Args),
    /// Count the terms of dictionaries in public files, and refuse noisy ones
    Vet(vet::Args),
    /// Make a dictionary of hashes of a list of values
    Key(key::Args),
}

/// Runs one of the commands.
pub async fn run(mut args: Args) -> anyhow::Result<ExitCode> {
    if let Some((configured, [])) = args.command.in_force() {
        configured.add_drafts().await?;
    }
    tokio::task::spawn_blocking(move || told(&args.command)).await?
}

impl Command {
    /// For commands about the rules in force: which configuration is meant, and the files that are meant in their place.
    fn in_force(&mut self) -> Option<(&mut Configured, &[PathBuf])> {
        match self {
            Self::Explain(args) => Some((&mut args.configured, &args.files)),
            Self::List(args) => Some((&mut args.configured, &args.files)),
            Self::Test(args) => Some((&mut args.configured, &args.files)),
            Self::Check(_)
            | Self::Import(_)
            | Self::Cost(_)
            | Self::Catalogue(_)
            | Self::Vet(_)
            | Self::Key(_) => None,
        }
    }
}

fn told(command: &Command) -> anyhow::Result<ExitCode> {
    let (text, code) = match command {
        Command::Check(args) => check::told(args)?,
        Command::Test(args) => test::told(args)?,
        Command::Explain(args) => (explain::told(args)?, 0),
        Command::List(args) => (list::told(args)?, 0),
        Command::Catalogue(args) => (catalogue::told(args)?, 0),
        Command::Import(args) => (import::told(args)?, 0),
        Command::Cost(args) => (cost::told(args)?, 0),
        Command::Vet(args) => vet::told(args)?,
        Command::Key(args) => (key::told(args)?, 0),
    };
    // A reader that closed the pipe has seen enough.
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(ExitCode::from(code)),
    }
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Jsonl,
}

/// The configuration whose rules are meant.
#[derive(Debug, clap::Args)]
struct Configured {
    /// Configuration file whose rules, overrides and policy are used
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Those in force, beside the rules that are configured.
    #[arg(skip)]
    drafts: Vec<Source>,
}

impl Configured {
    /// Reads them; says on standard error where they cannot be read.
    async fn add_drafts(&mut self) -> anyhow::Result<()> {
        let (texts, note) = drafted::in_force(&self.load()?).await;
        note.iter()
            .for_each(|note| remark(&format!("note: {note}")));
        self.drafts = texts.rules.iter().map(rule_files::source_of).collect();
        Ok(())
    }

    fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref(), config::environment_at_home())?.0)
    }

    /// The rules of `files`, or without any those that are configured.
    fn sources(&self, files: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
        if files.is_empty() {
            let rules = self.load()?.rules;
            let mut all = rule_files::chosen(&rules.packs);
            all.extend(sources(&rules.files)?);
            all.extend(self.drafts.iter().cloned());
            return Ok(all);
        }
        let mut all = Vec::new();
        for path in files {
            match path.to_str() {
                Some("builtin") => all.extend(exeat_rules::builtin()),
                Some("shipped") => all.extend(exeat_rules::shipped()),
                Some(name) if is_pack(name).is_ok() => all.extend(exeat_rules::optional(name)),
                _ => all.push(source(path)?),
            }
        }
        Ok(all)
    }

    /// These rules compiled, with what the configuration overrides; says on standard error what is not honoured.
    fn compile(&self, files: &[PathBuf]) -> anyhow::Result<RuleSet> {
        let Compiled { rules, warnings } =
            RuleSet::compile_with(&self.sources(files)?, &exeat_rules::beside)?;
        warn(&warnings)?;
        self.overriding(rules, files)
    }

    /// What is overridden must exist among the configured rules; of other files it is taken where it fits.
    fn overriding(&self, rules: RuleSet, files: &[PathBuf]) -> anyhow::Result<RuleSet> {
        let configured = self.load()?.rules;
        Ok(match files.is_empty() {
            true => configured.override_in(rules)?,
            false => configured.override_known_in(rules)?,
        })
    }
}

fn sources(files: &[RuleFile]) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for file in files {
        match file {
            RuleFile::Builtin => sources.extend(exeat_rules::builtin()),
            RuleFile::File(path) => sources.push(source(path)?),
        }
    }
    Ok(sources)
}

fn source(path: &Path) -> anyhow::Result<Source> {
    Ok(Source {
        name: path.display().to_string(),
        text: std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?,
    })
}

fn warn(warnings: &[Warning]) -> std::io::Result<()> {
    let mut out = std::io::stderr().lock();
    warnings
        .iter()
        .try_for_each(|warning| writeln!(out, "warning: {warning}"))
}

/// Gives `each` what the files below `paths` hold, and how many were left out: those above `most` bytes and those that cannot be read.
fn read_below(paths: &[PathBuf], most: u64, each: &mut dyn FnMut(&[u8])) -> usize {
    let mut left_out = 0;
    walk::below(paths, &mut |entry| {
        let walk::Entry::File(path) = entry else {
            return true;
        };
        let size = std::fs::metadata(&path).map_or(u64::MAX, |metadata| metadata.len());
        let content = (size <= most).then(|| std::fs::read(&path));
        match content {
            Some(Ok(content)) => each(&content),
            _ => left_out += 1,
        }
        true
    });
    left_out
}

/// What is said of files that were left out, behind what is said of the others.
fn told_left_out(files: usize) -> String {
    match files {
        0 => String::new(),
        more => format!("; left out: {}", counted(more, "file")),
    }
}

/// `3 rules`, `1 rule`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
