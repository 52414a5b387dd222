//! Reads the configuration file and the environment into one checked `Config`.
//!
//! Raw first, checked after: `raw` merges the file and the variables `EXEAT__SECTION__KEY`, later ones winning; then each
//! section's own file turns its part into plain typed fields. What comes out is used everywhere without checking again. All
//! that is wrong is reported at once, each with its place, its key, what was expected and the nearest valid name.

mod console;
mod data;
mod identity;
mod limits;
mod listen;
mod notify;
mod organisation;
mod overrides;
mod policy;
mod quarantine;
mod raw;
mod reach;
mod rules;
mod secret;
mod section;
mod show;
mod sources;
mod telemetry;
mod upstream;
mod via;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use exeat_inspect::Demands;

pub use self::console::Console;
pub use self::data::Data;
pub use self::limits::Limits;
pub use self::listen::{Files, Listen, Tls};
pub use self::notify::{Addressee, Login, Mail, MailTls, Notify, Webhook};
pub use self::organisation::Organisation;
pub use self::overrides::Overriding;
pub use self::policy::{DISPOSITIONS, Disposition, Policy, Quiet};
pub use self::quarantine::Quarantine;
pub use self::reach::Reach;
pub use self::rules::{RuleFile, Rules, is_pack};
pub use self::secret::{KeySource, Secret};
pub use self::section::{Problem, Warning};
use self::section::{Reader, Section};
pub(crate) use self::section::{either, nearest, quoted};
pub use self::sources::{Api, Source, Sources};
pub use self::telemetry::Telemetry;
pub use self::upstream::{Authorities, Forge, Repositories, Upstream};
pub use self::via::Via;

/// Everything that can be set, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: Listen,
    pub console: Console,
    pub telemetry: Telemetry,
    pub data: Data,
    pub rules: Rules,
    pub policy: Policy,
    pub quiet: Quiet,
    pub quarantine: Quarantine,
    pub notify: Notify,
    /// What is asked of what commits and tags say of people, where their upstream says nothing else. Default nothing.
    pub identity: Arc<Demands>,
    /// By what pushers are known, where their upstream says nothing else. Default nothing.
    pub sources: Sources,
    /// The policy files in reading order. Their rules come before the words of `policy`.
    pub policy_files: Vec<PathBuf>,
    /// Whether policies that two people put into force in the database count beside them. Default: no.
    pub policy_drafts: bool,
    /// At least one, sorted by name.
    pub upstreams: Vec<Upstream>,
    pub limits: Limits,
}

impl Config {
    /// Reads `path`, if there is one, the variables whose names begin with `EXEAT__`, and those that name a proxy.
    pub fn load(
        path: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<Warning>), Error> {
        let file = path.map(raw::File::read).transpose()?;
        Self::merged(file, path, environment)
    }

    /// Reads a file of this text.
    #[doc(hidden)]
    pub fn of_text(text: &str) -> Result<(Self, Vec<Warning>), Error> {
        let path = Some(Path::new("exeat.toml"));
        Self::merged(Some(raw::File::of_text(text)), path, std::iter::empty())
    }

    fn merged(
        file: Option<raw::File>,
        path: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<Warning>), Error> {
        let mut reader = Reader::new(path);
        let environment: Vec<_> = environment.collect();
        let surroundings = via::Surroundings::new(&environment);
        let tree = raw::merge(file, environment.into_iter(), &mut reader)?;
        let config = Self::check(Section::root(&mut reader, tree), &surroundings);
        let (problems, warnings) = reader.finish();
        match problems.is_empty() {
            true => Ok((config, warnings)),
            false => Err(Error::Refused(problems)),
        }
    }

    /// The configuration of an empty file: what `exeat serve` runs with when it is given none.
    pub fn defaults() -> Result<Self, Error> {
        Self::load(None, std::iter::empty()).map(|(config, _)| config)
    }

    fn check(mut root: Section<'_>, surroundings: &via::Surroundings) -> Self {
        let listen = Listen::read(root.section("listen"));
        let console = Console::read(root.section("console"), &listen);
        let telemetry = Telemetry::read(root.section("telemetry"), &listen);
        let data = Data::read(root.section("data"));
        let rules = Rules::read(root.section("rules"));
        let (policy, quiet, policy_files, policy_drafts) = Policy::read(root.section("policy"));
        let quarantine = Quarantine::read(root.section("quarantine"));
        let notify = Notify::read(root.section("notify"), surroundings);
        let identity = identity::read(root.section("identity"), &identity::Identity::default());
        let upstreams = upstream::read(root.section("upstream"), surroundings, &policy, &identity);
        let limits = Limits::read(root.section("limits"));
        sources::check(&mut root, &listen, &upstreams);
        root.finish();
        Self {
            listen,
            console,
            telemetry,
            data,
            rules,
            policy,
            quiet,
            quarantine,
            notify,
            identity: identity.demands,
            sources: identity.sources,
            policy_files,
            policy_drafts,
            upstreams,
            limits,
        }
    }

    /// The effective configuration as TOML, secrets masked. Reading this text gives the same configuration again.
    pub fn show(&self) -> String {
        show::effective(self)
    }

    /// Hex SHA-256 over the text of `show`: `exeat config show | sha256sum` gives the same.
    pub fn digest(&self) -> String {
        use sha2::Digest;
        hex::encode(sha2::Sha256::digest(self.show().as_bytes()))
    }

    /// The upstream of this name, compared exactly.
    pub fn upstream(&self, name: &str) -> Option<&Upstream> {
        self.upstreams.iter().find(|upstream| upstream.name == name)
    }
}

/// This process's variables that say how it is to serve: ours, and those that name a proxy. Bytes that are not UTF-8 are
/// replaced, and refused later where they matter.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    variables(|name| name.starts_with(raw::PREFIX) || via::Surroundings::reads(name))
}

/// The same for commands that reach no upstream: a developer's proxy is none of their business.
pub fn environment_at_home() -> impl Iterator<Item = (String, String)> {
    variables(|name| name.starts_with(raw::PREFIX))
}

fn variables(wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(move |(name, value)| {
        let name = name.to_str()?.to_owned();
        wanted(&name).then(|| (name, value.to_string_lossy().into_owned()))
    })
}

/// Why there is no configuration. Never holds the value of a key that may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: cannot read the configuration: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}:{line}: not TOML: {message}", path.display())]
    Syntax {
        path: PathBuf,
        line: usize,
        message: String,
    },
    /// One line per problem, in the order of the file.
    #[error("{}", lines(.0))]
    Refused(Vec<Problem>),
    #[error("cannot merge the configuration's sources: {0}")]
    Merge(#[from] ::config::ConfigError),
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests;
