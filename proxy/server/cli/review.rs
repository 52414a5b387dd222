//! `exeat review`: held pushes, seen and decided on from a terminal, over the API of the console.

mod finding;
mod shown;

use std::io::{IsTerminal, Write as _};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::people::{print, remark, segment};
use super::reach::{REFUSED, Refusal, Server, Whereabouts, ended};

/// See held pushes and decide on them, at the console of a server
///
/// A push that needs a look waits until somebody decides, or until its time is over. What you approve goes upstream as you saw
/// it, once, and by whoever pushed it. The developer reads your words.
///
/// It asks the server named by --server or EXEAT_SERVER with the token in EXEAT_TOKEN or --token-file. Exits with 0 when it was
/// done, with 1 when the server says no (it has changed, it is not yours to decide), with 2 when it could not be asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A reviewer's morning:
  export EXEAT_SERVER=https://exeat.bank.example EXEAT_TOKEN=$(cat ~/.exeat-token)
  exeat review list                  what waits; \"you\" marks what is yours to decide
  exeat review show P-7F3K9-Q2M4A-8HDWX       what was found, then commits, messages, names
  exeat review approve P-7F3K9-Q2M4A-8HDWX --revision 1 --comment 'Test data.'
  exeat review reject P-7F3K9-Q2M4A-8HDWX --revision 1 --reason 'Take the host names out.'

A decision names the revision that \"show\" printed: if it has changed since, nothing is decided. Without
--revision, at a terminal, it is shown first and you are asked.")]
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
    /// List held pushes that you may see, oldest first
    List(List),
    /// Print a push: what was found in it, commits, messages, names. That you looked is on record
    Show(Named),
    /// Let a push go
    Approve(Approve),
    /// Refuse a push, with a reason for the developer
    Reject(Reject),
    /// Say something of a push, for the developer and other reviewers
    Comment(Comment),
    /// Say what one finding of a push is, and waive it for later ones
    Finding(finding::Finding),
    /// Take back a push of your own
    Withdraw(Named),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only pushes in this state
    #[arg(
        long,
        value_name = "STATE",
        default_value = "open",
        value_parser = [
            "open", "approved", "forwarding", "sent", "unknown", "rejected", "withdrawn", "expired", "superseded", "all",
        ]
    )]
    state: String,
    /// Only pushes to this upstream
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// Only pushes to this repository
    #[arg(long, value_name = "ORG/REPO")]
    repository: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = super::reach::count)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The push's id, such as P-7F3K9-Q2M4A-8HDWX; that of a later push of the same is as good
    id: String,
}

#[derive(Debug, clap::Args)]
struct Approve {
    /// The push's id
    id: String,
    /// The revision that you saw
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
    /// For the developer to read; at most 500 characters
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
}

#[derive(Debug, clap::Args)]
struct Reject {
    /// The push's id
    id: String,
    /// The revision that you saw
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
    /// Why, for the developer to read; at most 500 characters
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, clap::Args)]
struct Comment {
    /// The push's id
    id: String,
    /// What there is to say; at most 500 characters, without secrets
    words: String,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let server = args.server.server()?;
    let done = match &args.command {
        Command::List(list) => listed(&server, list, args.json).await,
        Command::Show(named) => show(&server, &named.id, args.json).await,
        Command::Approve(approve) => {
            let said = ("approve", approve.comment.as_str());
            decide(&server, &approve.id, approve.revision, said, args.json).await
        }
        Command::Reject(reject) => {
            let said = ("reject", reject.reason.as_str());
            decide(&server, &reject.id, reject.revision, said, args.json).await
        }
        Command::Comment(comment) => say(&server, comment, args.json).await,
        Command::Finding(finding) => finding::say(&server, finding, args.json)
            .await
            .map(|()| ExitCode::SUCCESS),
        Command::Withdraw(named) => withdraw(&server, &named.id, args.json).await,
    };
    ended(done, |code| advice(code, args.command.id()))
}

impl Command {
    /// The push that it is about.
    fn id(&self) -> Option<&str> {
        match self {
            Self::List(_) => None,
            Self::Show(named) | Self::Withdraw(named) => Some(&named.id),
            Self::Approve(approve) => Some(&approve.id),
            Self::Reject(reject) => Some(&reject.id),
            Self::Comment(comment) => Some(&comment.id),
            Self::Finding(finding) => Some(finding.push()),
        }
    }
}

