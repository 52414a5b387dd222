//! `exeat scan`: files, commits or packs through the same inspection as a push.

mod baseline;
mod excused;
mod files;
mod ignored;
mod key;
mod licences;
mod output;
mod packs;
mod people;
mod progress;
mod staged;
pub mod walk;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use exeat_inspect::{Accepted, Demands, Examiner, FingerprintKey, LicenceTerm, Strength};
use exeat_rules::{Action, RuleSet};

use super::target::Target;
use crate::{
    config::{self, Config},
    rule_files,
};

const FINDINGS: u8 = 1;
const COULD_NOT_FINISH: u8 = 2;

/// Look for secrets in files, commits or packs, with the rules of the proxy
///
/// Nothing is sent anywhere and nothing is recorded. Ends with 0 if nothing was found, 1 with
/// findings, 2 if it could not finish.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  exeat scan .                                   every file below this folder
  exeat scan --gitignore .                       only what git does not ignore
  git diff | exeat scan -                        standard input
  exeat scan --staged                            what the next commit would hold
  exeat scan --git @{upstream}..HEAD             what a push would send
  exeat scan --history                           every commit of every branch and tag
  exeat scan --format sarif . > findings.sarif   for code scanning
  exeat scan --write-baseline known.jsonl .      note what is known, then
  exeat scan --baseline known.jsonl .            tell only what is new
  exeat scan --allow-comments --ignore-file .gitleaksignore .
                                                 leave out what the repository itself excuses
  exeat scan --licenses MIT,Apache-2.0 .         tell every other licence as well
  exeat scan --config exeat.toml --repo https://github.com/org/app .
                                                 tell what its policy does not accept there
`exeat hook install` scans before every push.")]
pub struct Args {
    /// Files and folders to scan, or - for standard input; links and .git folders inside folders are not entered
    #[arg(value_name = "PATH", required_unless_present_any = ["git", "pack", "staged", "history"])]
    paths: Vec<PathBuf>,
    /// Leave out of folders what git ignores; what it tracks is scanned though a pattern ignores it
    #[arg(long, requires = "paths")]
    gitignore: bool,
    /// Commits to scan, as a push would send them, in the repository of the current folder: a
    /// range such as @{upstream}..HEAD, or several revisions such as "--all --not --remotes"
    #[arg(long, value_name = "RANGE", conflicts_with_all = ["paths", "pack"], allow_hyphen_values = true)]
    git: Option<String>,
    /// Every commit of every branch, tag and other ref of the repository of the current folder
    #[arg(long, visible_alias = "all", conflicts_with_all = ["paths", "pack", "git"])]
    history: bool,
    /// Files of the index that differ from HEAD, in the repository of the current folder
    #[arg(long, conflicts_with_all = ["paths", "pack", "git", "history"])]
    staged: bool,
    /// A pack file to scan
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    pack: Option<PathBuf>,
    /// How the objects of the pack are named, which a pack does not say of itself
    #[arg(long, value_enum, value_name = "HASH", conflicts_with_all = ["paths", "git", "staged", "history"], default_value_t = ObjectFormat::Sha1)]
    object_format: ObjectFormat,
    /// Read each version of a file whole, not only what is new in it: finds the same, and takes longer
    #[arg(long, conflicts_with_all = ["paths", "staged"])]
    whole: bool,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The weakest action of a finding that makes the scan end with 1
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = FailOn::Note)]
    fail_on: FailOn,
    /// Known findings, which are counted and not told; entries that hide nothing any more are named
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Findings not to tell, one a line: path:rule-id:line, as in .exeatignore and .gitleaksignore; may be given again
    #[arg(long, value_name = "FILE")]
    ignore_file: Vec<PathBuf>,
    /// Do not tell findings that a comment on their lines allows: exeat:allow, also with ids of rules behind it, gitleaks:allow
    /// or betterleaks:allow. The proxy tells them, and refuses what it would without the comment
    #[arg(long)]
    allow_comments: bool,
    /// Write all findings to this file as known, with the reasons that --baseline gives; the scan then ends with 0
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,
    /// Configuration file whose rules, overrides and limits are used, and what it asks of authors, sign-offs and signatures
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Find tokens whose checksum does not hold as well, as `[rules] checksums = false` does
    #[arg(long)]
    no_checksums: bool,
    /// Packs to use as well, of those that are off until they are chosen (exeat rules list names them); separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = pack)]
    packs: Vec<String>,
    /// Licences that files and packages may have, by their SPDX identifiers, separated by commas: tells every other. Of
    /// dependencies nothing is asked
    #[arg(long, value_name = "LICENSE", value_delimiter = ',', value_parser = licences::term, conflicts_with = "repo")]
    licenses: Vec<LicenceTerm>,
    /// The repository that a push would go to, such as org/app below --upstream, or its URL: tells licences that the policy
    /// files of the configuration do not accept there, and asks of commits and tags what its upstream asks
    #[arg(long, value_name = "PATH", requires = "config")]
    repo: Option<String>,
    /// Ask of commits and tags what this upstream of the configuration asks, not what [identity] does
    #[arg(long, value_name = "NAME", requires = "config")]
    upstream: Option<String>,
    /// A mail address of whoever is going to push; may be given again. Without it nobody asks whether author or committer pushes
    #[arg(long, value_name = "ADDRESS")]
    pusher: Vec<String>,
}

