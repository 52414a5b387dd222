//! `exeat audit`: shows the audit's records to people, and says whether the chain is whole.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::audit::{self, Actor, ActorKind, Checkpoint, Ending, Kind, Record, Verdict};
use crate::config::{self, Config};
use crate::drafts;
use crate::people::{self, Astray};
use crate::store::Records;

/// Read the audit: list its records, or verify that none was changed
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Recompute the whole chain and say whether it is whole
    Verify(Verify),
    /// Print the newest records, the newest last
    List(List),
}

#[derive(Debug, clap::Args)]
struct Verify {
    #[command(flatten)]
    place: Place,
    /// A size and root that an earlier verify printed, noted somewhere else: shows a tail that was cut off
    #[arg(long, value_name = "SIZE:ROOT")]
    checkpoint: Option<Checkpoint>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    place: Place,
    /// At most this many records
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only the records of this push
    #[arg(long, value_name = "ID")]
    push: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The data folder; by default the configuration says
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file that names the data folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object per line
    Jsonl,
}

/// Ends with 0, with 1 if the chain is not whole, with 2 if it could not be read. Works while a server runs.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match told(args).await {
        Ok((text, code)) => {
            print(&text)?;
            Ok(ExitCode::from(code))
        }
        Err(error) => {
            eprintln!("{}", crate::causes::told(&error));
            Ok(ExitCode::from(2))
        }
    }
}

/// What is printed, and the exit code.
async fn told(args: Args) -> anyhow::Result<(String, u8)> {
    match args.command {
        Command::Verify(verify) => verified(verify).await,
        Command::List(list) => Ok((listed(list).await?, 0)),
    }
}

async fn verified(args: Verify) -> anyhow::Result<(String, u8)> {
    let records = args.place.open().await?;
    let mut snapshot = records.snapshot().await?;
    let report = audit::verify(&mut snapshot, args.checkpoint).await?;
    let astray = match report.problem {
        None => {
            let drafts = drafts::stored(&mut snapshot).await?;
            people::astray(&mut snapshot, drafts, &report.people).await?
        }
        // What the records say is not known.
        Some(_) => Vec::new(),
    };
    let text = match args.format {
        Format::Text => verified_text(&report, &astray),
        Format::Jsonl => verified_json(&report, &astray),
    };
    let whole = report.problem.is_none() && astray.is_empty();
    Ok((text, u8::from(!whole)))
}

async fn listed(args: List) -> anyhow::Result<String> {
    let records = args.place.open().await?;
    let found = match &args.push {
        Some(push) => of_push(&records, push, args.limit).await?,
        None => audit::newest(&records, args.limit).await?,
    };
    let mut text = String::new();
    for record in &found {
        match args.format {
            Format::Text => text.push_str(&listed_text(record)),
            Format::Jsonl => {
                text.push_str(&serde_json::to_string(record).context("a record as JSON")?);
                text.push('\n');
            }
        }
    }
    Ok(text)
}

/// The records of a push, by its id in whatever letters. Where there are none, that is told beside.
async fn of_push(records: &Records, push: &str, limit: u32) -> anyhow::Result<Vec<Record>> {
    let mut found = audit::of_push(records, push, limit).await?;
    if found.is_empty() {
        found = audit::of_push(records, &push.to_ascii_uppercase(), limit).await?;
    }
    if found.is_empty() {
        eprintln!("No record has the push {}.", visible(push));
    }
    Ok(found)
}

impl Place {
    async fn open(self) -> anyhow::Result<Records> {
        let directory = match self.data {
            Some(directory) => directory,
            None => {
                let (config, _) =
                    Config::load(self.config.as_deref(), config::environment_at_home())?;
                config.data.directory
            }
        };
        Ok(Records::open(&directory).await?)
    }
}

/// A reader that closed the pipe has seen enough.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn verified_text(report: &audit::Report, astray: &[Astray]) -> String {
    let (size, root) = (report.head.size, hex::encode(report.head.root));
    let records = counted(size, "record");
    match report.problem {
        None => {
            let erased = match report.erased {
                0 => String::new(),
                erased => format!(", {erased} with their personal half erased"),
            };
            let mut text = format!("{records}{erased}\nroot {root}\ncheckpoint {size}:{root}\n");
            for one in astray {
                let _ = writeln!(text, "NOT OK: {}", visible(&one.to_string()));
            }
            if astray.is_empty() {
                text.push_str("OK\n");
            }
            text
        }
        Some(problem) => {
            format!("{records} recomputed, with root {root}\nNOT OK: {problem}\n")
        }
    }
}

