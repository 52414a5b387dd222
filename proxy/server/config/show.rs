//! Writes a checked configuration as TOML again, with secrets masked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use exeat_rules::Override;
use serde::{Serialize, Serializer};

use super::upstream::EXCUSES;
use super::{Config, Forge, Policy, RuleFile, Tls};
use super::{identity, notify};

/// The canonical form: every key with its value, sections and keys in a fixed order.
pub(super) fn effective(config: &Config) -> String {
    toml::to_string(&shown(config)).expect("because strings, numbers and tables always serialise")
}

fn shown(config: &Config) -> Shown {
    let address = config.telemetry.address;
    let rules = config.rules.files.iter().map(|file| match file {
        RuleFile::Builtin => "builtin".to_owned(),
        RuleFile::File(path) => path_text(path),
    });
    let overrides = config.rules.overrides.iter();
    let overrides = overrides.map(|each| (each.id.clone(), each.values));
    let upstreams = config.upstreams.iter().map(|upstream| {
        let url = upstream.url.as_str().trim_end_matches('/').to_owned();
        let shown = ShownUpstream {
            url,
            host: upstream.host.clone(),
            ca: upstream.ca.as_ref().map(|ca| path_text(&ca.path)),
            allow: upstream
                .allow
                .as_ref()
                .map(|allow| allow.patterns().to_vec()),
            plaintext: upstream.plaintext,
            private: upstream.private,
            via: upstream
                .via
                .as_ref()
                .map_or("off".to_owned(), |via| via.shown()),
            forge: upstream.forge,
            excuses: EXCUSES
                .iter()
                .filter(|(_, excuse)| upstream.excuses.heeds(*excuse))
                .map(|(word, _)| *word)
                .collect(),
            organisation: upstream.organisation.as_ref().map(|one| ShownOrganisation {
                user: one.user.clone(),
                token: one.source.to_string(),
                repositories: one.repositories.patterns().to_vec(),
            }),
            api: upstream.api.as_ref().map(|api| api.url.to_string()),
            identity: (upstream.identity != config.identity || upstream.sources != config.sources)
                .then(|| identity::shown(&upstream.identity, &upstream.sources)),
        };
        (upstream.name.clone(), shown)
    });
    let policy = &config.policy;
    let console = &config.console;
    Shown {
        listen: ShownListen {
            address: config.listen.address,
            tls: tls(&config.listen.tls),
        },
        console: ShownConsole {
            address: console
                .address
                .map_or("off".to_owned(), |address| address.to_string()),
            url: console
                .url
                .as_ref()
                .map(|url| url.as_str().trim_end_matches('/').to_owned()),
            tls: tls(&console.tls),
        },
        telemetry: BTreeMap::from([(
            "address",
            address.map_or("off".to_owned(), |address| address.to_string()),
        )]),
        data: BTreeMap::from([("directory", path_text(&config.data.directory))]),
        rules: ShownRules {
            files: rules.collect(),
            packs: config.rules.packs.clone(),
            watch: config.rules.watch,
            drafts: config.rules.drafts,
            overrides: overrides.collect(),
        },
        policy: ShownPolicy {
            files: config
                .policy_files
                .iter()
                .map(|path| path_text(path))
                .collect(),
            drafts: config.policy_drafts,
            words: *policy,
            quiet_after: config.quiet.after,
            quiet_minutes: config.quiet.within.as_secs() / 60,
        },
        quarantine: ShownQuarantine {
            key: config.quarantine.key.as_ref().map(ToString::to_string),
            old_keys: config
                .quarantine
                .old_keys
                .iter()
                .map(ToString::to_string)
                .collect(),
            bytes: config.quarantine.bytes,
            days: config.quarantine.days,
            contents_days: config.quarantine.contents_days,
        },
        notify: notify::shown(&config.notify),
        identity: identity::shown(&config.identity, &config.sources),
        upstream: upstreams.collect(),
        limits: Ordered(config.limits.numbers()),
    }
}

#[derive(Serialize)]
struct Shown {
    listen: ShownListen,
    console: ShownConsole,
    telemetry: BTreeMap<&'static str, String>,
    data: BTreeMap<&'static str, String>,
    rules: ShownRules,
    policy: ShownPolicy,
    quarantine: ShownQuarantine,
    notify: notify::Shown,
    identity: identity::Shown,
    upstream: BTreeMap<String, ShownUpstream>,
    limits: Ordered<u64>,
}

#[derive(Serialize)]
struct ShownRules {
    files: Vec<String>,
    packs: Vec<String>,
    watch: bool,
    drafts: bool,
    #[serde(rename = "override", skip_serializing_if = "BTreeMap::is_empty")]
    overrides: BTreeMap<String, Override>,
}

#[derive(Serialize)]
struct ShownPolicy {
    files: Vec<String>,
    drafts: bool,
    #[serde(flatten)]
    words: Policy,
    quiet_after: usize,
    quiet_minutes: u64,
}

#[derive(Serialize)]
struct ShownQuarantine {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    old_keys: Vec<String>,
    bytes: u64,
    days: u64,
    contents_days: u64,
}

#[derive(Serialize)]
struct ShownListen {
    address: SocketAddr,
    tls: ShownTls,
}

#[derive(Serialize)]
struct ShownConsole {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    tls: ShownTls,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ShownTls {
    Word(&'static str),
    Files(Ordered<String>),
}

#[derive(Serialize)]
struct ShownUpstream {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<Vec<String>>,
    plaintext: bool,
    private: bool,
    via: String,
    forge: Forge,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    excuses: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<identity::Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<ShownOrganisation>,
}

#[derive(Serialize)]
struct ShownOrganisation {
    user: String,
    token: String,
    repositories: Vec<String>,
}

/// A table whose keys keep their order.
struct Ordered<T>(Vec<(&'static str, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

fn tls(tls: &Tls) -> ShownTls {
    match tls {
        Tls::Development => ShownTls::Word("development"),
        Tls::Off => ShownTls::Word("off"),
        Tls::Files(named) => {
            let mut files = vec![
                ("certificate", path_text(&named.certificate)),
                ("key", path_text(&named.key)),
            ];
            for (name, path) in [
                ("client_ca", &named.client_ca),
                ("client_crl", &named.client_crl),
            ] {
                files.extend(path.as_ref().map(|path| (name, path_text(path))));
            }
            ShownTls::Files(Ordered(files))
        }
    }
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}
