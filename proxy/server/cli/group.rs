//! `exeat group`: persons who are named together.

use std::process::ExitCode;

use super::people::{Format, Opened, Place, json_line, print, table, words};
use crate::people::Group;

/// Name people together, for policies and notices
///
/// A group gives no rights of its own. Lists work at any time, changes while no server runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  exeat group add core --about 'The core team'
  exeat group join core ada bob
  exeat group leave core bob
  exeat group list core")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add a group
    Add {
        /// At most 64 of a-z, 0-9, ".", "_" and "-"
        name: String,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        about: Option<String>,
    },
    /// Take a group away; its members stay
    Remove { name: String },
    /// List groups and their members
    List {
        /// Only this one
        name: Option<String>,
    },
    /// Add people to a group
    Join(Members),
    /// Take people out of a group
    Leave(Members),
}

#[derive(Debug, clap::Args)]
struct Members {
    group: String,
    /// Names of people
    #[arg(required = true, value_name = "PERSON")]
    people: Vec<String>,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Command::List { name } = &args.command {
        print(&listed(&args.place, name.as_deref()).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let opened = args.place.open().await?;
    let done = carried_out(&opened, &args.command).await;
    opened.close().await;
    let (words, group) = done?;
    match args.place.format {
        Format::Text => print(&words)?,
        Format::Jsonl => print(&json_line(&group)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What was done, in words, and the group as it is now; as it was, where it was taken away.
async fn carried_out(opened: &Opened, command: &Command) -> anyhow::Result<(String, Group)> {
    let (people, actor) = (&opened.people, &opened.actor);
    let said =
        |word: &str, group: Group| (format!("{word} {} ({})\n", group.name, group.id), group);
    Ok(match command {
        Command::Add { name, about } => said(
            "added",
            people.add_group(name, about.as_deref(), actor).await?,
        ),
        Command::Remove { name } => said("removed", people.remove_group(name, actor).await?),
        Command::Join(members) => moved(opened, members, true).await?,
        Command::Leave(members) => moved(opened, members, false).await?,
        Command::List { .. } => anyhow::bail!("reading changes nothing"),
    })
}

/// Everybody who is named must be known before anybody is moved.
async fn moved(opened: &Opened, members: &Members, joins: bool) -> anyhow::Result<(String, Group)> {
    let (people, actor) = (&opened.people, &opened.actor);
    let mut group = people.register().group(&members.group).await?;
    for person in &members.people {
        people.register().person(person).await?;
    }
    let mut text = String::new();
    for person in &members.people {
        let done = match joins {
            true => people.join(&members.group, person, actor).await?,
            false => people.leave(&members.group, person, actor).await?,
        };
        let name = &members.group;
        text.push_str(&match (joins, done.changed) {
            (true, true) => format!("{person} joined {name}\n"),
            (true, false) => format!("{person} is in {name} already\n"),
            (false, true) => format!("{person} left {name}\n"),
            (false, false) => format!("{person} is not in {name}\n"),
        });
        group = done.now;
    }
    Ok((text, group))
}

async fn listed(place: &Place, name: Option<&str>) -> anyhow::Result<String> {
    let register = place.read().await?;
    let groups = match name {
        Some(name) => vec![register.group(name).await?],
        None => register.all_groups().await?,
    };
    if place.format == Format::Jsonl {
        let lines: Result<Vec<String>, _> = groups.iter().map(json_line).collect();
        return Ok(lines?.concat());
    }
    if groups.is_empty() {
        return Ok("there are no groups\n".to_owned());
    }
    let row = |group: &Group| {
        [
            group.name.clone(),
            words(&group.members),
            group.about.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = groups.iter().map(row).collect();
    Ok(table(["name", "members", "about"], &rows))
}