/// What to do next, as a command that can be typed.
fn advice(code: &str, id: Option<&str>) -> String {
    let show = |why: &str| match id {
        Some(id) => format!("\n{why}: exeat review show {}", super::reach::shown(id)),
        None => String::new(),
    };
    match code {
        "stale" => show("Look at it as it is now"),
        "closed" | "again" | "must-fix" => show("See where it stands"),
        "forbidden" => show("See who decides"),
        "no-token" => {
            "\nAn operator makes a new one: exeat token create --user NAME --scope read --scope decide"
                .to_owned()
        }
        "absent" => "\nSee what waits: exeat review list".to_owned(),
        _ => String::new(),
    }
}

fn path(id: &str, rest: &str) -> String {
    format!("/api/v1/reviews/{}{rest}", segment(id))
}

async fn listed(server: &Server, list: &List, json: bool) -> anyhow::Result<ExitCode> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if list.state != "all" {
        query.append_pair("state", &list.state);
    }
    for (name, value) in [
        ("upstream", &list.upstream),
        ("repository", &list.repository),
    ] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    let every = |_: &Value| true;
    let (found, more) = server.list("reviews", &query, list.limit, every).await?;
    if json {
        print(&format!("{}\n", json!({"reviews": found})))?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&shown::list(
        &found,
        &list.state,
        super::super::people::now(),
    ))?;
    if more {
        remark("There are more: --limit COUNT shows them.");
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(server: &Server, id: &str, json: bool) -> anyhow::Result<ExitCode> {
    let review = fetched(server, id).await?;
    match json {
        true => print(&format!("{review}\n"))?,
        false => print(&shown::review(&review, id))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A push with what was said of it, `comments`, and of its findings, `finding_decisions`.
async fn fetched(server: &Server, id: &str) -> anyhow::Result<Value> {
    let mut review = server.get(&path(id, "")).await?;
    for (rest, field, name) in [
        ("/comments", "comments", "comments"),
        ("/findings/decisions", "decisions", "finding_decisions"),
    ] {
        let said = server.get(&path(id, rest)).await?;
        let said = said.get(field).cloned().unwrap_or_else(|| json!([]));
        if let Some(fields) = review.as_object_mut() {
            fields.insert(name.to_owned(), said);
        }
    }
    Ok(review)
}

async fn decide(
    server: &Server,
    id: &str,
    revision: Option<u64>,
    (verdict, words): (&str, &str),
    json: bool,
) -> anyhow::Result<ExitCode> {
    let revision = match revision {
        Some(revision) => revision,
        None => match asked(server, id, verdict).await? {
            Some(revision) => revision,
            None => {
                remark("Nothing was decided.");
                return Ok(ExitCode::from(REFUSED));
            }
        },
    };
    let said = json!({"verdict": verdict, "revision": revision, "words": words});
    let decided = done(server, id, "/decisions", &said).await?;
    if json {
        print(&format!("{decided}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&shown::decided(&decided))?;
    Ok(ExitCode::SUCCESS)
}

/// Shows a push and asks; the revision that was shown, where the answer is yes.
async fn asked(server: &Server, id: &str, verdict: &str) -> anyhow::Result<Option<u64>> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "name the revision that you saw: --revision N (exeat review show {} prints it)",
            super::reach::shown(id)
        );
    }
    let review = fetched(server, id).await?;
    print(&shown::review(&review, id))?;
    let revision = review.get("revision").and_then(Value::as_u64);
    let revision = revision.context("the server's answer names no revision")?;
    let mut err = std::io::stderr().lock();
    write!(
        err,
        "\nWill you {verdict} this, as it is shown above? [y/N] "
    )?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let yes = matches!(answer.trim(), "y" | "Y" | "yes");
    Ok(yes.then_some(revision))
}

/// Has it done; where that is all that is known, sees how it stands.
async fn done(server: &Server, id: &str, rest: &str, body: &Value) -> anyhow::Result<Value> {
    match server.post(&path(id, rest), body).await {
        Err(error) if is_done(&error) => server.get(&path(id, "")).await,
        answered => answered,
    }
}

fn is_done(error: &anyhow::Error) -> bool {
    let refusal = error.downcast_ref::<Refusal>();
    refusal.is_some_and(|refusal| refusal.code == "done-before")
}

async fn say(server: &Server, comment: &Comment, json: bool) -> anyhow::Result<ExitCode> {
    let body = json!({"words": comment.words});
    let said = match server.post(&path(&comment.id, "/comments"), &body).await {
        Err(error) if is_done(&error) => body,
        said => said?,
    };
    match json {
        true => print(&format!("{said}\n"))?,
        false => print("It is said; the developer can read it.\n")?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn withdraw(server: &Server, id: &str, json: bool) -> anyhow::Result<ExitCode> {
    let withdrawn = done(server, id, "/withdraw", &json!({})).await?;
    match json {
        true => print(&format!("{withdrawn}\n"))?,
        false => print(&shown::decided(&withdrawn))?,
    }
    Ok(ExitCode::SUCCESS)
}
