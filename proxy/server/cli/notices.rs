//! `exeat notify`: what is still to be told of held pushes, and whether those who are to be told can be reached.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use serde::Serialize;

use super::people::{
    Format, check_owner, json_line, minute, operator, print, remark, segment, table,
};
use super::reach::Server;
use crate::audit::Audit;
use crate::config::{self, Config};
use crate::notify::{self, Receivers, is_mail_address};
use crate::people::{self, time};
use crate::store::{Change, NoticeRow, Records, Store};

/// See and try again what is told of held pushes
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show what waits to be delivered and what was given up; works beside a running server
    List(List),
    /// Try notices again that were given up
    Retry(Retry),
    /// Send every receiver of the configuration a message that says nothing, and say what came of it
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only those in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct Retry {
    /// Ids of notices, as `exeat notify list` has them
    #[arg(required_unless_present = "all")]
    ids: Vec<String>,
    /// All that were given up
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
struct Test {
    /// The configuration file that names the receivers
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the mail goes
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum State {
    Waiting,
    Dead,
    Delivered,
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

impl Place {
    fn directory(&self) -> anyhow::Result<PathBuf> {
        if let Some(directory) = &self.data {
            return Ok(directory.clone());
        }
        let read = Config::load(self.config.as_deref(), config::environment_at_home());
        let (config, _) = read?;
        Ok(config.data.directory)
    }
}

/// Ends with 0, or with 1 where `test` reached not everybody.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::List(list) => list.run().await,
        Command::Retry(retry) => retry.run().await,
        Command::Test(test) => test.run().await,
    }
}

/// Rows read at once.
const PAGE: u32 = 500;

impl List {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let records = Records::open(&self.place.directory()?).await?;
        let state = self.state.map(State::word);
        let shown = |row: &NoticeRow| state.is_some() || row.state != State::Delivered.word();
        let rows = all(&records, state).await?;
        let rows: Vec<&NoticeRow> = rows.iter().filter(|row| shown(row)).collect();
        match self.format {
            Format::Jsonl => {
                for row in rows {
                    print(&json_line(&Shown::of(row))?)?;
                }
            }
            Format::Text if rows.is_empty() => remark("Nothing waits, and nothing was given up."),
            Format::Text => {
                let titles = [
                    "notice", "push", "told", "receiver", "state", "tries", "then", "trouble",
                ];
                print(&table(
                    titles,
                    &rows.into_iter().map(cells).collect::<Vec<_>>(),
                ))?;
            }
        }
        records.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

impl Retry {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let directory = self.place.directory()?;
        let ids = match self.all {
            false => self.ids.clone(),
            true => {
                let records = Records::open(&directory).await?;
                let dead = all(&records, Some(State::Dead.word())).await?;
                records.close().await;
                dead.into_iter().map(|row| row.id).collect()
            }
        };
        match Server::of_folder(&directory).await {
            Some(server) => {
                for id in &ids {
                    let path = format!("/api/v1/notices/{}/retry", segment(id));
                    server.post(&path, &serde_json::json!({})).await?;
                }
                remark(&format!("{} notices are tried again now.", ids.len()));
            }
            None => {
                here(&directory, &ids).await?;
                remark(&format!(
                    "{} notices are tried again once the server runs.",
                    ids.len()
                ));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// By this command, where no server holds the folder.
async fn here(directory: &Path, ids: &[String]) -> anyhow::Result<()> {
    check_owner(directory)?;
    let store = Store::open(directory).await?;
    let audit = Audit::open(store.clone()).await?;
    let mut tried = Ok(());
    for id in ids {
        tried = notify::retry(&store, &audit, operator(), Change::none(), id).await;
        if tried.is_err() {
            break;
        }
    }
    audit.close().await;
    store.close().await;
    Ok(tried?)
}

impl Test {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, warnings) = Config::load(self.config.as_deref(), config::environment())?;
        for warning in &warnings {
            remark(&format!("warning: {warning}"));
        }
        if let Some(bad) = self.to.iter().find(|to| !is_mail_address(to)) {
            bail!(
                "\"{}\" is no mail address such as ada@bank.example",
                bad.escape_default()
            );
        }
        let receivers = Receivers::new(&config)?;
        if receivers.has_mail() && self.to.is_empty() {
            remark("no mail is sent: say where with --to ADDRESS");
        }
        let now = people::now() / 1_000;
        let tried = receivers
            .try_out(&self.to, &format!("test-{now}"), now)
            .await;
        if tried.is_empty() {
            bail!("nobody is told by this configuration; see [notify] in the example file");
        }
        for tried in &tried {
            let trouble = tried.trouble.as_deref();
            print(&format!(
                "{}: {}\n",
                tried.receiver,
                trouble.unwrap_or("ok")
            ))?;
        }
        let is_good = tried.iter().all(|tried| tried.trouble.is_none());
        Ok(ExitCode::from(u8::from(!is_good)))
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dead => "dead",
            Self::Delivered => "delivered",
        }
    }
}

async fn all(records: &Records, state: Option<&str>) -> anyhow::Result<Vec<NoticeRow>> {
    let mut all: Vec<NoticeRow> = Vec::new();
    loop {
        let last = all.last().map(|row| (row.event.at, row.id.clone()));
        let (at, id) = last.unwrap_or((i64::MIN, String::new()));
        let page = records.notices(state, (at, &id), PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn cells(row: &NoticeRow) -> [String; 8] {
    let then = match (row.state.as_str(), row.ended) {
        ("waiting", _) => format!("next {}", minute(row.due)),
        (_, Some(ended)) => format!("on {}", minute(ended)),
        (_, None) => "-".to_owned(),
    };
    [
        row.id.clone(),
        row.event.case.clone(),
        row.event.kind.clone(),
        format!("{} {}", row.channel, row.receiver),
        row.state.clone(),
        row.attempts.to_string(),
        then,
        row.trouble.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

/// A notice for programs.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    push: &'a str,
    revision: i64,
    kind: &'a str,
    at: String,
    channel: &'a str,
    receiver: &'a str,
    state: &'a str,
    tries: i64,
    due: String,
    ended: Option<String>,
    trouble: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn of(row: &'a NoticeRow) -> Self {
        Self {
            id: &row.id,
            push: &row.event.case,
            revision: row.event.revision,
            kind: &row.event.kind,
            at: time::text(row.event.at),
            channel: &row.channel,
            receiver: &row.receiver,
            state: &row.state,
            tries: row.attempts,
            due: time::text(row.due),
            ended: row.ended.map(time::text),
            trouble: row.trouble.as_deref(),
        }
    }
}
