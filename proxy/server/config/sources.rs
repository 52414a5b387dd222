//! By what pushers are known: `sources`, `required` and `cache_seconds` of `[identity]`, and `api` of an upstream.

use std::time::Duration;

use http::uri::Authority;
use serde::Serialize;
use url::Url;

use super::section::{Section, either, nearest, quoted};
use super::via::Surroundings;
use super::{Forge, Listen, Tls, Upstream, Via};

/// Something that says who pushes, and that nobody else can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The forge itself, asked with the pusher's own credential.
    Forge,
    /// A client certificate that the listener verified.
    Certificate,
    /// A token of ours, in the header `Exeat-Token`.
    Token,
}

impl Source {
    const WORDS: [(&str, Self); 3] = [
        ("forge", Self::Forge),
        ("certificate", Self::Certificate),
        ("token", Self::Token),
    ];

    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Forge => "forge",
            Self::Certificate => "certificate",
            Self::Token => "token",
        }
    }
}

/// What is taken for an answer to who pushes, and what must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// Default none: nobody is asked, and nobody is known.
    pub accepted: Vec<Source>,
    /// A push without all of these is refused. A part of `accepted`. Default none.
    pub required: Vec<Source>,
    /// How long an answer of the forge holds, at most 600 seconds. Default 300.
    pub cache: Duration,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            accepted: Vec::new(),
            required: Vec::new(),
            cache: Duration::from_secs(300),
        }
    }
}

impl Sources {
    pub fn accepts(&self, source: Source) -> bool {
        self.accepted.contains(&source)
    }

    pub fn requires(&self, source: Source) -> bool {
        self.required.contains(&source)
    }
}

/// Reads the three keys of a table `identity`: what one does not say is as in `otherwise`.
pub(super) fn read(section: &mut Section<'_>, otherwise: &Sources) -> Sources {
    let accepted = words(section, "sources");
    let required = words(section, "required");
    let cache = section.number("cache_seconds", 0..=600);
    let sources = Sources {
        accepted: accepted.unwrap_or_else(|| otherwise.accepted.clone()),
        required: required.unwrap_or_else(|| otherwise.required.clone()),
        cache: cache.map_or(otherwise.cache, Duration::from_secs),
    };
    for missing in &sources.required {
        if !sources.accepts(*missing) {
            let word = missing.word();
            section.refuse(
                "required",
                format!("\"{word}\" is not among the sources; add it there"),
            );
        }
    }
    sources
}

fn words(section: &mut Section<'_>, key: &'static str) -> Option<Vec<Source>> {
    let mut read = Vec::new();
    for word in section.list(key)? {
        if let Some((_, source)) = Source::WORDS.iter().find(|(known, _)| *known == word) {
            read.push(*source);
            continue;
        }
        let names = Source::WORDS.map(|(known, _)| known);
        let hint = match nearest(&word, &names) {
            Some(near) => format!("; did you mean \"{near}\"?"),
            None => String::new(),
        };
        let text = format!("expected {}, found {}{hint}", either(&names), quoted(&word));
        section.refuse(key, text);
    }
    read.sort_unstable();
    read.dedup();
    Some(read)
}

/// Where a forge is asked whose a credential is: `/user` below this address.
#[derive(Debug, Clone)]
pub struct Api {
    /// Scheme, host, port and path.
    pub url: Url,
    /// The host, with its port where that is not the scheme's own.
    pub authority: Authority,
    /// As `via` of the upstream; from the environment it is that for this host.
    pub via: Option<Via>,
}

/// What an upstream's other keys say of the way to its API.
pub(super) struct Way<'a> {
    pub(super) forge: Forge,
    pub(super) server: &'a Url,
    pub(super) plaintext: bool,
    /// Of the upstream itself.
    pub(super) via: Option<&'a Via>,
    /// Whether the configuration names it.
    pub(super) via_is_named: bool,
    pub(super) surroundings: &'a Surroundings,
}

