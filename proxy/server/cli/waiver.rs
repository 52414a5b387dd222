//! `exeat waiver`: findings that stop no push any more, seen and ended from a terminal, over the API of the console.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::people::{print, remark, segment, table};
use super::reach::{Server, Whereabouts, ended, shown as safe};

/// See which findings are waived, and end that
///
/// Waivers are made where a finding is looked at: exeat review finding. Each covers one finding at its very places, in one
/// repository, until its time is over, its rule is edited, or somebody revokes it.
#[derive(Debug, clap::Args)]
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
    /// List the waivers that you may see, oldest first
    List(List),
    /// Print a waiver with all that it covers
    Show(Named),
    /// End a waiver at once
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Also those that ended or were revoked
    #[arg(long)]
    all: bool,
    /// Only of this upstream
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// Only of this repository
    #[arg(long, value_name = "ORG/REPO")]
    repository: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = super::reach::count)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The waiver's id, such as w-7k3m9q2x4a
    id: String,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The waiver's id
    id: String,
    /// Why; at most 500 characters
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let server = args.server.server()?;
    let done = match &args.command {
        Command::List(list) => listed(&server, list, args.json).await,
        Command::Show(named) => {
            let waiver = server.get(&path(&named.id, "")).await;
            waiver.and_then(|waiver| told(&waiver, args.json))
        }
        Command::Revoke(revoke) => {
            let why = json!({"words": revoke.reason});
            let waiver = server.post(&path(&revoke.id, "/revoke"), &why).await;
            let done = waiver.and_then(|waiver| {
                told(&waiver, args.json)?;
                Ok(waiver)
            });
            done.and_then(|waiver| match args.json {
                true => Ok(()),
                false => revoked(&waiver, &revoke.reason),
            })
        }
    };
    ended(done.map(|()| ExitCode::SUCCESS), |_| String::new())
}

fn path(id: &str, rest: &str) -> String {
    format!("/api/v1/waivers/{}{rest}", segment(id))
}

async fn listed(server: &Server, list: &List, json: bool) -> anyhow::Result<()> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !list.all {
        query.append_pair("holding", "true");
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
    let (found, more) = server.list("waivers", &query, list.limit, every).await?;
    if json {
        return print(&format!("{}\n", json!({"waivers": found})));
    }
    if found.is_empty() {
        return print("There is no such waiver that you may see.\n");
    }
    let rows: Vec<[String; 6]> = found.iter().map(row).collect();
    print(&table(
        ["id", "state", "until", "rule", "repository", "path"],
        &rows,
    ))?;
    if more {
        remark("There are more: --limit COUNT shows them.");
    }
    Ok(())
}

fn row(waiver: &Value) -> [String; 6] {
    let expires = text(waiver, "expires");
    [
        text(waiver, "id"),
        text(waiver, "state"),
        expires.get(..10).unwrap_or(&expires).to_owned(),
        text(waiver, "rule"),
        format!(
            "{}/{}",
            text(waiver, "upstream"),
            text(waiver, "repository")
        ),
        text(waiver, "path"),
    ]
}

fn told(waiver: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        return print(&format!("{waiver}\n"));
    }
    let mut page = String::new();
    for (name, field) in [
        ("waiver", "id"),
        ("state", "state"),
        ("upstream", "upstream"),
        ("repository", "repository"),
        ("made of", "review"),
        ("finding", "finding"),
        ("it is", "judgement"),
        ("reason", "reason"),
        ("author", "author"),
        ("since", "created"),
        ("until", "expires"),
        ("revoked", "revoked"),
        ("by", "revoked_by"),
    ] {
        let value = text(waiver, field);
        if !value.is_empty() {
            page.push_str(&format!("{name:<11}{value}\n"));
        }
    }
    let covers = waiver.get("covers").and_then(Value::as_array);
    for cover in covers.into_iter().flatten() {
        page.push_str(&format!(
            "covers     {} at {}\n",
            text(cover, "rule"),
            text(cover, "path")
        ));
    }
    print(&page)
}

/// Why it was revoked, and what stays waived all the same.
fn revoked(waiver: &Value, reason: &str) -> anyhow::Result<()> {
    let mut page = String::new();
    if !reason.trim().is_empty() {
        page.push_str(&format!("because    {}\n", safe(reason.trim())));
    }
    let others = waiver.get("still_waived_by").and_then(Value::as_array);
    let others = others.into_iter().flatten().filter_map(Value::as_str);
    for other in others {
        page.push_str(&format!(
            "still      {} covers something of it: exeat waiver show {0}\n",
            safe(other)
        ));
    }
    print(&page)
}

/// The text of a field, safe to print; empty where there is none.
fn text(value: &Value, field: &str) -> String {
    value
        .get(field)
        .and_then(Value::as_str)
        .map(safe)
        .unwrap_or_default()
}
