//! Who is told, as the configuration has it: the ways to webhooks and to the mail server, and which of them a thing concerns.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use exeat_inspect::{Address, MailDomain};
use url::Url;

use super::address::is_mail_address;
use super::event::{Facts, Kind};
use super::fate::{Fate, Pace};
use super::letter::{self, Envelope, Role};
use super::smtp::Server;
use super::webhook::{Told, Webhook};
use crate::config::{Addressee, Config};
use crate::people::rights::{Case, Matter, Powers, Right};
use crate::people::{self, Account, Person, PersonId, Register};
use crate::store::{EventRow, NoticeRow};
use crate::upstream;

/// How long a receiver may take for each step.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reviewers who are told of one push. Where more may decide, an address of the whole group is the better way.
const MOST_REVIEWERS: usize = 100;

pub(super) const WEBHOOK: &str = "webhook";
pub(super) const MAIL: &str = "mail";

/// Everybody who is told something.
pub struct Receivers {
    webhooks: BTreeMap<String, Webhook>,
    mail: Option<Mail>,
    pub(super) pace: Pace,
    console: Option<Url>,
    /// Upstreams whose forge takes names without regard to case.
    folding: HashMap<String, bool>,
}

struct Mail {
    server: Server,
    from: String,
    to: Vec<Addressee>,
    domains: Vec<MailDomain>,
    events: Vec<Kind>,
}

/// What came of a try-out.
#[derive(Debug)]
pub struct Tried {
    /// `webhook chat`, `mail to ada@bank.example`.
    pub receiver: String,
    /// What went wrong, if anything did.
    pub trouble: Option<String>,
}

impl Receivers {
    /// # Errors
    /// When certificate authorities cannot be read or the TLS set-up fails.
    pub fn new(config: &Config) -> Result<Self, upstream::Error> {
        let notify = &config.notify;
        let mut webhooks = BTreeMap::new();
        for section in &notify.webhooks {
            webhooks.insert(section.name.clone(), Webhook::new(section, PATIENCE)?);
        }
        let mail = match &notify.mail {
            None => None,
            Some(mail) => Some(Mail {
                server: Server::new(mail, PATIENCE)?,
                from: mail.from.clone(),
                to: mail.to.clone(),
                domains: mail.domains.clone(),
                events: mail.events.clone(),
            }),
        };
        let upstreams = config.upstreams.iter();
        Ok(Self {
            webhooks,
            mail,
            pace: Pace {
                first: notify.retry,
                give_up: notify.give_up,
            },
            console: config.console.url.clone(),
            folding: upstreams
                .map(|upstream| (upstream.name.clone(), upstream.forge.folds_case()))
                .collect(),
        })
    }

    /// Whom an event concerns, as channel and receiver.
    pub(super) async fn concerned(
        &self,
        kind: Kind,
        facts: &Facts,
        register: &Register,
    ) -> Result<BTreeSet<(&'static str, String)>, people::Error> {
        let mut concerned: BTreeSet<_> = self
            .webhooks
            .iter()
            .filter(|(_, webhook)| webhook.events.contains(&kind))
            .map(|(name, _)| (WEBHOOK, name.clone()))
            .collect();
        let Some(mail) = self
            .mail
            .as_ref()
            .filter(|mail| mail.events.contains(&kind))
        else {
            return Ok(concerned);
        };
        for addressee in &mail.to {
            match addressee {
                Addressee::Address(address) => {
                    concerned.insert((MAIL, address.clone()));
                }
                Addressee::Reviewers if asks(kind) => {
                    let reviewers = self.reviewers(mail, facts, register).await?;
                    concerned.extend(reviewers.into_iter().map(|id| (MAIL, id)));
                }
                Addressee::Pusher if concerns_pusher(kind) => {
                    let pusher = pusher(facts, register).await?;
                    let pusher = pusher.filter(|person| mail.address_of(person).is_some());
                    concerned.extend(pusher.map(|person| (MAIL, person.id.to_string())));
                }
                Addressee::Reviewers | Addressee::Pusher => {}
            }
        }
        Ok(concerned)
    }

    /// Ids of those who may decide on the push and have an address.
    async fn reviewers(
        &self,
        mail: &Mail,
        facts: &Facts,
        register: &Register,
    ) -> Result<Vec<String>, people::Error> {
        let account = facts.account.as_deref();
        let account = account.and_then(|id| Account::new(&facts.upstream, id).ok());
        let own = facts.person.as_deref().and_then(PersonId::read);
        let mut reviewers = Vec::new();
        for person in register.reviewers().await? {
            let matter = Matter::Case(Case {
                upstream: &facts.upstream,
                repository: &facts.repository,
                folds: self.folding.get(&facts.upstream).copied().unwrap_or(false),
                own: person.is(own.as_ref(), account.as_ref()),
            });
            let may = Powers::of(&person).may(Right::DecideCase, &matter);
            if may && mail.address_of(&person).is_some() {
                reviewers.push(person.id.to_string());
            }
        }
        if reviewers.len() > MOST_REVIEWERS {
            tracing::warn!(
                reviewers = reviewers.len(),
                told = MOST_REVIEWERS,
                "more people may decide on a push than are told by mail; name an address of the group in notify.mail.to"
            );
            reviewers.truncate(MOST_REVIEWERS);
        }
        Ok(reviewers)
    }

