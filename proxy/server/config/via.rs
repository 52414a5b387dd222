//! `via` of an upstream: the proxy its connections go through, configured or from the environment's usual variables.

use std::{fmt, net::IpAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, uri::Authority};
use url::{Host, Url};

use super::section::Section;
use crate::percent;

/// The variables that name a proxy for https upstreams, in the order in which curl and git ask for them.
const PROXIES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];

const EXPECTED: &str = "a proxy's address such as http://proxy.example:3128";

/// A proxy that takes CONNECT requests (RFC 9110 section 9.3.6), spoken to in plain HTTP: what travels inside is TLS.
#[derive(Clone)]
pub struct Via {
    authority: Authority,
    credential: Option<HeaderValue>,
}

/// The proxy's address alone.
impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Via({})", self.authority)
    }
}

impl Via {
    /// Host and port.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The Proxy-Authorization header, marked sensitive.
    pub fn credential(&self) -> Option<&HeaderValue> {
        self.credential.as_ref()
    }

    /// As it may be shown: without credentials.
    pub(super) fn shown(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// `http://[user:password@]host[:port]`; port 80 unless given.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is no URL")?;
        if url.scheme() != "http" {
            return Err("only proxies in plain HTTP are used");
        }
        let bare =
            matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !bare {
            return Err("it has a path");
        }
        let host = url.host_str().ok_or("it names no host")?;
        let port = url.port().unwrap_or(80);
        let authority = format!("{host}:{port}");
        let user = percent::decode(url.username()).ok_or("its user name is not text")?;
        let password = percent::decode(url.password().unwrap_or_default());
        let password = password.ok_or("its password is not text")?;
        let named = !url.username().is_empty() || url.password().is_some();
        Ok(Self {
            authority: authority.parse().map_err(|_| "its host is malformed")?,
            credential: match named {
                true => Some(
                    basic(&format!("{user}:{password}")).ok_or("its credentials are not text")?,
                ),
                false => None,
            },
        })
    }
}

fn basic(credential: &str) -> Option<HeaderValue> {
    if credential.chars().any(char::is_control) {
        return None;
    }
    let text = format!("Basic {}", BASE64_STANDARD.encode(credential));
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// What the environment says of proxies.
#[derive(Default)]
pub(super) struct Surroundings {
    /// The variable's name and value.
    proxy: Option<(&'static str, String)>,
    exceptions: String,
}

impl Surroundings {
    /// Whether a variable is one of these.
    pub(super) fn reads(name: &str) -> bool {
        PROXIES.contains(&name) || EXCEPTIONS.contains(&name)
    }

    pub(super) fn new(variables: &[(String, String)]) -> Self {
        let value = |name: &'static str| {
            let found = variables
                .iter()
                .find(|(key, value)| key == name && !value.trim().is_empty());
            found.map(|(_, value)| (name, value.trim().to_owned()))
        };
        Self {
            proxy: PROXIES.into_iter().find_map(value),
            exceptions: EXCEPTIONS
                .into_iter()
                .find_map(value)
                .map(|(_, value)| value)
                .unwrap_or_default(),
        }
    }

    /// The proxy for an upstream that has none of its own. An address that cannot be used is refused: without the proxy,
    /// connections would go where the network's owner does not want them.
    pub(super) fn via(&self, server: &Url) -> Result<Option<Via>, String> {
        let Some((name, text)) = &self.proxy else {
            return Ok(None);
        };
        if server.scheme() != "https" || is_excepted(&self.exceptions, server) {
            return Ok(None);
        }
        let text = match text.contains("://") {
            true => text.clone(),
            false => format!("http://{text}"),
        };
        let refused =
            |why| format!("the variable {name} (value not shown): expected {EXPECTED}; {why}");
        Via::parse(&text).map(Some).map_err(refused)
    }
}

/// Reads `via` and `via_credentials`. The outer `None` is a problem told.
pub(super) fn read(
    section: &mut Section<'_>,
    server: Option<&Url>,
    surroundings: &Surroundings,
) -> Option<Via> {
    let own = section.text("via");
    let path = section.path("via_credentials");
    let via = match own.as_deref() {
        Some("off") => None,
        Some(text) => match Via::parse(text) {
            Ok(via) => Some(via),
            Err(why) => {
                let expected = format!("expected {EXPECTED}, or \"off\" (value not shown); {why}");
                section.refuse("via", expected);
                return None;
            }
        },
        None => match server.map_or(Ok(None), |server| surroundings.via(server)) {
            Ok(via) => via,
            Err(why) => {
                section.refuse_self(why);
                return None;
            }
        },
    };
    let Some(path) = path else { return via };
    let Some(mut via) = via else {
        section.refuse("via_credentials", "there is no proxy that it is for".into());
        return None;
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            section.refuse("via_credentials", format!("cannot read the file: {error}"));
            return None;
        }
    };
    let credential = text.trim_end_matches(['\r', '\n']);
    match basic(credential).filter(|_| credential.contains(':')) {
        Some(header) => via.credential = Some(header),
        None => {
            let text = "expected one line user:password in the file (not shown)";
            section.refuse("via_credentials", text.into());
        }
    }
    Some(via)
}

/// Whether one of the entries names this server: `*`, an address, a network such as `10.0.0.0/8`, or a name, which stands
/// for everything below it too; a name or address may have a port. Names are compared without case, leading and trailing dots.
fn is_excepted(entries: &str, server: &Url) -> bool {
    let entries = entries.split([',', ' ', '\t']).map(str::trim);
    entries
        .filter(|entry| !entry.is_empty())
        .any(|entry| entry == "*" || names(entry, server))
}

