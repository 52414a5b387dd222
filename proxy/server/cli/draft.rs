//! `exeat draft`: policies and rules that two people put into force, from a terminal, over the API of the console.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::people::{print, remark, segment, table};
use super::reach::{Server, Whereabouts, ended, shown as safe};
use crate::drafts::TEXT;

/// Propose policies and rules, and put into force what others propose
///
/// A draft is a policy file or a rule file that is kept by the server. It is in force once a second person of the role security
/// approves it, without a restart, where policy.drafts or rules.drafts is true; and it ends the same way. Drafts make nothing
/// milder: the files of the operators hold beside them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Two people:
  exeat draft propose policy mirror.toml --title 'No pushes to mirrors'
  exeat draft list                                       what waits, and what is in force
  exeat draft show d-7k3m9q2x4a                          who asked, and every line of it
  exeat draft approve d-7k3m9q2x4a --revision 1
  exeat draft retire d-7k3m9q2x4a --revision 2 --reason 'The mirror is gone.'
  exeat draft approve d-7k3m9q2x4a --revision 3          by somebody else: it ends")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    server: Whereabouts,
    /// Print the server's JSON as it is, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Propose a file, for a second person to decide on
    Propose(Propose),
    /// List drafts, oldest first: those that wait and those that are in force
    List(List),
    /// Print a draft with its text
    Show(Named),
    /// Say yes to a draft, or to the end of one, that somebody else asked for
    Approve(Approve),
    /// Say no to it
    Decline(Reasoned),
    /// Take back what you asked for
    Withdraw(Seen),
    /// Ask for the end of what is in force
    Retire(Reasoned),
}

#[derive(Debug, clap::Args)]
struct Propose {
    /// What the file is
    #[arg(value_parser = ["policy", "rules"])]
    kind: String,
    /// The file
    file: PathBuf,
    /// What it is for; at most 100 characters
    #[arg(long, value_name = "TEXT")]
    title: String,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only drafts in this state; by default those that wait and those that are in force
    #[arg(
        long,
        value_name = "STATE",
        value_parser = ["open", "in-force", "retiring", "declined", "withdrawn", "retired", "all"]
    )]
    state: Option<String>,
    /// Only drafts of this kind
    #[arg(long, value_name = "KIND", value_parser = ["policy", "rules"])]
    kind: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = super::reach::count)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The draft's id, such as d-7k3m9q2x4a
    id: String,
}

#[derive(Debug, clap::Args)]
struct Seen {
    /// The draft's id
    id: String,
    /// The revision that you saw
    #[arg(long, value_name = "N")]
    revision: u64,
}

#[derive(Debug, clap::Args)]
struct Approve {
    #[command(flatten)]
    seen: Seen,
    /// What there is to say; at most 500 characters
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
}

#[derive(Debug, clap::Args)]
struct Reasoned {
    #[command(flatten)]
    seen: Seen,
    /// Why; at most 500 characters
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let server = args.server.server()?;
    let json = args.json;
    let done = match &args.command {
        Command::Propose(propose) => proposed(&server, propose, json).await,
        Command::List(list) => listed(&server, list, json).await,
        Command::Show(named) => {
            let draft = server.get(&path(&named.id, "")).await;
            draft.and_then(|draft| told(&draft, json))
        }
        Command::Approve(approve) => {
            let said = ("approve", approve.comment.as_str());
            decided(&server, &approve.seen, said, json).await
        }
        Command::Decline(decline) => {
            let said = ("decline", decline.reason.as_str());
            decided(&server, &decline.seen, said, json).await
        }
        Command::Withdraw(seen) => wished(&server, seen, "/withdraw", "", json).await,
        Command::Retire(retire) => {
            wished(&server, &retire.seen, "/retire", &retire.reason, json).await
        }
    };
    ended(done.map(|()| ExitCode::SUCCESS), |code| {
        advice(code, args.command.id())
    })
}

impl Command {
    /// The draft that it is about.
    fn id(&self) -> Option<&str> {
        match self {
            Self::Propose(_) | Self::List(_) => None,
            Self::Show(named) => Some(&named.id),
            Self::Approve(approve) => Some(&approve.seen.id),
            Self::Decline(reasoned) | Self::Retire(reasoned) => Some(&reasoned.seen.id),
            Self::Withdraw(seen) => Some(&seen.id),
        }
    }
}