    /// Tries once to tell a receiver; `now` in Unix seconds.
    pub(super) async fn tell(&self, row: &NoticeRow, register: &Register, now: i64) -> Fate {
        let Some((kind, facts)) = read(&row.event) else {
            return Fate::Never("what is to be told cannot be read".to_owned());
        };
        let told = Told {
            case: &row.event.case,
            revision: row.event.revision,
            kind,
            at: row.event.at,
            facts: &facts,
            console: self.console.as_ref(),
        };
        match row.channel.as_str() {
            WEBHOOK => match self.webhooks.get(&row.receiver) {
                Some(webhook) => webhook.tell(&told, now).await,
                None => Fate::Never("it is not in the configuration any more".to_owned()),
            },
            MAIL => match &self.mail {
                Some(mail) => mail.tell(row, &told, register, now).await,
                None => Fate::Never("no mail server is in the configuration any more".to_owned()),
            },
            _ => Fate::Never("there is no such way to tell anybody".to_owned()),
        }
    }

    /// Sends everybody a message that says nothing; mail goes to `to`.
    pub async fn try_out(&self, to: &[String], id: &str, now: i64) -> Vec<Tried> {
        let mut tried = Vec::new();
        for (name, webhook) in &self.webhooks {
            let fate = webhook.try_out(id, now).await;
            tried.push(Tried::new(format!("webhook {name}"), fate));
        }
        let Some(mail) = &self.mail else {
            return tried;
        };
        for to in to {
            let envelope = Envelope {
                from: &mail.from,
                to,
                id,
                now,
            };
            let letter = letter::trial(&envelope);
            let fate = mail.server.send(&mail.from, to, &letter).await;
            tried.push(Tried::new(format!("mail to {to}"), fate));
        }
        tried
    }

    /// Whether mail is sent at all.
    pub fn has_mail(&self) -> bool {
        self.mail.is_some()
    }
}

impl Mail {
    async fn tell(&self, row: &NoticeRow, told: &Told<'_>, register: &Register, now: i64) -> Fate {
        let (to, role) = match PersonId::read(&row.receiver) {
            None => (Some(row.receiver.clone()), Role::Listed),
            // Asked anew each time: addresses change, and people leave.
            Some(id) => match register.person_of_id(&id).await {
                Err(error) => return Fate::later(error.to_string()),
                Ok(None) => return Fate::Nobody,
                Ok(Some(person)) => {
                    let own = told.facts.account.as_deref();
                    let own = own.and_then(|id| Account::new(&told.facts.upstream, id).ok());
                    let pusher = told.facts.person.as_deref().and_then(PersonId::read);
                    let role = match person.is(pusher.as_ref(), own.as_ref()) {
                        true => Role::Pusher,
                        false => Role::Reviewer,
                    };
                    (self.address_of(&person), role)
                }
            },
        };
        let Some(to) = to else {
            return Fate::Nobody;
        };
        let envelope = Envelope {
            from: &self.from,
            to: &to,
            id: &row.id,
            now,
        };
        let letter = letter::letter(&envelope, told, role);
        self.server.send(&self.from, &to, &letter).await
    }

    /// The first known address that mail may go to, unless the person is disabled. What a commit may have as its author is
    /// not always where somebody wants to read of the company's pushes.
    fn address_of(&self, person: &Person) -> Option<String> {
        let within = |mail: &&String| {
            let address = Address::parse(mail.as_bytes());
            let known = |address: &Address| self.domains.iter().any(|one| one.holds(address));
            is_mail_address(mail) && address.as_ref().is_some_and(known)
        };
        let mut mails = person.mails.iter();
        mails.find(within).filter(|_| !person.disabled).cloned()
    }
}

impl Tried {
    fn new(receiver: String, fate: Fate) -> Self {
        let trouble = match fate {
            Fate::Delivered => None,
            Fate::Later { trouble, .. } | Fate::Never(trouble) => Some(trouble),
            Fate::Nobody => Some("nobody is there".to_owned()),
        };
        Self { receiver, trouble }
    }
}

/// Whoever pushed, where that is a known person.
async fn pusher(facts: &Facts, register: &Register) -> Result<Option<Person>, people::Error> {
    if let Some(id) = facts.person.as_deref().and_then(PersonId::read) {
        return register.person_of_id(&id).await;
    }
    let account = facts.account.as_deref();
    match account.and_then(|id| Account::new(&facts.upstream, id).ok()) {
        Some(account) => register.known_by(&account).await,
        None => Ok(None),
    }
}

/// Whether it asks reviewers for something.
fn asks(kind: Kind) -> bool {
    matches!(kind, Kind::Opened | Kind::Returned)
}

/// Whether it is news to whoever pushed: what he did himself he knows.
fn concerns_pusher(kind: Kind) -> bool {
    match kind {
        Kind::Opened | Kind::Decided | Kind::Withdrawn | Kind::Superseded => false,
        Kind::Approved | Kind::Rejected | Kind::Returned | Kind::Expired => true,
        Kind::Sent | Kind::NotTaken | Kind::Unknown => true,
    }
}

/// What an event says; none where its row is damaged.
pub(super) fn read(event: &EventRow) -> Option<(Kind, Facts)> {
    let facts = serde_json::from_str(&event.facts).ok()?;
    Some((Kind::from_word(&event.kind)?, facts))
}
