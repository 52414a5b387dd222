//! `exeat token`: tokens of people and machines for the proxy itself.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::people::{
    Format, Office, Place, json_line, minute, ordered, print, remark, segment, table,
};
use crate::people::rights::{Powers, Right};
use crate::people::{Done, Lifetime, NewToken, Person, PersonId, Scope, Scopes, Token, now};

/// Create, list and revoke tokens for the proxy itself
///
/// A token says to Exeat who somebody is; no forge knows it, and it never leaves the proxy. Its scopes narrow what its
/// owner's roles allow, and give nothing by themselves. Every token ends; only a keyed hash of it is kept.
///
/// While a server runs it makes the changes; this command asks it through the data folder's control.sock.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Scopes:
  push     say who pushes, in the header Exeat-Token of git
  read     see held pushes
  decide   approve, reject, waive; for people only, never with --service
  admin    manage people, tokens, rules and policies

Examples:
  exeat token create --user ada --scope push --about laptop
  exeat token create --user bob --scope read --scope decide --expires 30d
  exeat token create --user siem --service --scope read > siem.token
  exeat token list --user ada
  exeat token revoke t-4m8z0q2x7k")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token and print it, this once
    Create(Create),
    /// List tokens, those that ended too
    List {
        /// Only those of this person
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// End tokens at once and for good
    Revoke {
        /// Ids of tokens, as "token list" prints them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// The name of its owner
    #[arg(long, value_name = "NAME")]
    user: String,
    /// What it may be used for: push, read, decide, admin; repeat for more
    #[arg(long, value_name = "SCOPE", required = true)]
    scope: Vec<Scope>,
    /// How long it lives, from 1h to 366d
    #[arg(long, value_name = "TIME", default_value = "90d")]
    expires: Lifetime,
    /// For a machine: it never decides
    #[arg(long)]
    service: bool,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    about: Option<String>,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Command::List { user } = &args.command {
        print(&listed(&args.place, user.as_deref()).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let office = args.place.office().await?;
    let done = match &args.command {
        Command::Create(create) => created(&office, create).await,
        Command::Revoke { ids } => revoked(&office, ids, args.place.format).await,
        Command::List { .. } => Ok(()),
    };
    office.close().await;
    done?;
    Ok(ExitCode::SUCCESS)
}

async fn created(office: &Office, create: &Create) -> anyhow::Result<()> {
    let (token, secret) = made(office, create).await?;
    if let Err(error) = hand_over(&secret) {
        // Nobody has it, so nobody is to have it.
        let revoked = revoke(office, token.id.as_str()).await;
        revoked.with_context(|| {
            format!(
                "the token {} could be neither printed nor revoked",
                token.id
            )
        })?;
        return Err(error).context("the token could not be printed, and is revoked");
    }
    let person = office.register().person(&create.user).await?;
    remark(&format!(
        "token {} of {}: {}, until {}; it is not shown again",
        token.id,
        person.name,
        token.scopes,
        minute(token.expires)
    ));
    for scope in useless(&person, &token) {
        remark(&format!(
            "note: no role of {} gives anything that the scope {} is for",
            person.name,
            scope.name()
        ));
    }
    Ok(())
}

/// A token and its text.
async fn made(office: &Office, create: &Create) -> anyhow::Result<(Token, String)> {
    let (server, register) = match office {
        Office::Here(opened) => {
            let new = NewToken {
                person: create.user.clone(),
                scopes: Scopes::new(&create.scope),
                service: create.service,
                about: create.about.clone(),
                lifetime: create.expires,
            };
            let (people, actor) = (&opened.people, &opened.actor);
            let (token, secret) = people.create_token(&new, now(), actor).await?;
            return Ok((token, secret.expose().to_owned()));
        }
        Office::Server(server, register) => (server, register),
    };
    let scopes: Vec<&str> = create.scope.iter().map(|scope| scope.name()).collect();
    let order = json!({
        "person": create.user,
        "scopes": scopes,
        "service": create.service,
        "about": create.about,
        "expires": format!("{}h", create.expires.milliseconds() / 3_600_000),
    });
    let made = server.post("/api/v1/tokens", &order).await?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let id = made.pointer("/token/id").and_then(text);
    let secret = made.get("secret").and_then(text);
    let (Some(id), Some(secret)) = (id, secret) else {
        bail!("the server's answer is not understood; see exeat token list");
    };
    Ok((register.token(&id).await?, secret))
}

async fn revoke(office: &Office, id: &str) -> anyhow::Result<Done<Token>> {
    match office {
        Office::Here(opened) => {
            let done = opened.people.revoke_token(id, now(), &opened.actor).await;
            Ok(done?)
        }
        Office::Server(server, register) => {
            let path = format!("/api/v1/tokens/{}/revoke", segment(id));
            let changed = ordered(server, &path, &json!({})).await?;
            let now = register.token(id).await?;
            Ok(Done { now, changed })
        }
    }
}

/// The token, alone on standard output.
fn hand_over(secret: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{secret}")?;
    out.flush()
}

/// The scopes that are of no use with the roles that the owner has now.
fn useless(person: &Person, token: &Token) -> Vec<Scope> {
    let powers = Powers::by_token(person, token);
    let useful = |scope: &Scope| {
        let mut rights = Right::ALL
            .into_iter()
            .filter(|right| right.scope() == *scope);
        rights.any(|right| powers.may_somewhere(right))
    };
    token.scopes.iter().filter(|scope| !useful(scope)).collect()
}

async fn revoked(office: &Office, ids: &[String], format: Format) -> anyhow::Result<()> {
    for id in ids {
        office.register().token(id).await?;
    }
    for id in ids {
        let done = revoke(office, id).await?;
        print(&match (format, done.changed) {
            (Format::Jsonl, _) => json_line(&done.now)?,
            (Format::Text, true) => format!("revoked {id}\n"),
            (Format::Text, false) => format!("{id} was revoked before\n"),
        })?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    token: &'a Token,
    /// The name of its owner.
    owner: &'a str,
    state: &'static str,
}

async fn listed(place: &Place, user: Option<&str>) -> anyhow::Result<String> {
    let register = place.read().await?;
    let persons = match user {
        Some(name) => vec![register.person(name).await?],
        None => register.all_persons().await?,
    };
    let owner = match (user, persons.first()) {
        (Some(_), Some(person)) => Some(&person.id),
        _ => None,
    };
    let tokens = register.all_tokens(owner).await?;
    let owners: BTreeMap<&PersonId, &Person> =
        persons.iter().map(|person| (&person.id, person)).collect();
    let time = now();
    let mut rows: Vec<Listed<'_>> = tokens
        .iter()
        .map(|token| {
            let owner = owners.get(&token.person);
            Listed {
                token,
                owner: owner.map_or("-", |owner| &owner.name),
                state: state(token, owner.is_none_or(|owner| owner.disabled), time),
            }
        })
        .collect();
    rows.sort_by_key(|row| (row.owner, row.token.created));
    if place.format == Format::Jsonl {
        let lines: Result<Vec<String>, _> = rows.iter().map(json_line).collect();
        return Ok(lines?.concat());
    }
    if rows.is_empty() {
        return Ok("there are no tokens\n".to_owned());
    }
    let rows: Vec<_> = rows.iter().map(row).collect();
    let titles = [
        "id",
        "owner",
        "scopes",
        "state",
        "until",
        "last used",
        "about",
    ];
    Ok(table(titles, &rows))
}

fn state(token: &Token, disabled: bool, time: i64) -> &'static str {
    match () {
        () if token.revoked.is_some() => "revoked",
        () if token.expires <= time => "expired",
        () if disabled => "owner disabled",
        () => "valid",
    }
}

fn row(listed: &Listed<'_>) -> [String; 7] {
    let token = listed.token;
    let service = if token.service { " (service)" } else { "" };
    [
        token.id.to_string(),
        listed.owner.to_owned(),
        format!("{}{service}", token.scopes),
        listed.state.to_owned(),
        minute(token.expires),
        token.used.map_or_else(|| "never".to_owned(), minute),
        token.about.clone().unwrap_or_default(),
    ]
}
