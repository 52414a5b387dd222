//! What `exeat user`, `group` and `token` share: the data folder they open, who acts, and how lists are printed.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use serde::Serialize;
use serde_json::Value;

use super::reach::Server;
use crate::audit::{Actor, Audit};
use crate::config::{self, Config};
use crate::control;
use crate::identity::operator::{self, named};
use crate::people::{People, Register, time};
use crate::store::{self, Records, Store};

/// Where people are kept.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// The data folder; by default the configuration says
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// The configuration file that names the data folder
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object per line
    Jsonl,
}

impl Place {
    fn directory(&self) -> anyhow::Result<PathBuf> {
        match &self.data {
            Some(directory) => Ok(directory.clone()),
            None => Ok(self.configuration()?.data.directory),
        }
    }

    fn configuration(&self) -> anyhow::Result<Config> {
        let read = Config::load(self.config.as_deref(), config::environment_at_home());
        Ok(read.map(|(config, _)| config)?)
    }

    /// Refuses an upstream that the named configuration does not have. Without one, any may be meant.
    pub fn check_upstream(&self, name: &str) -> anyhow::Result<()> {
        if self.config.is_none() {
            return Ok(());
        }
        let config = self.configuration()?;
        if config.upstream(name).is_some() {
            return Ok(());
        }
        let known: Vec<&str> = config
            .upstreams
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        bail!(
            "the configuration has no upstream \"{}\"; it has {}",
            name.escape_default(),
            known.join(", ")
        );
    }

    /// For reading, beside a server that may be running.
    pub async fn read(&self) -> anyhow::Result<Register> {
        let records = Records::open(&self.directory()?).await;
        let records = records.map_err(|error| match error {
            store::Error::Absent(_) => anyhow!(
                "{error} yet, so nobody is known: add the first operator (exeat user add NAME --role operator, with the same \
                 --data or --config, as the user that the server runs as), or start the server once"
            ),
            error => error.into(),
        })?;
        Ok(Register::new(&records))
    }

    /// For changing: by the server that holds the folder, or by this command where none runs.
    pub async fn office(&self) -> anyhow::Result<Office> {
        let directory = self.directory()?;
        let start = Instant::now();
        loop {
            if let Some(server) = Server::of_folder(&directory).await {
                let register = self.read().await?;
                return Ok(Office::Server(server, register));
            }
            check_owner(&directory)?;
            match Store::open(&directory).await {
                Ok(store) => return Ok(Office::Here(Box::new(Opened::new(store).await?))),
                // It is starting or stopping, or another command is at work.
                Err(store::Error::Held { .. }) if start.elapsed() < PATIENCE => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error @ store::Error::Held { .. }) => {
                    return Err(anyhow!(
                        "{error}, and does not answer at {}: if it is a server, see its log, and run this as the user that it \
                         runs as, or as root",
                        directory.join(control::NAME).display()
                    ));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Where people are changed.
pub enum Office {
    /// The server that holds the folder, and a look into what it keeps.
    Server(Server, Register),
    Here(Box<Opened>),
}

impl Office {
    pub fn register(&self) -> &Register {
        match self {
            Self::Server(_, register) => register,
            Self::Here(opened) => opened.people.register(),
        }
    }

    /// Writes what is under way and lets go of the folder.
    pub async fn close(self) {
        if let Self::Here(opened) = self {
            opened.close().await;
        }
    }
}

/// A name as a segment of a path.
pub fn segment(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// Asks the server to do something; whether that changed anything.
pub async fn ordered(server: &Server, path: &str, order: &Value) -> anyhow::Result<bool> {
    let done = server.post(path, order).await?;
    Ok(done.get("changed").and_then(Value::as_bool) == Some(true))
}

impl Opened {
    async fn new(store: Store) -> anyhow::Result<Self> {
        let audit = Audit::open(store.clone()).await?;
        Ok(Self {
            people: People::new(&store, &audit),
            actor: operator(),
            store,
            audit,
        })
    }
}

/// How long a folder may be held by something that does not answer: a server starts and ends, too.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// The data folder, held by this command.
pub struct Opened {
    pub people: People,
    /// Whoever runs this command.
    pub actor: Actor,
    store: Store,
    audit: Audit,
}

impl Opened {
    /// Writes what is under way and lets go of the folder.
    pub async fn close(self) {
        self.audit.close().await;
        self.store.close().await;
    }
}

/// Files made by another user could not be read by the server.
pub fn check_owner(directory: &Path) -> anyhow::Result<()> {
    let Ok(metadata) = std::fs::metadata(directory) else {
        return Ok(());
    };
    let (owner, own) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != own {
        bail!(
            "the data folder {} belongs to {}: run this as that user, so that the server can read what is written",
            directory.display(),
            named(owner)
        );
    }
    Ok(())
}

/// Whoever runs this command; behind sudo also as sudo says.
pub fn operator() -> Actor {
    let behind = std::env::var("SUDO_USER").ok();
    operator::operator(rustix::process::getuid().as_raw(), behind.as_deref())
}

/// A reader that closed the pipe has seen enough.
pub fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A line for whoever looks on; standard output is for what was asked for.
pub fn remark(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

pub fn json_line(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(format!("{}\n", serde_json::to_string(value)?))
}

/// Rows with their cells below one another, the first row in capitals.
pub fn table<const N: usize>(titles: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = titles.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let titles = titles.map(str::to_uppercase);
    let mut text = String::new();
    for row in std::iter::once(&titles).chain(rows) {
        let cells: Vec<String> = widths
            .iter()
            .zip(row)
            .map(|(width, cell)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Words, or a dash where there are none.
pub fn words<T: ToString>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| word.to_string()).collect();
    match words.is_empty() {
        true => "-".to_owned(),
        false => words.join(" "),
    }
}

/// `2026-01-02 03:04 UTC`.
pub fn minute(milliseconds: i64) -> String {
    let text = time::text(milliseconds);
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(hour)) => format!("{day} {hour} UTC"),
        _ => text,
    }
}
