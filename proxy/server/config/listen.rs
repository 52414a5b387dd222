//! `[listen]`: where git clients come in.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::section::Section;

/// Where git clients come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Address and port for git clients. Default 127.0.0.1:8443, because a proxy that nobody has configured should be
    /// reachable by nobody else. Port 0 takes any free port.
    pub address: SocketAddr,
    /// How connections are encrypted. Default `development`.
    pub tls: Tls,
}

/// How connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// A certificate of our own authority, made once in the data folder.
    Development,
    /// Plain HTTP. Loopback addresses only: credentials cross this connection.
    Off,
    /// PEM files, read again when they change.
    Files(Files),
}

/// The PEM files of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
    /// Authorities of client certificates; where set, a client must show one.
    pub client_ca: Option<PathBuf>,
    /// What those authorities have revoked (RFC 5280 lists, PEM); where set, each must have one that is not out of date.
    pub client_crl: Option<PathBuf>,
}

impl Listen {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let address = address(&mut section).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8443)));
        let tls = tls(&mut section).unwrap_or(Tls::Development);
        if tls == Tls::Off && !address.ip().is_loopback() {
            section.refuse(
                "tls",
                format!("\"off\" needs a loopback listen.address such as 127.0.0.1:8443, found {address}"),
            );
        }
        section.finish();
        Self { address, tls }
    }
}

fn address(section: &mut Section<'_>) -> Option<SocketAddr> {
    let expected = "an IP address and port such as 127.0.0.1:8443";
    section.parsed("address", expected, super::telemetry::listenable)
}

pub(super) fn tls(section: &mut Section<'_>) -> Option<Tls> {
    if section.is_table("tls") {
        return files(section.section("tls"));
    }
    let expected = "\"development\", \"off\" or a table with certificate and key";
    section.parsed("tls", expected, |word| match word {
        "development" => Some(Tls::Development),
        "off" => Some(Tls::Off),
        _ => None,
    })
}

fn files(mut section: Section<'_>) -> Option<Tls> {
    let certificate = required_file(&mut section, "certificate");
    let key = required_file(&mut section, "key");
    let client_ca = optional_file(&mut section, "client_ca");
    let client_crl = optional_file(&mut section, "client_crl");
    if client_crl.is_some() && client_ca.is_none() {
        section.refuse(
            "client_crl",
            "says what a client_ca has revoked, and there is none".to_owned(),
        );
    }
    section.finish();
    Some(Tls::Files(Files {
        certificate: certificate?,
        key: key?,
        client_ca,
        client_crl,
    }))
}

fn optional_file(section: &mut Section<'_>, key: &'static str) -> Option<PathBuf> {
    let path = section.path(key)?;
    readable(section, key, &path);
    Some(path)
}

fn required_file(section: &mut Section<'_>, key: &'static str) -> Option<PathBuf> {
    if !section.has(key) {
        section.miss(key, "the path of a PEM file");
        return None;
    }
    let path = section.path(key)?;
    readable(section, key, &path);
    Some(path)
}

/// Found at start rather than at the first connection. The path is not repeated: under `key` somebody may have put the key.
fn readable(section: &mut Section<'_>, key: &str, path: &std::path::Path) {
    let opened = std::fs::File::open(path).and_then(|file| file.metadata());
    match opened {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => section.refuse(key, "expected a PEM file, found a folder".to_owned()),
        Err(error) => section.refuse(key, format!("cannot read this file: {error}")),
    }
}
