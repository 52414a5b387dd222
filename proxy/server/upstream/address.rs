//! Which addresses a name may lead to: asked anew for every connection, and judged every time.
//!
//! An upstream given by an address is meant as it is written, loopback and private ones too. A name is public unless its
//! entry says `private = true`: it must not lead inside, whatever its answer was the last time. The connection goes to
//! the very addresses that were judged; nothing resolves the name a second time.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::error::Error;

type Answer<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;
type Lookup = dyn Fn(String) -> Answer<Vec<IpAddr>, io::Error> + Send + Sync;

/// Resolves names for connections, and drops addresses that may not be contacted.
#[derive(Clone)]
pub(super) struct Resolver {
    lookup: Arc<Lookup>,
    inside: bool,
}

/// Why a name gives no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("no address")]
    Unknown,
    #[error("{0} is inside the network")]
    Inside(IpAddr),
}

impl From<&Unusable> for Error {
    fn from(unusable: &Unusable) -> Self {
        match unusable {
            Unusable::Unknown => Self::Name,
            Unusable::Inside(address) => Self::Inside(*address),
        }
    }
}

impl Resolver {
    /// The system's resolver. With `inside`, loopback and private addresses are taken as well.
    pub(super) fn system(inside: bool) -> Self {
        Self {
            lookup: Arc::new(|name| Box::pin(system(name))),
            inside,
        }
    }
}

async fn system(name: String) -> io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((name, 0)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Unusable;
    type Future = Answer<Self::Response, Unusable>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unusable>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        // `localhost` is an address in letters (RFC 6761 section 6.3), and may mean nothing but this machine.
        let local = is_localhost(name.as_str());
        let inside = self.inside;
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await.map_err(|_| Unusable::Unknown)?;
            let mut usable = found.clone();
            usable.retain(|address| match local {
                true => address.to_canonical().is_loopback(),
                false => inside || is_public(*address),
            });
            match (usable.is_empty(), found.first()) {
                (true, None) => Err(Unusable::Unknown),
                (true, Some(first)) => Err(Unusable::Inside(*first)),
                (false, _) => {
                    let addresses: Vec<_> = usable
                        .into_iter()
                        .map(|address| SocketAddr::new(address, 0))
                        .collect();
                    Ok(addresses.into_iter())
                }
            }
        })
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether an address is one of the public internet: not of this machine, this link, this network, or set aside
/// (IANA special-purpose registries for IPv4 and IPv6). IPv4 inside IPv6 is judged as what it is.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b & 0xfe) == 18))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let documentation = first == 0x2001 && second == 0x0db8 || first == 0x3fff && second < 0x1000;
    // Teredo, benchmarks, identifiers of hosts: what a tunnel on this machine would take to wherever it likes.
    let protocols = first == 0x2001 && second < 0x0200;
    // 2000::/3 is what has been given out; loopback, unique local and link-local addresses lie outside.
    (first & 0xe000) == 0x2000 && !documentation && !protocols
}

/// The IPv4 address that these IPv6 addresses lead to: NAT64 (RFC 6052), 6to4 (RFC 3056), ISATAP (RFC 5214), and the old
/// compatible form.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] => from(high, low),
        [0x2002, high, low, ..] => from(high, low),
        [_, _, _, _, 0 | 0x0200, 0x5efe, high, low] => from(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A resolver that gives these answers, one after the other.
    fn answering(inside: bool, answers: &[&[&str]]) -> Resolver {
        let parse = |one: &&[&str]| one.iter().map(|text| text.parse().unwrap()).collect();
        let mut answers: Vec<Vec<IpAddr>> = answers.iter().map(parse).collect();
        answers.reverse();
        let answers = Mutex::new(answers);
        Resolver {
            lookup: Arc::new(move |_| {
                let answer = answers.lock().unwrap().pop().unwrap_or_default();
                Box::pin(std::future::ready(Ok(answer)))
            }),
            inside,
        }
    }

    async fn ask(resolver: &mut Resolver, name: &str) -> Result<Vec<String>, Unusable> {
        let found = resolver.call(name.parse().unwrap()).await?;
        Ok(found.map(|address| address.ip().to_string()).collect())
    }

    #[test]
    fn addresses_inside_are_told_from_public_ones() {
        for inside in [
            "127.0.0.1",
            "127.8.9.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "192.0.0.8",
            "198.18.0.1",
            "198.19.9.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "::ffff:169.254.169.254",
            "64:ff9b:1::a00:1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:20::1",
            "3fff::1",
            "2a00:1450::5efe:10.0.0.1",
            "2a00:1450::200:5efe:127.0.0.1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for public in [
            "140.82.121.4",
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "198.20.0.1",
            "192.0.1.1",
            "2606:50c0:8000::153",
            "2001:4860:4860::8888",
            "2001:200::1",
            "2a00:1450::5efe:140.82.121.4",
            "::ffff:140.82.121.4",
            "64:ff9b::8c52:7904",
            "2002:8c52:7904::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn a_name_that_changes_its_address_is_judged_every_time() {
        let answers: &[&[&str]] = &[&["140.82.121.4"], &["127.0.0.1"], &["140.82.121.4"]];
        let mut resolver = answering(false, answers);
        assert_eq!(
            ask(&mut resolver, "forge.example").await.unwrap(),
            ["140.82.121.4"]
        );
        let rebound = ask(&mut resolver, "forge.example").await.unwrap_err();
        assert!(matches!(rebound, Unusable::Inside(_)), "{rebound}");
        assert!(ask(&mut resolver, "forge.example").await.is_ok());
    }

    #[tokio::test]
    async fn of_several_addresses_only_public_ones_are_contacted() {
        let answers: &[&[&str]] = &[&["10.0.0.1", "1.1.1.1", "::ffff:127.0.0.1"]];
        let mut resolver = answering(false, answers);
        assert_eq!(
            ask(&mut resolver, "forge.example").await.unwrap(),
            ["1.1.1.1"]
        );
        let mut resolver = answering(true, answers);
        assert_eq!(ask(&mut resolver, "forge.example").await.unwrap().len(), 3);
    }

    #[tokio::test]
    async fn localhost_is_this_machine_and_nothing_else() {
        let answers: &[&[&str]] = &[&["127.0.0.1", "1.1.1.1"], &["1.1.1.1"]];
        let mut resolver = answering(true, answers);
        assert_eq!(
            ask(&mut resolver, "LocalHost").await.unwrap(),
            ["127.0.0.1"]
        );
        assert!(ask(&mut resolver, "a.localhost").await.is_err());
    }
}