fn names(entry: &str, server: &Url) -> bool {
    let (entry, port) = match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (entry, None),
    };
    let port_fits = |port: &str| port.parse().ok() == server.port_or_known_default();
    if !port.is_none_or(port_fits) {
        return false;
    }
    let address = match server.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical(),
        Some(Host::Domain(domain)) => return is_below(domain, entry),
        None => return false,
    };
    let (network, bits) = match entry.split_once('/') {
        Some((network, bits)) => (network, Some(bits)),
        None => (entry, None),
    };
    let Ok(network) = network.trim_matches(['[', ']']).parse::<IpAddr>() else {
        return false;
    };
    match bits.map(str::parse) {
        None => network.to_canonical() == address,
        Some(Ok(bits)) => is_within(address, network, bits),
        Some(Err(_)) => false,
    }
}

fn is_below(domain: &str, entry: &str) -> bool {
    let plain = |name: &str| name.trim_matches('.').to_ascii_lowercase();
    let (domain, entry) = (plain(domain), plain(entry.trim_start_matches('*')));
    match domain.strip_suffix(&entry) {
        Some(rest) => !entry.is_empty() && (rest.is_empty() || rest.ends_with('.')),
        None => false,
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excepted(entries: &str, server: &str) -> bool {
        is_excepted(entries, &Url::parse(server).unwrap())
    }

    #[test]
    fn exceptions_are_read_as_curl_and_others_read_them() {
        for (entries, server) in [
            ("*", "https://github.com"),
            ("github.com", "https://github.com"),
            (".github.com", "https://github.com"),
            ("GitHub.com.", "https://github.com"),
            ("a.example, github.com", "https://api.github.com"),
            ("a.example github.com", "https://github.com"),
            (".example", "https://git.corp.example"),
            ("*.corp.example", "https://git.corp.example"),
            ("github.com:443", "https://github.com"),
            ("git.example:8443", "https://git.example:8443"),
            ("10.1.2.3", "https://10.1.2.3"),
            ("10.0.0.0/8", "https://10.1.2.3"),
            ("0.0.0.0/0", "https://10.1.2.3"),
            ("::1", "https://[::1]"),
            ("[::1]:8443", "https://[::1]:8443"),
            ("fd00::/8", "https://[fd12::1]"),
            ("10.1.2.3", "https://[::ffff:10.1.2.3]"),
        ] {
            assert!(excepted(entries, server), "{entries} {server}");
        }
        for (entries, server) in [
            ("", "https://github.com"),
            (".", "https://github.com"),
            ("hub.com", "https://github.com"),
            ("api.github.com", "https://github.com"),
            ("github.com:8443", "https://github.com"),
            ("github.com:x", "https://github.com"),
            ("10.0.0.0/8", "https://11.1.2.3"),
            ("10.0.0.0/33", "https://10.0.0.0"),
            ("10.0.0.0/x", "https://10.0.0.0"),
            ("0.0.3", "https://10.0.0.3"),
            ("10.0.0.0/8", "https://ten.example"),
        ] {
            assert!(!excepted(entries, server), "{entries} {server}");
        }
    }

    #[test]
    fn credentials_are_kept_apart_from_the_address_and_never_shown() {
        let via = Via::parse("http://ada:p%40ss@proxy.example:3128/").unwrap();
        assert_eq!(via.shown(), "http://proxy.example:3128");
        let expected = format!("Basic {}", BASE64_STANDARD.encode("ada:p@ss"));
        assert_eq!(via.credential().unwrap(), expected.as_str());
        let shown = format!("{via:?} {:?}", via.credential());
        assert!(
            !shown.contains("p@ss") && !shown.contains(&expected),
            "{shown}"
        );
        assert!(
            Via::parse("http://proxy.example")
                .unwrap()
                .credential()
                .is_none()
        );
        assert_eq!(
            Via::parse("http://[::1]:3128").unwrap().authority(),
            "[::1]:3128"
        );
        for wrong in [
            "proxy:3128",
            "https://p:1",
            "socks5://p:1",
            "http://p/x",
            "http://",
            "",
            "http://a:b%0ac@p",
        ] {
            assert!(Via::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_environment_names_a_proxy_for_https() {
        let of = |variables: &[(&str, &str)], server: &str| {
            let variables: Vec<_> = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let via = Surroundings::new(&variables).via(&Url::parse(server).unwrap());
            via.map(|via| via.map(|via| via.authority().to_string()))
        };
        let some = |text: &str| Ok(Some(text.to_owned()));
        let github = "https://github.com";
        assert_eq!(of(&[], github), Ok(None));
        assert_eq!(of(&[("HTTPS_PROXY", "http://p:1")], github), some("p:1"));
        assert_eq!(
            of(
                &[("HTTPS_PROXY", "http://p:1"), ("https_proxy", "q:2")],
                github
            ),
            some("q:2")
        );
        assert_eq!(
            of(&[("https_proxy", ""), ("ALL_PROXY", "http://r")], github),
            some("r:80")
        );
        assert_eq!(
            of(
                &[("https_proxy", "p:1"), ("NO_PROXY", "github.com")],
                github
            ),
            Ok(None)
        );
        assert_eq!(
            of(
                &[("https_proxy", "p:1"), ("no_proxy", "other.example")],
                github
            ),
            some("p:1")
        );
        assert_eq!(
            of(&[("https_proxy", "p:1")], "http://127.0.0.1:80"),
            Ok(None)
        );
        let secret = of(&[("https_proxy", "socks5://ada:hidden@p:1")], github).unwrap_err();
        assert!(
            secret.contains("https_proxy") && !secret.contains("hidden"),
            "{secret}"
        );
    }
}
