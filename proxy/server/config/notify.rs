//! `[notify]`: who is told what becomes of held pushes, and how.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use exeat_inspect::MailDomain;
use http::uri::{Authority, PathAndQuery};
use serde::Serialize;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::reach::Reach;
use super::secret::{self, KeySource, SOURCES, Secret};
use super::section::{Section, either, nearest, quoted};
use super::upstream::authorities;
use super::via::{self, Surroundings};
use crate::notify::{Kind, is_mail_address};

/// Who is told what becomes of held pushes.
#[derive(Debug, Clone)]
pub struct Notify {
    /// Seconds until the second try; later ones wait twice as long each, an hour at most. Default 10.
    pub retry: Duration,
    /// Seconds from the first try to the last. Default a day.
    pub give_up: Duration,
    /// By name.
    pub webhooks: Vec<Webhook>,
    pub mail: Option<Mail>,
}

/// A program that is told by HTTP.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// `[a-z0-9_-]`, at most 40 characters.
    pub name: String,
    pub reach: Reach,
    /// What its requests name as their host.
    pub host: Authority,
    pub path: PathAndQuery,
    /// What its messages are signed with, 24 to 64 bytes; and the one before, while it is exchanged.
    pub secrets: Vec<Secret>,
    /// What it is told. Default everything.
    pub events: Vec<Kind>,
    shown: ShownWebhook,
}

/// A mail server that takes our mail, and whom it is for.
#[derive(Debug, Clone)]
pub struct Mail {
    pub reach: Reach,
    pub tls: MailTls,
    pub from: String,
    pub to: Vec<Addressee>,
    /// People are told at addresses of these domains alone. Default that of `from`.
    pub domains: Vec<MailDomain>,
    /// Default everything.
    pub events: Vec<Kind>,
    pub login: Option<Login>,
    shown: ShownMail,
}

/// How mail is encrypted on its way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// STARTTLS (RFC 3207), and nothing without it.
    Start,
    /// From the first byte (RFC 8314).
    Wrapped,
    /// Not at all; on this machine only.
    Off,
}

/// Who gets mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressee {
    /// Everybody who may decide on the push.
    Reviewers,
    /// Whoever pushed, where that is a known person.
    Pusher,
    Address(String),
}

/// How we sign in at the mail server.
#[derive(Debug, Clone)]
pub struct Login {
    pub user: String,
    pub password: Secret,
}

const A_WEBHOOK: &str = "an address such as https://hooks.bank.example/exeat, or ";
const A_SECRET: &str = "24 to 64 bytes as base64, with or without whsec_ before them";
const A_PASSWORD: &str = "one line of text";
const AN_ADDRESS: &str = "a mail address such as exeat@bank.example";
const A_SERVER: &str = "a mail server such as smtp.bank.example:587, or \"off\"";

const TLS: [(&str, MailTls); 3] = [
    ("start", MailTls::Start),
    ("wrapped", MailTls::Wrapped),
    ("off", MailTls::Off),
];

impl Notify {
    pub(super) fn read(mut section: Section<'_>, surroundings: &Surroundings) -> Self {
        let retry = section.number("retry_seconds", 1..=3_600).unwrap_or(10);
        let give_up = section.number("give_up_seconds", 1..=604_800);
        let webhooks = webhooks(section.section("webhook"), surroundings);
        let mail = mail(section.section("mail"));
        section.finish();
        Self {
            retry: Duration::from_secs(retry),
            give_up: Duration::from_secs(give_up.unwrap_or(86_400)),
            webhooks,
            mail,
        }
    }
}

fn webhooks(mut section: Section<'_>, surroundings: &Surroundings) -> Vec<Webhook> {
    let mut webhooks = Vec::new();
    for name in section.names() {
        let Some(mut one) = section.named(&name) else {
            continue;
        };
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
        if !(1..=40).contains(&name.len()) || !name.bytes().all(plain) {
            let text = "expected a name of at most 40 of a-z, 0-9, \"_\" and \"-\"";
            one.refuse_self(text.to_owned());
        }
        webhooks.extend(webhook(name, one, surroundings));
    }
    section.finish();
    webhooks
}

