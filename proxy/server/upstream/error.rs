//! What becomes of a request to an upstream, with a stable id and a word for the metric.

use std::{error::Error as StdError, io, net::IpAddr};

use rustls::CertificateError;

use exeat_gitwire::text::escape_short;

/// Bytes of a library's own words that are repeated.
const WORDS: usize = 200;

/// Why a request to an upstream had no answer. The texts are for developers; they name the upstream
/// nowhere, because whoever shows them does.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("its address is not usable: {0}")]
    Address(String),
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
    #[error("its name cannot be resolved")]
    Name,
    #[error(
        "its name leads to {0}, an address inside the network; the upstream's entry in the \
         configuration needs private = true if that is meant"
    )]
    Inside(IpAddr),
    #[error("it refuses connections")]
    Refused,
    #[error("its TLS certificate is not trusted or TLS failed: {0}")]
    Tls(String),
    #[error("its TLS certificate has expired")]
    Expired,
    #[error("its TLS certificate is not valid yet")]
    NotYetValid,
    #[error("no connection to it came about in time")]
    ConnectTime,
    #[error("no connection to it came about: {0}")]
    Connect(String),
    #[error("the way out leads through {proxy}, which {what}")]
    Via { proxy: String, what: String },
    #[error("it did not answer in time")]
    Time,
    #[error("it stopped reading the push after {0} bytes")]
    Stalled(u64),
    #[error("the connection to it was lost")]
    Lost,
    /// TLS failed on a connection that had come about.
    #[error("the connection to it was lost: {0}")]
    Broken(String),
    #[error("its list of refs stood still after {0} bytes")]
    ListStill(u64),
    #[error("its list of refs broke off after {0} bytes")]
    ListCut(u64),
    #[error("its list of refs exceeds {0} bytes (limits.advertisement_bytes)")]
    ListLong(u64),
    #[error("its list of refs is malformed: {0}")]
    List(String),
    #[error("it redirects to {0}, which is another server and is not followed")]
    Elsewhere(String),
    #[error("it redirects to something that is not this repository's new name")]
    Misdirected,
    #[error("it redirects more than {0} times")]
    Redirects(usize),
    #[error("it redirects to {0}, which is not on the list of repositories that may be pushed to")]
    NotListed(String),
}

impl Error {
    /// Whether the request, read to its end, may have reached the upstream.
    pub fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Time | Self::Lost | Self::Broken(_))
    }

    /// The stable id that operators search by, and one word for the metric. Ids are never given anew.
    fn entry(&self) -> (&'static str, &'static str) {
        match self {
            Self::Address(_) | Self::Setup(_) => ("E-2001", "setup"),
            Self::Connect(_) => ("E-2001", "connect"),
            Self::Name => ("E-2011", "name"),
            Self::Refused => ("E-2012", "refused"),
            Self::Tls(_) => ("E-2013", "tls"),
            Self::Expired | Self::NotYetValid => ("E-2014", "certificate"),
            Self::ConnectTime => ("E-2015", "connect-time"),
            Self::Time => ("E-2016", "time"),
            Self::Stalled(_) | Self::ListStill(_) => ("E-2017", "stall"),
            Self::Lost | Self::Broken(_) | Self::ListCut(_) => ("E-2018", "lost"),
            Self::List(_) => ("E-2021", "report"),
            Self::ListLong(_) => ("E-2022", "endless"),
            Self::Elsewhere(_) | Self::Misdirected | Self::Redirects(_) | Self::NotListed(_) => {
                ("E-2023", "redirect")
            }
            Self::Inside(_) => ("E-2024", "inside"),
            Self::Via { .. } => ("E-2025", "via"),
        }
    }

    pub fn id(&self) -> &'static str {
        self.entry().0
    }

    /// One word for the metric.
    pub fn class(&self) -> &'static str {
        self.entry().1
    }

    /// What went wrong before there was a TCP connection.
    pub(super) fn of_connect(error: &(dyn StdError + 'static)) -> Self {
        let mut last = String::from("it was cut off");
        for cause in causes(error) {
            if let Some(unusable) = cause.downcast_ref::<super::address::Unusable>() {
                return unusable.into();
            }
            let Some(io) = cause.downcast_ref::<io::Error>() else {
                continue;
            };
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return Self::Refused,
                io::ErrorKind::TimedOut => return Self::ConnectTime,
                kind => last = kind.to_string(),
            }
        }
        Self::Connect(last)
    }

    /// What went wrong while TLS was being set up on a connection.
    pub(super) fn of_handshake(error: &io::Error) -> Self {
        let tls = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            )) => Self::Expired,
            Some(rustls::Error::InvalidCertificate(
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            )) => Self::NotYetValid,
            Some(tls) => Self::Tls(words(tls)),
            None => Self::Tls(format!("the connection ended within it ({})", error.kind())),
        }
    }

    /// What went wrong on a connection: the upstream may have read the request whatever failed, be it TLS.
    pub(super) fn of_exchange(error: &hyper::Error) -> Self {
        match causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
            Some(tls) => Self::Broken(words(tls)),
            None => Self::Lost,
        }
    }
}

fn words(error: &rustls::Error) -> String {
    escape_short(error.to_string().as_bytes(), WORDS)
}

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&cause| behind(cause))
}

/// The next cause. An I/O error gives as its source what stands behind the error it wraps, so that one is looked at
/// first; TLS errors arrive wrapped twice.
fn behind<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => cause.source(),
    }
}
