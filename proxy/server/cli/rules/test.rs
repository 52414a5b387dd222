//! `exeat rules test`: which rules match a text, and why the others do not.

use std::fmt::Write;
use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;

use super::reason::Reason;
use super::{Configured, counted};

/// Longest text that is tried, in bytes.
const MOST: u64 = 1 << 20;

/// Say which rules match a text, and why the others do not
///
/// Rules of which no keyword stands in the text are only counted, unless --all or --rule asks for them. Ends with 1 if
/// a rule matches.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  echo 'key = \"...\"' | exeat rules test house.toml --text -
  exeat rules test --rule github-pat --text settings.env --path app/settings.env")]
pub struct Args {
    /// Rule files, "builtin" for the built-in rules, "shipped" for those with all packs that are off, or the name of such a pack; without any, those of the configuration
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The text: a file, or - for standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    text: PathBuf,
    /// The path on which path conditions are judged
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Only this rule
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Also rules of which no keyword stands in the text
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    pub(super) configured: Configured,
}

pub fn told(args: &Args) -> anyhow::Result<(String, u8)> {
    let rules = args.configured.compile(&args.files)?;
    let content = read(args)?;
    let only = match &args.rule {
        Some(id) => Some(super::explain::find(&rules, id)?),
        None => None,
    };
    let path = args.path.as_deref().map(str::as_bytes);
    let (mut matched, mut near, mut far) = (String::new(), String::new(), 0_usize);
    let mut count = 0_usize;
    for (index, rule) in rules.rules().iter().enumerate() {
        if only.is_some_and(|only| only != index) {
            continue;
        }
        let reason = Reason::of(&rules, index, &content, path);
        let text = match (reason.finds, reason.is_near || args.all || only.is_some()) {
            (true, _) => {
                count += 1;
                writeln!(matched, "match     {} ({})", rule.id, rule.action)?;
                &mut matched
            }
            (false, true) => {
                writeln!(near, "no match  {}", rule.id)?;
                &mut near
            }
            (false, false) => {
                far += 1;
                continue;
            }
        };
        for line in &reason.lines {
            writeln!(text, "          {line}")?;
        }
    }
    let mut text = matched + &near;
    write!(text, "{} matched", counted(count, "rule"))?;
    if far > 0 {
        write!(
            text,
            "; of {} no keyword stands in the text",
            counted(far, "rule")
        )?;
    }
    text.push('\n');
    Ok((text, u8::from(count > 0)))
}

fn read(args: &Args) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    let input: Box<dyn Read> = match args.text.as_os_str() == "-" {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(
            std::fs::File::open(&args.text)
                .with_context(|| format!("{} cannot be read", args.text.display()))?,
        ),
    };
    input.take(MOST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MOST {
        anyhow::bail!("the text is longer than {MOST} bytes; `exeat scan` reads longer ones");
    }
    Ok(content)
}
