//! `[upstream."name"]`: the git servers that pushes go on to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use exeat_inspect::{Demands, Excuse, Excuses};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;
use url::Url;

use super::Organisation;
use super::identity::Identity;
use super::policy::{Disposition, Policy};
use super::reach::Reach;
use super::section::{Section, either, nearest, quoted};
use super::sources::{self, Api, Sources};
use super::via::{self, Surroundings, Via};

/// The upstreams of a configuration that names none.
const DEFAULTS: [&str; 4] = ["bitbucket.org", "codeberg.org", "github.com", "gitlab.com"];

/// A git server that pushes go on to.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The first path segment of its repositories here: `https://exeat/<name>/org/repo.git`. `[A-Za-z0-9._-]`, at most
    /// 100 characters, no leading dot; no two names differ only in case.
    pub name: String,
    /// Scheme, host and port alone. Required.
    pub url: Url,
    /// The host of `url`, lower case, with its port where that is not the scheme's own: what an HTTP request names.
    pub authority: http::uri::Authority,
    /// A virtual host whose whole path space is this upstream: a name or address without port, lower case, IPv6 in
    /// brackets. Default none: the upstream is reached by its name in the path only.
    pub host: Option<String>,
    /// Authorities trusted for this upstream beside the system's. Default none.
    pub ca: Option<Authorities>,
    /// The repositories that may be pushed. Default none, which is all of them.
    pub allow: Option<Repositories>,
    /// Whether `http://` is accepted in `url`. Default false: credentials and code would travel readable.
    pub plaintext: bool,
    /// Whether the host of `url`, a name, may lead to loopback and private addresses. Default false. One that is given as
    /// an address is contacted in any case.
    pub private: bool,
    /// The proxy that connections go through. Default what the environment says (`https_proxy`, `no_proxy`), else none.
    pub via: Option<Via>,
    /// Which product this is. Default by the host of `url`, else `other`.
    pub forge: Forge,
    /// What pushers may lower their own findings with, from block to review. Default none.
    pub excuses: Excuses,
    /// With what approved pushes go by themselves. Default none: whoever pushed pushes again.
    pub organisation: Option<Organisation>,
    /// What is asked of what commits and tags say of people. Default what `[identity]` says.
    pub identity: Arc<Demands>,
    /// By what its pushers are known. Default what `[identity]` says.
    pub sources: Sources,
    /// Where the forge is asked whose a credential is; where it is asked at all.
    pub api: Option<Api>,
}

impl Upstream {
    /// Whether `repository`, a path such as `org/repo` or `org/repo.git`, may be pushed.
    pub fn allows(&self, repository: &str) -> bool {
        let allow = self.allow.as_ref();
        allow.is_none_or(|repositories| repositories.contains(repository))
    }

    /// Where its connections lead.
    pub fn reach(&self) -> Option<Reach> {
        let tls = self.url.scheme() != "http";
        let port = self.url.port_or_known_default()?;
        let authority = format!("{}:{port}", self.authority.host());
        Some(Reach {
            authority: authority.parse().ok()?,
            tls,
            ca: self.ca.clone(),
            private: self.private,
            via: self.via.clone(),
        })
    }
}

/// Certificates from a PEM file, read when the configuration was.
#[derive(Debug, Clone)]
pub struct Authorities {
    pub path: PathBuf,
    /// At least one.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// A set of repositories, as patterns: `*` stays within a segment, `**` as a whole segment crosses.
#[derive(Debug, Clone)]
pub struct Repositories {
    patterns: Vec<String>,
    set: GlobSet,
    /// The patterns that end in `.wiki`.
    wikis: GlobSet,
    folds: bool,
}

impl Repositories {
    /// Compared without `.git`, and without case on forges that fold it. A wiki, which forges keep in a repository of its
    /// own named `org/repo.wiki`, is a decision of its own: only a pattern that ends in `.wiki` holds it.
    pub fn contains(&self, repository: &str) -> bool {
        // `*` would match an empty segment, which is no repository.
        let proper = |segment: &str| !matches!(segment, "" | "." | "..");
        let name = plain(repository, self.folds);
        let set = match is_wiki(name) {
            true => &self.wikis,
            false => &self.set,
        };
        repository.split('/').all(proper) && set.is_match(name)
    }