/// Reads `api`. None where the forge is not asked, or a problem was told.
pub(super) fn api(section: &mut Section<'_>, sources: &Sources, way: &Way<'_>) -> Option<Api> {
    let named = section.has("api");
    let url = match section.text("api") {
        Some(text) => Some(api_address(section, &text, way.plaintext)?),
        None if named => return None,
        None => usual_api(way.forge, way.server),
    };
    if !sources.accepts(Source::Forge) {
        if named {
            let text = "nobody is asked there while \"forge\" is not among the sources";
            section.warn("api", text.to_owned());
        }
        return None;
    }
    let Some(url) = url else {
        let text = "missing; expected the address below which this forge answers /user, because \"forge\" is \
                    among the sources and this forge has no usual one; forge may need a word too";
        section.refuse("api", text.to_owned());
        return None;
    };
    if way.forge == Forge::Other {
        let text = "\"other\" has no question for whose a credential is; set it to what this forge is, or take \
                    \"forge\" from the sources";
        section.refuse("forge", text.to_owned());
        return None;
    }
    let via = match way.via_is_named {
        true => way.via.cloned(),
        false => match way.surroundings.via(&url) {
            // The environment names one proxy; the upstream's knows its credentials.
            Ok(Some(via)) => way.via.cloned().or(Some(via)),
            Ok(None) => None,
            Err(why) => {
                section.refuse("api", why);
                return None;
            }
        },
    };
    Some(Api {
        authority: super::upstream::authority(&url)?,
        url,
        via,
    })
}

fn api_address(section: &mut Section<'_>, text: &str, plaintext: bool) -> Option<Url> {
    const EXPECTED: &str =
        "expected an address such as https://git.example/api/v3, below which /user is asked";
    if text.contains('@') {
        let text = format!("{EXPECTED}, without user name or password (value not shown)");
        section.refuse("api", text);
        return None;
    }
    let right = |url: &Url| {
        let encrypted = url.scheme() == "https" || (plaintext && url.scheme() == "http");
        encrypted
            && url.query().is_none()
            && url.fragment().is_none()
            && super::upstream::authority(url).is_some()
    };
    let url = Url::parse(text).ok().filter(right);
    if url.is_none() {
        section.refuse("api", format!("{EXPECTED}, found {}", quoted(text)));
    }
    url
}

/// The address of a forge's API where the configuration names none.
///
/// GitHub: "Getting started with the REST API" (`api.github.com`, `HOST/api/v3`, `api.SUBDOMAIN.ghe.com`). GitLab: "REST
/// API" (`/api/v4`). Gitea: "API usage" (`/api/v1`). Bitbucket Cloud: "The Bitbucket Cloud REST API" (`2.0`). Bitbucket Data
/// Center documents no question for one's own account.
pub(super) fn usual_api(forge: Forge, server: &Url) -> Option<Url> {
    let host = server.host_str()?;
    let below = |path: &str| server.join(path).ok();
    match forge {
        Forge::GitHub if host == "github.com" => Url::parse("https://api.github.com").ok(),
        Forge::GitHub if host.ends_with(".ghe.com") => {
            Url::parse(&format!("https://api.{host}")).ok()
        }
        Forge::GitHub => below("/api/v3"),
        Forge::GitLab => below("/api/v4"),
        Forge::Gitea => below("/api/v1"),
        Forge::Bitbucket if host == "bitbucket.org" => {
            Url::parse("https://api.bitbucket.org/2.0").ok()
        }
        Forge::Bitbucket | Forge::Other => None,
    }
}

/// Certificates are shown only where the listener asks for them.
pub(super) fn check(root: &mut Section<'_>, listen: &Listen, upstreams: &[Upstream]) {
    let asks = match &listen.tls {
        Tls::Files(files) => files.client_ca.is_some(),
        Tls::Development | Tls::Off => false,
    };
    let any = |of: fn(&Sources) -> &Vec<Source>| {
        let mut all = upstreams.iter().map(|upstream| of(&upstream.sources));
        all.any(|sources| sources.contains(&Source::Certificate))
    };
    if asks {
        return;
    }
    if any(|sources| &sources.required) {
        let text =
            "\"certificate\" is required, and listen.tls has no client_ca: nobody could push";
        root.refuse("identity", text.to_owned());
    } else if any(|sources| &sources.accepted) {
        let text = "\"certificate\" is among the sources, and listen.tls has no client_ca: none is ever shown";
        root.warn("identity", text.to_owned());
    }
}

/// The three keys as they are written.
#[derive(Serialize)]
pub(super) struct Shown {
    sources: Vec<Source>,
    required: Vec<Source>,
    cache_seconds: u64,
}

pub(super) fn shown(sources: &Sources) -> Shown {
    Shown {
        sources: sources.accepted.clone(),
        required: sources.required.clone(),
        cache_seconds: sources.cache.as_secs(),
    }
}
