//! `exeat user`: who is known, with roles, mail addresses and accounts on forges.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use super::people::{
    Format, Office, Opened, Place, json_line, minute, ordered, print, remark, segment, table, words,
};
use super::reach::Server;
use crate::people::rights;
use crate::people::{
    Account, Done, Edit, FormError, NewPerson, Person, Register, Role, RoleGrant, Token, now,
};

/// Add and change the people who push, review and run the proxy
///
/// A person is known by accounts on forges: the upstream's name, and the number by which the forge itself knows the account; by
/// client certificates, and by tokens ("exeat token"). Logins change hands, so a login links nobody; neither does a name or a mail
/// address. Mail addresses are what commits of this person may have.
///
/// Nobody is known at the beginning, and there are no passwords. While a server runs it makes the changes; this command asks it through the data
/// folder's control.sock.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Roles:
  developer   pushes, and sees where his own pushes stand
  reviewer    sees and decides held pushes; reviewer:github.com/org/* limits that to repositories
  security    sees all held pushes, decides findings, writes waivers and drafts rules
  ospo        sees which pushes are held, decides requests
  auditor     reads everything, changes nothing
  operator    manages people, tokens and configuration; never decides, never reads diffs
  service     a machine: never decides
Nobody decides about what he pushed himself, whatever his roles are.

Examples:
  exeat user add ada --role operator --mail ada@bank.example
  exeat user add bob --role developer --role 'reviewer:github.com/org/*'
  exeat user link bob --upstream github.com --account 583231 --login bob-at-bank
  exeat user link bob --certificate 'O=Example, CN=bob'
  exeat user role bob --remove developer
  exeat user disable bob        his tokens, roles and accounts count for nothing at once")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add a person
    Add(Add),
    /// List everybody
    List,
    /// Print all that is known of a person
    Show(Named),
    /// Give roles to a person and take others away
    Role(Roles),
    /// Change a person's display name and mail addresses
    Edit(Change),
    /// Say that an account on a forge is this person's
    Link(Link),
    /// Say that an account is this person's no longer
    Unlink(Unlink),
    /// Let nothing of a person count, at once: no token, no role, no account
    Disable(Named),
    /// Let everything of a person count again, tokens included that have not ended
    Enable(Named),
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The person's name
    name: String,
}

#[derive(Debug, clap::Args)]
struct Add {
    /// At most 64 of a-z, 0-9, ".", "_" and "-"; it stays
    name: String,
    /// The name as people write it
    #[arg(long, value_name = "TEXT")]
    display: Option<String>,
    /// An address that commits of this person may have; repeat for more
    #[arg(long, value_name = "ADDRESS")]
    mail: Vec<String>,
    /// A role, and where it holds; repeat for more
    #[arg(long, value_name = "ROLE[:UPSTREAM[/PATTERN]]")]
    role: Vec<RoleGrant>,
}

#[derive(Debug, clap::Args)]
struct Roles {
    /// The person's name
    name: String,
    /// A role to give; repeat for more
    #[arg(
        long,
        value_name = "ROLE[:UPSTREAM[/PATTERN]]",
        required_unless_present = "remove"
    )]
    add: Vec<RoleGrant>,
    /// A role to take away, written as "user show" prints it; repeat for more
    #[arg(long, value_name = "ROLE[:UPSTREAM[/PATTERN]]")]
    remove: Vec<RoleGrant>,
}

#[derive(Debug, clap::Args)]
struct Change {
    /// The person's name
    name: String,
    /// The name as people write it; empty for none
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["add_mail", "remove_mail"])]
    display: Option<String>,
    /// An address that commits of this person may have; repeat for more
    #[arg(long, value_name = "ADDRESS")]
    add_mail: Vec<String>,
    /// An address that they may have no longer; repeat for more
    #[arg(long, value_name = "ADDRESS")]
    remove_mail: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Link {
    #[command(flatten)]
    unlink: Unlink,
    /// What the forge calls it today, for people to read
    #[arg(long, value_name = "TEXT")]
    login: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Unlink {
    /// The person's name
    name: String,
    /// The upstream's name in the configuration
    #[arg(long, value_name = "NAME", requires = "account")]
    upstream: Option<String>,
    /// The number by which the forge knows the account ("id" in GitHub's https://api.github.com/users/LOGIN)
    #[arg(long, value_name = "ID", requires = "upstream")]
    account: Option<String>,
    /// In place of an account the subject of a client certificate, as the proxy's log has it: 'O=Example, CN=bob'
    #[arg(long, value_name = "SUBJECT", conflicts_with_all = ["upstream", "account"], required_unless_present = "upstream")]
    certificate: Option<String>,
}

impl Unlink {
    fn account(&self) -> Result<Account, FormError> {
        let named = |text: &Option<String>| text.clone().unwrap_or_default();
        match &self.certificate {
            Some(subject) => Account::of_certificate(subject),
            None => Account::new(&named(&self.upstream), &named(&self.account)),
        }
    }
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::List => print(&listed(&args.place).await?)?,
        Command::Show(named) => print(&shown(&args.place, &named.name).await?)?,
        change => {
            if let Command::Link(link) = change
                && let Some(upstream) = &link.unlink.upstream
            {
                args.place.check_upstream(upstream)?;
            }
            let office = args.place.office().await?;
            let done = match &office {
                Office::Here(opened) => carried_out(opened, change).await,
                Office::Server(server, register) => asked(server, register, change).await,
            };
            office.close().await;
            let (word, done) = done?;
            print(&told(args.place.format, word, &done)?)?;
            if matches!(change, Command::Add(_) | Command::Role(_)) {
                advise(&done.now);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What was done, in a word, and how it stands.
async fn carried_out(
    opened: &Opened,
    command: &Command,
) -> anyhow::Result<(&'static str, Done<Person>)> {
    let (people, actor) = (&opened.people, &opened.actor);
    Ok(match command {
        Command::Add(add) => {
            let new = NewPerson {
                name: add.name.clone(),
                display: add.display.clone(),
                mails: add.mail.clone(),
                roles: add.role.clone(),
            };
            let now = people.add_person(&new, actor).await?;
            ("added", Done { now, changed: true })
        }
        Command::Role(roles) => {
            let done = people.change_roles(&roles.name, &roles.add, &roles.remove, actor);
            ("changed the roles of", done.await?)
        }
        Command::Edit(change) => {
            let edit = Edit {
                display: change.display.clone(),
                add_mails: change.add_mail.clone(),
                remove_mails: change.remove_mail.clone(),
            };
            (
                "changed",
                people.edit_person(&change.name, &edit, actor).await?,
            )
        }
        Command::Link(Link { unlink, login }) => {
            let account = unlink.account()?;
            let done = people.link(&unlink.name, &account, login.as_deref(), actor);
            ("linked the account to", done.await?)
        }
        Command::Unlink(unlink) => {
            let account = unlink.account()?;
            let done = people.unlink(&unlink.name, &account, actor);
            ("unlinked the account from", done.await?)
        }
        Command::Disable(named) => ("disabled", people.disable(&named.name, actor).await?),
        Command::Enable(named) => ("enabled", people.enable(&named.name, actor).await?),
        Command::List | Command::Show(_) => anyhow::bail!("reading changes nothing"),
    })
}

/// The same, done by the server.
async fn asked(
    server: &Server,
    register: &Register,
    command: &Command,
) -> anyhow::Result<(&'static str, Done<Person>)> {
    let texts =
        |grants: &[RoleGrant]| -> Vec<String> { grants.iter().map(ToString::to_string).collect() };
    let link = |unlink: &Unlink, login: Option<&str>| json!({"upstream": unlink.upstream, "account": unlink.account, "login": login});
    let (word, name, order, body) = match command {
        Command::Add(add) => {
            let newcomer = json!({
                "name": add.name,
                "display": add.display,
                "mails": add.mail,
                "roles": texts(&add.role),
            });
            ("added", &add.name, "", newcomer)
        }
        Command::Role(roles) => {
            let body = json!({"add": texts(&roles.add), "remove": texts(&roles.remove)});
            ("changed the roles of", &roles.name, "roles", body)
        }
        Command::Edit(change) => {
            let body = json!({
                "display": change.display,
                "add_mails": change.add_mail,
                "remove_mails": change.remove_mail,
            });
            ("changed", &change.name, "edit", body)
        }
        Command::Link(Link { unlink, login }) => {
            let body = link(unlink, login.as_deref());
            ("linked the account to", &unlink.name, "link", body)
        }
        Command::Unlink(unlink) => {
            let body = link(unlink, None);
            ("unlinked the account from", &unlink.name, "unlink", body)
        }
        Command::Disable(named) => ("disabled", &named.name, "disable", json!({})),
        Command::Enable(named) => ("enabled", &named.name, "enable", json!({})),
        Command::List | Command::Show(_) => anyhow::bail!("reading changes nothing"),
    };
    let path = match order {
        "" => "/api/v1/people".to_owned(),
        order => format!("/api/v1/people/{}/{order}", segment(name)),
    };
    let changed = ordered(server, &path, &body).await?;
    let now = register.person(name).await?;
    Ok((word, Done { now, changed }))
}

fn told(format: Format, word: &str, done: &Done<Person>) -> anyhow::Result<String> {
    let person = &done.now;
    match (format, done.changed) {
        (Format::Jsonl, _) => json_line(person),
        (Format::Text, true) => Ok(format!("{word} {} ({})\n", person.name, person.id)),
        (Format::Text, false) => Ok(format!("{} is so already; nothing changed\n", person.name)),
    }
}

/// What these roles come to, where that may surprise.
fn advise(person: &Person) {
    match rights::silencing(person) {
        Some(Role::Service) => remark(
            "note: a service never decides, whatever its other roles; give the deciding role to a person",
        ),
        Some(role) => remark(&format!(
            "note: an {} never decides about pushes nor reads their contents, whatever the other roles of {}; \
             give one of them to somebody else",
            role.name(),
            person.name
        )),
        None => {}
    }
}

async fn listed(place: &Place) -> anyhow::Result<String> {
    let register = place.read().await?;
    let persons = register.all_persons().await?;
    if place.format == Format::Jsonl {
        let mut lines = String::new();
        for person in &persons {
            lines.push_str(&json_line(person)?);
        }
        return Ok(lines);
    }
    if persons.is_empty() {
        return Ok(
            "nobody is known yet; add somebody: exeat user add NAME --role operator\n".to_owned(),
        );
    }
    let row = |person: &Person| {
        [
            person.name.clone(),
            person.display.clone().unwrap_or_else(|| "-".to_owned()),
            words(&person.roles),
            words(&person.mails),
            person.accounts.len().to_string(),
            match person.disabled {
                true => "disabled".to_owned(),
                false => String::new(),
            },
        ]
    };
    let rows: Vec<_> = persons.iter().map(row).collect();
    Ok(table(
        ["name", "display", "roles", "mail", "accounts", ""],
        &rows,
    ))
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    person: &'a Person,
    groups: Vec<String>,
    tokens: Vec<Token>,
}

async fn shown(place: &Place, name: &str) -> anyhow::Result<String> {
    let register = place.read().await?;
    let person = register.person(name).await?;
    let shown = Shown {
        groups: register.groups_of(&person.id).await?,
        tokens: tokens(&register, &person).await?,
        person: &person,
    };
    match place.format {
        Format::Jsonl => json_line(&shown),
        Format::Text => Ok(shown_text(&shown)),
    }
}

/// Those that have not ended.
async fn tokens(register: &Register, person: &Person) -> anyhow::Result<Vec<Token>> {
    let mut tokens = register.all_tokens(Some(&person.id)).await?;
    let time = now();
    tokens.retain(|token| token.revoked.is_none() && token.expires > time);
    Ok(tokens)
}

fn shown_text(shown: &Shown<'_>) -> String {
    let person = shown.person;
    let mut text = String::new();
    let mut line = |title: &str, value: &str| {
        let _ = writeln!(text, "{title:<9}{value}");
    };
    line("name", &person.name);
    line("id", person.id.as_str());
    if let Some(display) = &person.display {
        line("display", display);
    }
    if person.disabled {
        line("state", "disabled: nothing of this person counts");
    }
    for role in &person.roles {
        line("role", &role.to_string());
    }
    for mail in &person.mails {
        line("mail", mail);
    }
    for linked in &person.accounts {
        let login = linked.login.as_deref().map(|login| format!(" ({login})"));
        let login = login.unwrap_or_default();
        let since = minute(linked.linked);
        line(
            "account",
            &format!("{}{login}, linked {since}", linked.account),
        );
    }
    for group in &shown.groups {
        line("group", group);
    }
    for token in &shown.tokens {
        let until = minute(token.expires);
        line(
            "token",
            &format!("{}: {}, until {until}", token.id, token.scopes),
        );
    }
    line("added", &minute(person.created));
    text
}
