//! `[telemetry]`: where metrics and health are asked for.

use std::net::{IpAddr, SocketAddr};

use super::Listen;
use super::section::Section;

/// Where metrics and health are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// Address and port of `/metrics` and `/health/*`, plain HTTP; none is `"off"`. Default 127.0.0.1:9464, the port that
    /// exporters of this kind use. Port 0 takes any free port.
    pub address: Option<SocketAddr>,
}

impl Telemetry {
    pub(super) fn read(mut section: Section<'_>, listen: &Listen) -> Self {
        let expected = "an IP address and port such as 127.0.0.1:9464, or \"off\"";
        let address = section
            .parsed("address", expected, |text| match text {
                "off" => Some(None),
                text => listenable(text).map(Some),
            })
            .unwrap_or(Some(SocketAddr::from(([127, 0, 0, 1], 9464))));
        if address.is_some_and(|address| address.port() != 0 && address == listen.address) {
            section.refuse(
                "address",
                "expected another address than listen.address: counters are not for git clients"
                    .to_owned(),
            );
        }
        section.finish();
        Self { address }
    }
}

/// An address that a socket can listen on.
pub(super) fn listenable(text: &str) -> Option<SocketAddr> {
    let address: SocketAddr = text.parse().ok()?;
    let broadcast = matches!(address.ip(), IpAddr::V4(ip) if ip.is_broadcast());
    (!broadcast && !address.ip().is_multicast()).then_some(address)
}