fn webhook(name: String, mut section: Section<'_>, surroundings: &Surroundings) -> Option<Webhook> {
    let plaintext = section.flag("plaintext").unwrap_or(false);
    let url = webhook_url(&mut section, plaintext);
    let secret = match section.has("secret") {
        true => signing_key(&mut section, "secret"),
        false => {
            section.miss("secret", SOURCES);
            None
        }
    };
    let old_secret = signing_key(&mut section, "old_secret");
    let events = events(&mut section);
    let ca = authorities(&mut section);
    let private = section.flag("private").unwrap_or(false);
    let via = via::read(&mut section, url.as_ref().map(|(url, _)| url), surroundings);
    section.finish();
    let (url, url_shown) = url?;
    let (secret_from, secret) = secret?;
    let (old_secret_from, old_secret) = old_secret.unzip();
    let host = url.host_str()?;
    let named = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let via_shown = via.as_ref().map_or("off".to_owned(), via::Via::shown);
    Some(Webhook {
        shown: ShownWebhook {
            url: url_shown,
            secret: secret_from.to_string(),
            old_secret: old_secret_from.map(|source: KeySource| source.to_string()),
            events: words(&events),
            ca: ca.as_ref().map(|ca| ca.path.display().to_string()),
            plaintext,
            private,
            via: via_shown,
        },
        name,
        host: named.parse().ok()?,
        path: path.parse().ok()?,
        reach: Reach {
            authority: format!("{host}:{}", url.port_or_known_default()?)
                .parse()
                .ok()?,
            tls: url.scheme() == "https",
            ca,
            private,
            via,
        },
        secrets: std::iter::once(secret).chain(old_secret).collect(),
        events,
    })
}

/// The address, and what of it may be shown. One that is a secret stands elsewhere, and then nothing of it is.
fn webhook_url(section: &mut Section<'_>, plaintext: bool) -> Option<(Url, String)> {
    let expected = format!("{A_WEBHOOK}{SOURCES}");
    if !section.has("url") {
        section.miss("url", &expected);
        return None;
    }
    let text = section.text("url")?;
    let is_elsewhere = secret::source(section, &text).is_some();
    let (address, shown) = match is_elsewhere {
        false => (text.clone(), text),
        true => {
            let (source, text) = secret::read(section, "url", &text, "an https address")?;
            (text.trim().to_owned(), source.to_string())
        }
    };
    let mut refused = |why: &str| {
        section.refuse("url", why.to_owned());
        None
    };
    // The parser would leave out what ends a line, and take two lines for one address.
    let is_line = !address.contains(char::is_control);
    let Some(url) = Url::parse(&address).ok().filter(|_| is_line) else {
        return refused(&format!("expected {expected} (value not shown)"));
    };
    let named = url.host_str().is_some_and(|host| !host.ends_with('.')) && url.port() != Some(0);
    if !named || !url.username().is_empty() || url.password().is_some() || url.fragment().is_some()
    {
        return refused(
            "expected scheme, host and path, without user name or fragment (value not shown)",
        );
    }
    if url.query().is_some() && !is_elsewhere {
        return refused(
            "an address with a query is a secret more often than not: put it where others cannot read it, as in \
             url = \"file:PATH\" (value not shown)",
        );
    }
    match url.scheme() {
        "https" => {}
        "http" if plaintext => {}
        "http" => {
            return refused("it is not encrypted; use https, or set plaintext = true here");
        }
        _ => return refused(&format!("expected {expected} (value not shown)")),
    }
    Some((url, shown))
}