/// What to do next, as a command that can be typed.
fn advice(code: &str, id: Option<&str>) -> String {
    match (code, id) {
        ("stale" | "closed", Some(id)) => {
            format!("\nLook at it as it is now: exeat draft show {}", safe(id))
        }
        ("absent", _) => "\nSee which there are: exeat draft list --state all".to_owned(),
        _ => String::new(),
    }
}

fn path(id: &str, rest: &str) -> String {
    format!("/api/v1/drafts/{}{rest}", segment(id))
}

async fn proposed(server: &Server, propose: &Propose, json: bool) -> anyhow::Result<()> {
    let text = read(&propose.file)?;
    let body = json!({"kind": propose.kind, "title": propose.title, "text": text});
    let draft = server.post("/api/v1/drafts", &body).await?;
    if json {
        return print(&format!("{draft}\n"));
    }
    for warning in draft
        .get("warnings")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let warning = warning.as_str().map(safe).unwrap_or_default();
        remark(&format!("warning: {warning}"));
    }
    print(&format!(
        "{} waits for somebody else of the role security: exeat draft approve {} --revision {}\n",
        field(&draft, "id"),
        field(&draft, "id"),
        revision(&draft),
    ))
}

fn read(path: &Path) -> anyhow::Result<String> {
    let named = || format!("{} cannot be read", path.display());
    let file = std::fs::File::open(path).with_context(named)?;
    let mut text = String::new();
    file.take(TEXT as u64 + 1)
        .read_to_string(&mut text)
        .with_context(named)?;
    if text.len() > TEXT {
        bail!("{}: a draft has at most {TEXT} bytes", path.display());
    }
    Ok(text)
}

async fn decided(
    server: &Server,
    seen: &Seen,
    (verdict, words): (&str, &str),
    json: bool,
) -> anyhow::Result<()> {
    let said = json!({"verdict": verdict, "revision": seen.revision, "words": words});
    let draft = server.post(&path(&seen.id, "/decisions"), &said).await?;
    stands(&draft, json)
}

async fn wished(
    server: &Server,
    seen: &Seen,
    rest: &str,
    words: &str,
    json: bool,
) -> anyhow::Result<()> {
    let wish = json!({"revision": seen.revision, "words": words});
    let draft = server.post(&path(&seen.id, rest), &wish).await?;
    stands(&draft, json)
}

fn stands(draft: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        return print(&format!("{draft}\n"));
    }
    let next = match draft.get("state").and_then(Value::as_str) {
        Some("in-force") => " Pushes are decided by it within a few seconds.",
        Some("retiring") => " It is in force until somebody else approves its end.",
        _ => "",
    };
    let (id, state) = (field(draft, "id"), field(draft, "state"));
    let revision = revision(draft);
    print(&format!("{id} is {state}, revision {revision}.{next}\n"))
}

async fn listed(server: &Server, list: &List, json: bool) -> anyhow::Result<()> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let asked = list.state.as_deref();
    for (name, value) in [
        ("state", asked.filter(|state| *state != "all")),
        ("kind", list.kind.as_deref()),
    ] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    let living = |draft: &Value| {
        let state = draft.get("state").and_then(Value::as_str);
        asked.is_some() || matches!(state, Some("open" | "in-force" | "retiring"))
    };
    let (mut found, more) = server.list("drafts", &query, list.limit, living).await?;
    let more = more || found.len() > list.limit;
    found.truncate(list.limit);
    if json {
        return print(&format!("{}\n", json!({"drafts": found})));
    }
    if found.is_empty() {
        return print(match (asked, &list.kind) {
            (None, None) => "No draft waits or is in force; --state all shows those that ended.\n",
            (Some("all"), None) => "There are no drafts.\n",
            _ => "No draft is like that; --state all shows all of them.\n",
        });
    }
    let rows: Vec<[String; 6]> = found.iter().map(row).collect();
    print(&table(
        ["id", "kind", "state", "revision", "author", "title"],
        &rows,
    ))?;
    if more {
        remark("There are more: --limit COUNT shows them.");
    }
    Ok(())
}