fn verified_json(report: &audit::Report, astray: &[Astray]) -> String {
    let value = serde_json::json!({
        "ok": report.problem.is_none() && astray.is_empty(),
        "records": report.head.size,
        "root": hex::encode(report.head.root),
        "erased": report.erased,
        "position": report.problem.map(|problem| problem.seq),
        "problem": report.problem.map(|problem| problem.fault.to_string()),
        "astray": astray.iter().map(ToString::to_string).collect::<Vec<String>>(),
    });
    format!("{value}\n")
}

/// How many findings and refs of one record are shown before the rest is counted.
const SHOWN: usize = 10;

fn listed_text(record: &Record) -> String {
    let leaf = &record.leaf;
    let mut text = format!("{:>6}  {}  ", leaf.seq, people_time(&leaf.time));
    if let Some(push) = &leaf.push {
        let _ = write!(text, "push {}  ", visible(push));
    }
    text.push_str(&headline(record));
    text.push('\n');
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "        {name:<9}{}", visible(value));
    };
    match (&leaf.subject, leaf.kind) {
        (Some(draft), Kind::Policy) => line("draft", draft),
        (Some(waiver), Kind::Waiver) => line("waiver", waiver),
        (Some(case), Kind::Decision) if leaf.push.as_ref() != Some(case) => line("held as", case),
        _ => {}
    }
    if let Some(binary) = &leaf.binary {
        line("version", binary);
    }
    if !leaf.erased.is_empty() {
        let seqs: Vec<String> = leaf.erased.iter().map(u64::to_string).collect();
        line("records", &seqs.join(", "));
    }
    match &record.payload {
        Some(payload) => {
            if let Some(actor) = payload
                .actor
                .as_ref()
                .filter(|_| !matches!(leaf.kind, Kind::Start | Kind::Reload))
            {
                line("who", &who(actor));
            }
            if let Some(target) = &payload.target {
                line(
                    "target",
                    &format!("{}/{}", target.upstream, target.repository),
                );
                for update in target.refs.iter().take(SHOWN) {
                    line(
                        "ref",
                        &format!("{} {}", update.name, change(&update.old, &update.new)),
                    );
                }
                more(&mut line, "ref", target.refs.len());
            }
        }
        None if leaf.commitments != Default::default() => line("who", "erased"),
        None => {}
    }
    for reason in &leaf.reasons {
        let action = match &reason.action {
            Some(action) => format!(" ({action})"),
            None => String::new(),
        };
        line(
            "why",
            &format!("{}{action}, {}", reason.cause, times(reason.count)),
        );
    }
    if let Some(payload) = &record.payload {
        for finding in payload.findings.iter().take(SHOWN) {
            let place = match (&finding.path, finding.line) {
                (Some(path), Some(number)) => format!("{path}:{number}"),
                (Some(path), None) => path.clone(),
                (None, _) => "no file".to_owned(),
            };
            let already = match finding.existing {
                true => "  already in this repository",
                false => "",
            };
            line(
                "found",
                &format!("{place}  {}  {}{already}", finding.rule, finding.masked),
            );
        }
        more(&mut line, "found", payload.findings.len());
        if let Some(note) = payload.note.as_ref().filter(|note| !note.is_empty()) {
            line("note", note);
        }
    }
    if let Some(digests) = &leaf.digests {
        line("rules", &digests.rules);
    }
    if let Some(coverage) = &leaf.coverage {
        let unread = match coverage.not_scannable {
            0 => String::new(),
            number => format!(", {number} not readable"),
        };
        let bases = match coverage.bases {
            0 => String::new(),
            number => format!(", {} fetched", counted(number, "delta base")),
        };
        let layers = match coverage.layers {
            0 => String::new(),
            number => format!(
                ", {} decoded in it ({}, {} of archives)",
                counted(number, "part"),
                counted(coverage.decoded, "byte"),
                counted(coverage.members, "member"),
            ),
        };
        let media = match coverage.media {
            0 => String::new(),
            number => format!(
                ", of {} no pixels, sounds or outlines",
                counted(number, "file")
            ),
        };
        line(
            "read",
            &format!(
                "{}, {}, {}{layers}{media}{unread}{bases}",
                counted(coverage.commits, "commit"),
                counted(coverage.blobs, "file"),
                counted(coverage.bytes, "byte"),
            ),
        );
    }
    text
}

