//! Where a push would go: the upstream and the repository that somebody names, or that an address means.

use anyhow::{Context, bail};
use exeat_gitwire::legible;
use url::Url;

use crate::config::{Config, Upstream, nearest};
use crate::upstream::Repository;

/// A repository below an upstream of the configuration.
pub struct Target<'c> {
    pub upstream: &'c Upstream,
    pub repository: Repository,
}

impl<'c> Target<'c> {
    /// As it is said by `--upstream` and `--repo`.
    ///
    /// # Errors
    /// When it is no upstream, or could be several, or the repository is none.
    pub fn named(
        config: &'c Config,
        upstream: Option<&str>,
        repository: &str,
    ) -> anyhow::Result<Self> {
        let (upstream, path) = target(config, upstream, repository)?;
        let repository = Repository::from_path(&format!("/{path}"))
            .context("--repo: expected a path such as org/app")?;
        Ok(Self {
            upstream,
            repository,
        })
    }

    /// What git pushes to at this address, through a proxy or directly; none where that is no upstream's.
    pub fn at(config: &'c Config, address: Option<&str>) -> Option<Self> {
        let url = Url::parse(address?).ok()?;
        matches!(url.scheme(), "http" | "https")
            .then(|| Self::named(config, None, url.as_str()).ok())
            .flatten()
    }

    /// The repository as policies compare it.
    pub fn comparable(&self) -> String {
        self.repository.comparable(self.upstream.forge)
    }
}

/// The upstream, and the path of the repository below it: named, or as the URL of the repository says, or the only one.
///
/// # Errors
/// When it is none, or could be several.
fn target<'c>(
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
        // The proxy's own name for it, whatever port it listens at.
        if one.host.as_deref() == Some(host) {
            return true;
        }
        let same_host = one
            .url
            .host_str()
            .is_some_and(|own| own.eq_ignore_ascii_case(host));
        same_host && (!is_http || one.url.port_or_known_default() == url.port_or_known_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_its_upstream() {
        let text = "[upstream.a]\nurl = \"https://a.example\"\nhost = \"a.proxy.example\"\n\
                    [upstream.b]\nurl = \"https://b.example:8443\"\n";
        let (config, _) = Config::of_text(text).unwrap();
        let at = |address| {
            let target = Target::at(&config, address)?;
            Some((target.upstream.name.clone(), target.comparable()))
        };
        for (address, name) in [
            ("https://a.proxy.example/o/r.git", "a"),
            ("https://a.proxy.example:8443/o/r.git", "a"),
            ("https://a.example/o/r.git", "a"),
            ("https://proxy.example:8443/b/o/r.git", "b"),
            ("https://user@b.example:8443/o/r.git", "b"),
        ] {
            let expected = (name.to_owned(), "o/r".to_owned());
            assert_eq!(at(Some(address)), Some(expected), "{address}");
        }
        for address in [
            None,
            Some("origin"),
            Some("git@a.example:o/r.git"),
            Some("https://c.example/o/r"),
            Some("https://a.example:8443/o/r.git"),
        ] {
            assert_eq!(at(address), None, "{address:?}");
        }
    }
}