    /// The repositories of one pattern. `folds`: whether the forge takes names without regard to case.
    ///
    /// # Errors
    /// What a pattern must be, where this is none.
    pub fn one(pattern: &str, folds: bool) -> Result<Self, &'static str> {
        Self::new(vec![pattern.to_owned()], folds).map_err(|(_, expected)| expected)
    }

    /// The same with wikis like any other repository.
    pub fn contains_with_wikis(&self, repository: &str) -> bool {
        self.set.is_match(plain(repository, self.folds))
    }

    /// The patterns as they were written.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// # Errors
    /// With the pattern that is none, and what was expected in its place.
    pub(crate) fn new(patterns: Vec<String>, folds: bool) -> Result<Self, (String, &'static str)> {
        let mut set = GlobSetBuilder::new();
        let mut wikis = GlobSetBuilder::new();
        for pattern in &patterns {
            let bad = |why| (pattern.clone(), why);
            check_pattern(pattern).map_err(bad)?;
            let glob = GlobBuilder::new(plain(pattern, folds))
                .literal_separator(true)
                .case_insensitive(folds)
                .build()
                .map_err(|_| bad("a pattern whose brackets and braces are closed"))?;
            if is_wiki(plain(pattern, folds)) {
                wikis.add(glob.clone());
            }
            set.add(glob);
        }
        match (set.build(), wikis.build()) {
            (Ok(set), Ok(wikis)) => Ok(Self {
                patterns,
                set,
                wikis,
                folds,
            }),
            _ => Err((patterns.join(", "), "patterns that are smaller together")),
        }
    }
}

/// In any case: whether a forge folds it is not to decide what needs a decision.
fn is_wiki(name: &str) -> bool {
    let end = name.len().checked_sub(5).and_then(|at| name.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(".wiki"))
}

/// What a pattern must be, where it is not.
fn check_pattern(pattern: &str) -> Result<(), &'static str> {
    if pattern.contains("://") || pattern.starts_with('/') {
        return Err("a repository such as org/repo, without server or leading slash");
    }
    let segments = || pattern.split('/');
    if segments().any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("segments between single slashes, none of them empty, . or ..");
    }
    if segments().any(|segment| segment.contains("**") && segment != "**") {
        return Err("** as a whole segment, as in org/**; within a segment * does it");
    }
    Ok(())
}

fn plain(repository: &str, folds: bool) -> &str {
    let Some((stem, end)) = repository
        .len()
        .checked_sub(4)
        .and_then(|length| repository.split_at_checked(length))
    else {
        return repository;
    };
    let ends = end == ".git" || (folds && end.eq_ignore_ascii_case(".git"));
    // A last segment that is nothing but `.git` names no repository to take it from.
    match ends && !stem.is_empty() && !stem.ends_with('/') {
        true => stem,
        false => repository,
    }
}

/// Which product a forge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Forge {
    GitHub,
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
    Bitbucket,
    Other,
}

const FORGES: [(&str, Forge); 5] = [
    ("github", Forge::GitHub),
    ("gitlab", Forge::GitLab),
    ("gitea", Forge::Gitea),
    ("bitbucket", Forge::Bitbucket),
    ("other", Forge::Other),
];

impl Forge {
    /// Whether names of owners and repositories are the same in any case.
    pub fn folds_case(self) -> bool {
        match self {
            Self::GitHub | Self::GitLab | Self::Gitea | Self::Bitbucket => true,
            Self::Other => false,
        }
    }

    fn of(url: &Url) -> Self {
        match url.host_str() {
            Some("github.com") => Self::GitHub,
            Some("gitlab.com") => Self::GitLab,
            Some("bitbucket.org") => Self::Bitbucket,
            Some("codeberg.org" | "gitea.com") => Self::Gitea,
            _ => Self::Other,
        }
    }
}

