//! A server that Exeat connects to: where it is, and what is trusted there.

use http::uri::Authority;

use super::{Authorities, Via};

/// Where connections lead and on what terms.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Host and port.
    pub authority: Authority,
    /// Whether the connection is encrypted at all.
    pub tls: bool,
    /// Authorities that are trusted there beside the system's.
    pub ca: Option<Authorities>,
    /// Whether the host, a name, may lead to loopback and private addresses.
    pub private: bool,
    /// The proxy on the way.
    pub via: Option<Via>,
}