/// The name of a pack that can be chosen.
fn pack(name: &str) -> Result<String, String> {
    config::is_pack(name).map(|()| name.to_owned())
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Jsonl,
    /// One JSON object with all findings
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Comma-separated values
    Csv,
    /// JUnit, for build servers: each finding is a failed test
    Junit,
    /// GitLab's report of secret detection
    Gitlab,
}

/// The weakest action that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FailOn {
    Never,
    Note,
    Warn,
    Review,
    Block,
}

impl FailOn {
    /// Whether a finding of this action makes the scan fail.
    fn fails(self, action: Action) -> bool {
        match self {
            Self::Never => false,
            Self::Note => true,
            Self::Warn => action >= Action::Warn,
            Self::Review => action >= Action::Review,
            Self::Block => action >= Action::Block,
        }
    }
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
    strength: Strength,
    demands: Arc<Demands>,
    /// Which licences are accepted, where anybody asks.
    licences: Option<Arc<Accepted>>,
    /// The addresses of whoever is going to push.
    pusher: Option<Arc<[String]>>,
    /// Versions of files are read whole.
    whole: bool,
}

impl Scan {
    fn new(
        config: Option<&std::path::Path>,
        checksums: bool,
        packs: &[String],
    ) -> anyhow::Result<Self> {
        let (mut config, _) = Config::load(config, config::environment_at_home())?;
        config.rules.checksums &= checksums;
        for pack in packs {
            if !config.rules.packs.contains(pack) {
                config.rules.packs.push(pack.clone());
            }
        }
        Ok(Self {
            rules: Arc::new(rule_files::compile(&config.rules)?.rules),
            key: key::fingerprint_key()?,
            strength: Strength::default(),
            demands: people::demands(&config.identity, None),
            licences: None,
            pusher: None,
            whole: false,
            config,
        })
    }

