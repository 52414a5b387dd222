//! `[console]`: where people come in.

use std::net::SocketAddr;

use url::{Host, Url};

use super::listen::{self, Listen, Tls};
use super::section::{Section, quoted};

/// Where people come in: the API, and whoever speaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Console {
    /// Address and port; none is `"off"`, the default. Port 0 takes any free port.
    pub address: Option<SocketAddr>,
    /// How connections are encrypted. Default `development`.
    pub tls: Tls,
    /// How people reach it: scheme, host and port. Requests for any other host are refused, but for the address itself and, on
    /// loopback addresses, loopback names. Required where the address is not a loopback one.
    pub url: Option<Url>,
}

const A_URL: &str = "scheme, host and port only, such as https://exeat.bank.example";

impl Console {
    pub(super) fn read(mut section: Section<'_>, git: &Listen) -> Self {
        let expected = "an IP address and port such as 127.0.0.1:8444, or \"off\"";
        let address = section.parsed("address", expected, |text| match text {
            "off" => Some(None),
            text => super::telemetry::listenable(text).map(Some),
        });
        let address = address.flatten();
        let tls = listen::tls(&mut section).unwrap_or(Tls::Development);
        let has_url = section.has("url");
        let url = url(&mut section);
        if let Some(address) = address {
            if address.port() != 0 && address == git.address {
                section.refuse(
                    "address",
                    "expected another address than listen.address: people have a listener of their own"
                        .to_owned(),
                );
            }
            if !address.ip().is_loopback() {
                require(&mut section, &tls, address, has_url);
            }
        }
        section.finish();
        Self { address, tls, url }
    }
}

/// What it takes to listen where others can come in.
fn require(section: &mut Section<'_>, tls: &Tls, address: SocketAddr, has_url: bool) {
    if *tls == Tls::Off {
        section.refuse(
            "tls",
            format!(
                "\"off\" needs a loopback console.address such as 127.0.0.1:8444, found {address}"
            ),
        );
    }
    if !has_url {
        section.miss("url", A_URL);
    }
}

fn url(section: &mut Section<'_>) -> Option<Url> {
    let text = section.text("url")?;
    if text.contains('@') {
        section.refuse("url", format!("expected {A_URL} (value not shown)"));
        return None;
    }
    let read = Url::parse(&text).ok().filter(is_origin);
    if read.is_none() {
        section.refuse("url", format!("expected {A_URL}, found {}", quoted(&text)));
    }
    read
}

/// Whether it is an origin and nothing more; in plain text on this machine alone.
fn is_origin(url: &Url) -> bool {
    let is_near = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return false,
    };
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let named = url.host_str().is_some_and(|host| !host.ends_with('.'));
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && is_near);
    bare && named && scheme && url.port() != Some(0)
}
