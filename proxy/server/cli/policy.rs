//! `exeat policy`: are the policy files right, and which of their lines decides on a push?

mod people;
mod who;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use exeat_gitwire::{refname, text::escape};
use exeat_rules::Action;

use super::drafted;
use super::people::remark;
use super::target::Target;
use crate::config::{self, Config};
use crate::drafts::Text as Draft;
use crate::policy::explain::{Explanation, Found, Key, License, explain};
use crate::policy::{Change, Event, Facts, Push, Pusher, Update, file};
use crate::policy_files;
use who::Who;

/// Check the policy files, or say what they would do with a push
///
/// Ends with 0 if all is well, 1 if a policy file is wrong, 2 if it could not finish. Where the configuration heeds drafts,
/// those in force (exeat draft list) are part of what is explained; only files are checked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  exeat policy check --config exeat.toml
  exeat policy explain --config exeat.toml --user ada \\
      --repo https://github.com/org/app --ref refs/heads/main --finding block")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what is wrong with the policy files, all at once, and which rules never decide
    Check(Check),
    /// Print what would become of a push, and the file and line of each key that decides
    Explain(Box<Explain>),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The configuration whose policy files are meant
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Policy files to check in place of those of the configuration
    #[arg(value_name = "POLICY")]
    files: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Explain {
    /// The configuration whose policy is meant
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Who pushes, with the groups that the data folder knows; without it, somebody whom nobody knows
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A group of that person besides; may be repeated
    #[arg(long, value_name = "NAME", requires = "user")]
    group: Vec<String>,
    /// Name of the upstream; may be left out where there is one, or the repository is a URL
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// The repository below it, such as org/app, or its URL
    #[arg(long, value_name = "PATH")]
    repo: String,
    /// The full name of the ref, such as refs/heads/main
    #[arg(long = "ref", value_name = "REF")]
    reference: String,
    /// Where the ref was; zeros make it new. Without it, it is moved and nobody knows whether forward
    #[arg(long, value_name = "ID")]
    old: Option<String>,
    /// Something that has happened; may be repeated. Of first-push, new-project and forced-update those that are not
    /// named are not known, and judged both ways
    #[arg(long, value_name = "EVENT", value_parser = event)]
    event: Vec<Event>,
    /// Something that has not happened
    #[arg(long, value_name = "EVENT", value_parser = event)]
    no_event: Vec<Event>,
    /// Bytes of the pack
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    size: u64,
    /// A finding of a rule with this action: block, review, warn or note; may be repeated
    #[arg(long, value_name = "ACTION", value_parser = action)]
    finding: Vec<Action>,
    /// Content that nobody reads, such as an encrypted archive, and that no [[opaque]] allows
    #[arg(long)]
    opaque: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

/// Runs one of the commands.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (text, code) = told(args.command).await?;
    // A reader that closed the pipe has seen enough.
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(ExitCode::from(code)),
    }
}

async fn told(command: Command) -> anyhow::Result<(String, u8)> {
    match command {
        Command::Check(args) => check(args).await,
        Command::Explain(args) => {
            let (texts, note) = drafted::in_force(&load(&args.config)?).await;
            note.iter()
                .for_each(|note| remark(&format!("note: {note}")));
            let who = who(&args).await?;
            for warning in &who.warnings {
                remark(&format!("warning: {warning}"));
            }
            let explained =
                tokio::task::spawn_blocking(move || explained(&args, &who, &texts.policy));
            Ok((explained.await??, 0))
        }
    }
}

async fn who(args: &Explain) -> anyhow::Result<Who> {
    match &args.user {
        Some(user) => {
            let data = load(&args.config)?.data.directory;
            Ok(Who::of(user, &args.group, &data).await)
        }
        None => Ok(Who::default()),
    }
}

fn load(path: &Option<PathBuf>) -> anyhow::Result<Config> {
    Ok(Config::load(path.as_deref(), config::environment_at_home())?.0)
}

async fn check(args: Check) -> anyhow::Result<(String, u8)> {
    let read = tokio::task::spawn_blocking(move || {
        let mut config = load(&args.config)?;
        if !args.files.is_empty() {
            config.policy_files = args.files;
        }
        policy_files::read(&config, &[]).map(|(book, warnings)| (config, book, warnings))
    });
    let (config, book, mut warnings) = match read.await? {
        Ok(read) => read,
        Err(error) => match error.downcast_ref::<file::Error>() {
            Some(wrong) => return Ok((format!("{wrong}\n"), 1)),
            None => return Err(error),
        },
    };
    match people::warnings(&config, &book).await {
        Ok(told) => warnings.extend(told),
        Err(error) => remark(&format!("names of people are not checked: {error:#}")),
    }
    let mut text = String::new();
    for warning in &warnings {
        writeln!(text, "warning: {warning}")?;
    }
    let counted = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    writeln!(
        text,
        "policy OK: {} in {}, digest {}",
        counted(book.rules().len(), "rule"),
        counted(config.policy_files.len(), "file"),
        book.digest()
    )?;
    Ok((text, 0))
}