fn more(line: &mut impl FnMut(&str, &str), name: &str, total: usize) {
    if let Some(rest) = total.checked_sub(SHOWN).filter(|rest| *rest > 0) {
        line(name, &format!("... and {rest} more"));
    }
}

/// Names were escaped when they were recorded; a database that somebody changed may hold anything all the same.
fn visible(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                character.escape_unicode().to_string()
            }
            character if character.is_control() => character.escape_default().to_string(),
            character => character.to_string(),
        })
        .collect()
}

fn counted(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        _ => format!("{count} times"),
    }
}

/// `2026-01-02T03:04:05.678Z` as `2026-01-02 03:04:05 UTC`.
fn people_time(time: &str) -> String {
    match (time.get(..10), time.get(11..19)) {
        (Some(day), Some(hour)) => format!("{day} {hour} UTC"),
        _ => time.to_owned(),
    }
}

fn headline(record: &Record) -> String {
    let leaf = &record.leaf;
    let told = match (leaf.kind, leaf.verdict, leaf.outcome) {
        (Kind::Start, ..) => "server started",
        (Kind::Reload, ..) => "configuration reloaded",
        (Kind::Erasure, ..) => "personal data erased",
        (Kind::Decision, Some(Verdict::Forward), _) => "allowed",
        (Kind::Decision, Some(Verdict::Hold), _) => "needs review",
        (Kind::Decision, Some(Verdict::Refuse), _) => "refused",
        (Kind::Decision, None, _) => "decided",
        (Kind::Outcome | Kind::UnknownOutcome, _, ending) => match ending {
            Some(Ending::Accepted) => "arrived",
            Some(Ending::Partial) => "arrived in part",
            Some(Ending::Rejected) => "rejected by the upstream",
            Some(Ending::NotSent) => "not sent",
            Some(Ending::AcceptedConfirmed) => "arrived, asked again",
            Some(Ending::NotTaken) => "not taken, asked again",
            Some(Ending::Unknown) | None => "outcome unknown",
        },
        (kind, ..) => return format!("{}: {}", thing(kind), visible(&leaf.action)),
    };
    told.to_owned()
}

/// What a deed was done to.
fn thing(kind: Kind) -> &'static str {
    match kind {
        Kind::Case => "held push",
        Kind::View => "look at a held push",
        Kind::CaseDecision => "review",
        Kind::Waiver => "waiver",
        Kind::Grant => "approval",
        Kind::Login => "sign-in",
        Kind::Token => "token",
        Kind::Person => "person",
        Kind::Group => "group",
        Kind::Policy => "policy",
        Kind::Notice => "notice",
        Kind::Start | Kind::Reload | Kind::Erasure => "Exeat",
        Kind::Decision | Kind::Outcome | Kind::UnknownOutcome => "push",
    }
}

fn who(actor: &Actor) -> String {
    let name = match (&actor.name, actor.kind) {
        (Some(name), _) => name.as_str(),
        (None, ActorKind::Anonymous) => "nobody signed in",
        (None, ActorKind::User) => "a user without a name",
        (None, ActorKind::Token) => "a token",
        (None, ActorKind::Operator) => "an operator",
        (None, ActorKind::System) => "Exeat",
    };
    let verified = match (actor.verified, actor.kind) {
        (_, ActorKind::Anonymous | ActorKind::System) => "",
        (true, _) => " (verified)",
        (false, _) => " (not verified)",
    };
    let certificate = match &actor.certificate {
        Some(subject) => format!(", with the certificate of {subject},"),
        None => String::new(),
    };
    let account = match &actor.account {
        Some(account) => format!(", with the account {account},"),
        None => String::new(),
    };
    let source = match &actor.source {
        Some(source) => format!(" from {source}"),
        None => String::new(),
    };
    format!("{name}{verified}{certificate}{account}{source}")
}

/// What an update does to a ref, with ids as short as git shows them.
fn change(old: &str, new: &str) -> String {
    let absent = |id: &str| id.bytes().all(|byte| byte == b'0');
    let short = |id: &str| id.get(..10).unwrap_or(id).to_owned();
    match (absent(old), absent(new)) {
        (true, _) => format!("new, {}", short(new)),
        (false, true) => format!("deleted, was {}", short(old)),
        (false, false) => format!("{}..{}", short(old), short(new)),
    }
}

#[cfg(test)]
mod tests;