fn signing_key(section: &mut Section<'_>, key: &'static str) -> Option<(KeySource, Secret)> {
    let text = section.parsed(key, SOURCES, |text| Some(text.to_owned()))?;
    let (source, text) = secret::read(section, key, &text, A_SECRET)?;
    let text = Zeroizing::new(text);
    let base64 = text.trim();
    let base64 = base64.strip_prefix("whsec_").unwrap_or(base64);
    match BASE64_STANDARD.decode(base64).map(Zeroizing::new) {
        Ok(bytes) if (24..=64).contains(&bytes.len()) => Some((source, Secret::new(bytes))),
        Ok(_) | Err(_) => {
            section.refuse(key, format!("expected {A_SECRET} there"));
            None
        }
    }
}

fn events(section: &mut Section<'_>) -> Vec<Kind> {
    let Some(words) = section.list("events") else {
        return Kind::ALL.to_vec();
    };
    let names = Kind::ALL.map(Kind::word);
    let mut events = Vec::new();
    for word in words {
        match Kind::from_word(&word) {
            Some(kind) => events.push(kind),
            None => {
                let hint = match nearest(&word, &names) {
                    Some(near) => format!("; did you mean \"{near}\"?"),
                    None => String::new(),
                };
                let text = format!("expected {}, found {}{hint}", either(&names), quoted(&word));
                section.refuse("events", text);
            }
        }
    }
    events.sort_unstable();
    events.dedup();
    events
}

fn words(events: &[Kind]) -> Vec<&'static str> {
    events.iter().map(|kind| kind.word()).collect()
}

/// Without a server there is no mail, and the other keys say what would be.
fn mail(mut section: Section<'_>) -> Option<Mail> {
    let server = section.parsed("server", A_SERVER, |text| match text {
        "off" => Some(None),
        text => server(text).map(Some),
    });
    let server = server.flatten();
    let tls = section.word("tls", &TLS).unwrap_or(MailTls::Start);
    let from = section.parsed("from", AN_ADDRESS, address);
    if server.is_some() && from.is_none() && !section.has("from") {
        section.miss("from", AN_ADDRESS);
    }
    let to = addressees(&mut section);
    let domains = domains(&mut section);
    let events = events(&mut section);
    let login = login(&mut section, server.is_some());
    let ca = authorities(&mut section);
    let private = section.flag("private").unwrap_or(false);
    if let (Some((host, _)), MailTls::Off) = (&server, tls)
        && !is_here(host)
    {
        let text =
            "\"off\" is for a mail server on this machine alone: 127.0.0.1, ::1 or localhost";
        section.refuse("tls", text.to_owned());
    }
    section.finish();
    let ((host, port), from) = (server?, from?);
    let usual = match tls {
        MailTls::Start => 587,
        MailTls::Wrapped => 465,
        MailTls::Off => 25,
    };
    let own = from.rsplit_once('@').map_or("", |(_, domain)| domain);
    let domains = match domains.is_empty() {
        true => MailDomain::parse(own).into_iter().collect(),
        false => domains,
    };
    let authority = format!("{host}:{}", port.unwrap_or(usual));
    Some(Mail {
        shown: ShownMail {
            server: authority.clone(),
            tls: TLS
                .iter()
                .find(|(_, one)| *one == tls)
                .map(|(word, _)| *word),
            from: Some(from.clone()),
            to: to.iter().map(ToString::to_string).collect(),
            domains: domains.iter().map(ToString::to_string).collect(),
            events: words(&events),
            user: login.as_ref().map(|(login, _)| login.user.clone()),
            password: login.as_ref().map(|(_, source)| source.to_string()),
            ca: ca.as_ref().map(|ca| ca.path.display().to_string()),
            private: Some(private),
        },
        reach: Reach {
            authority: authority.parse().ok()?,
            tls: tls != MailTls::Off,
            ca,
            private,
            via: None,
        },
        tls,
        from,
        to,
        domains,
        events,
        login: login.map(|(login, _)| login),
    })
}

/// Host and port. A host given as an address is in the form that an URL has it in.
fn server(text: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = text.parse().ok()?;
    let host = Host::parse(authority.host()).ok()?.to_string();
    let plain = !text.contains('@') && !host.ends_with('.');
    let port = authority.port_u16();
    let has_port = authority.port().is_some();
    (plain && port != Some(0) && has_port == port.is_some()).then_some((host, port))
}