    fn examiner(&self) -> Examiner {
        let examiner = Examiner::new(Arc::clone(&self.rules), self.key.clone());
        let mut examiner = examiner.with_strength(self.strength);
        examiner.ask_of_licences(self.licences.as_ref());
        examiner
    }
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let ended = tokio::task::spawn_blocking(move || scan(&args)).await?;
    // A reader that closed the pipe has seen enough, but not all there is.
    match ended {
        Err(error) if is_closed_pipe(&error) => Ok(ExitCode::from(COULD_NOT_FINISH)),
        ended => ended,
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    let is_json =
        |error: &serde_json::Error| error.io_error_kind() == Some(std::io::ErrorKind::BrokenPipe);
    error.downcast_ref().is_some_and(kind) || error.downcast_ref().is_some_and(is_json)
}

/// Scans what a push of `range` would send, for people; the exit code of a scan.
pub fn of_push(
    config: Option<&std::path::Path>,
    range: &str,
    fail_on: FailOn,
    baseline: Option<&std::path::Path>,
    remote: Option<&str>,
) -> anyhow::Result<u8> {
    let mut scan = Scan::new(config, true, &[])?;
    if let Some(target) = Target::at(&scan.config, remote) {
        let demands = people::demands(&target.upstream.identity, None);
        scan.licences = licences::at(&scan.config, &scan.rules, &target)?;
        scan.demands = demands;
    }
    let baseline = baseline.map(baseline::Baseline::read).transpose()?;
    let mut printer =
        output::Printer::new(Format::Text, fail_on, scan.rules.clone(), baseline, None);
    packs::scan_range(&scan, range, &mut printer)?;
    Ok(exit_code(printer.finish()?.0))
}

fn scan(args: &Args) -> anyhow::Result<ExitCode> {
    let mut packs = args.packs.clone();
    if !args.licenses.is_empty() {
        packs.push(licences::PACK.to_owned());
    }
    let mut scan = Scan::new(args.config.as_deref(), !args.no_checksums, &packs)?;
    scan.strength = excused::strength(args.allow_comments);
    scan.whole = args.whole;
    scan.pusher = (!args.pusher.is_empty()).then(|| args.pusher.clone().into());
    (scan.demands, scan.licences) = asked(args, &scan)?;
    let baseline = args
        .baseline
        .as_deref()
        .map(baseline::Baseline::read)
        .transpose()?;
    let notes = args
        .write_baseline
        .as_ref()
        .map(|_| baseline::Notes::default());
    let mut printer = output::Printer::new(
        args.format,
        args.fail_on,
        scan.rules.clone(),
        baseline,
        notes,
    )
    .without(excused::Excused::read(&args.ignore_file)?);
    match (&args.git, &args.pack) {
        (Some(range), _) => packs::scan_range(&scan, range, &mut printer)?,
        (None, Some(path)) => packs::scan_pack(&scan, path, args.object_format, &mut printer)?,
        (None, None) if args.staged => staged::scan(&scan, &mut printer)?,
        (None, None) if args.history => {
            packs::scan_history(&scan, &mut printer)?;
            printer.tell_unused(|_| true)?;
        }
        (None, None) => {
            files::scan(&scan, &args.paths, args.gitignore, &mut printer)?;
            printer.tell_unused(|path| is_below(path, &args.paths))?;
        }
    }
    let (told, baseline, notes) = printer.finish()?;
    if let Some((path, notes)) = args.write_baseline.as_ref().zip(notes) {
        let count = notes.write(path, baseline.as_ref())?;
        eprintln!(
            "exeat: {count} known findings written to {}",
            path.display()
        );
        return Ok(ExitCode::from(match told {
            output::Told::Incomplete => COULD_NOT_FINISH,
            output::Told::Clean | output::Told::Findings => 0,
        }));
    }
    Ok(ExitCode::from(exit_code(told)))
}

/// What is asked of people and of licences: what is asked where a push would go, or as the command line says.
fn asked(args: &Args, scan: &Scan) -> anyhow::Result<(Arc<Demands>, Option<Arc<Accepted>>)> {
    let upstream = args.upstream.as_deref();
    let target = args.repo.as_deref();
    let target = target.map(|repository| Target::named(&scan.config, upstream, repository));
    let target = target.transpose()?;
    let demands = match (&target, upstream) {
        (Some(target), _) => &target.upstream.identity,
        (None, Some(name)) => people::of_upstream(&scan.config, name)?,
        (None, None) => &scan.config.identity,
    };
    let licences = match &target {
        Some(target) => licences::at(&scan.config, &scan.rules, target)?,
        None if args.licenses.is_empty() => None,
        None => Some(licences::named(&args.licenses)),
    };
    Ok((people::demands(demands, scan.pusher.as_deref()), licences))
}

fn exit_code(told: output::Told) -> u8 {
    match told {
        output::Told::Clean => 0,
        output::Told::Findings => FINDINGS,
        output::Told::Incomplete => COULD_NOT_FINISH,
    }
}

/// Whether a path lies at or below one of those that were scanned.
fn is_below(path: &str, scanned: &[PathBuf]) -> bool {
    let path = std::path::Path::new(path);
    scanned.iter().any(|scanned| {
        let scanned = scanned.strip_prefix(".").unwrap_or(scanned);
        path.starts_with(scanned)
    })
}