/// All upstreams, sorted by name.
pub(super) fn read(
    mut section: Section<'_>,
    surroundings: &Surroundings,
    policy: &Policy,
    identity: &Identity,
) -> Vec<Upstream> {
    let names = section.names();
    if names.is_empty() {
        let mut upstreams: Vec<_> = DEFAULTS
            .into_iter()
            .filter_map(|name| default(name, identity))
            .collect();
        for upstream in &mut upstreams {
            match surroundings.via(&upstream.url) {
                Ok(via) => upstream.via = via,
                Err(why) => section.refuse_self(why),
            }
            let way = sources::Way {
                forge: upstream.forge,
                server: &upstream.url,
                plaintext: false,
                via: upstream.via.as_ref(),
                via_is_named: false,
                surroundings,
            };
            upstream.api = sources::api(&mut section, &upstream.sources, &way);
        }
        return upstreams;
    }
    let mut upstreams: Vec<Upstream> = Vec::new();
    let mut hosts: BTreeMap<String, String> = BTreeMap::new();
    for name in names {
        let Some(mut one) = section.named(&name) else {
            continue;
        };
        check_name(&name, &mut one);
        let twin = |other: &&Upstream| other.name.eq_ignore_ascii_case(&name);
        if let Some(twin) = upstreams.iter().find(twin) {
            let text = format!("differs from upstream {} only in case", quoted(&twin.name));
            one.refuse_self(text);
        }
        let host = one.parsed(
            "host",
            "a host name or address without port, such as github.exeat.example",
            host_name,
        );
        if let Some(host) = &host
            && let Some(other) = hosts.insert(host.clone(), name.clone())
        {
            let text = format!(
                "{} is the host of upstream {} already",
                quoted(host),
                quoted(&other)
            );
            one.refuse("host", text);
        }
        upstreams.extend(upstream(name, host, one, surroundings, policy, identity));
    }
    section.finish();
    upstreams
}

fn upstream(
    name: String,
    host: Option<String>,
    mut section: Section<'_>,
    surroundings: &Surroundings,
    policy: &Policy,
    identity: &Identity,
) -> Option<Upstream> {
    let plaintext = section.flag("plaintext").unwrap_or(false);
    let server = server(&mut section, plaintext);
    let forge = section.word("forge", &FORGES);
    let forge = forge.unwrap_or_else(|| match &server {
        Some((url, _)) => Forge::of(url),
        None => Forge::Other,
    });
    let ca = authorities(&mut section);
    let allow = repositories(&mut section, forge);
    let private = section.flag("private").unwrap_or(false);
    let url = server.as_ref().map(|(url, _)| url);
    let via_is_named = section.has("via");
    let via = via::read(&mut section, url, surroundings);
    let excuses = excuses(&mut section, policy.review);
    let identity = super::identity::read(section.section("identity"), identity);
    let organisation = Organisation::read(section.section("organisation"), forge);
    let api = url.and_then(|server| {
        let way = sources::Way {
            forge,
            server,
            plaintext,
            via: via.as_ref(),
            via_is_named,
            surroundings,
        };
        sources::api(&mut section, &identity.sources, &way)
    });
    section.finish();
    let (url, authority) = server?;
    Some(Upstream {
        name,
        url,
        authority,
        host,
        ca,
        allow,
        plaintext,
        private,
        via,
        forge,
        excuses,
        identity: identity.demands,
        sources: identity.sources,
        organisation,
        api,
    })
}

fn default(name: &str, identity: &Identity) -> Option<Upstream> {
    let url = Url::parse(&format!("https://{name}")).ok()?;
    Some(Upstream {
        name: name.to_owned(),
        authority: authority(&url)?,
        forge: Forge::of(&url),
        url,
        host: None,
        ca: None,
        allow: None,
        plaintext: false,
        private: false,
        via: None,
        excuses: Excuses::default(),
        identity: Arc::clone(&identity.demands),
        sources: identity.sources.clone(),
        organisation: None,
        api: None,
    })
}

/// The words for what a pusher may excuse with, in the order in which they are shown.
pub(super) const EXCUSES: [(&str, Excuse); 3] = [
    ("comments", Excuse::Comment),
    ("ignore-files", Excuse::IgnoreFile),
    ("baselines", Excuse::Baseline),
];