fn is_here(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Ok(Host::Domain(name)) => name == "localhost",
        Err(_) => false,
    }
}

fn address(text: &str) -> Option<String> {
    is_mail_address(text).then(|| text.to_owned())
}

fn addressees(section: &mut Section<'_>) -> Vec<Addressee> {
    let Some(words) = section.list("to") else {
        return vec![Addressee::Reviewers, Addressee::Pusher];
    };
    let mut addressees = Vec::new();
    for word in words {
        let addressee = match word.as_str() {
            "reviewers" => Addressee::Reviewers,
            "pusher" => Addressee::Pusher,
            text if is_mail_address(text) => Addressee::Address(word),
            text => {
                let expected = format!("\"reviewers\", \"pusher\" or {AN_ADDRESS}");
                section.refuse("to", format!("expected {expected}, found {}", quoted(text)));
                continue;
            }
        };
        if !addressees.contains(&addressee) {
            addressees.push(addressee);
        }
    }
    addressees
}

fn domains(section: &mut Section<'_>) -> Vec<MailDomain> {
    let mut domains = Vec::new();
    for text in section.list("domains").unwrap_or_default() {
        match MailDomain::parse(&text) {
            Some(domain) => domains.push(domain),
            None => {
                let expected =
                    "a domain such as bank.example, or *.bank.example for those below it";
                let found = quoted(&text);
                section.refuse("domains", format!("expected {expected}, found {found}"));
            }
        }
    }
    domains
}

fn login(section: &mut Section<'_>, is_used: bool) -> Option<(Login, KeySource)> {
    let user = section.parsed("user", "a name of printable ASCII", |text| {
        let plain = !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        plain.then(|| text.to_owned())
    });
    let password = section.parsed("password", SOURCES, |text| Some(text.to_owned()));
    let password = password.and_then(|text| {
        let (source, text) = secret::read(section, "password", &text, A_PASSWORD)?;
        let text = Zeroizing::new(text);
        let line = text.trim_end_matches(['\r', '\n']);
        if line.is_empty() || line.contains(char::is_control) {
            section.refuse("password", format!("expected {A_PASSWORD} there"));
            return None;
        }
        Some((
            source,
            Secret::new(Zeroizing::new(line.as_bytes().to_vec())),
        ))
    });
    match (user, password) {
        (Some(user), Some((source, password))) => Some((Login { user, password }, source)),
        (Some(_), None) if is_used && !section.has("password") => {
            section.refuse("user", "there is no password for it".to_owned());
            None
        }
        (None, Some(_)) if is_used => {
            section.refuse("password", "there is no user that it is for".to_owned());
            None
        }
        _ => None,
    }
}

impl std::fmt::Display for Addressee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Reviewers => "reviewers",
            Self::Pusher => "pusher",
            Self::Address(address) => address,
        })
    }
}

/// The section as it is written.
#[derive(Serialize)]
pub(super) struct Shown {
    retry_seconds: u64,
    give_up_seconds: u64,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    webhook: std::collections::BTreeMap<String, ShownWebhook>,
    mail: ShownMail,
}

#[derive(Debug, Clone, Serialize)]
struct ShownWebhook {
    url: String,
    secret: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secret: Option<String>,
    events: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
    plaintext: bool,
    private: bool,
    via: String,
}

#[derive(Debug, Clone, Default, Serialize)]
struct ShownMail {
    server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    domains: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private: Option<bool>,
}

pub(super) fn shown(notify: &Notify) -> Shown {
    let webhooks = notify.webhooks.iter();
    let none = ShownMail {
        server: "off".to_owned(),
        ..ShownMail::default()
    };
    Shown {
        retry_seconds: notify.retry.as_secs(),
        give_up_seconds: notify.give_up.as_secs(),
        webhook: webhooks
            .map(|webhook| (webhook.name.clone(), webhook.shown.clone()))
            .collect(),
        mail: notify.mail.as_ref().map_or(none, |mail| mail.shown.clone()),
    }
}
