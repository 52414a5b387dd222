//! What a scan asks of what commits and tags say of people.

use std::sync::Arc;

use anyhow::bail;
use exeat_inspect::Demands;
use url::Url;

use crate::config::Config;

/// The same without whether they are who pushes, where it is not said who does: here nobody is signed in.
pub fn demands(asked: &Arc<Demands>, pusher: Option<&[String]>) -> Arc<Demands> {
    match pusher {
        Some(_) => Arc::clone(asked),
        None => Arc::new(Demands {
            not_pusher_action: None,
            ..Demands::clone(asked)
        }),
    }
}

/// What the upstream of this name asks.
///
/// # Errors
/// When the configuration has no such upstream.
pub fn of_upstream<'c>(config: &'c Config, name: &str) -> anyhow::Result<&'c Arc<Demands>> {
    match config.upstream(name) {
        Some(upstream) => Ok(&upstream.identity),
        None => {
            let names = config.upstreams.iter().map(|upstream| &*upstream.name);
            let names: Vec<&str> = names.collect();
            bail!(
                "--upstream {name}: the configuration has none of that name; it has {}",
                names.join(", ")
            )
        }
    }
}

/// What is asked where a push to this address ends up: through a proxy or directly. What leads to none of the upstreams
/// is asked what `[identity]` says.
pub fn at<'c>(config: &'c Config, address: Option<&str>) -> &'c Arc<Demands> {
    let url = address.and_then(|address| Url::parse(address).ok());
    let found = url.as_ref().and_then(|url| {
        let host = url.host_str()?;
        let first = url.path_segments().and_then(|mut segments| segments.next());
        let mut upstreams = config.upstreams.iter();
        let by_host = upstreams.clone().find(|upstream| {
            upstream.host.as_deref() == Some(host) || upstream.url.host_str() == Some(host)
        });
        by_host.or_else(|| upstreams.find(|upstream| Some(&*upstream.name) == first))
    });
    found.map_or(&config.identity, |upstream| &upstream.identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_its_upstream() {
        let text = "[upstream.a]\nurl = \"https://a.example\"\nhost = \"a.proxy.example\"\n\
                    [upstream.a.identity]\nsign_off_action = \"warn\"\n\
                    [upstream.b]\nurl = \"https://b.example:8443\"\n\
                    [upstream.b.identity]\nsignature_action = \"warn\"\n";
        let (config, _) = Config::of_text(text).unwrap();
        for (address, name) in [
            ("https://a.proxy.example/o/r.git", "a"),
            ("https://a.example/o/r.git", "a"),
            ("https://proxy.example:8443/b/o/r.git", "b"),
            ("https://user@b.example:8443/o/r.git", "b"),
        ] {
            let asked = &config.upstream(name).unwrap().identity;
            assert_eq!(at(&config, Some(address)), asked, "{address}");
        }
        for address in [
            None,
            Some("origin"),
            Some("git@a.example:o/r.git"),
            Some("https://c.example/o/r"),
        ] {
            assert_eq!(at(&config, address), &config.identity);
        }
        assert!(of_upstream(&config, "c").is_err());
    }
}
