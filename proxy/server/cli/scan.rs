//! `exeat scan`: files, commits or packs through the same inspection as a push.

mod files;
mod output;
mod packs;
pub mod walk;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::bail;
use exeat_inspect::FingerprintKey;
use exeat_rules::RuleSet;

use crate::{
    boot,
    config::{self, Config},
};

const FINDINGS: u8 = 1;
const COULD_NOT_FINISH: u8 = 2;

/// Look for secrets in files, commits or packs, with the rules of the proxy
///
/// Nothing is sent anywhere and nothing is recorded. Ends with 0 if nothing was found, 1 with
/// findings, 2 if it could not finish.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files and folders to scan; links and .git folders inside folders are not entered
    #[arg(value_name = "PATH", required_unless_present_any = ["git", "pack"])]
    paths: Vec<PathBuf>,
    /// Commits to scan, as a push would send them, in the repository of the current folder: a
    /// range such as @{upstream}..HEAD, or several revisions such as "--all --not --remotes"
    #[arg(long, value_name = "RANGE", conflicts_with_all = ["paths", "pack"], allow_hyphen_values = true)]
    git: Option<String>,
    /// A pack file to scan
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    pack: Option<PathBuf>,
    /// How the objects of the pack are named, which a pack does not say of itself
    #[arg(long, value_enum, value_name = "HASH", conflicts_with_all = ["paths", "git"], default_value_t = ObjectFormat::Sha1)]
    object_format: ObjectFormat,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Configuration file whose rules and limits are used
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Jsonl,
}

/// The hash that names the objects of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ObjectFormat {
    /// Ids of 40 hex digits, git's default
    Sha1,
    /// Ids of 64 hex digits
    Sha256,
}

/// What every kind of scan works with.
struct Scan {
    config: Config,
    rules: Arc<RuleSet>,
    key: FingerprintKey,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    tokio::task::spawn_blocking(move || scan(&args)).await?
}

fn scan(args: &Args) -> anyhow::Result<ExitCode> {
    let (config, _) = Config::load(args.config.as_deref(), config::environment_at_home())?;
    let scan = Scan {
        rules: Arc::new(boot::rules(&config)?),
        key: output::fingerprint_key()?,
        config,
    };
    let mut printer = output::Printer::new(args.format);
    match (&args.git, &args.pack) {
        (Some(range), None) => packs::scan_range(&scan, range, &mut printer)?,
        (None, Some(path)) => packs::scan_pack(&scan, path, args.object_format, &mut printer)?,
        (None, None) => files::scan(&scan, &args.paths, &mut printer)?,
        (Some(_), Some(_)) => bail!("--git and --pack cannot be used together"),
    }
    let told = printer.finish()?;
    Ok(ExitCode::from(match told {
        output::Told::Clean => 0,
        output::Told::Findings => FINDINGS,
        output::Told::Incomplete => COULD_NOT_FINISH,
    }))
}
