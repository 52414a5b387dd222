//! `exeat group`: persons who are named together.

use std::process::ExitCode;

use serde_json::json;

use super::people::{Format, Office, Place, json_line, ordered, print, segment, table, words};
use crate::people::{Done, Group};

/// Name people together, for policies and notices
///
/// A group gives no rights of its own. While a server runs it makes the changes; this command asks it
/// through the data folder's control.sock.
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
    let office = args.place.office().await?;
    let done = carried_out(&office, &args.command).await;
    office.close().await;
    let (words, group) = done?;
    match args.place.format {
        Format::Text => print(&words)?,
        Format::Jsonl => print(&json_line(&group)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What was done, in words, and the group as it is now; as it was, where it was taken away.
async fn carried_out(office: &Office, command: &Command) -> anyhow::Result<(String, Group)> {
    let said =
        |word: &str, group: Group| (format!("{word} {} ({})\n", group.name, group.id), group);
    Ok(match command {
        Command::Add { name, about } => said("added", added(office, name, about.as_deref()).await?),
        Command::Remove { name } => said("removed", removed(office, name).await?),
        Command::Join(members) => moved(office, members, true).await?,
        Command::Leave(members) => moved(office, members, false).await?,
        Command::List { .. } => anyhow::bail!("reading changes nothing"),
    })
}

async fn added(office: &Office, name: &str, about: Option<&str>) -> anyhow::Result<Group> {
    match office {
        Office::Here(opened) => Ok(opened.people.add_group(name, about, &opened.actor).await?),
        Office::Server(server, register) => {
            let order = json!({"name": name, "about": about});
            ordered(server, "/api/v1/groups", &order).await?;
            Ok(register.group(name).await?)
        }
    }
}

async fn removed(office: &Office, name: &str) -> anyhow::Result<Group> {
    match office {
        Office::Here(opened) => Ok(opened.people.remove_group(name, &opened.actor).await?),
        Office::Server(server, register) => {
            let group = register.group(name).await?;
            let path = format!("/api/v1/groups/{}/remove", segment(name));
            ordered(server, &path, &json!({})).await?;
            Ok(group)
        }
    }
}

/// Everybody who is named must be known before anybody is moved.
async fn moved(office: &Office, members: &Members, joins: bool) -> anyhow::Result<(String, Group)> {
    let mut group = office.register().group(&members.group).await?;
    for person in &members.people {
        office.register().person(person).await?;
    }
    let mut text = String::new();
    let name = &members.group;
    for person in &members.people {
        let done = one_moved(office, name, person, joins).await?;
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

async fn one_moved(
    office: &Office,
    group: &str,
    person: &str,
    joins: bool,
) -> anyhow::Result<Done<Group>> {
    let (server, register) = match office {
        Office::Here(opened) => {
            let (people, actor) = (&opened.people, &opened.actor);
            return Ok(match joins {
                true => people.join(group, person, actor).await?,
                false => people.leave(group, person, actor).await?,
            });
        }
        Office::Server(server, register) => (server, register),
    };
    let word = if joins { "join" } else { "leave" };
    let path = format!("/api/v1/groups/{}/{word}", segment(group));
    let changed = ordered(server, &path, &json!({"person": person})).await?;
    let now = register.group(group).await?;
    Ok(Done { now, changed })
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