/// `review` is what becomes of what is excused.
fn excuses(section: &mut Section<'_>, review: Disposition) -> Excuses {
    let words = section.list("excuses").unwrap_or_default();
    let mut heeded = Vec::new();
    for word in words {
        if let Some((_, excuse)) = EXCUSES.iter().find(|(known, _)| *known == word) {
            heeded.push(*excuse);
            continue;
        }
        let names = EXCUSES.map(|(known, _)| known);
        let hint = match nearest(&word, &names) {
            Some(near) => format!("; did you mean \"{near}\"?"),
            None => String::new(),
        };
        let text = format!("expected {}, found {}{hint}", either(&names), quoted(&word));
        section.refuse("excuses", text);
    }
    let excuses = Excuses::of(&heeded);
    if !excuses.is_empty() && review < Disposition::Hold {
        section.warn(
            "excuses",
            "secrets beyond doubt are let through where their pusher excuses them (policy.review)"
                .to_owned(),
        );
    }
    excuses
}

fn check_name(name: &str, section: &mut Section<'_>) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let usable = matches!(name.len(), 1..=100) && !name.starts_with('.') && name.bytes().all(plain);
    if !usable {
        section.refuse_self(
            "expected a name of letters, digits, \".\", \"_\" and \"-\" that does not begin with a dot: \
             it is a segment of the address that developers push to"
                .to_owned(),
        );
    }
}

/// The url and its authority. The value is never repeated where it may hold a credential.
fn server(section: &mut Section<'_>, plaintext: bool) -> Option<(Url, http::uri::Authority)> {
    const EXPECTED: &str = "a server's address such as https://github.com";
    if !section.has("url") {
        section.miss("url", EXPECTED);
        return None;
    }
    let text = section.text("url")?;
    let refused = |section: &mut Section<'_>, why: String| {
        section.refuse("url", why);
        None
    };
    if text.contains('@') {
        let why = format!("expected {EXPECTED}, without user name or password (value not shown)");
        return refused(section, why);
    }
    let found = quoted(&text);
    let Ok(url) = Url::parse(&text) else {
        return refused(section, format!("expected {EXPECTED}, found {found}"));
    };
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if let Some(url::Host::Ipv4(address)) = url.host()
        && !text.contains(&address.to_string())
    {
        let why = format!("{found} is the address {address}; write it that way");
        return refused(section, why);
    }
    match url.scheme() {
        "https" => {}
        "http" if plaintext => {}
        "http" => {
            let why = format!("{found} is not encrypted; use https, or set plaintext = true here");
            return refused(section, why);
        }
        scheme => {
            let hint = match nearest(scheme, &["https", "http"]) {
                Some(near) => format!("; did you mean {near}?"),
                None => String::new(),
            };
            return refused(section, format!("expected {EXPECTED}, found {found}{hint}"));
        }
    }
    if !bare {
        let why = format!("expected scheme, host and port only, found {found}");
        return refused(section, why);
    }
    match authority(&url) {
        Some(authority) => Some((url, authority)),
        None => refused(section, format!("expected {EXPECTED}, found {found}")),
    }
}

pub(super) fn authority(url: &Url) -> Option<http::uri::Authority> {
    let host = url.host_str()?;
    if host.ends_with('.') || url.port() == Some(0) {
        return None;
    }
    match url.port() {
        Some(port) => format!("{host}:{port}").parse().ok(),
        None => host.parse().ok(),
    }
}

/// As a `Host` header would hold it: lower case, IPv6 in brackets.
fn host_name(text: &str) -> Option<String> {
    let bracketed = match text.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => text.to_owned(),
    };
    let host = url::Host::parse(&bracketed).ok()?.to_string();
    (!host.ends_with('.')).then_some(host)
}

pub(super) fn authorities(section: &mut Section<'_>) -> Option<Authorities> {
    let path = section.path("ca")?;
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) => {
            section.refuse("ca", format!("cannot read the file: {error}"));
            return None;
        }
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Some(Authorities { path, certificates }),
        Ok(_) | Err(_) => {
            section.refuse(
                "ca",
                "expected PEM certificates in the file, found none".to_owned(),
            );
            None
        }
    }
}

fn repositories(section: &mut Section<'_>, forge: Forge) -> Option<Repositories> {
    let patterns = section.list("allow")?;
    match Repositories::new(patterns, forge.folds_case()) {
        Ok(repositories) => Some(repositories),
        Err((pattern, expected)) => {
            let found = quoted(&pattern);
            section.refuse("allow", format!("expected {expected}, found {found}"));
            None
        }
    }
}