fn explained(args: &Explain, who: &Who, drafts: &[Draft]) -> anyhow::Result<String> {
    let config = load(&args.config)?;
    let (book, _) = policy_files::read(&config, drafts)?;
    let target = Target::named(&config, args.upstream.as_deref(), &args.repo)?;
    refname::check(args.reference.as_bytes())
        .with_context(|| format!("--ref: {}", escape(args.reference.as_bytes())))?;
    let pusher = args.user.as_deref().map(|person| Pusher {
        person,
        groups: &who.groups,
    });
    let facts = Facts {
        pusher,
        first_push: known(args, Event::FirstPush),
        new_project: known(args, Event::NewProject),
        pack_bytes: Some(args.size),
    };
    let updates = [Update {
        name: args.reference.as_bytes(),
        change: change(args)?,
    }];
    let push = Push {
        upstream: &target.upstream.name,
        repository: &target.comparable(),
        updates: &updates,
    };
    let found = Found {
        findings: &args.finding,
        unscannable: args.event.contains(&Event::Unscannable) && !args.opaque,
        opaque: args.opaque,
    };
    let explanation = explain(push, &facts, found, &book);
    match args.format {
        Format::Json => Ok(format!("{}\n", serde_json::to_string(&explanation)?)),
        Format::Text => Ok(in_words(&explanation, args.user.is_none())),
    }
}

/// What is said of an event, if anything is.
fn known(args: &Explain, event: Event) -> Option<bool> {
    match (args.event.contains(&event), args.no_event.contains(&event)) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

fn change(args: &Explain) -> anyhow::Result<Change> {
    let made = match &args.old {
        Some(old)
            if !matches!(old.len(), 40 | 64) || !old.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            bail!("--old: expected an object id of 40 or 64 hex digits")
        }
        Some(old) => old.bytes().all(|byte| byte == b'0'),
        None => false,
    };
    let new = |event: Event| args.event.contains(&event);
    let changes = [
        (
            made || new(Event::NewTag) || new(Event::NewBranch),
            Change::Create,
        ),
        (new(Event::Delete), Change::Delete),
        (new(Event::ForcedUpdate), Change::Forced),
    ];
    let mut named = changes
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, change)| change);
    match (named.next(), named.next()) {
        (Some(_), Some(_)) => bail!("a ref is made, deleted or moved: only one of them at a time"),
        (Some(Change::Create), None) if !made => {
            let folder = match new(Event::NewTag) {
                true => "refs/tags/",
                false => "refs/heads/",
            };
            match args.reference.starts_with(folder) {
                true => Ok(Change::Create),
                false => bail!("--ref: expected a name below {folder}"),
            }
        }
        (Some(change), None) => Ok(change),
        (None, _) if args.reference.starts_with("refs/tags/") => Ok(Change::Forced),
        (None, _) => Ok(match known(args, Event::ForcedUpdate) {
            Some(_) => Change::Forward,
            None => Change::Unknown,
        }),
    }
}

fn in_words(explanation: &Explanation, is_stranger: bool) -> String {
    let mut text = format!("verdict      {}", explanation.verdict.word());
    if explanation.before_the_pack {
        text.push_str(", before the pack is read");
    }
    text.push('\n');
    for Key { key, value, by } in &explanation.keys {
        let place = match by {
            Some(by) => format!("rule {}, {}:{}", by.name, by.file, by.line),
            None if matches!(*key, "do" | "approvers" | "four_eyes") => "default".to_owned(),
            None => "[policy]".to_owned(),
        };
        let place = match (is_stranger, *key) {
            (true, "approvers") => format!("{place}, and one more for a stranger"),
            (true, "reviewers") => format!("{place}, and two of them for a stranger"),
            _ => place,
        };
        let value = if *key == "message" {
            format!("\"{value}\"")
        } else {
            value.clone()
        };
        text.push_str(&format!("{key:12} {value:10} {place}\n"));
    }
    for License {
        name,
        file,
        line,
        says,
    } in &explanation.licenses
    {
        for (key, value) in says {
            text.push_str(&format!(
                "{key:12} {value:10} license {name}, {file}:{line}\n"
            ));
        }
    }
    text
}

fn event(word: &str) -> Result<Event, String> {
    one_of(word, &Event::WORDS)
}

fn action(word: &str) -> Result<Action, String> {
    const WORDS: [(&str, Action); 4] = [
        ("block", Action::Block),
        ("review", Action::Review),
        ("warn", Action::Warn),
        ("note", Action::Note),
    ];
    one_of(word, &WORDS)
}

fn one_of<T: Copy>(word: &str, words: &[(&'static str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(name, _)| *name == word);
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| format!("expected {}", config::either(&names)))
}

#[cfg(test)]
mod tests;
