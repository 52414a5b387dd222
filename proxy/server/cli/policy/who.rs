//! Of whom and of what `exeat policy explain` is asked: the groups that a person has, and the upstream that a URL means.

use std::path::Path;

use anyhow::bail;
use exeat_gitwire::legible;
use url::Url;

use crate::config::{Config, Upstream, nearest};
use crate::people::{Error, Register};
use crate::store::Records;

/// The groups of a pusher.
#[derive(Debug, Default)]
pub struct Who {
    pub groups: Vec<String>,
    /// What is doubtful about it, for the person who asks.
    pub warnings: Vec<String>,
}

impl Who {
    /// By the people in `data`, where that can be read, and the groups that are named besides.
    pub async fn of(user: &str, named: &[String], data: &Path) -> Self {
        let mut who = Self {
            groups: named.to_vec(),
            warnings: Vec::new(),
        };
        if let Err(error) = who.ask(user, named, data).await {
            who.warnings.push(format!(
                "the people in {} cannot be asked, so only the groups that are named count: {error:#}",
                legible::show(data.display().to_string().as_bytes())
            ));
        }
        who
    }

    async fn ask(&mut self, user: &str, named: &[String], data: &Path) -> anyhow::Result<()> {
        let register = Register::new(&Records::open(data).await?);
        let shown = legible::show(user.as_bytes());
        match register.person(user).await {
            Ok(person) => {
                if person.disabled {
                    let text = "is disabled: such a push is one of a stranger";
                    self.warnings.push(format!("{shown} {text}"));
                }
                for group in register.groups_of(&person.id).await? {
                    if !self.groups.contains(&group) {
                        self.groups.push(group);
                    }
                }
            }
            Err(Error::NoPerson(_)) => self.warnings.push(format!(
                "nobody is called {shown} here: such a push is one of a stranger (leave --user away)"
            )),
            Err(error) => return Err(error.into()),
        }
        for group in named {
            match register.group(group).await {
                Ok(_) => {}
                Err(Error::NoGroup(_)) => {
                    let group = legible::show(group.as_bytes());
                    self.warnings.push(format!("there is no group {group}"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The upstream, and the path of the repository below it: named, or as the URL of the repository says, or the only one.
///
/// # Errors
/// When it is none, or could be several.
pub fn target<'c>(
    config: &'c Config,
    upstream: Option<&str>,
    repository: &str,
) -> anyhow::Result<(&'c Upstream, String)> {
    let names: Vec<&str> = config
        .upstreams
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    if let Some(named) = upstream {
        let Some(found) = config.upstream(named) else {
            let near = nearest(named, &names).map(|near| format!("; did you mean {near}?"));
            let name = legible::show(named.as_bytes());
            bail!("there is no upstream {name}{}", near.unwrap_or_default());
        };
        return Ok((found, repository.to_owned()));
    }
    let url = url_of(repository);
    let path = url
        .as_ref()
        .map_or(repository, Url::path)
        .trim_start_matches('/');
    if let Some(found) = url.as_ref().and_then(|url| behind(config, url)) {
        return Ok((found, path.to_owned()));
    }
    // As it is written where the proxy is asked.
    if let Some((first, rest)) = path.split_once('/')
        && let Some(found) = config.upstream(first)
    {
        return Ok((found, rest.to_owned()));
    }
    match (&url, config.upstreams.as_slice()) {
        (None, [only]) => Ok((only, path.to_owned())),
        (Some(_), _) => bail!(
            "--repo: this is the URL of no upstream; there are {}",
            names.join(", ")
        ),
        (None, _) => bail!(
            "which upstream? Name it by --upstream, or the repository by its URL; there are {}",
            names.join(", ")
        ),
    }
}

/// A URL, also as it is written for ssh (`git@host:path`).
fn url_of(text: &str) -> Option<Url> {
    if text.contains("://") {
        return Url::parse(text).ok();
    }
    let (host, path) = text.split_once(':')?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    Url::parse(&format!("ssh://{host}/{}", path.trim_start_matches('/'))).ok()
}

fn behind<'c>(config: &'c Config, url: &Url) -> Option<&'c Upstream> {
    let host = url.host_str()?;
    let is_http = matches!(url.scheme(), "http" | "https");
    config.upstreams.iter().find(|one| {
        let same_host = one
            .url
            .host_str()
            .is_some_and(|own| own.eq_ignore_ascii_case(host));
        same_host && (!is_http || one.url.port_or_known_default() == url.port_or_known_default())
    })
}