fn row(draft: &Value) -> [String; 6] {
    let idle = match in_use(draft, super::super::people::now()) {
        InUse::Soon => " (in a few seconds)",
        InUse::Unfit => " (not used: see /health/ready)",
        InUse::Yes | InUse::No => "",
    };
    [
        field(draft, "id"),
        field(draft, "kind"),
        format!("{}{idle}", field(draft, "state")),
        revision(draft),
        field(draft, "author"),
        field(draft, "title"),
    ]
}

/// Whether pushes are decided by a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InUse {
    Yes,
    /// It was just approved: the server takes it with its next look.
    Soon,
    /// It is in force and cannot be used beside the files as they are.
    Unfit,
    No,
}

/// Milliseconds within which a server takes what was approved.
const TAKEN: i64 = 10_000;

fn in_use(draft: &Value, now: i64) -> InUse {
    let is_in_force = matches!(field(draft, "state").as_str(), "in-force" | "retiring");
    let effective = draft.get("effective").and_then(Value::as_bool);
    match (is_in_force, effective) {
        (_, Some(true)) => InUse::Yes,
        (false, _) => InUse::No,
        (true, _) if now < approved(draft).saturating_add(TAKEN) => InUse::Soon,
        (true, _) => InUse::Unfit,
    }
}

/// When it came into force, in Unix milliseconds; 0 where it never did.
fn approved(draft: &Value) -> i64 {
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};
    let steps = draft.get("steps").and_then(Value::as_array);
    let mut steps = steps.into_iter().flatten();
    let approval = steps.find(|step| field(step, "deed") == "approve");
    let at = approval.map(|step| field(step, "at")).unwrap_or_default();
    OffsetDateTime::parse(&at, &Rfc3339).map_or(0, |at| at.unix_timestamp() * 1000)
}

fn told(draft: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        return print(&format!("{draft}\n"));
    }
    let mut page = String::new();
    for (name, key) in [
        ("draft", "id"),
        ("kind", "kind"),
        ("title", "title"),
        ("state", "state"),
        ("author", "author"),
        ("proposed", "created"),
        ("digest", "digest"),
    ] {
        page.push_str(&format!("{name:<11}{}\n", field(draft, key)));
    }
    page.push_str(&format!("{:<11}{}\n", "revision", revision(draft)));
    let flag = |key: &str| draft.get(key).and_then(Value::as_bool).unwrap_or(false);
    let used = match in_use(draft, super::super::people::now()) {
        InUse::Yes => "yes: pushes are decided by it",
        InUse::Soon => "yes: pushes are decided by it within a few seconds",
        InUse::Unfit => {
            "yes, but it cannot be used beside the files as they are: /health/ready says why"
        }
        InUse::No => "no",
    };
    page.push_str(&format!("{:<11}{used}\n", "in force"));
    match field(draft, "state").as_str() {
        "open" => page.push_str(
            "waits for  somebody else of the role security, who approves or declines it\n",
        ),
        "retiring" => {
            page.push_str("waits for  somebody else of the role security, who approves its end\n")
        }
        _ => {}
    }
    if field(draft, "state") == "open" && !flag("base_is_in_force") {
        page.push_str("           what is in force has changed since it was proposed\n");
    }
    for step in draft
        .get("steps")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let words = field(step, "words");
        let words = match words.is_empty() {
            true => String::new(),
            false => format!(": {words}"),
        };
        page.push_str(&format!(
            "{:<11}{} by {}{words}\n",
            field(step, "deed"),
            field(step, "at"),
            field(step, "by"),
        ));
    }
    page.push('\n');
    let text = draft
        .get("text")
        .and_then(Value::as_str)
        .unwrap_or_default();
    for line in text.lines() {
        page.push_str(&format!("  {}\n", safe(line)));
    }
    print(&page)
}

fn revision(draft: &Value) -> String {
    let revision = draft.get("revision").and_then(Value::as_u64);
    revision.unwrap_or_default().to_string()
}

/// The text of a field, safe to print; empty where there is none.
fn field(value: &Value, field: &str) -> String {
    let text = value.get(field).and_then(Value::as_str);
    text.map(safe).unwrap_or_default()
}
